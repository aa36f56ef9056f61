import type { z } from "zod";
import type { ImageGeometry } from "./pixels.js";
import type { Deviation } from "./record.js";

/** One decoded image: stored values, CHW. `maxValue` is the largest value its bit depth can hold. */
export interface DecodedImage extends ImageGeometry {
  readonly data: Float32Array | Uint8Array | Uint16Array;
  /** Size of its pixels in mm, rows and columns, before them slices where these are channels; absent where the file says nothing. */
  readonly spacing?: readonly number[];
}

/**
 * How the values of a deep image (HU of a CT, counts of an MRI) become stored values 0 … 2^bits − 1, the display window
 * that every ε is a fraction of. `stored`: as the file holds them, refused where they are negative or no whole numbers.
 * `file`: the window that the file itself names. `full`: from the image's least value to its greatest. Below the window is
 * black, above it white.
 */
export type Window =
  | { readonly kind: "stored" | "file" | "full" }
  /** DICOM PS3.3 C.11.2.1.2: centre and width of a VOI window. */
  | { readonly kind: "voi"; readonly center: number; readonly width: number; readonly shape: VoiShape }
  /** The values that become black and white; linear between. */
  | { readonly kind: "range"; readonly lower: number; readonly upper: number }
  /** Quantiles of the image's own values, in percent, that become black and white. */
  | { readonly kind: "percentiles"; readonly lower: number; readonly upper: number };

export type VoiShape = "linear" | "linear-exact" | "sigmoid";

/**
 * Which part of a file with several frames or slices is the image. `only`: there must be one. `middle`: number ⌊n/2⌋ of 0 …
 * n − 1. `index`: that one, from 0. `stack`: so many neighbours around the middle as channels. `all`: every one as a channel,
 * which is a whole volume, in the memory layout of depth × height × width.
 */
export type FrameChoice =
  | { readonly take: "only" | "middle" | "all" }
  | { readonly take: "index"; readonly index: number }
  | { readonly take: "stack"; readonly count: number };

/** What the protocol says of pixels, for whatever decodes them. */
export interface PixelOptions {
  readonly window: Window;
  /** Depth that windowed values are rounded to; null: 8 for files of at most 8 bits, else 16. */
  readonly bits: 8 | 12 | 16 | null;
  readonly frames: FrameChoice;
  /** Across which axis of a volume slices are cut; `stored`: along the file's last dimension, whatever that is in the patient. */
  readonly axis: "axial" | "coronal" | "sagittal" | "stored";
}

/** Pixels as they are stored, of files that hold one image. */
export const AS_STORED: PixelOptions = {
  window: { kind: "stored" },
  bits: null,
  frames: { take: "only" },
  axis: "axial",
};

/**
 * What a data source delivers before splits, labels and subgroups are made of it: text columns, aligned by row, as
 * they stood in the file, and a way to the pixels. Only the columns that were asked for are kept.
 */
export interface SourceTable {
  readonly count: number;
  /** The columns asked for, by name. A missing cell is the empty string. */
  readonly columns: ReadonlyMap<string, readonly string[]>;
  /** The columns that were asked for as numbers, by name. */
  readonly numbers: ReadonlyMap<string, Numbers>;
  /** What to call a row in an error message, for example "manifest.csv, line 12". */
  rowName(row: number): string;
  /** SHA-256 of the files that were read for the table, by name relative to the protocol. */
  readonly files: Readonly<Record<string, string>>;
  /**
   * Decodes a row's image; null where the source has none (a table of scores). The bytes' SHA-256 goes to provenance.
   * Rejects with a StepwedgeError that names the file and the row: of exit code `usage` where the file is at fault, and
   * the protocol may have it rejected; of `incomplete` where the machine is.
   */
  readonly loadImage: ((row: number) => Promise<{ readonly image: DecodedImage; readonly sha256: string }>) | null;
  /**
   * What `loadImage` reads of a row, where it is a file of its own: other threads can then do the same (`loadImageFile`). Throws as
   * `loadImage` rejects where the row says nothing sensible.
   */
  readonly imageFile?: (row: number) => ImageFile;
  /**
   * Decodes another file that a column names, such as a mask, with stored values as they are; absent where the source knows no
   * such files. Rejects as `loadImage` does.
   */
  readonly loadFile?: (
    row: number,
    column: string,
  ) => Promise<{ readonly image: DecodedImage; readonly sha256: string }>;
  /** SHA-256 of the bytes of such a file, which need not be decoded for it. Rejects as `loadImage` does. */
  readonly hashFile?: (row: number, column: string) => Promise<string>;
  /**
   * Cheap check of every image reference (inside the folder and, unless `mayMiss`, there) before any time is spent; throws.
   */
  readonly checkImages?: (mayMiss?: boolean) => Promise<void>;
  /** What the report must say of the data beside its samples, such as files that were passed over. */
  readonly deviations?: readonly Deviation[];
}

/** A row's image as plain data. */
export interface ImageFile {
  /** The folder that the path is relative to and may not leave, absolute. */
  readonly root: string;
  /** As the table has it. */
  readonly path: string;
  /** What to call the row in messages. */
  readonly place: string;
  readonly pixels: PixelOptions;
}

/** A column of numbers: a million of them are eight megabytes here, and as many strings a hundred. */
export interface Numbers {
  /** NaN where a cell is no finite number. */
  readonly values: Float64Array;
  /** What stands in those cells, without spaces around it, by row; the empty string where nothing does. */
  readonly texts: ReadonlyMap<number, string>;
}

export interface SourceContext {
  /** The protocol file's folder: relative paths start here. */
  readonly baseFolder: string;
  readonly seed: number;
  /** Names of the columns that the protocol uses. */
  readonly columns: readonly string[];
  /** Names of further columns, which hold numbers. */
  readonly numbers: readonly string[];
  /** The column with the image's path; null where no images are needed. */
  readonly imageColumn: string | null;
  /** How images are decoded. */
  readonly pixels: PixelOptions;
  /** The column with the number of each row's frame or slice, from 0; null: `pixels.frames` holds for every row. */
  readonly frameColumn: string | null;
  /** True: each frame or slice of a file is a sample of its own, where the source makes samples of files. */
  readonly eachFrame: boolean;
}

export interface DataSource<Parameters = Record<string, unknown>> {
  readonly meta: {
    readonly id: string;
    readonly title: string;
    readonly summary: string;
    /** The source's own keys under `data:`; `adapter`, `id`, `image`, `patient`, `labels`, `split` are the base's. */
    readonly parameters: z.ZodObject;
    /** True where images are files that a column of the table names; the protocol must then say which. */
    readonly needsImageColumn?: boolean;
  };
  open(parameters: Parameters, context: SourceContext): Promise<SourceTable>;
}

/** Declares a data source with its parameters typed by its schema. Its file exports the result as default. */
export function defineDataSource<Schema extends z.ZodObject>(
  source: DataSource<z.infer<Schema>> & { readonly meta: { readonly parameters: Schema } },
): DataSource {
  return source as unknown as DataSource;
}
