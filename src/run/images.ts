import type { DecodedImage, SourceTable } from "../core/data.js";
import { ExitCode, StepwedgeError } from "../core/errors.js";
import type { ModelInput } from "../core/model.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch, sliceBatch } from "../core/pixels.js";
import { toChannels } from "../image/channels.js";
import { fitImage } from "../image/fit.js";
import { type PerceptualHash, perceptualHash } from "../image/perceptual-hash.js";

/**
 * Why an image was rejected; its place in the list, from 1, is its code in the score tables. Nothing of the file's name or
 * content is in it: that is kept beside the score tables, not in findings or reports.
 */
export const REJECTIONS = [
  "the image is missing or cannot be decoded",
  "the image's colours do not fit the model",
  "the image's size does not fit the model",
  "the image's values are beyond the study's depth",
] as const;

/** The digest of an image that could not be read. */
export const NO_DIGEST = "0".repeat(64);

/** Images of some rows. Without rejected ones, `batch` has them all and `kept` is 0, 1, … */
export interface LoadedImages {
  /** The images that could be read. */
  readonly batch: PixelBatch;
  /** Which of the rows asked for each image of the batch is of, ascending. */
  readonly kept: Int32Array;
  /** Of the file's bytes, per row asked for. */
  readonly sha256: readonly string[];
  /** Per row asked for: 0, or the code of its rejection. */
  readonly rejected: Uint8Array;
  /** Per row asked for: the perceptual hash of the image as decoded; null where there is none. */
  readonly hashes: readonly (PerceptualHash | null)[];
}

/** Loads rows of the table as a batch of the model's size, in stored values of one depth. */
export interface ImageLoader {
  readonly geometry: ImageGeometry;
  /** @throws StepwedgeError that names the first row at fault, unless the protocol has unreadable images rejected. */
  load(rows: ArrayLike<number>): Promise<LoadedImages>;
  /** The error that loading the row ends in; null where it can be loaded. */
  faultOf(row: number): Promise<StepwedgeError | null>;
}

export interface ImageOptions {
  readonly source: SourceTable;
  readonly input: ModelInput;
  /** The protocol's `data.bits`; else the depth of the first image that can be read. */
  readonly bits: 8 | 12 | 16 | undefined;
  readonly unreadable: "fail" | "reject";
  /** Rows whose first readable image gives the depth. */
  readonly rows: ArrayLike<number>;
}

/**
 * Makes the loader. Images of another size are resized by the model's rule and rounded to whole stored values: attacks
 * work on the image that the model is given.
 * @throws StepwedgeError where the first image cannot be read or, with `reject`, none can.
 */
export async function openImages({ source, input, bits, unreadable, rows }: ImageOptions): Promise<ImageLoader> {
  if (source.loadImage === null) throw new Error("this data source has no images");
  const loadImage: NonNullable<SourceTable["loadImage"]> = source.loadImage;
  const maxValue = bits === undefined ? await depthOf(loadImage, rows, unreadable) : 2 ** bits - 1;
  const geometry: ImageGeometry = { channels: input.channels, height: input.height, width: input.width, maxValue };
  const size = imageSize(geometry);

  /** Writes a row's image; its digest, or the code of its rejection. */
  async function loadInto(row: number, out: Float32Array): Promise<LoadedRow> {
    const place = source.rowName(row);
    let code = 1;
    try {
      const { image, sha256 } = await loadImage(row);
      code = 2;
      const coloured = toChannels(image, input.channels, place);
      code = 4;
      checkDepth(coloured, maxValue, place);
      code = 3;
      writeStored(toSize(coloured, input, maxValue, place), maxValue, out);
      return { sha256, rejected: 0, hash: perceptualHash(image) };
    } catch (error) {
      if (unreadable === "reject" && isRejection(error)) return { sha256: NO_DIGEST, rejected: code, hash: null };
      throw error;
    }
  }

  return {
    geometry,
    async load(rows) {
      const whole = createBatch(geometry, rows.length);
      const place = (index: number) => whole.data.subarray(index * size, (index + 1) * size);
      const loaded = await Promise.all(Array.from(rows, (row, index) => loadInto(row, place(index))));
      const kept = Int32Array.from(loaded.flatMap(({ rejected }, index) => (rejected === 0 ? [index] : [])));
      kept.forEach((from, to) => {
        if (from !== to) place(to).set(place(from));
      });
      return {
        batch: kept.length === rows.length ? whole : sliceBatch(whole, 0, kept.length),
        kept,
        sha256: loaded.map(({ sha256 }) => sha256),
        rejected: Uint8Array.from(loaded, ({ rejected }) => rejected),
        hashes: loaded.map(({ hash }) => hash),
      };
    },
    async faultOf(row) {
      try {
        const { image } = await loadImage(row);
        const place = source.rowName(row);
        const coloured = toChannels(image, input.channels, place);
        checkDepth(coloured, maxValue, place);
        toSize(coloured, input, maxValue, place);
        return null;
      } catch (error) {
        if (isRejection(error)) return error;
        throw error;
      }
    },
  };
}

interface LoadedRow {
  readonly sha256: string;
  readonly rejected: number;
  readonly hash: PerceptualHash | null;
}

/** Faults of a file, as opposed to those of the machine and of ours, which always end the run. */
function isRejection(error: unknown): error is StepwedgeError {
  return error instanceof StepwedgeError && error.exitCode === ExitCode.usage;
}

async function depthOf(
  loadImage: NonNullable<SourceTable["loadImage"]>,
  rows: ArrayLike<number>,
  unreadable: ImageOptions["unreadable"],
): Promise<number> {
  for (let index = 0; index < rows.length; index++) {
    try {
      return (await loadImage(rows[index] as number)).image.maxValue;
    } catch (error) {
      if (unreadable === "fail" || !isRejection(error)) throw error;
    }
  }
  throw new StepwedgeError(`none of the ${rows.length} images can be read`, {
    where: "data",
    remedy: "Check data.root and the image column; with data.unreadable: fail the first fault is shown.",
  });
}

/**
 * Brings an image to the model's size.
 * @throws StepwedgeError where it has another and the model takes no other
 */
function toSize(image: DecodedImage, input: ModelInput, maxValue: number, place: string): DecodedImage {
  if (input.resize !== "none") return fitImage(image, input, input.resize, Math.min(image.maxValue, maxValue));
  if (image.height === input.height && image.width === input.width) return image;
  throw new StepwedgeError(
    `the image is ${image.width} × ${image.height}; the model takes ${input.width} × ${input.height}`,
    { where: place, remedy: "Set model.input.resize to bilinear or nearest, or give images of that size." },
  );
}

/**
 * Checked before an image is resized, which would keep values within the depth and so hide it.
 * @throws StepwedgeError where a value is beyond the study's depth
 */
function checkDepth({ data, maxValue: own }: DecodedImage, maxValue: number, place: string): void {
  if (own <= maxValue) return;
  for (let index = 0; index < data.length; index++) {
    const value = data[index] as number;
    if (value > maxValue) {
      throw new StepwedgeError(`the image holds the value ${value}; the study's depth ends at ${maxValue}`, {
        where: place,
        remedy: "Set data.bits to the depth of the deepest image (8, 12 or 16).",
      });
    }
  }
}

/** Copies an image into the batch at the study's depth. Only 8 bits in a deeper study are rescaled (exactly, × 257 at 16). */
function writeStored(image: DecodedImage, maxValue: number, out: Float32Array): void {
  const { data } = image;
  if (image.maxValue >= maxValue) {
    out.set(data);
    return;
  }
  for (let index = 0; index < data.length; index++)
    out[index] = Math.round(((data[index] as number) / image.maxValue) * maxValue);
}
