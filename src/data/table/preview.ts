import { basename } from "node:path";
import { tableBytes } from "./bytes.js";
import { guessDelimiter, unreadable } from "./delimiter.js";
import { readRecords } from "./records.js";

/** The first rows of a table, all columns, for whoever must guess what they mean. */
export interface TablePreview {
  readonly names: readonly string[];
  /** `columns[column][row]`. */
  readonly columns: readonly (readonly string[])[];
  readonly rows: number;
}

/**
 * Reads the header and at most `most` rows (at least 1); rows of another width than the header's are passed over.
 * @throws StepwedgeError with the line where the file is no CSV or TSV.
 */
export async function previewTable(file: string, most: number): Promise<TablePreview> {
  const name = basename(file);
  const format = { file: name, delimiter: await guessDelimiter(file, name) };
  const enough = new AbortController();
  let names: readonly string[] | null = null;
  const columns: string[][] = [];
  let rows = 0;
  const take = (cells: readonly string[]): void => {
    if (names === null) {
      names = cells;
      columns.push(...cells.map(() => []));
    } else if (rows < most && cells.length === names.length) {
      for (const [column, cell] of cells.entries()) columns[column]?.push(cell);
      rows++;
      if (rows === most) enough.abort();
    }
  };
  try {
    await readRecords(tableBytes(file, name).chunks, format, take, enough.signal);
  } catch (error) {
    if (!enough.signal.aborted) throw unreadable(error, name);
  }
  return { names: names ?? [], columns, rows };
}
