import type { Numbers } from "../../core/data.js";
import { received, StepwedgeError } from "../../core/errors.js";
import { suggest } from "../../core/plugins.js";
import { emptyTable, hasSemicolons, type Wanted } from "./columns.js";

/** A table as it was read: its wanted columns, and the line on which each row begins. */
export interface ReadTable {
  /** What messages call it. */
  readonly name: string;
  readonly columns: ReadonlyMap<string, readonly string[]>;
  readonly numbers: ReadonlyMap<string, Numbers>;
  readonly lines: readonly number[];
  readonly sha256: string;
}

/** A further table whose rows are put beside the main table's. */
export interface JoinedTable {
  readonly name: string;
  /** Its header. */
  readonly header: readonly string[];
  /** What its columns' names begin with in the protocol. */
  readonly prefix: string;
  /** The main table's key column, and its own. */
  readonly left: string;
  readonly right: string;
}

/** A table's name and header. */
export type Headed = Pick<JoinedTable, "name" | "header">;

/**
 * Says which table each wanted column is read from; the keys come on top.
 * @returns what is wanted of the main table, then of each further one, under the names in its own header
 * @throws StepwedgeError for a table without header, a column that stands in two tables or in none, and a key that is missing
 */
export function assignColumns(main: Headed, joined: readonly JoinedTable[], wanted: Wanted): Wanted[] {
  const empty = [main, ...joined].find(({ header }) => header.length === 0);
  if (empty !== undefined) throw emptyTable(empty.name);
  for (const { left, right, name, header } of joined) {
    if (!main.header.includes(left)) throw noColumn(left, [main], main.name);
    if (!header.includes(right)) throw noColumn(right, [{ name, header }], name);
  }
  const placeOf = (column: string): [table: number, name: string] => {
    const places: [number, string][] = main.header.includes(column) ? [[0, column]] : [];
    joined.forEach(({ header, prefix, right }, index) => {
      const own = column.slice(prefix.length);
      if (column.startsWith(prefix) && header.includes(own) && own !== right) places.push([index + 1, own]);
    });
    const [first, second] = places;
    if (first === undefined) throw noColumn(column, [main, ...joined.map(prefixed)], main.name);
    if (second !== undefined) {
      throw new StepwedgeError(`the column ${JSON.stringify(column)} stands in two tables`, {
        where: `${[main, ...joined][first[0]]?.name} and ${[main, ...joined][second[0]]?.name}`,
        remedy: "Give the further table a prefix (data.join's `prefix`), and name its columns with it.",
      });
    }
    return first;
  };
  const sides = [main, ...joined].map((): { texts: string[]; numbers: string[] } => ({ texts: [], numbers: [] }));
  for (const kind of ["texts", "numbers"] as const) {
    for (const column of wanted[kind]) {
      const [table, name] = placeOf(column);
      sides[table]?.[kind].push(name);
    }
  }
  joined.forEach(({ left, right }, index) => {
    sides[0]?.texts.push(left);
    sides[index + 1]?.texts.push(right);
  });
  return sides;
}

/** A further table as the protocol sees it: its key is the main table's. */
function prefixed({ header, name, prefix, right }: JoinedTable): Headed {
  return { name, header: header.filter((column) => column !== right).map((column) => `${prefix}${column}`) };
}

function noColumn(column: string, tables: readonly Headed[], where: string): StepwedgeError {
  const known = tables.flatMap(({ header }) => header);
  const listed = tables.map(({ name, header }) => `${name} has ${header.join(", ") || "only its key"}`).join("; ");
  const semicolons = tables.find(({ header }) => hasSemicolons(header));
  return new StepwedgeError(`there is no column ${JSON.stringify(column)}`, {
    where,
    remedy:
      semicolons === undefined
        ? `${suggest(column, known)}${tables.length === 1 ? `Columns: ${known.join(", ")}` : listed}.`
        : `The cells of ${semicolons.name} seem to be separated by semicolons: give that table delimiter: semicolon.`,
  });
}

/**
 * Puts a further table's columns beside the main table's, row by row of the main table. Rows that no row of the main table
 * asks for are left out, whatever their keys: a file of predictions may serve many cohorts.
 * @throws StepwedgeError that names the row where a key is missing or stands twice
 */
export function joinTable(main: ReadTable, table: ReadTable, { left, right, prefix }: JoinedTable): ReadTable {
  const keys = main.columns.get(left) ?? [];
  const asked = new Set(keys);
  const rowOf = new Map<string, number>();
  (table.columns.get(right) ?? []).forEach((key, row) => {
    if (!asked.has(key)) return;
    const before = rowOf.get(key);
    if (before !== undefined) {
      throw new StepwedgeError(
        `${received(key)} stands twice in column ${JSON.stringify(right)}, first in line ${table.lines[before]}`,
        { where: `${table.name}, line ${table.lines[row]}`, remedy: "Give the further table one row for each key." },
      );
    }
    rowOf.set(key, row);
  });
  const rows = Uint32Array.from(keys, (key, row) => {
    const found = rowOf.get(key);
    if (found !== undefined) return found;
    throw new StepwedgeError(`no row of ${table.name} has ${received(key)} in column ${JSON.stringify(right)}`, {
      where: `${main.name}, line ${main.lines[row]}`,
      remedy: "Add the row there, or take it out of the main table.",
    });
  });
  const columns = new Map(main.columns);
  for (const [name, cells] of table.columns) {
    if (name !== right)
      columns.set(
        `${prefix}${name}`,
        Array.from(rows, (row) => cells[row] ?? ""),
      );
  }
  const numbers = new Map(main.numbers);
  for (const [name, column] of table.numbers) numbers.set(`${prefix}${name}`, picked(column, rows));
  return { ...main, columns, numbers };
}

function picked({ values, texts }: Numbers, rows: Uint32Array): Numbers {
  const found = new Map<number, string>();
  const taken = new Float64Array(rows.length);
  for (let row = 0; row < rows.length; row++) {
    const from = rows[row] as number;
    taken[row] = values[from] as number;
    const text = texts.get(from);
    if (text !== undefined) found.set(row, text);
  }
  return { values: taken, texts: found };
}
