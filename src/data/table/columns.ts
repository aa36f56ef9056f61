import type { Numbers } from "../../core/data.js";
import { StepwedgeError } from "../../core/errors.js";
import { suggest } from "../../core/plugins.js";
import { NumberCollector } from "../shared/numbers.js";

/** Columns with at most this many different values share one string per value. */
const LARGEST_DICTIONARY = 256;

interface KeptColumn {
  readonly index: number;
  readonly values: string[];
  /** Values seen so far; null once they are too many to be worth remembering. */
  dictionary: Map<string, string> | null;
}

/** Names of the columns that are wanted of one table, as text and as numbers. */
export interface Wanted {
  readonly texts: readonly string[];
  readonly numbers: readonly string[];
}

interface KeptNumbers {
  readonly index: number;
  readonly collector: NumberCollector;
}

/** Gathers the columns that were asked for, record by record; the first record is the header. */
export class ColumnCollector {
  readonly #file: string;
  readonly #texts: readonly string[];
  readonly #numbers: readonly string[];
  #width = 0;
  #kept: readonly KeptColumn[] = [];
  #keptNumbers: readonly KeptNumbers[] = [];
  /** The line on which each row begins. */
  readonly lines: number[] = [];

  /** `file` is what error messages call the file. */
  constructor(file: string, { texts, numbers }: Wanted) {
    this.#file = file;
    this.#texts = [...new Set(texts)];
    this.#numbers = [...new Set(numbers)];
  }

  /**
   * Takes the header or a row.
   * @throws StepwedgeError for repeated or unknown column names and for rows with more or fewer cells than the header.
   */
  add(cells: readonly string[], line: number): void {
    if (this.#width === 0) this.#readHeader(cells, line);
    else this.#readRow(cells, line);
  }

  /**
   * The columns by name, once all records are in.
   * @throws StepwedgeError for a table without header or without rows.
   */
  columns(): ReadonlyMap<string, readonly string[]> {
    this.#check();
    return new Map(this.#texts.map((name, index) => [name, this.#kept[index]?.values ?? []]));
  }

  /** The columns of numbers by name, likewise. */
  numbers(): ReadonlyMap<string, Numbers> {
    this.#check();
    return new Map(
      this.#keptNumbers.map(({ collector }, index) => [this.#numbers[index] as string, collector.numbers()]),
    );
  }

  #check(): void {
    if (this.#width === 0) throw emptyTable(this.#file);
    if (this.lines.length === 0) {
      throw new StepwedgeError("the table has a header but no rows", {
        where: this.#file,
        remedy: "Give a table with one row per sample.",
      });
    }
  }

  #readHeader(names: readonly string[], line: number): void {
    const where = `${this.#file}, line ${line}`;
    const repeated = names.find((name, index) => name !== "" && names.indexOf(name) !== index);
    if (repeated !== undefined) {
      throw new StepwedgeError(`the column name ${JSON.stringify(repeated)} stands twice in the header`, {
        where,
        remedy: "Give every column a name of its own.",
      });
    }
    this.#width = names.length;
    const indexOf = (name: string): number => {
      const index = names.indexOf(name);
      if (index === -1) throw unknownColumn(name, names, where);
      return index;
    };
    this.#kept = this.#texts.map((name) => ({ index: indexOf(name), values: [], dictionary: new Map() }));
    this.#keptNumbers = this.#numbers.map((name) => ({ index: indexOf(name), collector: new NumberCollector() }));
  }

  #readRow(cells: readonly string[], line: number): void {
    if (cells.length !== this.#width) {
      throw new StepwedgeError(`the row has ${cells.length} cells, the header has ${this.#width}`, {
        where: `${this.#file}, line ${line}`,
        remedy: "Give every row as many cells as the header; put cells that hold a delimiter in quotes.",
      });
    }
    for (const column of this.#kept) column.values.push(remembered(column, cells[column.index] ?? ""));
    for (const { index, collector } of this.#keptNumbers) collector.add(cells[index] ?? "");
    this.lines.push(line);
  }
}

/** The one copy of a value in a column of few values: a million rows of "F" and "M" then cost a pointer each. */
function remembered(column: KeptColumn, value: string): string {
  if (column.dictionary === null) return value;
  const known = column.dictionary.get(value);
  if (known !== undefined) return known;
  if (column.dictionary.size === LARGEST_DICTIONARY) column.dictionary = null;
  else column.dictionary.set(value, value);
  return value;
}

export function emptyTable(where: string): StepwedgeError {
  return new StepwedgeError("the table is empty", {
    where,
    remedy: "Give a table with a header line and one row per sample.",
  });
}

/** Whether a header was read by another delimiter than the semicolons that it seems to have. */
export function hasSemicolons(header: readonly string[]): boolean {
  return header.length === 1 && header[0]?.includes(";") === true;
}

function unknownColumn(name: string, names: readonly string[], where: string): StepwedgeError {
  return new StepwedgeError(`there is no column ${JSON.stringify(name)}`, {
    where,
    remedy: hasSemicolons(names)
      ? "The cells seem to be separated by semicolons: set data.delimiter to semicolon."
      : `${suggest(name, names)}Columns: ${names.join(", ")}.`,
  });
}
