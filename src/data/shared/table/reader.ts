import { extname } from "node:path";
import { StepwedgeError } from "../../../core/errors.js";
import { isGzip } from "./bytes.js";
import type { Wanted } from "./columns.js";
import { delimitedReader } from "./delimited.js";
import { type Delimiter, guessDelimiter, readHead } from "./delimiter.js";
import type { ReadTable } from "./join.js";
import { jsonLinesReader } from "./json-lines.js";
import { parquetReader } from "./parquet.js";

/** The first rows of a table, all columns, for whoever must guess what they mean. */
export interface TablePreview {
  readonly names: readonly string[];
  /** `columns[column][row]`. */
  readonly columns: readonly (readonly string[])[];
  readonly rows: number;
}

/** A table of whatever kind. Faults are StepwedgeErrors that name the file and the line or row. */
export interface TableReader {
  /** Names of all columns. */
  header(): Promise<readonly string[]>;
  read(wanted: Wanted): Promise<ReadTable>;
  /** At most so many rows (at least 1). */
  preview(most: number): Promise<TablePreview>;
}

/** What `name` ends in, without `.gz`, in lower case. */
function extensionOf(file: string): string {
  return extname(isGzip(file) ? file.slice(0, -".gz".length) : file).toLowerCase();
}

/**
 * Opens a table. `.csv`, `.tsv` and `.tab` are what they say, `.parquet` and `.jsonl` or `.ndjson` too; of any other name, and
 * before all else for Parquet, the first bytes decide.
 * @param name what messages call the file
 * @param delimiter what the protocol says that separates cells, if it does
 * @throws StepwedgeError where the file cannot be read or is of another kind than its name says
 */
export async function openTable(file: string, name: string, delimiter?: Delimiter): Promise<TableReader> {
  const extension = extensionOf(file);
  const isText = [".csv", ".tsv", ".tab"].includes(extension);
  const head = await readHead(file, name);
  const isParquet = head.toString("latin1", 0, 4) === "PAR1";
  const isJson =
    [".jsonl", ".ndjson"].includes(extension) || (!isText && /^\ufeff?\s*\{/.test(head.toString("utf8", 0, 256)));
  if (delimiter !== undefined && (isParquet || isJson)) {
    throw new StepwedgeError("the table has no delimiter: it is no CSV or TSV", {
      where: name,
      remedy: "Leave delimiter out.",
    });
  }
  if (isParquet) {
    if (!isGzip(file)) return parquetReader(file, name);
    throw new StepwedgeError("the Parquet file is packed with gzip", { where: name, remedy: "Unpack it." });
  }
  if (extension === ".parquet") {
    throw new StepwedgeError("the file is no Parquet file: it does not begin with PAR1", {
      where: name,
      remedy: "Give a Parquet file, or the name that fits what it is.",
    });
  }
  if (isJson) return jsonLinesReader(file, name);
  if (!isText && /^\ufeff?\s*\[\s*\{/.test(head.toString("utf8", 0, 256))) {
    throw new StepwedgeError("the file is one JSON array", {
      where: name,
      remedy: "Write JSON Lines: one object per line, no brackets and no commas between them.",
    });
  }
  return delimitedReader(file, name, delimiter ?? (await guessDelimiter(file, name)));
}
