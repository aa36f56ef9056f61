import type { Study, Subgroup } from "../core/audit.js";
import type { Condition } from "../core/condition.js";
import type { Explorer, ExplorerClass, ExplorerTable, ThresholdCounts } from "../core/explorer.js";
import { familiesOf, isWithheld, labelledCell, scoredCell, withScores } from "../stats/cell.js";
import { type OwnCounts, sharedCounts, thresholdCounts, thresholdGrid } from "../stats/threshold-counts.js";
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

/**
 * Counts of decisions over a grid of thresholds for each class, group and condition: clean first, then as many conditions, in
 * the protocol's order, as the file has room for. Groups that small-cell suppression withholds have none: whatever adds up
 * over groups cannot be told from those shown, since the same relations hold for calls as for members.
 * @param study without what is withheld (`withholdSmallCells`)
 */
export function explorerOf(study: Study, options: ExplorerOptions): Explorer {
  const { level, protocolSha256 } = options;
  const groups = study.subgroups.map(({ family, values }) => ({ family, subgroup: values }));
  const common = { schemaVersion: "1.0" as const, protocolSha256, level, groups };
  const none = (reason: string): Explorer => ({ ...common, classes: [], omitted: [], reason });
  if (study.operatingPoints.length === 0) return none("the protocol has no operating points");
  if (unequalWeights(study) !== null) return none("samples differ in weight: counts do not tell their shares");
  const begun = study.classes.flatMap((name) => new ClassExplorer(study, name, options).begun());
  if (begun.length === 0) return none("no class has a scored sample and a threshold");
  const size = begun.reduce((sum, { counts }) => sum + counts, 0);
  const kept = Math.max(1, Math.min(study.conditions.length, Math.floor(MOST_COUNTS / Math.max(1, size))));
  return {
    ...common,
    classes: begun.map(({ explorer, clean }) => explorer.finished(clean, study.conditions.slice(1, kept))),
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

  /** The class with its clean table and how many counts that holds; nothing where there is nothing to count. */
  begun(): { readonly explorer: ClassExplorer; readonly clean: ExplorerTable; readonly counts: number }[] {
    const [clean] = this.study.conditions;
    if (!this.#hasScores || clean === undefined) return [];
    const table = this.#table(clean);
    const lists = table.groups.reduce((sum, group) => sum + (group === null ? 0 : listsOf(group)), 0);
    return [{ explorer: this, clean: table, counts: lists * this.#thresholds.length }];
  }

  finished(clean: ExplorerTable, further: readonly Condition[]): ExplorerClass {
    return {
      class: this.className,
      thresholds: [...this.#thresholds],
      points: this.#points,
      tables: [clean, ...further.map((condition) => this.#table(condition))],
    };
  }

  #data(subgroup: Subgroup, condition: Condition) {
    const { study, className } = this;
    return withScores(scoredCell(labelledCell(study, subgroup, className), [study.scores(condition, className)]), 0);
  }

  #table(condition: Condition): ExplorerTable {
    const { subgroups } = this.study;
    const made = subgroups.map((group): OwnCounts | null =>
      isWithheld(group, this.className)
        ? null
        : thresholdCounts(this.#data(group, condition), this.#thresholds, this.options.minimumCell),
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
        const shared = this.study.clustered
          ? sharedCounts(this.#data(group, condition), other, this.#thresholds, this.options.minimumCell)
          : null;
        return { ...counts, reference: { group: reference, shared } };
      }),
    };
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
