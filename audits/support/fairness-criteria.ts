/** Criteria of fairness that join several measures or all groups of a family in one number, as Fairlearn names them. */
import { type Finding, type FindingTest, subgroupKey } from "../../src/core/finding.js";
import { combinedCounts } from "../../src/stats/cell.js";
import { type Estimate, notEstimable } from "../../src/stats/estimate.js";
import { type GroupResult, gapFinding, isEstimated } from "../../src/stats/family-gap.js";
import { findingOf, measured, type Subject } from "../../src/stats/finding.js";
import type { Measure } from "../../src/stats/measures.js";
import { minMaxRatio } from "../../src/stats/subgroup-table.js";

/** One measure of all groups of a family. */
export interface Measured<E extends Estimate> {
  readonly measure: Measure<E>;
  readonly groups: readonly GroupResult<E>[];
}

/** The larger of two gaps, with limits and a test that allow for two: both gaps at the Bonferroni level. */
export function equalizedOddsGap<E extends Estimate>(
  subject: Subject,
  both: readonly [Measured<E>, Measured<E>],
  level: number,
): Finding {
  const [first, second] = both.map(({ measure, groups }) => ({
    name: measure.name,
    gap: gapFinding({ ...subject, metric: `${measure.name}-gap` }, groups, measure, 1 - (1 - level) / 2),
  })) as [NamedGap, NamedGap];
  const failed = [first, second].find(({ gap }) => gap.interval === null);
  if (failed !== undefined) {
    return findingOf(subject, notEstimable(`${failed.name}: ${failed.gap.reason ?? "no gap"}`), basisOf(both), level);
  }
  const worse = (second.gap.estimate ?? 0) > (first.gap.estimate ?? 0) ? second : first;
  const { best = null, worst = null } = worse.gap.details ?? {};
  const limit = (of: "lower" | "upper") => Math.max(first.gap.interval?.[of] ?? 0, second.gap.interval?.[of] ?? 0);
  const method = `bonferroni-of-two-${worse.gap.interval?.method ?? ""}`;
  const tests = smallestOfTwo([first.gap, second.gap].flatMap((gap) => gap.tests?.[0] ?? []));
  const leftOut = leftOutOf(both);
  return measured(
    subject,
    worse.gap.estimate ?? 0,
    { lower: limit("lower"), upper: limit("upper"), level, method },
    basisOf(both),
    {
      details: { rate: worse.name, best, worst, "groups-left-out": leftOut.join(",") },
      reason: reasonOf(leftOut),
      ...(tests.length === 0 ? {} : { tests }),
    },
  );
}

interface NamedGap {
  readonly name: string;
  readonly gap: Finding;
}

/** That neither rate differs: the smaller of two p-values, doubled. With one test alone nothing is said of the other rate. */
function smallestOfTwo(tests: readonly FindingTest[]): FindingTest[] {
  const [first, second] = tests;
  if (first === undefined || second === undefined) return [];
  const smaller = second.p < first.p ? second : first;
  const hypothesis = "no difference between the groups in either rate";
  return [{ ...smaller, method: `bonferroni-${smaller.method}`, hypothesis, p: Math.min(1, 2 * smaller.p) }];
}

/**
 * The smallest value over the largest among the groups, as Fairlearn's ratio between groups; of several measures the smallest
 * such ratio, with limits at the Bonferroni level of their number.
 */
export function minMaxFinding<E extends Estimate>(
  subject: Subject,
  all: readonly Measured<E>[],
  level: number,
): Finding {
  const each = 1 - (1 - level) / all.length;
  const found = all.map(({ measure, groups }) => {
    const compared = groups.filter(isEstimated).map(({ cell, result }) => ({ cell, estimate: result }));
    const few = `${compared.length} of ${groups.length} groups have an estimable ${measure.quantity}: a ratio needs two`;
    return { rate: measure.name, made: compared.length < 2 ? few : minMaxRatio(compared, each) };
  });
  const reasons = found.flatMap(({ rate, made }) => (typeof made === "string" ? [`${rate}: ${made}`] : []));
  const numbers = found.flatMap(({ rate, made }) => (typeof made === "string" ? [] : [{ rate, ...made }]));
  const [first] = numbers;
  if (first === undefined || reasons.length > 0) {
    return findingOf(subject, notEstimable(reasons.join("; ")), basisOf(all), level);
  }
  const smallest = numbers.reduce((kept, other) => (other.estimate < kept.estimate ? other : kept), first);
  const limit = (of: "lower" | "upper") => Math.min(...numbers.map(({ interval }) => interval[of]));
  const method = `${all.length === 1 ? "" : "bonferroni-of-two-"}${smallest.interval.method}`;
  const leftOut = leftOutOf(all);
  return measured(
    subject,
    smallest.estimate,
    { lower: limit("lower"), upper: limit("upper"), level, method },
    basisOf(all),
    {
      details: { rate: smallest.rate, "groups-left-out": leftOut.join(",") },
      reason: reasonOf(leftOut),
    },
  );
}

/** Counts of the groups that have an estimate of every measure. */
function basisOf<E extends Estimate>(all: readonly Measured<E>[]) {
  const leftOut = new Set(leftOutOf(all));
  const cells = (all[0]?.groups ?? [])
    .filter(({ subgroup }) => !leftOut.has(subgroupKey(subgroup.values)))
    .map(({ cell }) => cell);
  return { counts: combinedCounts(cells), unscored: cells.reduce((sum, { unscored }) => sum + unscored, 0) };
}

/** Groups that lack an estimate of one of the measures. */
function leftOutOf<E extends Estimate>(all: readonly Measured<E>[]): string[] {
  const keys = all.flatMap(({ groups }) =>
    groups.filter((group) => !isEstimated(group)).map(({ subgroup }) => subgroupKey(subgroup.values)),
  );
  return [...new Set(keys)];
}

function reasonOf(leftOut: readonly string[]): string | null {
  return leftOut.length === 0 ? null : `without an estimate of every rate: ${leftOut.join("; ")}`;
}
