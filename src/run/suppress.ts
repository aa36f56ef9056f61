import type { Study, Subgroup } from "../core/audit.js";
import { type Finding, type SubgroupValues, subgroupKey } from "../core/finding.js";
import { isWithheld } from "../stats/cell.js";
import { type Partition, type ProtectedCount, relationsAmong, smallCells } from "../stats/small-cells.js";

/** The protocol's `privacy` block. */
export interface Privacy {
  /** Fewer patients than this are a small cell; 0 and 1 hide nothing. */
  readonly minimumCell: number;
  /** Whether the positive and the negative patients of each class count as cells, too. */
  readonly labelCells: boolean;
}

/**
 * The study without what small groups would tell of single patients. Withheld are groups of 1 to minimum − 1 patients; in
 * larger groups the classes of which 1 to minimum − 1 patients are positive or negative; and whatever else would let
 * these counts be computed (src/stats/small-cells.ts). Audits never see them, so no gap, difference or detail can tell
 * them. The whole evaluation set is never withheld.
 */
export function withholdSmallCells(study: Study, privacy: Privacy): Study {
  if (privacy.minimumCell <= 1) return study;
  const { tuning } = study;
  const table: Cells = {
    ...study,
    unscored: (name) => unscoredRows(study, name),
    scoredByOthers: (name) => rowsInCommon(study, name),
  };
  const withheld = { ...study, subgroups: withheldIn(table, privacy) };
  if (tuning.subgroups === undefined) return withheld;
  const tuningTable: Cells = {
    ...tuning,
    task: study.task,
    classes: study.classes,
    subgroups: tuning.subgroups,
    patientCount: tuning.patients.reduce((most, code) => Math.max(most, code + 1), 0),
    unscored: () => new Uint8Array(tuning.count),
    scoredByOthers: () => [],
  };
  return { ...withheld, tuning: { ...tuning, subgroups: withheldIn(tuningTable, privacy) } };
}

/** What decides about small cells of a split. */
interface Cells
  extends Pick<Study, "count" | "task" | "classes" | "subgroups" | "patients" | "patientCount" | "labels"> {
  /** 1 for samples that lack the score of a class under some condition: some findings leave them out. */
  unscored(className: string): Uint8Array;
  /** For each other model that lacks scores of some samples: 1 for those that it has scored. Comparisons rest on them. */
  scoredByOthers(className: string): readonly Uint8Array[];
}

function withheldIn(cells: Cells, privacy: Privacy): readonly Subgroup[] {
  if (cells.subgroups.length < 2) return cells.subgroups;
  const { groups, classes } = smallCellsOf(cells, privacy);
  return cells.subgroups.map((subgroup, index): Subgroup => {
    const hidden = new Set(cells.classes.filter((name) => classes.get(name)?.[index] === 1));
    const members = groups[index] === 1;
    if (!members && hidden.size === 0) return subgroup;
    const withheld = { members, classes: members ? new Set(cells.classes) : hidden };
    return { ...subgroup, withheld, ...(members ? { members: new Uint32Array(0) } : {}) };
  });
}

/** Which groups are hidden altogether, and which for each class: 1 or 0 by subgroup. */
function smallCellsOf(study: Cells, { labelCells, minimumCell }: Privacy) {
  const { subgroups } = study;
  const relations = relationsAmong(partitionsOf(study), subgroups.length);
  const fixed = Uint8Array.from(subgroups, ({ members }) => (members.length === study.count ? 1 : 0));
  const counter = new PatientCounter(study);
  const sizes = counter.byGroup(new Uint8Array(study.count).fill(1), 1);
  const shared = { relations, fixed, minimum: minimumCell };
  const none = new Uint8Array(subgroups.length);
  const groups = smallCells({ ...shared, counts: [{ least: sizes, most: sizes }], hidden: none });
  const classes = new Map<string, Uint8Array>();
  for (const tied of labelCells ? tiedClasses(study) : []) {
    const counts = tied.flatMap((name) => [
      ...labelCounts(study, name, counter, null),
      ...study.scoredByOthers(name).flatMap((common) => labelCounts(study, name, counter, common)),
    ]);
    const hidden = smallCells({ ...shared, counts, hidden: groups });
    for (const name of tied) classes.set(name, hidden);
  }
  return { groups, classes };
}

/** The whole set, then one partition of the samples per family. */
function partitionsOf({ count, subgroups }: Cells): Partition[] {
  const partitions: Partition[] = [];
  let family: string | null | undefined;
  subgroups.forEach((subgroup, index) => {
    if (subgroup.family !== family) {
      family = subgroup.family;
      const size = subgroups.filter((other) => other.family === family).length;
      partitions.push({ first: index, size, codes: new Int32Array(count) });
    }
    const { codes, first } = partitions.at(-1) as Partition;
    for (const row of subgroup.members) codes[row] = index - first;
  });
  return partitions;
}

const POSITIVE = 1;
const NEGATIVE = 2;
/** Beside either: the sample has a score of the class under every condition; some findings rest on these alone. */
const SCORED_POSITIVE = 4;
const SCORED_NEGATIVE = 8;

/**
 * Patients with a positive, and with a negative, sample of a class in each group.
 * @param among 1 for the samples that count; null for all
 */
function labelCounts(
  study: Cells,
  className: string,
  counter: PatientCounter,
  among: Uint8Array | null,
): ProtectedCount[] {
  const labels = study.labels(className);
  const unscored = study.unscored(className);
  const kinds = new Uint8Array(study.count);
  for (let row = 0; row < study.count; row++) {
    if (among !== null && among[row] === 0) continue;
    if (labels[row] === 1) kinds[row] = unscored[row] === 1 ? POSITIVE : POSITIVE | SCORED_POSITIVE;
    if (labels[row] === 0) kinds[row] = unscored[row] === 1 ? NEGATIVE : NEGATIVE | SCORED_NEGATIVE;
  }
  const allScored = !unscored.includes(1);
  const countsOf = (kind: number, scored: number): ProtectedCount => {
    const most = counter.byGroup(kinds, kind);
    return { most, least: allScored ? most : counter.byGroup(kinds, scored) };
  };
  return [countsOf(POSITIVE, SCORED_POSITIVE), countsOf(NEGATIVE, SCORED_NEGATIVE)];
}

function rowsInCommon(study: Study, className: string): Uint8Array[] {
  return study.comparators.flatMap((comparator) => {
    const scores = comparator.scores(className);
    if (scores === null || !scores.some(Number.isNaN)) return [];
    return [Uint8Array.from(scores, (score) => (Number.isNaN(score) ? 0 : 1))];
  });
}

function unscoredRows(study: Study, className: string): Uint8Array {
  const unscored = new Uint8Array(study.count);
  for (const condition of study.conditions) {
    const scores = study.scores(condition, className);
    for (let row = 0; row < study.count; row++) if (Number.isNaN(scores[row])) unscored[row] = 1;
  }
  return unscored;
}

/** Counts distinct patients group by group, without a set for each count. */
class PatientCounter {
  readonly #lastSeen: Int32Array;
  #pass = 0;

  constructor(private readonly study: Cells) {
    this.#lastSeen = new Int32Array(study.patientCount);
  }

  /** Per subgroup, patients with a sample whose kind has the given bit. */
  byGroup(kinds: Uint8Array, bit: number): Float64Array {
    return Float64Array.from(this.study.subgroups, ({ members }) => this.#count(members, kinds, bit));
  }

  #count(rows: Uint32Array, kinds: Uint8Array, bit: number): number {
    const { patients } = this.study;
    const pass = ++this.#pass;
    let found = 0;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number;
      if (((kinds[row] as number) & bit) === 0) continue;
      const patient = patients[row] as number;
      if (this.#lastSeen[patient] === pass) continue;
      this.#lastSeen[patient] = pass;
      found++;
    }
    return found;
  }
}

/**
 * Classes of which one's counts follow from the others': all of a multiclass task, where the positives of the classes add
 * up; else classes whose labels are equal or opposite throughout. They are hidden together.
 */
function tiedClasses(study: Cells): string[][] {
  if (study.task === "multiclass") return [[...study.classes]];
  const tied: string[][] = [];
  for (const name of study.classes) {
    const kin = tied.find(([first]) => first !== undefined && areTied(study.labels(first), study.labels(name)));
    if (kin === undefined) tied.push([name]);
    else kin.push(name);
  }
  return tied;
}

function areTied(a: Int8Array, b: Int8Array): boolean {
  const equal = a.every((label, row) => label === b[row]);
  return equal || a.every((label, row) => (label === -1 ? b[row] === -1 : b[row] === 1 - label));
}

/**
 * Marks every finding that is about something withheld: it keeps its row, and loses estimate, interval, curve, tests and
 * counts. That it is hidden for its own sake or for another's is not told: it would tell which one is small.
 */
export function suppressSmallCells(findings: readonly Finding[], study: Study, minimum: number): Finding[] {
  const withheld = new Map(
    study.subgroups
      .filter((group) => group.withheld !== undefined)
      .map((group) => [groupName(group.family, group.values), group]),
  );
  if (withheld.size === 0) return [...findings];
  const isHidden = ({ family, subgroup, reference, class: className }: Finding): boolean =>
    [subgroup, ...(reference === undefined ? [] : [reference])].some((values) => {
      const group = withheld.get(groupName(family, values));
      return group !== undefined && isWithheld(group, className);
    });
  return findings.map((finding) => (isHidden(finding) ? hide(finding, minimum) : finding));
}

function groupName(family: string | null, values: SubgroupValues): string {
  return JSON.stringify([family, subgroupKey(values)]);
}

function hide({ curve: _curve, details: _details, tests: _tests, ...finding }: Finding, minimum: number): Finding {
  return {
    ...finding,
    estimate: null,
    interval: null,
    n: 0,
    positives: 0,
    negatives: 0,
    patients: 0,
    status: "suppressed",
    reason: `hidden to protect patients: fewer than ${minimum} are in this group or in a class of it, or such a number could be computed from it (privacy.minimumCell)`,
  };
}
