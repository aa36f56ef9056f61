import { availableParallelism } from "node:os";
import type { ImageFile, SourceTable } from "../core/data.js";
import { StepwedgeError } from "../core/errors.js";
import type { ModelInput } from "../core/model.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch, sliceBatch } from "../core/pixels.js";
import type { PerceptualHash } from "../image/perceptual-hash.js";
import { checkImage, isRejection, type LoadedRow, type LoadSpec, loadRow } from "./loading/row.js";
import { type ImageThreads, openThreads } from "./loading/threads.js";

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

export { NO_DIGEST } from "./loading/row.js";

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
  /**
   * Gives the batch's memory back for a later one: from then on nobody may look at it. Not to call it costs time, nothing else: the
   * engine collects garbage whenever so much memory is new.
   */
  release(): void;
}

/** Loads rows of the table as a batch of the model's size, in stored values of one depth. */
export interface ImageLoader {
  readonly geometry: ImageGeometry;
  /** @throws StepwedgeError that names the first row at fault, unless the protocol has unreadable images rejected. */
  load(rows: ArrayLike<number>): Promise<LoadedImages>;
  /** The error that loading the row ends in; null where it can be loaded. */
  faultOf(row: number): Promise<StepwedgeError | null>;
  /** Ends the threads, if any. To be called whatever happened; what is still being loaded is given up. */
  close(): Promise<void>;
}

export interface ImageOptions {
  readonly source: SourceTable;
  readonly input: ModelInput;
  /** The protocol's `data.bits`; else the depth of the first image that can be read. */
  readonly bits: 8 | 12 | 16 | undefined;
  readonly unreadable: "fail" | "reject";
  /** Rows whose first readable image gives the depth, and whose number says whether threads are worth starting. */
  readonly rows: ArrayLike<number>;
  /** Threads that load; 0: the calling one. Default: one per core for many rows, none for few. */
  readonly threads?: number;
}

/** With fewer rows than this no threads are started: starting them takes as long as loading some hundred small images. */
const MANY = 256;
/** Nor for fewer rows at once, such as the preflight's. */
const LEAST_ASKED = 8;
/** Each thread takes some 40 MB and what an image takes. */
const MOST_THREADS = 8;
/** Batches' memory that is kept for later ones: one is with the model, one is being loaded. */
const MOST_SPARE = 2;
/** Rows that a thread is given at once. */
const LARGEST_JOB = 8;
/** Of large images or volumes fewer are at work: so many values in all threads, and a quarter of them in one, unless one image has more. */
const MOST_VALUES = 2 ** 26;

/**
 * Makes the loader. Where the source's images are files that another thread can read as well, and there are many, threads load
 * them (src/run/loading): the same values, digests, rejections and errors. Images of another size are resized by the model's rule and rounded to whole stored values: attacks
 * work on the image that the model is given.
 * @throws StepwedgeError where the first image cannot be read or, with `reject`, none can.
 */
export async function openImages({
  source,
  input,
  bits,
  unreadable,
  rows,
  threads,
}: ImageOptions): Promise<ImageLoader> {
  if (source.loadImage === null) throw new Error("this data source has no images");
  const loadImage: NonNullable<SourceTable["loadImage"]> = source.loadImage;
  const maxValue = bits === undefined ? await depthOf(loadImage, rows, unreadable) : 2 ** bits - 1;
  const geometry: ImageGeometry = { channels: input.channels, height: input.height, width: input.width, maxValue };
  const size = imageSize(geometry);

  const spec: LoadSpec = { input: plainInput(input), maxValue, unreadable };
  const here = (row: number, out: Float32Array): Promise<LoadedRow> =>
    loadRow(async () => loadImage(row), source.rowName(row), spec, out);
  const { imageFile } = source;
  const wanted = threads ?? (rows.length < MANY ? 0 : Math.min(MOST_THREADS, availableParallelism()));
  const most = Math.max(1, Math.min(LARGEST_JOB, Math.floor(MOST_VALUES / 4 / size)));
  // Started by the first batch.
  let pool: Promise<ImageThreads | null> | undefined;
  const poolFor = (count: number): Promise<ImageThreads | null> | null => {
    if (imageFile === undefined || wanted === 0 || (pool === undefined && count < LEAST_ASKED)) return null;
    pool ??= openThreads({ spec, size, most }, Math.max(1, Math.min(wanted, Math.floor(MOST_VALUES / size))));
    return pool;
  };

  /** Loads rows into an array that has room for them. */
  async function loadInto(rows: readonly number[], data: Float32Array): Promise<readonly LoadedRow[]> {
    const all = (imageFile === undefined ? null : await poolFor(rows.length)) ?? null;
    if (all === null || imageFile === undefined) {
      return Promise.all(rows.map((row, index) => here(row, data.subarray(index * size, (index + 1) * size))));
    }
    const perJob = Math.min(most, Math.ceil(rows.length / (2 * all.size)));
    const jobs: Promise<readonly LoadedRow[]>[] = [];
    for (let first = 0; first < rows.length; first += perJob) {
      const some = rows.slice(first, first + perJob);
      const out = data.subarray(first * size, (first + some.length) * size);
      jobs.push(loadJob(all, imageFile, some, out));
    }
    // The first row at fault is told, not whichever fails first.
    const done = await Promise.allSettled(jobs);
    return done.flatMap((outcome) => {
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value;
    });
  }

  async function loadJob(
    { load }: ImageThreads,
    imageFile: (row: number) => ImageFile,
    rows: readonly number[],
    out: Float32Array,
  ): Promise<readonly LoadedRow[]> {
    let files: readonly ImageFile[];
    try {
      files = rows.map((row) => imageFile(row));
    } catch {
      // A row that names no file: this thread says so, or rejects it.
      return Promise.all(rows.map((row, index) => here(row, out.subarray(index * size, (index + 1) * size))));
    }
    return load(files, out);
  }

  const spare: ArrayBuffer[] = [];
  /** A batch in memory that was given back, where there is enough. What it holds is left from before. */
  function takeBatch(count: number): PixelBatch {
    const bytes = 4 * count * size;
    const found = spare.findIndex((buffer) => buffer.byteLength >= bytes);
    if (found < 0) return createBatch(geometry, count);
    const [buffer] = spare.splice(found, 1) as [ArrayBuffer];
    // A view of its own for each batch: nothing that somebody knows by the old one is taken for the new one.
    return { ...geometry, count, data: new Float32Array(buffer, 0, count * size) };
  }

  return {
    geometry,
    async load(rows) {
      const whole = takeBatch(rows.length);
      let held = true;
      const place = (index: number) => whole.data.subarray(index * size, (index + 1) * size);
      const loaded = await loadInto(Array.from(rows), whole.data);
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
        release() {
          if (held && spare.length < MOST_SPARE) spare.push(whole.data.buffer as ArrayBuffer);
          held = false;
        },
      };
    },
    async faultOf(row) {
      try {
        const { image } = await loadImage(row);
        checkImage(image, source.rowName(row), spec);
        return null;
      } catch (error) {
        if (isRejection(error)) return error;
        throw error;
      }
    },
    async close() {
      await (await pool)?.close();
    },
  };
}

/** What can be sent to a thread. */
function plainInput({ channels, fit, height, resize, width }: ModelInput): ModelInput {
  return { channels, height, width, resize, ...(fit === undefined ? {} : { fit }) };
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
