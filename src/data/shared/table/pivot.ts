// Long tables: a row for each sample and class, or condition, instead of a column. They are made wide before anything looks at them.
import type { Numbers } from "../../../core/data.js";
import { received, StepwedgeError } from "../../../core/errors.js";
import { unknownColumn, type Wanted } from "./columns.js";
import { type ReadTable, rowOfTable } from "./join.js";
import type { TableReader } from "./reader.js";

export interface LongShape {
  /** The column that tells the sample. */
  readonly id: string;
  /** Columns whose cells tell what a row's values are of, such as class and attack. */
  readonly by: readonly string[];
  /** Columns that hold the values, such as score. */
  readonly values: readonly string[];
}

/** More columns than this are no classes and conditions. */
const MOST_COLUMNS = 5000;

/**
 * A long table as a wide one: one row for each sample, and for each value and each combination of cells a column
 * `value/cell/cell`, an empty cell being `none`. Other columns must say the same in all rows of a sample.
 */
export function wideReader(reader: TableReader, name: string, shape: LongShape): TableReader {
  let known: Promise<readonly string[]> | null = null;
  const header = async (): Promise<readonly string[]> => {
    const own = await reader.header();
    const missing = [shape.id, ...shape.by, ...shape.values].find((column) => !own.includes(column));
    if (missing !== undefined) {
      throw new StepwedgeError(`there is no column ${JSON.stringify(missing)}`, {
        where: `${name}, long`,
        remedy: `Columns: ${own.join(", ")}.`,
      });
    }
    const { columns } = await reader.read({ texts: shape.by, numbers: [] });
    const combinations = [...new Set(namesOf(columns, shape.by))];
    if (combinations.length * shape.values.length > MOST_COLUMNS) {
      throw new StepwedgeError(`${shape.by.join(", ")} have ${combinations.length} different combinations`, {
        where: `${name}, long.by`,
        remedy: "Name the columns of classes and conditions, not those of samples.",
      });
    }
    const wide = shape.values.flatMap((value) => combinations.map((combination) => `${value}/${combination}`));
    return [...own.filter((column) => !shape.by.includes(column) && !shape.values.includes(column)), ...wide];
  };
  return {
    header() {
      known ??= header();
      return known;
    },
    async read(wanted) {
      known ??= header();
      const columns = await known;
      const unknown = [...wanted.texts, ...wanted.numbers].find((column) => !columns.includes(column));
      if (unknown !== undefined) throw unknownColumn(unknown, columns, name);
      return widened(reader, shape, wanted);
    },
    preview: reader.preview,
  };
}

async function widened(reader: TableReader, shape: LongShape, wanted: Wanted): Promise<ReadTable> {
  // What stands in the header under its own name is the file's, even where it looks like a wide column.
  const own = new Set(await reader.header());
  const spreadOf = (column: string) =>
    own.has(column) ? null : (shape.values.find((value) => column.startsWith(`${value}/`)) ?? null);
  const plain = (names: readonly string[]) => names.filter((column) => spreadOf(column) === null);
  const values = (names: readonly string[]) => names.flatMap((column) => spreadOf(column) ?? []);
  const table = await reader.read({
    texts: [...new Set([shape.id, ...shape.by, ...plain(wanted.texts), ...values(wanted.texts)])],
    numbers: [...new Set([...plain(wanted.numbers), ...values(wanted.numbers)])],
  });
  const ids = table.columns.get(shape.id) ?? [];
  const { firsts, sampleOf } = samplesOf(ids);
  const places = placesOf(table, shape, sampleOf, firsts);
  const columns = new Map<string, readonly string[]>();
  for (const column of wanted.texts) {
    const value = spreadOf(column);
    if (value === null) columns.set(column, constantTexts(table, column, sampleOf, firsts));
    else {
      const cells = table.columns.get(value) ?? [];
      const rows = places.get(column.slice(value.length + 1));
      columns.set(
        column,
        Array.from(firsts, (_, sample) => cells[rows?.[sample] ?? -1] ?? ""),
      );
    }
  }
  const numbers = new Map<string, Numbers>();
  for (const column of wanted.numbers) {
    const value = spreadOf(column);
    const from = table.numbers.get(value ?? column) ?? {
      values: new Float64Array(0),
      texts: new Map<number, string>(),
    };
    const rows = value === null ? firsts : places.get(column.slice(value.length + 1));
    if (value === null) checkConstantNumbers(table, column, from, sampleOf, firsts);
    numbers.set(column, taken(from, rows, firsts.length));
  }
  const { lines } = table;
  return { ...table, columns, numbers, lines: Array.from(firsts, (row) => lines[row] ?? "?") };
}

/** What each row's values are of. */
function namesOf(columns: ReadonlyMap<string, readonly string[]>, by: readonly string[]): string[] {
  const cells = by.map((column) => columns.get(column) ?? []);
  const count = cells[0]?.length ?? 0;
  return Array.from({ length: count }, (_, row) => cells.map((own) => own[row]?.trim() || "none").join("/"));
}

/** The first row of each sample, in the table's order, and each row's sample. */
function samplesOf(ids: readonly string[]): { readonly firsts: Int32Array; readonly sampleOf: Int32Array } {
  const known = new Map<string, number>();
  const firsts: number[] = [];
  const sampleOf = Int32Array.from(ids, (id, row) => {
    const before = known.get(id);
    if (before !== undefined) return before;
    known.set(id, firsts.length);
    firsts.push(row);
    return firsts.length - 1;
  });
  return { firsts: Int32Array.from(firsts), sampleOf };
}

/** By combination of cells, the row of each sample; -1 where there is none. @throws StepwedgeError where there are two */
function placesOf(
  table: ReadTable,
  { by, id }: LongShape,
  sampleOf: Int32Array,
  firsts: Int32Array,
): ReadonlyMap<string, Int32Array> {
  const places = new Map<string, Int32Array>();
  for (const [row, combination] of namesOf(table.columns, by).entries()) {
    const own = places.get(combination) ?? new Int32Array(firsts.length).fill(-1);
    places.set(combination, own);
    const sample = sampleOf[row] as number;
    const before = own[sample] as number;
    if (before !== -1) {
      throw new StepwedgeError(
        `${received(table.columns.get(id)?.[row] ?? "")} has a second row of ${combination}, first in ${table.unit} ${table.lines[before]}`,
        {
          where: rowOfTable(table, row),
          remedy: "Leave one of them, or name under long.by the column that tells the two apart.",
        },
      );
    }
    own[sample] = row;
  }
  return places;
}

/** A column that says the same in all rows of a sample. */
function constantTexts(table: ReadTable, column: string, sampleOf: Int32Array, firsts: Int32Array): readonly string[] {
  const cells = table.columns.get(column) ?? [];
  for (let row = 0; row < cells.length; row++) {
    const first = firsts[sampleOf[row] as number] as number;
    if (cells[row] !== cells[first]) throw contradiction(table, column, row, first, [cells[row], cells[first]]);
  }
  return Array.from(firsts, (row) => cells[row] ?? "");
}

function checkConstantNumbers(
  table: ReadTable,
  column: string,
  { texts, values }: Numbers,
  sampleOf: Int32Array,
  firsts: Int32Array,
): void {
  const shown = (row: number) => (Number.isNaN(values[row]) ? (texts.get(row) ?? "") : String(values[row]));
  for (let row = 0; row < values.length; row++) {
    const first = firsts[sampleOf[row] as number] as number;
    if (shown(row) !== shown(first)) throw contradiction(table, column, row, first, [shown(row), shown(first)]);
  }
}

function contradiction(
  table: ReadTable,
  column: string,
  row: number,
  first: number,
  [here, there]: readonly (string | undefined)[],
): StepwedgeError {
  return new StepwedgeError(
    `column ${JSON.stringify(column)} has ${received(here)}; ${table.unit} ${table.lines[first]}, of the same sample, has ${received(there)}`,
    {
      where: rowOfTable(table, row),
      remedy: "Say the same in all rows of a sample, or name the column among long.values if it differs by class.",
    },
  );
}

/** Numbers of some rows; NaN where there is no row, as where a cell is empty. */
function taken({ texts, values }: Numbers, rows: Int32Array | undefined, count: number): Numbers {
  const out = new Float64Array(count).fill(Number.NaN);
  const found = new Map<number, string>();
  for (let sample = 0; sample < count; sample++) {
    const row = rows?.[sample] ?? -1;
    if (row === -1) continue;
    out[sample] = values[row] as number;
    const text = texts.get(row);
    if (text !== undefined) found.set(sample, text);
  }
  return { values: out, texts: found };
}
