import type { Subgroup } from "../../core/audit.js";
import { received, StepwedgeError } from "../../core/errors.js";
import type { SubgroupValues } from "../../core/finding.js";
import { suggest } from "../../core/plugins.js";
import type { RowName } from "./cells.js";

/**
 * How the evaluation set is divided: by a column's values, by bins of a numeric column, or by all combinations of
 * other divisions. `values` declares groups that must appear even when nobody is in them.
 */
export type SubgroupDefinition =
  | {
      readonly column: string;
      /** Ascending edges: [0, 18, 40] makes 0-18 (without 18) and 18-40 (with 40, as the last bin is closed). */
      readonly bins?: readonly number[] | undefined;
      readonly values?: readonly string[] | undefined;
    }
  | { readonly cross: readonly string[] };

/** A division of the evaluation set: the names of its groups, and each sample's group. */
interface Family {
  readonly name: string;
  readonly values: readonly string[];
  /** Index into `values`, per evaluation sample. */
  readonly codes: Int32Array;
}

export const UNKNOWN = "unknown";
const UNKNOWN_WORDS: ReadonlySet<string> = new Set(["", "na", "n/a", "nan", "none", "null", "unknown"]);

/** More groups than this are no division that anybody reads; the column is most likely the wrong one. */
const MOST_GROUPS = 500;

/** A DICOM age string (VR AS): three digits and a unit. */
const DICOM_AGE = /^(\d{3})([DWMY])$/;
const YEARS_PER_UNIT: Readonly<Record<string, number>> = { D: 1 / 365.25, W: 7 / 365.25, M: 1 / 12, Y: 1 };
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * The subgroups of an evaluation set: first the whole set, then each family in the protocol's order. A missing
 * attribute is its own group `unknown`; groups that a definition promises and nobody is in are kept, empty.
 * @param columns the text columns of the whole table
 * @param rows the table's rows that make up the evaluation set, in its order; members are indices into it
 * @throws StepwedgeError for cells that are no number where bins are asked for, unknown families, and too many groups
 */
export function buildSubgroups(
  definitions: Readonly<Record<string, SubgroupDefinition>>,
  columns: ReadonlyMap<string, readonly string[]>,
  rows: Uint32Array,
  rowName: RowName,
): Subgroup[] {
  const plain = new Map<string, Family>();
  for (const [name, definition] of Object.entries(definitions)) {
    if ("column" in definition) plain.set(name, columnFamily(name, definition, columns, rows, rowName));
  }
  const everybody: Subgroup = { family: null, values: {}, members: Uint32Array.from(rows, (_, index) => index) };
  const divided = Object.entries(definitions).flatMap(([name, definition]) => {
    const family = plain.get(name);
    const parts = "cross" in definition ? crossedFamilies(name, definition.cross, plain) : family ? [family] : [];
    return groupsOf(name, parts, rows.length);
  });
  return [everybody, ...divided];
}

function columnFamily(
  name: string,
  definition: Extract<SubgroupDefinition, { column: string }>,
  columns: ReadonlyMap<string, readonly string[]>,
  rows: Uint32Array,
  rowName: RowName,
): Family {
  const cells = columns.get(definition.column);
  if (cells === undefined) {
    throw new StepwedgeError(`there is no column ${JSON.stringify(definition.column)}`, {
      where: `subgroups.${name}.column`,
      remedy: `${suggest(definition.column, [...columns.keys()])}Columns: ${[...columns.keys()].join(", ")}.`,
    });
  }
  const { bins } = definition;
  const groupOfCell =
    bins === undefined
      ? (cell: string): string => cell
      : binner(checkBins(bins, name), (cell, row) => readNumber(cell, rowName(row), definition.column));
  // A column repeats few texts over many rows: each is read once.
  const read = new Map<string, string>();
  const groups = Array.from(rows, (row) => {
    const cell = (cells[row] ?? "").trim();
    let group = read.get(cell);
    if (group === undefined) {
      group = UNKNOWN_WORDS.has(cell.toLowerCase()) ? UNKNOWN : groupOfCell(cell, row);
      read.set(cell, group);
    }
    return group;
  });
  const values = orderedValues(new Set(groups), bins === undefined ? (definition.values ?? []) : binLabels(bins), bins);
  const codeOf = new Map(values.map((value, code) => [value, code]));
  return { name, values, codes: Int32Array.from(groups, (group) => codeOf.get(group) ?? 0) };
}

/** Promised groups first, in their order; then what else was found, sorted; `unknown` last. */
function orderedValues(
  found: ReadonlySet<string>,
  promised: readonly string[],
  bins: readonly number[] | undefined,
): readonly string[] {
  const below = bins === undefined ? [] : [belowLabel(bins)].filter((label) => found.has(label));
  const leading = [...below, ...promised.filter((value) => value !== UNKNOWN)];
  const others = [...found].filter((value) => value !== UNKNOWN && !leading.includes(value)).sort();
  const unknown = found.has(UNKNOWN) || promised.includes(UNKNOWN) ? [UNKNOWN] : [];
  return [...new Set([...leading, ...others, ...unknown])];
}

function checkBins(bins: readonly number[], name: string): readonly number[] {
  const ascending = bins.every(
    (edge, index) => Number.isFinite(edge) && (index === 0 || edge > (bins[index - 1] ?? edge)),
  );
  if (bins.length < 2 || !ascending) {
    throw new StepwedgeError(`bins must be at least two ascending numbers; received ${received(bins)}`, {
      where: `subgroups.${name}.bins`,
      remedy: "Give the edges from the lowest to the highest, such as [0, 18, 40, 60, 80, 120].",
    });
  }
  return bins;
}

function binLabels(bins: readonly number[]): readonly string[] {
  return bins.slice(1).map((upper, index) => `${bins[index]}-${upper}`);
}

function belowLabel(bins: readonly number[]): string {
  return `<${bins[0]}`;
}

/** Left-closed, right-open bins, the last one closed; numbers beyond the edges get groups of their own. */
function binner(
  bins: readonly number[],
  numberOf: (cell: string, row: number) => number,
): (cell: string, row: number) => string {
  const labels = binLabels(bins);
  const last = bins.at(-1) ?? 0;
  return (cell, row) => {
    const value = numberOf(cell, row);
    if (value > last) return `>${last}`;
    if (value === last) return labels.at(-1) ?? UNKNOWN;
    const bin = bins.findIndex((edge) => value < edge) - 1;
    return labels[bin] ?? belowLabel(bins);
  };
}

function readNumber(cell: string, where: string, column: string): number {
  if (NUMBER.test(cell)) return Number(cell);
  const [, digits, unit = ""] = DICOM_AGE.exec(cell) ?? [];
  const years = YEARS_PER_UNIT[unit];
  if (digits !== undefined && years !== undefined) return Number(digits) * years;
  throw new StepwedgeError(
    `column ${JSON.stringify(column)} is divided into bins, but the cell is no number: ${received(cell)}`,
    {
      where,
      remedy: "Give a number or a DICOM age such as 058Y; leave the cell empty where it is unknown.",
    },
  );
}

function crossedFamilies(
  name: string,
  cross: readonly string[],
  plain: ReadonlyMap<string, Family>,
): readonly Family[] {
  const where = `subgroups.${name}.cross`;
  if (cross.length < 2 || new Set(cross).size < cross.length) {
    throw new StepwedgeError(`a crossing needs at least two different subgroupings; received ${received(cross)}`, {
      where,
      remedy: "Name two or more of the other subgroupings, each once.",
    });
  }
  return cross.map((part) => {
    const family = plain.get(part);
    if (family === undefined) {
      const known = [...plain.keys()];
      throw new StepwedgeError(`there is no subgrouping ${JSON.stringify(part)} to cross`, {
        where,
        remedy: `${suggest(part, known)}Those by a column: ${known.join(", ")}.`,
      });
    }
    return family;
  });
}

/** All combinations of the families' groups, the last family changing fastest, with their members. */
function groupsOf(name: string, families: readonly Family[], count: number): Subgroup[] {
  const size = families.reduce((product, family) => product * family.values.length, 1);
  if (size > MOST_GROUPS) {
    throw new StepwedgeError(`${size} groups are more than ${MOST_GROUPS}`, {
      where: `subgroups.${name}`,
      remedy: "Divide by a column with fewer values, use bins, or cross fewer subgroupings.",
    });
  }
  const codes = new Int32Array(count);
  for (const family of families) {
    for (let sample = 0; sample < count; sample++) {
      codes[sample] = (codes[sample] ?? 0) * family.values.length + (family.codes[sample] ?? 0);
    }
  }
  const sizes = new Uint32Array(size);
  for (const code of codes) sizes[code] = (sizes[code] ?? 0) + 1;
  const members = Array.from(sizes, (length) => new Uint32Array(length));
  const filled = new Uint32Array(size);
  for (let sample = 0; sample < count; sample++) {
    const code = codes[sample] ?? 0;
    const at = filled[code] ?? 0;
    const group = members[code];
    if (group !== undefined) group[at] = sample;
    filled[code] = at + 1;
  }
  return members.map((group, code) => ({ family: name, values: valuesOf(families, code), members: group }));
}

function valuesOf(families: readonly Family[], code: number): SubgroupValues {
  const entries: [string, string][] = [];
  let rest = code;
  for (const family of families.toReversed()) {
    entries.unshift([family.name, family.values[rest % family.values.length] ?? UNKNOWN]);
    rest = Math.floor(rest / family.values.length);
  }
  return Object.fromEntries(entries);
}
