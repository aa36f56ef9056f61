import type { Numbers } from "../../core/data.js";
import { StepwedgeError } from "../../core/errors.js";
import { numbersOf } from "../shared/numbers.js";
import { type ReadTable, rowOfTable } from "../shared/table/join.js";
import { openTable } from "../shared/table/reader.js";

/** A table whose columns are put beside the files'. */
export interface LabelTable {
  readonly columns: ReadonlyMap<string, readonly string[]>;
  readonly numbers: ReadonlyMap<string, Numbers>;
  readonly name: string;
  readonly sha256: string;
}

/** The names in a table's header. */
export async function headerOf(file: string, name: string): Promise<readonly string[]> {
  return (await openTable(file, name)).header();
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
  const texts = [on, ...wanted.texts, ...wanted.numbers];
  const table = await (await openTable(file, name)).read({ texts, numbers: [] });
  const rowOf = rowsByKey(table, on, new Set(keys));
  const rows = keys.map((key, row) => {
    const found = key === null ? -1 : rowOf.get(key);
    if (found !== undefined) return found;
    throw new StepwedgeError(`no row of ${name} has this file's key in column ${JSON.stringify(on)}`, {
      where: rowName(row),
      remedy: "Add the row there, or take the file out of the folder.",
    });
  });
  const aligned = (column: string): string[] => {
    const cells = table.columns.get(column) ?? [];
    return rows.map((row) => cells[row] ?? "");
  };
  return {
    columns: new Map(wanted.texts.map((column) => [column, aligned(column)])),
    numbers: new Map(wanted.numbers.map((column) => [column, numbersOf(aligned(column))])),
    name,
    sha256: table.sha256,
  };
}

function rowsByKey(table: ReadTable, on: string, asked: ReadonlySet<string | null>): ReadonlyMap<string, number> {
  const { columns, lines, unit } = table;
  const rowOf = new Map<string, number>();
  for (const [row, cell] of (columns.get(on) ?? []).entries()) {
    const key = cell.trim();
    if (!asked.has(key)) continue;
    const before = rowOf.get(key);
    if (before !== undefined) {
      throw new StepwedgeError(
        `the key in column ${JSON.stringify(on)} stands twice, first in ${unit} ${lines[before]}`,
        { where: rowOfTable(table, row), remedy: "Give the table one row for each key." },
      );
    }
    rowOf.set(key, row);
  }
  return rowOf;
}
