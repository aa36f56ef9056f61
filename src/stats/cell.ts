import type { Study, Subgroup } from "../core/audit.js";
import { subgroupKey } from "../core/finding.js";
import { type LabelledScores, patientsOf } from "./auc.js";
import { ascendingOrder } from "./order.js";
import { takeCodes, takeDoubles, takeLabels, takeRows } from "./take.js";

/** The samples of a subgroup that are labelled for a class, in patient order, so that sums by patient are one pass. */
export interface Cell {
  /** Sample indices. */
  readonly rows: Uint32Array;
  /** 1 positive, 0 negative, aligned with the rows. */
  readonly labels: Uint8Array;
  readonly patients: Int32Array;
  readonly clustered: boolean;
  /** Aligned with the rows; null where all samples of the study count alike. */
  readonly weights: Float64Array | null;
  /** Members that have no label of the class. */
  readonly unlabelled: number;
}

/** A cell's samples that were scored under every condition in question, with the counts that a finding carries. */
export interface ScoredCell {
  /** Sample indices, in patient order. */
  readonly rows: Uint32Array;
  readonly labels: Uint8Array;
  readonly patients: Int32Array;
  readonly clustered: boolean;
  readonly weights: Float64Array | null;
  /** One column per condition, in the order in which they were asked for; no NaN. */
  readonly scores: readonly Float64Array[];
  readonly counts: Counts;
  /** Labelled samples that lack a score under one of the conditions. */
  readonly unscored: number;
}

export interface Counts {
  readonly n: number;
  readonly positives: number;
  readonly negatives: number;
  readonly patients: number;
}

/** The samples of a subgroup that are labelled for a class; none where the group's class is withheld. */
export function labelledCell(study: Study, subgroup: Subgroup, className: string): Cell {
  // The groups of the study are asked for by every audit; the complements of groups are not kept.
  if (!study.subgroups.includes(subgroup)) return makeCell(study, subgroup, className);
  const cells = cellsOfClass(study, className);
  let cell = cells.get(subgroup);
  if (cell === undefined) {
    cell = makeCell(study, subgroup, className);
    cells.set(subgroup, cell);
  }
  return cell;
}

interface ClassCells {
  readonly className: string;
  readonly cells: Map<Subgroup, Cell>;
}

const cellsOfStudy = new WeakMap<Study, ClassCells>();

/** The cells of the class that was asked for last: those of one class fit into memory, all of them may not. */
function cellsOfClass(study: Study, className: string): Map<Subgroup, Cell> {
  const current = cellsOfStudy.get(study);
  if (current?.className === className) return current.cells;
  const fresh: ClassCells = { className, cells: new Map() };
  cellsOfStudy.set(study, fresh);
  return fresh.cells;
}

function makeCell(study: Study, subgroup: Subgroup, className: string): Cell {
  const labels = study.labels(className);
  const members = isWithheld(subgroup, className) ? NOBODY : subgroup.members;
  const rows = inPatientOrder(labelledRows(members, labels), study.patients);
  return {
    rows,
    labels: takeLabels(labels, rows),
    patients: takeCodes(study.patients, rows),
    clustered: study.clustered,
    weights: study.weights === null ? null : takeDoubles(study.weights, rows),
    unlabelled: members.length - rows.length,
  };
}

const NOBODY = new Uint32Array(0);

/** The study as it may be looked at in a subgroup: without the labels of the classes that are withheld there. */
export function visibleIn(study: Study, subgroup: Subgroup): Study {
  if (subgroup.withheld === undefined) return study;
  const missing = new Int8Array(study.count).fill(-1);
  return { ...study, labels: (name) => (isWithheld(subgroup, name) ? missing : study.labels(name)) };
}

/** Whether small-cell suppression withholds a class in a group, or, with class null, the group as a whole. */
export function isWithheld({ withheld }: Subgroup, className: string | null): boolean {
  return withheld !== undefined && (className === null ? withheld.members : withheld.classes.has(className));
}

function labelledRows(members: Uint32Array, labels: Int8Array): Uint32Array {
  const rows = new Uint32Array(members.length);
  let count = 0;
  for (let i = 0; i < members.length; i++) {
    const row = members[i] as number;
    rows[count] = row;
    if (labels[row] !== -1) count++;
  }
  return rows.subarray(0, count);
}

/** Rows by ascending patient code; samples of a patient stay in their order. */
export function inPatientOrder(rows: Uint32Array, patients: Int32Array): Uint32Array {
  let isOrdered = true;
  for (let i = 1; i < rows.length && isOrdered; i++) {
    isOrdered = (patients[rows[i - 1] as number] as number) <= (patients[rows[i] as number] as number);
  }
  return isOrdered ? rows : takeRows(rows, ascendingOrder(Float64Array.from(takeCodes(patients, rows))));
}

/**
 * Keeps the samples that all columns score.
 * @param columns scores by sample index, NaN where there is none
 */
export function scoredCell(cell: Cell, columns: readonly Float64Array[]): ScoredCell {
  const [only] = columns;
  if (only === undefined || columns.length > 1) return makeScored(cell, columns);
  const last = lastScored.get(cell);
  if (last?.column === only) return last.scored;
  const scored = makeScored(cell, columns);
  lastScored.set(cell, { column: only, scored });
  return scored;
}

/** What a cell was last asked for with one column: most audits ask for the same, one after the other. */
const lastScored = new WeakMap<Cell, { readonly column: Float64Array; readonly scored: ScoredCell }>();

function makeScored(cell: Cell, columns: readonly Float64Array[]): ScoredCell {
  const kept = scoredPositions(cell.rows, columns);
  const isWhole = kept.length === cell.rows.length;
  const rows = isWhole ? cell.rows : takeRows(cell.rows, kept);
  const labels = isWhole ? cell.labels : takeLabels(cell.labels, kept);
  const patients = isWhole ? cell.patients : takeCodes(cell.patients, kept);
  const weights = isWhole || cell.weights === null ? cell.weights : takeDoubles(cell.weights, kept);
  return {
    rows,
    labels,
    patients,
    clustered: cell.clustered,
    weights,
    scores: columns.map((column) => takeDoubles(column, rows)),
    counts: countsOf(labels, patients),
    unscored: cell.rows.length - rows.length,
  };
}

/** Positions of the rows that have a score in every column. */
function scoredPositions(rows: Uint32Array, columns: readonly Float64Array[]): Uint32Array {
  const kept = new Uint32Array(rows.length);
  let count = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    kept[count] = i;
    let scored = 1;
    for (const column of columns) if (Number.isNaN(column[row])) scored = 0;
    count += scored;
  }
  return kept.subarray(0, count);
}

function countsOf(labels: Uint8Array, patients: Int32Array): Counts {
  let positives = 0;
  for (let i = 0; i < labels.length; i++) positives += labels[i] as number;
  return { n: labels.length, positives, negatives: labels.length - positives, patients: patientsOf(patients) };
}

/**
 * Which of a cell's samples are in another one, 1 or 0 by position.
 * @param part of the same study and scored by the same columns, so that both are in one order
 */
export function membershipIn(whole: ScoredCell, part: ScoredCell): Uint8Array {
  const isMember = new Uint8Array(whole.rows.length);
  for (let i = 0, j = 0; i < isMember.length && j < part.rows.length; i++) {
    if (whole.rows[i] !== part.rows[j]) continue;
    isMember[i] = 1;
    j++;
  }
  return isMember;
}

/** Counts over several cells of different samples; a patient in several of them counts once. */
export function combinedCounts(cells: readonly ScoredCell[]): Counts {
  const [first] = cells;
  const remembered = first === undefined ? [] : (combined.get(first) ?? []);
  const known = remembered.find(
    (one) => one.cells.length === cells.length && one.cells.every((c, i) => c === cells[i]),
  );
  if (known !== undefined) return known.counts;
  const sum = (count: (counts: Counts) => number) => cells.reduce((total, cell) => total + count(cell.counts), 0);
  const counts = {
    n: sum((one) => one.n),
    positives: sum((one) => one.positives),
    negatives: sum((one) => one.negatives),
    patients: cells.some((cell) => cell.clustered) ? distinctPatients(cells) : sum((one) => one.patients),
  };
  if (first !== undefined) combined.set(first, [{ cells: [...cells], counts }, ...remembered.slice(0, REMEMBERED)]);
  return counts;
}

interface Combined {
  readonly cells: readonly ScoredCell[];
  readonly counts: Counts;
}

/** What was combined of late, by the first cell: metric after metric is about the same cells. */
const combined = new WeakMap<ScoredCell, readonly Combined[]>();
const REMEMBERED = 8;

function distinctPatients(cells: readonly ScoredCell[]): number {
  const highest = Math.max(0, ...cells.map((cell) => cell.patients.at(-1) ?? 0));
  const seen = new Uint8Array(highest + 1);
  let distinct = 0;
  for (const { patients } of cells) {
    for (let i = 0; i < patients.length; i++) {
      const code = patients[i] as number;
      distinct += 1 - (seen[code] as number);
      seen[code] = 1;
    }
  }
  return distinct;
}

/** The cell with one of its columns as scores. */
export function withScores(cell: ScoredCell, column: number): LabelledScores {
  const made = columnsOf.get(cell) ?? [];
  const before = made[column];
  if (before !== undefined) return before;
  const { labels, patients, clustered, weights } = cell;
  const data = { scores: cell.scores[column] as Float64Array, labels, patients, clustered, weights };
  made[column] = data;
  columnsOf.set(cell, made);
  return data;
}

/** One object for one column, so that what was estimated from it can be found again. */
const columnsOf = new WeakMap<ScoredCell, LabelledScores[]>();

/** Subgroups by their key, each once: two families may define one group, which is then the first one's. */
export function distinctSubgroups(study: Study): Subgroup[] {
  const seen = new Map<string, Subgroup>();
  for (const subgroup of study.subgroups) {
    const key = subgroupKey(subgroup.values);
    if (!seen.has(key)) seen.set(key, subgroup);
  }
  return [...seen.values()];
}

/** The families in the protocol's order, each with its groups. The whole set belongs to none. */
export function familiesOf(study: Study): ReadonlyMap<string, readonly Subgroup[]> {
  const families = new Map<string, Subgroup[]>();
  for (const subgroup of study.subgroups) {
    if (subgroup.family === null) continue;
    const groups = families.get(subgroup.family);
    if (groups === undefined) families.set(subgroup.family, [subgroup]);
    else groups.push(subgroup);
  }
  return families;
}
