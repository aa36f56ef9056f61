import type { DecodedImage, SourceTable } from "../core/data.js";
import { StepwedgeError } from "../core/errors.js";
import type { ModelInput } from "../core/model.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch } from "../core/pixels.js";
import { toChannels } from "../image/channels.js";
import { resizeImage } from "../image/resize.js";

/** Loads rows of the table as a batch of the model's size, in stored values of one depth. */
export interface ImageLoader {
  readonly geometry: ImageGeometry;
  load(rows: ArrayLike<number>): Promise<{ readonly batch: PixelBatch; readonly sha256: readonly string[] }>;
}

/**
 * Makes the loader. The depth is the protocol's `data.bits`, else that of the first image. Images of another size are
 * resized by the model's rule and rounded to whole stored values: attacks work on the image that the model is given.
 */
export async function openImages(
  source: SourceTable,
  input: ModelInput,
  bits: 8 | 12 | 16 | undefined,
  firstRow: number,
): Promise<ImageLoader> {
  const loadImage = source.loadImage;
  if (loadImage === null) throw new Error("this data source has no images");
  const first = await loadImage(firstRow);
  const maxValue = bits === undefined ? first.image.maxValue : 2 ** bits - 1;
  const geometry: ImageGeometry = { channels: input.channels, height: input.height, width: input.width, maxValue };
  const size = imageSize(geometry);
  return {
    geometry,
    async load(rows) {
      const batch = createBatch(geometry, rows.length);
      const sha256 = await Promise.all(
        Array.from(rows, async (row, index) => {
          const loaded = await loadImage(row);
          const place = source.rowName(row);
          const image = toSize(toChannels(loaded.image, input.channels, place), input, place);
          writeStored(image, maxValue, batch.data.subarray(index * size, (index + 1) * size), place);
          return loaded.sha256;
        }),
      );
      return { batch, sha256 };
    },
  };
}

function toSize(image: DecodedImage, input: ModelInput, place: string): DecodedImage {
  if (image.height === input.height && image.width === input.width) return image;
  if (input.resize === "none") {
    throw new StepwedgeError(
      `the image is ${image.width} × ${image.height}; the model takes ${input.width} × ${input.height}`,
      { where: place, remedy: "Set model.input.resize to bilinear or nearest, or give images of that size." },
    );
  }
  return resizeImage(image, input.width, input.height, input.resize);
}

/** Copies an image into the batch at the study's depth. Only 8 bits in a deeper study are rescaled (exactly, × 257 at 16). */
function writeStored(image: DecodedImage, maxValue: number, out: Float32Array, place: string): void {
  const { data } = image;
  if (image.maxValue === maxValue) {
    out.set(data);
    return;
  }
  if (image.maxValue < maxValue) {
    for (let index = 0; index < data.length; index++)
      out[index] = Math.round(((data[index] as number) / image.maxValue) * maxValue);
    return;
  }
  for (let index = 0; index < data.length; index++) {
    const value = data[index] as number;
    if (value > maxValue) {
      throw new StepwedgeError(`the image holds the value ${value}; the study's depth ends at ${maxValue}`, {
        where: place,
        remedy: "Set data.bits to the depth of the deepest image (8, 12 or 16).",
      });
    }
    out[index] = value;
  }
}
