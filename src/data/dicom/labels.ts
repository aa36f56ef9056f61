import type { Numbers } from "../../core/data.js";
import { StepwedgeError } from "../../core/errors.js";
import { numbersOf } from "../shared/numbers.js";
import { tableBytes } from "../shared/table/bytes.js";
import { ColumnCollector } from "../shared/table/columns.js";
import { guessDelimiter, unreadable } from "../shared/table/delimiter.js";
import { readRecords } from "../shared/table/records.js";

/** A table whose columns are put beside the files'. */
export interface LabelTable {
  readonly columns: ReadonlyMap<string, readonly string[]>;
  readonly numbers: ReadonlyMap<string, Numbers>;
  readonly name: string;
  readonly sha256: string;
}

/** The names in a table's header. */
export async function headerOf(file: string, name: string): Promise<readonly string[]> {
  const enough = new AbortController();
  let header: readonly string[] = [];
  try {
    const format = { file: name, delimiter: await guessDelimiter(file, name) };
    const take = (cells: readonly string[]): void => {
      if (header.length === 0) header = cells;
      enough.abort();
    };
    await readRecords(tableBytes(file, name).chunks, format, take, enough.signal);
  } catch (error) {
    if (!enough.signal.aborted) throw unreadable(error, name);
  }
  return header;
}

/**
 * Reads columns of a table and puts them in the order of keys. Keys may name patients: they stand in no message.
 * @param keys of each row; null where a row has none, whose cells stay empty
 * @throws StepwedgeError where a key is missing or stands twice
 */
export async function readLabels(
  file: string,
  name: string,
  on: string,
  keys: readonly (string | null)[],
  wanted: { readonly texts: readonly string[]; readonly numbers: readonly string[] },
  rowName: (row: number) => string,
): Promise<LabelTable> {
  const collector = new ColumnCollector(name, { texts: [on, ...wanted.texts, ...wanted.numbers], numbers: [] });
  const { chunks, sha256 } = tableBytes(file, name);
  try {
    const format = { file: name, delimiter: await guessDelimiter(file, name) };
    await readRecords(chunks, format, (cells, line) => collector.add(cells, line));
  } catch (error) {
    throw unreadable(error, name);
  }
  const table = collector.columns();
  const rowOf = rowsByKey(table.get(on) ?? [], new Set(keys), collector.lines, name, on);
  const rows = keys.map((key, row) => {
    const found = key === null ? -1 : rowOf.get(key);
    if (found !== undefined) return found;
    throw new StepwedgeError(`no row of ${name} has this file's key in column ${JSON.stringify(on)}`, {
      where: rowName(row),
      remedy: "Add the row there, or take the file out of the folder.",
    });
  });
  const aligned = (column: string): string[] => {
    const cells = table.get(column) ?? [];
    return rows.map((row) => cells[row] ?? "");
  };
  return {
    columns: new Map(wanted.texts.map((column) => [column, aligned(column)])),
    numbers: new Map(wanted.numbers.map((column) => [column, numbersOf(aligned(column))])),
    name,
    sha256: sha256(),
  };
}

function rowsByKey(
  cells: readonly string[],
  asked: ReadonlySet<string | null>,
  lines: readonly number[],
  name: string,
  on: string,
): ReadonlyMap<string, number> {
  const rowOf = new Map<string, number>();
  for (const [row, cell] of cells.entries()) {
    const key = cell.trim();
    if (!asked.has(key)) continue;
    const before = rowOf.get(key);
    if (before !== undefined) {
      throw new StepwedgeError(`the key in column ${JSON.stringify(on)} stands twice, first in line ${lines[before]}`, {
        where: `${name}, line ${lines[row]}`,
        remedy: "Give the table one row for each key.",
      });
    }
    rowOf.set(key, row);
  }
  return rowOf;
}
