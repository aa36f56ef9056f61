import type { Numbers } from "../../core/data.js";
import { received, StepwedgeError } from "../../core/errors.js";

/** What to call a row in an error message, for example "manifest.csv, line 12". */
export type RowName = (row: number) => string;

/** Text labels: which values of the column are positive, and which are negative (default: every other value). */
export interface LabelMapping {
  readonly positive: string | readonly string[];
  readonly negative?: string | readonly string[] | undefined;
}

const NUMBER_LABELS: ReadonlyMap<string, number> = new Map([
  ["0", 0],
  ["1", 1],
  ["0.0", 0],
  ["1.0", 1],
]);
const MISSING_LABEL = -1;

/**
 * Labels of one class: 1 positive, 0 negative, -1 missing (an empty cell). Without a mapping the cells hold 0 and 1.
 * @throws StepwedgeError that names the row for any other value, or the column where no row is positive by the mapping
 */
export function parseLabels(
  cells: readonly string[],
  rowName: RowName,
  column: string,
  mapping?: LabelMapping,
): Int8Array {
  const codes = mapping === undefined ? NUMBER_LABELS : mappingCodes(mapping, column);
  const othersAreNegative = mapping !== undefined && mapping.negative === undefined;
  const labels = new Int8Array(cells.length);
  for (let row = 0; row < cells.length; row++) {
    const value = (cells[row] ?? "").trim();
    const code = codes.get(value) ?? (value === "" ? MISSING_LABEL : othersAreNegative ? 0 : undefined);
    if (code === undefined) throw badLabel(value, rowName(row), column, mapping);
    labels[row] = code;
  }
  if (mapping !== undefined && cells.length > 0 && !labels.includes(1)) {
    throw new StepwedgeError(`no row holds the positive value ${received(mapping.positive)}`, {
      where: `column ${JSON.stringify(column)}`,
      remedy: "Correct the spelling of data.labels' positive value; upper and lower case differ.",
    });
  }
  return labels;
}

/**
 * Scores of one class.
 * @param probabilities whether they are promised to lie in [0, 1]
 * @param allowMissing whether an empty cell is a sample without a score, NaN
 * @param rows the rows that are looked at, where not all have to have a score; what others hold is left as it is
 * @throws StepwedgeError that names the row where a cell is empty, no finite number, or no probability
 */
export function parseScores(
  { values, texts }: Numbers,
  rowName: RowName,
  column: string,
  probabilities: boolean,
  allowMissing = false,
  rows: Uint32Array | null = null,
): Float64Array {
  const count = rows?.length ?? values.length;
  for (let index = 0; index < count; index++) {
    const row = rows?.[index] ?? index;
    const value = values[row] as number;
    if (Number.isNaN(value)) {
      const text = texts.get(row) ?? "";
      if (allowMissing && text === "") continue;
      throw new StepwedgeError(`the score in column ${JSON.stringify(column)} is no finite number: ${received(text)}`, {
        where: rowName(row),
        remedy:
          text === ""
            ? "Give the row a score, or set data.unreadable to reject: it is then evaluated as a sample without a score."
            : "Give every row a score, or take the row out of the table: an audit cannot guess what the model said.",
      });
    }
    if (probabilities && (value < 0 || value > 1)) {
      throw new StepwedgeError(`the score in column ${JSON.stringify(column)} is outside [0, 1]: ${value}`, {
        where: rowName(row),
        remedy: "Give probabilities, or set model.activation to what turns the scores into probabilities.",
      });
    }
  }
  return values;
}

/**
 * Sampling weights.
 * @throws StepwedgeError that names the row where a cell is no number greater than 0
 */
export function parseWeights({ values, texts }: Numbers, rowName: RowName, column: string): Float64Array {
  for (let row = 0; row < values.length; row++) {
    const value = values[row] as number;
    if (!(value > 0)) {
      const found = texts.get(row) ?? String(value);
      throw new StepwedgeError(
        `the weight in column ${JSON.stringify(column)} is no number greater than 0: ${received(found)}`,
        {
          where: rowName(row),
          remedy: "Give every row a weight greater than 0, such as 1 over its chance of being sampled.",
        },
      );
    }
  }
  return values;
}

/**
 * Checks that every sample has an id of its own.
 * @throws StepwedgeError that names the row of an empty id, or both rows of an id that stands twice
 */
export function checkIds(ids: readonly string[], rowName: RowName): void {
  const seen = new Map<string, number>();
  for (let row = 0; row < ids.length; row++) {
    const id = ids[row] ?? "";
    if (id === "") {
      throw new StepwedgeError("the row has no id", {
        where: rowName(row),
        remedy: "Give every sample an id: scores are kept and resumed by it.",
      });
    }
    const before = seen.get(id);
    if (before !== undefined) {
      throw new StepwedgeError(`the id ${received(id)} already stands in ${rowName(before)}`, {
        where: rowName(row),
        remedy: "Give every sample an id of its own, or remove the repeated row.",
      });
    }
    seen.set(id, row);
  }
}

/** One or several words from the protocol, as a list. */
export function asList(words: string | readonly string[]): readonly string[] {
  return typeof words === "string" ? [words] : words;
}

function mappingCodes(mapping: LabelMapping, column: string): ReadonlyMap<string, number> {
  const codes = new Map(asList(mapping.positive).map((value) => [value, 1]));
  for (const value of asList(mapping.negative ?? [])) {
    if (codes.has(value)) {
      throw new StepwedgeError(`${received(value)} is both positive and negative`, {
        where: `labels of column ${JSON.stringify(column)}`,
        remedy: "Let each value stand for one of the two.",
      });
    }
    codes.set(value, 0);
  }
  return codes;
}

function badLabel(value: string, where: string, column: string, mapping: LabelMapping | undefined): StepwedgeError {
  const name = JSON.stringify(column);
  if (mapping === undefined) {
    return new StepwedgeError(`the label in column ${name} must be 0, 1 or empty; received ${received(value)}`, {
      where,
      remedy: `Correct the cell, or say in data.labels which text is positive: { column: ${column}, positive: ... }.`,
    });
  }
  const known = [...asList(mapping.positive), ...asList(mapping.negative ?? [])].map((word) => JSON.stringify(word));
  return new StepwedgeError(
    `the label in column ${name} must be one of ${known.join(", ")} or empty; received ${received(value)}`,
    { where, remedy: "Correct the cell, or add the value to data.labels' positive or negative list." },
  );
}
