import type { Study, Subgroup } from "../core/audit.js";
import type { Condition } from "../core/condition.js";
import type { Explorer, ExplorerClass, ExplorerTable, ThresholdCounts } from "../core/explorer.js";
import type { LabelledScores } from "../stats/auc.js";
import { familiesOf, isWithheld, labelledCell, type ScoredCell, scoredCell, withScores } from "../stats/cell.js";
import { takeShorts } from "../stats/take.js";
import { firstCalls, type OwnCounts, sharedCounts, thresholdCounts, thresholdGrid } from "../stats/threshold-counts.js";
import { unequalWeights } from "../stats/weights.js";

/** As many thresholds as a slider can tell apart. */
const MOST_THRESHOLDS = 200;
/** As many counts as keep the file at some megabytes. */
const MOST_COUNTS = 1_500_000;

export interface ExplorerOptions {
  readonly protocolSha256: string;
  readonly level: number;
  /** `privacy.minimumCell`: at least so many samples lie between two thresholds, and so many patients behind each sum. */
  readonly minimumCell: number;
  /** The reference group of a family as the audit of fairness is given it, such as `{ sex: F }`. */
  readonly references: Readonly<Record<string, string>>;
}

/** A class's counts under the clean condition, and how many numbers they are: what tells how many conditions the file has room for. */
export interface ClassCounts {
  readonly class: string;
  readonly thresholds: readonly number[];
  readonly points: ExplorerClass["points"];
  readonly clean: ExplorerTable;
  readonly counts: number;
}

/**
 * Counts a class's decisions under the clean condition, for `explorerOf`; null where there is nothing to count. On its own, since it
 * costs least beside the audits of the class, which make of its samples what this needs.
 */
export function countClass(study: Study, className: string, options: ExplorerOptions): ClassCounts | null {
  if (whyNone(study) !== null) return null;
  return new ClassExplorer(study, className, options).clean();
}

function whyNone(study: Study): string | null {
  if (study.operatingPoints.length === 0) return "the protocol has no operating points";
  if (unequalWeights(study) !== null) return "samples differ in weight: counts do not tell their shares";
  return null;
}

/**
 * Counts of decisions over a grid of thresholds for each class, group and condition: clean first, then as many conditions, in
 * the protocol's order, as the file has room for. Groups that small-cell suppression withholds have none: whatever adds up
 * over groups cannot be told from those shown, since the same relations hold for calls as for members.
 * @param study without what is withheld (`withholdSmallCells`)
 * @param known what `countClass` gave for the classes, where that was done already
 */
export function explorerOf(
  study: Study,
  options: ExplorerOptions,
  known?: ReadonlyMap<string, ClassCounts | null>,
): Explorer {
  const { level, protocolSha256 } = options;
  const groups = study.subgroups.map(({ family, values }) => ({ family, subgroup: values }));
  const common = { schemaVersion: "1.0" as const, protocolSha256, level, groups };
  const none = (reason: string): Explorer => ({ ...common, classes: [], omitted: [], reason });
  const refused = whyNone(study);
  if (refused !== null) return none(refused);
  const begun = study.classes.flatMap((name) => {
    const counted = known?.get(name);
    return (counted === undefined ? countClass(study, name, options) : counted) ?? [];
  });
  if (begun.length === 0) return none("no class has a scored sample and a threshold");
  const size = begun.reduce((sum, { counts }) => sum + counts, 0);
  const kept = Math.max(1, Math.min(study.conditions.length, Math.floor(MOST_COUNTS / Math.max(1, size))));
  return {
    ...common,
    classes: begun.map(({ clean, counts, ...of }) => {
      const further = study.conditions.slice(1, kept);
      const explorer = further.length === 0 ? null : new ClassExplorer(study, of.class, options);
      return { ...of, tables: [clean, ...further.flatMap((condition) => explorer?.table(condition) ?? [])] };
    }),
    omitted: study.conditions.slice(kept),
    reason: null,
  };
}

class ClassExplorer {
  readonly #thresholds: Float64Array;
  readonly #points: ExplorerClass["points"];
  readonly #hasScores: boolean;

  constructor(
    private readonly study: Study,
    private readonly className: string,
    private readonly options: ExplorerOptions,
  ) {
    const points = study.operatingPoints.flatMap(({ id, class: of, threshold }) =>
      of === className && threshold !== null && Number.isFinite(threshold) ? [{ id, threshold }] : [],
    );
    const [everybody, clean] = [study.subgroups[0], study.conditions[0]];
    const scores = everybody === undefined || clean === undefined ? null : this.#data(everybody, clean).scores;
    const given = points.map(({ threshold }) => threshold);
    const limits = { most: MOST_THRESHOLDS, least: Math.max(1, options.minimumCell) };
    const grid = thresholdGrid(scores ?? new Float64Array(0), given, limits);
    this.#hasScores = scores !== null && scores.length > 0 && grid.thresholds.length > 0;
    this.#thresholds = grid.thresholds;
    this.#points = points.map(({ id }, index) => ({ id, place: grid.places[index] as number }));
  }

  clean(): ClassCounts | null {
    const [clean] = this.study.conditions;
    if (!this.#hasScores || clean === undefined) return null;
    const table = this.table(clean);
    const lists = table.groups.reduce((sum, group) => sum + (group === null ? 0 : listsOf(group)), 0);
    return {
      class: this.className,
      thresholds: [...this.#thresholds],
      points: this.#points,
      clean: table,
      counts: lists * this.#thresholds.length,
    };
  }

  #cell(subgroup: Subgroup, condition: Condition): ScoredCell {
    const { study, className } = this;
    return scoredCell(labelledCell(study, subgroup, className), [study.scores(condition, className)]);
  }

  #data(subgroup: Subgroup, condition: Condition): LabelledScores {
    return withScores(this.#cell(subgroup, condition), 0);
  }

  table(condition: Condition): ExplorerTable {
    const { subgroups } = this.study;
    const minimum = this.options.minimumCell;
    const ofEverybody = this.#firstsByRow(condition);
    const firsts = subgroups.map((group) => takeShorts(ofEverybody, this.#cell(group, condition).rows));
    const made = subgroups.map((group, place): OwnCounts | null =>
      isWithheld(group, this.className)
        ? null
        : thresholdCounts(this.#data(group, condition), this.#thresholds, minimum, firsts[place]),
    );
    const references = this.#references(made);
    return {
      condition,
      groups: made.map((counts, place) => {
        const group = subgroups[place] as Subgroup;
        const reference = group.family === null ? undefined : references.get(group.family);
        if (counts === null) return null;
        if (reference === undefined || reference === place) return { ...counts, reference: null };
        const other = this.#data(subgroups[reference] as Subgroup, condition);
        const both = { own: firsts[place] as Uint16Array, other: firsts[reference] as Uint16Array };
        const shared = this.study.clustered
          ? sharedCounts(this.#data(group, condition), other, this.#thresholds, minimum, both)
          : null;
        return { ...counts, reference: { group: reference, shared } };
      }),
    };
  }

  /** By sample: the first threshold at which it is called positive. The whole set holds every sample of every group. */
  #firstsByRow(condition: Condition): Uint16Array {
    const [everybody] = this.study.subgroups;
    const byRow = new Uint16Array(this.study.count);
    if (everybody === undefined) return byRow;
    const { rows } = this.#cell(everybody, condition);
    const firsts = firstCalls(this.#data(everybody, condition).scores, this.#thresholds);
    for (let i = 0; i < rows.length; i++) byRow[rows[i] as number] = firsts[i] as number;
    return byRow;
  }

  /** By family: the group that the protocol names, else the first of the largest with samples of both labels. */
  #references(made: readonly (OwnCounts | null)[]): ReadonlyMap<string, number> {
    const { subgroups } = this.study;
    const chosen = new Map<string, number>();
    for (const [family, members] of familiesOf(this.study)) {
      const wanted = this.options.references[family];
      let best: { readonly place: number; readonly n: number } | undefined;
      for (const member of members) {
        const place = subgroups.indexOf(member);
        const counts = made[place];
        if (counts === null || counts === undefined || counts.positives === 0 || counts.negatives === 0) continue;
        if (wanted !== undefined && Object.values(member.values).join(",") !== wanted) continue;
        const n = counts.positives + counts.negatives;
        if (best === undefined || n > best.n) best = { place, n };
      }
      if (best !== undefined) chosen.set(family, best.place);
    }
    return chosen;
  }
}

function listsOf({ clustered, reference }: ThresholdCounts): number {
  const shared = reference?.shared ?? null;
  return (
    2 + (clustered === null || clustered === "withheld" ? 0 : 9) + (shared === null || shared === "withheld" ? 0 : 6)
  );
}

/** `explorer.json` as text: every group's counts on a line of their own. */
export function explorerText(explorer: Explorer): string {
  const { classes, ...rest } = explorer;
  const head = Object.entries(rest).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  const body = classes.map(({ tables, ...of }) => {
    const text = tables.map(({ condition, groups }) => {
      const lines = groups.map((group) => `      ${JSON.stringify(group)}`).join(",\n");
      return `    { "condition": ${JSON.stringify(condition)}, "groups": [\n${lines}\n    ] }`;
    });
    return `  ${JSON.stringify(of).slice(0, -1)}, "tables": [\n${text.join(",\n")}\n  ] }`;
  });
  return `{\n${head.join(",\n")},\n  "classes": [\n${body.join(",\n")}\n  ]\n}\n`;
}

/** The reference groups that the protocol's audit of fairness names. */
export function referencesOf(
  audits: readonly { readonly id: string; readonly reference?: unknown }[],
): Readonly<Record<string, string>> {
  const given = audits.find(({ id }) => id === "fairness")?.reference;
  if (typeof given !== "object" || given === null) return {};
  return Object.fromEntries(Object.entries(given).map(([family, value]) => [family, String(value)]));
}
