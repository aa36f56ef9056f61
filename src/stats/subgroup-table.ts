import type { Study, Subgroup } from "../core/audit.js";
import type { Condition } from "../core/condition.js";
import { type FindingStatus, type Interval, subgroupKey } from "../core/finding.js";
import type { LabelledScores } from "./auc.js";
import {
  type Counts,
  combinedCounts,
  familiesOf,
  labelledCell,
  type ScoredCell,
  scoredCell,
  withScores,
} from "./cell.js";
import { type Estimate, intervalOf, type Result } from "./estimate.js";
import { maxMinGap } from "./gap.js";
import { ratioOfEstimates } from "./ratio.js";

/**
 * One table to rule them: metrics × subgroups × conditions, with what Fairlearn's MetricFrame gives of them (overall, by
 * group, difference, ratio, minimum, maximum), each with an interval that is clustered by patient, counts and a status.
 *
 * H. Weerts et al., Fairlearn: Assessing and improving fairness of AI systems, JMLR 24 (2023) 257.
 */
export interface TableMetric<E extends Estimate = Estimate> {
  /** What a row is called, such as "sensitivity". */
  readonly name: string;
  readonly estimate: (data: LabelledScores) => Result<E>;
  /** The difference of two samples' estimates, whatever patients they share. */
  readonly difference: (a: E, b: E) => Estimate;
}

/** One number of the table. */
export interface TableCell {
  readonly status: FindingStatus;
  readonly estimate: number | null;
  readonly interval: Interval | null;
  readonly counts: Counts;
  /** Why there is no number, or which groups it says nothing of; null where there is nothing to say. */
  readonly reason: string | null;
}

/** What a summary is about: between any two groups, or between each group and everybody. */
export type Between = "groups" | "overall";

export interface TableRow {
  readonly metric: string;
  readonly class: string;
  readonly family: string;
  readonly condition: Condition;
  /** The whole evaluation set. */
  readonly overall: TableCell;
  /** By the group's key, such as `sex=F`; groups without members or without an estimate are there, with a reason. */
  readonly byGroup: ReadonlyMap<string, TableCell>;
  /**
   * Between groups: largest minus smallest. To overall: the largest distance of a group from everybody. Both intervals are
   * simultaneous (Bonferroni over the pairs, or over the groups).
   */
  readonly difference: Readonly<Record<Between, TableCell>>;
  /**
   * Between groups: smallest over largest. To overall: the smallest of group over everybody and everybody over group. At most
   * 1; intervals as for the difference. Only for metrics that are never negative.
   */
  readonly ratio: Readonly<Record<Between, TableCell>>;
  /** The smallest and the largest value; limits are Bonferroni's over the groups. */
  readonly min: TableCell;
  readonly max: TableCell;
}

export interface SubgroupTableOptions {
  readonly metrics: readonly TableMetric[];
  /** Default: all of the study. */
  readonly classes?: readonly string[];
  readonly families?: readonly string[];
  readonly conditions?: readonly Condition[];
  /** Nominal coverage of every interval; default 0.95. */
  readonly level?: number;
}

/** The table's rows, one for every metric, class, family and condition. Pure: the same study gives the same rows. */
export function subgroupTable(study: Study, options: SubgroupTableOptions): TableRow[] {
  const { metrics, classes = study.classes, conditions = study.conditions, level = 0.95 } = options;
  const families = [...familiesOf(study)].filter(([name]) => options.families?.includes(name) ?? true);
  const [whole] = study.subgroups;
  if (whole === undefined) return [];
  return classes.flatMap((className) =>
    families.flatMap(([family, subgroups]) =>
      conditions.flatMap((condition) => {
        const column = study.scores(condition, className);
        const cellOf = (subgroup: Subgroup) => scoredCell(labelledCell(study, subgroup, className), [column]);
        const everybody = cellOf(whole);
        const groups = subgroups.map((subgroup) => ({ key: subgroupKey(subgroup.values), cell: cellOf(subgroup) }));
        return metrics.map((metric) => ({
          metric: metric.name,
          class: className,
          family,
          condition,
          ...rowOf(metric, everybody, groups, level),
        }));
      }),
    ),
  );
}

interface Group {
  readonly key: string;
  readonly cell: ScoredCell;
}

/** A group's estimate, and the samples behind it. */
export interface Estimated {
  readonly cell: ScoredCell;
  readonly estimate: Estimate;
}

function rowOf(metric: TableMetric, everybody: ScoredCell, groups: readonly Group[], level: number) {
  const whole = metric.estimate(withScores(everybody, 0));
  const results = groups.map((group) => ({ ...group, result: metric.estimate(withScores(group.cell, 0)) }));
  const compared = results.flatMap(({ cell, result }): Estimated[] =>
    result.status === "estimated" ? [{ cell, estimate: result }] : [],
  );
  const left = results.flatMap(({ key, result }) =>
    result.status === "estimated" ? [] : [`${key} (${result.reason})`],
  );
  const leftOut = left.length === 0 ? null : `left out: ${left.join("; ")}`;
  const summary = (needed: number, make: () => { estimate: number; interval: Interval } | string): TableCell => {
    const counts = combinedCounts(compared.map(({ cell }) => cell));
    const made = compared.length < needed ? `${compared.length} of ${groups.length} groups have an estimate` : make();
    return typeof made === "string"
      ? { ...NOTHING, counts, reason: [made, leftOut].filter((part) => part !== null).join("; ") }
      : { status: "measured", ...made, counts, reason: leftOut };
  };
  const estimates = compared.map(({ estimate }) => estimate);
  const toOverall = <T>(make: (whole: Estimate) => T): T | string =>
    whole.status === "estimated" ? make(whole) : `everybody: ${whole.reason}`;
  return {
    overall: cellOf(whole, everybody, level),
    byGroup: new Map(results.map(({ key, cell, result }) => [key, cellOf(result, cell, level)])),
    difference: {
      groups: summary(2, () => {
        const { value, interval } = maxMinGap(estimates, level, metric.difference);
        return { estimate: value, interval };
      }),
      overall: summary(1, () =>
        toOverall((all) =>
          largest(
            estimates.map((estimate) => absolute(metric.difference(estimate, all))),
            level,
          ),
        ),
      ),
    },
    ratio: {
      groups: summary(2, () => minMaxRatio(compared, level)),
      overall: summary(1, () =>
        toOverall((all) => {
          const of: Estimated = { cell: everybody, estimate: all };
          return smallestRatio(
            compared.flatMap((group): [Estimated, Estimated][] => [
              [group, of],
              [of, group],
            ]),
            level,
            compared.length,
          );
        }),
      ),
    },
    min: summary(1, () => extreme(estimates, level, Math.min)),
    max: summary(1, () => extreme(estimates, level, Math.max)),
  };
}

const NOTHING = { status: "not-estimable", estimate: null, interval: null } as const;

function cellOf(result: Result, { counts }: ScoredCell, level: number): TableCell {
  return result.status === "estimated"
    ? { status: "measured", estimate: result.value, interval: intervalOf(result, level), counts, reason: null }
    : { ...NOTHING, counts, reason: result.reason };
}

/** The limits of an absolute difference at a level, and its value. */
interface Distance {
  readonly value: number;
  at(level: number): Interval;
}

function absolute(difference: Estimate): Distance {
  return {
    value: Math.abs(difference.value),
    at(level) {
      const { lower, upper, ...rest } = intervalOf(difference, level);
      return { ...rest, lower: Math.max(0, lower, -upper), upper: Math.max(upper, -lower) };
    },
  };
}

/** The largest of several distances, all limits at Bonferroni's level. */
function largest(distances: readonly Distance[], level: number) {
  const intervals = distances.map((distance) => distance.at(1 - (1 - level) / distances.length));
  const most = (values: readonly number[]) => values.reduce((kept, value) => Math.max(kept, value), 0);
  return {
    estimate: most(distances.map(({ value }) => value)),
    interval: {
      lower: most(intervals.map(({ lower }) => lower)),
      upper: most(intervals.map(({ upper }) => upper)),
      level,
      method: bonferroni(intervals),
    },
  };
}

/**
 * The smallest value over the largest, as Fairlearn's ratio between groups. Every ordered pair of groups has a ratio, all at
 * Bonferroni's level over the pairs; the smallest of their limits either way are this ratio's. A sentence where all values
 * are 0.
 * @param groups at least two
 */
export function minMaxRatio(groups: readonly Estimated[], level: number) {
  return smallestRatio(orderedPairs(groups), level);
}

function orderedPairs(groups: readonly Estimated[]): [Estimated, Estimated][] {
  return groups.flatMap((a, i) => groups.flatMap((b, j): [Estimated, Estimated][] => (i === j ? [] : [[a, b]])));
}

/** The smallest of several ratios, all limits at Bonferroni's level over so many comparisons. Ratios by 0 say nothing. */
function smallestRatio(pairs: readonly [Estimated, Estimated][], level: number, comparisons = pairs.length / 2) {
  const ratios = pairs.flatMap(([a, b]) => {
    const counts = { n: a.cell.counts.n + b.cell.counts.n, patients: a.cell.counts.patients + b.cell.counts.patients };
    const ratio = ratioOfEstimates(a.estimate, b.estimate, { of: "a", to: "b" }, counts);
    return ratio.status === "estimated" ? [ratio] : [];
  });
  if (ratios.length === 0) return "all values are 0: nothing can be divided by them";
  const intervals = ratios.map((ratio) => intervalOf(ratio, 1 - (1 - level) / Math.max(1, comparisons)));
  const least = (values: readonly number[]) => values.reduce((kept, value) => Math.min(kept, value), 1);
  return {
    estimate: least(ratios.map(({ value }) => value)),
    interval: {
      lower: least(intervals.map(({ lower }) => lower)),
      upper: least(intervals.map(({ upper }) => upper)),
      level,
      method: bonferroni(intervals),
    },
  };
}

/** The smallest or largest of the groups' values with the smallest or largest limits at Bonferroni's level. */
function extreme(estimates: readonly Estimate[], level: number, pick: (...values: number[]) => number) {
  const intervals = estimates.map((estimate) => intervalOf(estimate, 1 - (1 - level) / estimates.length));
  return {
    estimate: pick(...estimates.map(({ value }) => value)),
    interval: {
      lower: pick(...intervals.map(({ lower }) => lower)),
      upper: pick(...intervals.map(({ upper }) => upper)),
      level,
      method: bonferroni(intervals),
    },
  };
}

function bonferroni(intervals: readonly Interval[]): string {
  const method = intervals[0]?.method ?? "";
  return intervals.length === 1 ? method : `bonferroni-${method}`;
}
