import type { z } from "zod";
import type { ImageGeometry } from "./pixels.js";

/** One decoded image: stored values, CHW. `maxValue` is the largest value its bit depth can hold. */
export interface DecodedImage extends ImageGeometry {
  readonly data: Float32Array | Uint8Array | Uint16Array;
}

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
   * Cheap check of every image reference (inside the folder and, unless `mayMiss`, there) before any time is spent; throws.
   */
  readonly checkImages?: (mayMiss?: boolean) => Promise<void>;
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
