import { existsSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, StepwedgeError } from "../core/errors.js";
import { Journal } from "./journal.js";
import { type Column, readParquet, writeParquet } from "./parquet.js";

export interface SheetLayout {
  /** The file's name without extension. */
  readonly name: string;
  /** Names of the samples, row by row. */
  readonly ids: readonly string[];
  /** The numbers that each row holds. */
  readonly columns: readonly string[];
  /** Whether each row also holds the SHA-256 of its image. */
  readonly digests: boolean;
}

export const DIGEST_COLUMN = "image-sha256";
const DIGEST_BYTES = 32;

/**
 * One score table on its way to disk. While it fills, rows go to a journal, batch by batch; when all are there it
 * becomes a Parquet file in one step and the journal goes. Opening it again finds whatever was kept.
 */
export class Sheet {
  /** `values[row * columns.length + column]`. */
  readonly values: Float64Array;
  readonly digests: string[];
  readonly #filled: Uint8Array;
  #journal: Journal | null = null;

  private constructor(
    readonly layout: SheetLayout,
    readonly folder: string,
    readonly key: string,
  ) {
    this.values = new Float64Array(layout.ids.length * layout.columns.length);
    this.digests = new Array<string>(layout.digests ? layout.ids.length : 0).fill("");
    this.#filled = new Uint8Array(layout.ids.length);
  }

  /**
   * Opens a sheet in the record's `scores` folder. `key` names what the scores belong to (64 hexadecimal characters).
   * @throws StepwedgeError where a finished file is damaged or of another study.
   */
  static async open(layout: SheetLayout, folder: string, key: string): Promise<Sheet> {
    const sheet = new Sheet(layout, folder, key);
    if (existsSync(sheet.#path(".parquet"))) await sheet.#readFinished();
    else sheet.#readJournal();
    return sheet;
  }

  get complete(): boolean {
    return !this.#filled.includes(0);
  }

  has(row: number): boolean {
    return this.#filled[row] === 1;
  }

  /** Sum of a column over rows `from` (inclusive) to `to` (exclusive), NaN counting as 0. */
  sum(column: string, from: number, to: number): number {
    const { columns } = this.layout;
    const at = columns.indexOf(column);
    let sum = 0;
    for (let row = from; row < to; row++) sum += this.values[row * columns.length + at] || 0;
    return sum;
  }

  /** Rows `from` (inclusive) to `to` (exclusive) in which a column is neither 0 nor NaN. */
  nonZero(column: string, from: number, to: number): number {
    const { columns } = this.layout;
    const at = columns.indexOf(column);
    let count = 0;
    for (let row = from; row < to; row++) if (this.values[row * columns.length + at]) count++;
    return count;
  }

  /** A column by its name, row by row. */
  column(name: string): Float64Array {
    const { columns, ids } = this.layout;
    const at = columns.indexOf(name);
    return Float64Array.from(ids, (_, row) => this.values[row * columns.length + at] ?? Number.NaN);
  }

  /** Keeps the values of consecutive rows; they are in the journal when this returns. */
  put(firstRow: number, values: Float64Array, digests: readonly string[] = []): void {
    const { columns } = this.layout;
    const rows = values.length / columns.length;
    this.values.set(values, firstRow * columns.length);
    this.#filled.fill(1, firstRow, firstRow + rows);
    for (const [index, digest] of digests.entries()) this.digests[firstRow + index] = digest;
    const bytes = Buffer.concat([
      Buffer.from(values.buffer, values.byteOffset, values.byteLength),
      Buffer.from(this.layout.digests ? digests.join("") : "", "hex"),
    ]);
    this.#journal ??= new Journal(this.#path(".journal"), this.key);
    this.#journal.append({ index: firstRow, guard: rows, bytes });
    if (this.complete) this.#finish();
  }

  /** Closes the journal of a sheet that is not complete; nothing is lost. */
  close(): void {
    this.#journal?.close();
    this.#journal = null;
  }

  #path(extension: string): string {
    return join(this.folder, `${this.layout.name}${extension}`);
  }

  #finish(): void {
    const { columns, ids, digests } = this.layout;
    const numbers = columns.map((name, column): Column => {
      const data = new Float64Array(ids.length);
      for (let row = 0; row < ids.length; row++) data[row] = this.values[row * columns.length + column] as number;
      return { name, type: "DOUBLE", data };
    });
    const hashes: Column[] = digests ? [{ name: DIGEST_COLUMN, type: "STRING", data: this.digests }] : [];
    writeParquet(this.#path(".parquet"), [{ name: "id", type: "STRING", data: ids }, ...numbers, ...hashes], {
      key: this.key,
    });
    this.#journal?.remove();
    this.#journal = null;
  }

  async #readFinished(): Promise<void> {
    const file = this.#path(".parquet");
    const table = await readParquet(file);
    const ids = (table.get("id") ?? []) as string[];
    const { columns, digests } = this.layout;
    if (ids.length !== this.layout.ids.length || ids.some((id, row) => id !== this.layout.ids[row])) {
      throw new StepwedgeError(`holds ${ids.length} samples that are not the ${this.layout.ids.length} of this study`, {
        where: file,
        remedy: "The data changed since it was scored: run into another folder.",
      });
    }
    for (const [column, name] of columns.entries()) {
      const data = table.get(name);
      if (!(data instanceof Float64Array)) {
        throw new StepwedgeError(`has no column "${name}"`, {
          where: file,
          remedy: "Run into another folder.",
          exitCode: ExitCode.incomplete,
        });
      }
      for (let row = 0; row < data.length; row++) this.values[row * columns.length + column] = data[row] as number;
    }
    if (digests)
      for (const [row, digest] of ((table.get(DIGEST_COLUMN) ?? []) as string[]).entries()) this.digests[row] = digest;
    this.#filled.fill(1);
  }

  #readJournal(): void {
    this.#journal = new Journal(this.#path(".journal"), this.key);
    const width = this.layout.columns.length;
    for (const { index, guard: rows, bytes } of this.#journal.entries) {
      const numbers = rows * width * 8;
      if (
        index + rows > this.layout.ids.length ||
        bytes.length !== numbers + (this.layout.digests ? rows * DIGEST_BYTES : 0)
      )
        continue;
      this.values.set(new Float64Array(bytes.buffer, 0, rows * width), index * width);
      this.#filled.fill(1, index, index + rows);
      for (let row = 0; this.layout.digests && row < rows; row++) {
        const at = numbers + row * DIGEST_BYTES;
        this.digests[index + row] = Buffer.from(bytes.subarray(at, at + DIGEST_BYTES)).toString("hex");
      }
    }
    if (this.complete) this.#finish();
  }
}
