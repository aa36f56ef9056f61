import type { Subgroup } from "../core/audit.js";
import { type Finding, type FindingTest, subgroupKey } from "../core/finding.js";
import { combinedCounts, type ScoredCell } from "./cell.js";
import { type Estimate, notEstimable, type Result } from "./estimate.js";
import { findingOf, measured, type Subject } from "./finding.js";
import { type LargestPairTest, maxMinGap } from "./gap.js";
import { type HomogeneityTest, homogeneityTest } from "./homogeneity.js";

/** One group's estimate of whatever is compared, and the samples behind it. */
export interface GroupResult<E extends Estimate> {
  readonly subgroup: Subgroup;
  readonly cell: ScoredCell;
  readonly result: Result<E>;
}

/** How groups are compared. */
export interface Comparison<E extends Estimate> {
  readonly difference: (a: E, b: E) => Estimate;
  /** Which end of the values is the good one. */
  readonly better: "higher" | "lower";
  /** What is compared, in words, such as "AUC". */
  readonly quantity: string;
}

/**
 * The max–min gap among a family's groups as one finding. Groups without an estimate cannot be compared: they are
 * named in `details["groups-left-out"]` and in the reason, since a small gap among the others says nothing of them.
 */
export function gapFinding<E extends Estimate>(
  subject: Subject,
  groups: readonly GroupResult<E>[],
  comparison: Comparison<E>,
  level: number,
): Finding {
  const compared = groups.filter(isEstimated);
  const leftOut = groups.filter((group) => !isEstimated(group));
  const basis = {
    counts: combinedCounts(compared.map((group) => group.cell)),
    unscored: compared.reduce((sum, group) => sum + group.cell.unscored, 0),
  };
  const details = {
    "groups-compared": compared.length,
    "groups-left-out": leftOut.map(({ subgroup }) => subgroupKey(subgroup.values)).join(","),
  };
  if (compared.length < 2) {
    const reason = `${compared.length} of ${groups.length} groups ${compared.length === 1 ? "has" : "have"} an estimable ${comparison.quantity}: a gap needs two`;
    return findingOf(subject, notEstimable(joined(reason, leftOutReason(leftOut))), basis, level, { details });
  }
  const results = compared.map((group) => group.result);
  const gap = maxMinGap(results, level, comparison.difference);
  const nameOf = (position: number) => subgroupKey((compared[position] as GroupResult<E>).subgroup.values);
  const [highest, lowest] = [nameOf(gap.highest), nameOf(gap.lowest)];
  const [best, worst] = comparison.better === "higher" ? [highest, lowest] : [lowest, highest];
  const test = homogeneityTest(results);
  // The first is the one that is adjusted for its family: in small groups Wald's test rejects too often, the largest pair's not.
  const tests = [...(gap.test === null ? [] : [pairTest(gap.test)]), ...(test === null ? [] : [waldTest(test)])];
  const extras = {
    details: {
      best,
      worst,
      ...details,
      "bias-corrected": gap.corrected,
      "bias-corrected-lower": gap.correctedInterval.lower,
      "bias-corrected-upper": gap.correctedInterval.upper,
      ...(test === null
        ? {}
        : { "wald-chi-square": test.chiSquare, "wald-degrees-of-freedom": test.degrees, "wald-p": test.p }),
    },
    reason: leftOutReason(leftOut),
    ...(tests.length === 0 ? {} : { tests }),
  };
  return measured(subject, gap.value, gap.interval, basis, extras, gap.again);
}

/** The test of the largest pairwise difference, as a finding carries it. */
function pairTest({ z, p }: LargestPairTest): FindingTest {
  return { method: "largest-pair", hypothesis: "no difference between the groups", statistic: z, p };
}

/** Wald's test that all groups are alike, as a finding carries it. */
function waldTest({ chiSquare, degrees, p }: HomogeneityTest): FindingTest {
  return { method: "wald", hypothesis: "no difference between the groups", statistic: chiSquare, degrees, p };
}

/** A group that has an estimate. */
export type EstimatedGroup<E extends Estimate> = GroupResult<E> & { readonly result: E };

export function isEstimated<E extends Estimate>(group: GroupResult<E>): group is EstimatedGroup<E> {
  return group.result.status === "estimated";
}

function leftOutReason<E extends Estimate>(groups: readonly GroupResult<E>[]): string | null {
  if (groups.length === 0) return null;
  const named = groups.map(({ subgroup, cell, result }) => {
    if (result.status === "estimated") return "";
    const isHidden = subgroup.withheld !== undefined && cell.counts.n === 0;
    return `${subgroupKey(subgroup.values)} (${isHidden ? "hidden to protect patients" : result.reason})`;
  });
  return `left out: ${named.join("; ")}`;
}

function joined(first: string, second: string | null): string {
  return second === null ? first : `${first}; ${second}`;
}
