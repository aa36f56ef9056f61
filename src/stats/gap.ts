import type { Interval } from "../core/finding.js";
import { signedZ } from "./assessment.js";
import { type Estimate, intervalOf } from "./estimate.js";
import { correctedMaxMin, jointErrors, largestPairProbability, simultaneousCriticalValue } from "./max-min.js";
import { normalCdf } from "./normal.js";

/** The largest difference between any two of several groups. */
export interface Gap {
  readonly value: number;
  readonly interval: Interval;
  /** Positions of the groups with the largest and the smallest value; the first of equals. */
  readonly highest: number;
  readonly lowest: number;
  /** Pairs of groups that the interval allows for. */
  readonly pairs: number;
  /** The gap less the bias of a maximum over noisy differences, at least 0. */
  readonly corrected: number;
  /** value − corrected. */
  readonly bias: number;
  /** A shorter interval with honest coverage: see `maxMinGap`. */
  readonly correctedInterval: Interval;
  /** The test that all groups are alike which goes with `correctedInterval`; null where no pair's limits have width. */
  readonly test: LargestPairTest | null;
  /** The conservative interval at another level. It holds on to the pairs' limits alone, not to all patients' errors. */
  again(level: number): Interval;
}

/**
 * The largest |z| of all pairwise differences, by their own limits, against its distribution when all groups are alike:
 * p < 1 − level where `correctedInterval` leaves 0 out. In small groups it keeps its level far better than Wald's test of
 * homogeneity does (docs/coverage.md), and says which pair differs.
 */
export interface LargestPairTest {
  readonly z: number;
  readonly p: number;
}

/**
 * The max–min gap among k >= 2 groups, with two intervals.
 *
 * `interval` is conservative: all k(k−1)/2 pairwise differences get intervals at the Bonferroni level 1 − (1 − level)/pairs;
 * with probability at least `level` all of them cover, and then the true gap, which is the largest true difference, lies
 * between the largest lower limit (at least 0) and the largest upper limit.
 *
 * `correctedInterval` asks of each limit no more than it must do. The lower limit is false where any pair's lies above the
 * true gap: it is the largest lower limit at the critical value of the largest of the correlated pairwise z
 * (src/stats/max-min.ts). The upper limit is false only where the pair that truly is farthest apart has its own upper
 * limit below its own difference: it is the largest of the plain upper limits at `level`, each of which fails with
 * (1 − level)/2 (the intersection–union argument of R. L. Berger, Technometrics 24 (1982) 295–300). Where all groups are
 * alike only the lower limit can fail, with 1 − level; where one pair stands out, the upper fails with (1 − level)/2 and the
 * lower with no more. Of two groups both are the interval of their difference, without its sign.
 *
 * The estimate itself, a maximum over noisy differences, is biased upward; `corrected` has that taken off. The intervals
 * are not misled by it, since their lower limits are held against every pair.
 * @param difference the difference of two groups' estimates, with its limits
 */
export function maxMinGap<E extends Estimate>(
  groups: readonly E[],
  level: number,
  difference: (a: E, b: E) => Estimate,
): Gap {
  const pairs = (groups.length * (groups.length - 1)) / 2;
  const errors = jointErrors(groups, level);
  const critical = simultaneousCriticalValue(errors, level);
  const lowerLevel = 1 - 2 * normalCdf(-critical);
  const shorter = { lower: 0, upper: 0 };
  const all: PairLimits[] = [];
  let largest: number | null = null;
  groups.forEach((a, i) => {
    for (let j = i + 1; j < groups.length; j++) {
      const estimate = difference(a, groups[j] as E);
      const z = signedZ(estimate, 0);
      if (z !== null) largest = Math.max(largest ?? 0, Math.abs(z));
      const { limits, range, method } = estimate;
      const pair = { limits, range, method };
      all.push(pair);
      shorter.lower = Math.max(shorter.lower, lowerOf(intervalOf(pair, lowerLevel)));
      shorter.upper = Math.max(shorter.upper, upperOf(intervalOf(pair, level)));
    }
  });
  const interval = conservativeInterval(all, level);
  const values = groups.map((group) => group.value);
  const highest = values.indexOf(Math.max(...values));
  const lowest = values.indexOf(Math.min(...values));
  const value = (values[highest] as number) - (values[lowest] as number);
  const corrected = correctedMaxMin(values, errors);
  return {
    value,
    interval,
    highest,
    lowest,
    pairs,
    corrected,
    bias: value - corrected,
    correctedInterval: { ...shorter, level, method: pairs === 1 ? interval.method : `max-z-${all.at(-1)?.method}` },
    test: largest === null ? null : { z: largest, p: largestPairProbability(errors, largest, level) },
    again: againOf(all),
  };
}

type PairLimits = Pick<Estimate, "limits" | "range" | "method">;

function againOf(all: readonly PairLimits[]): (level: number) => Interval {
  return (level) => conservativeInterval(all, level);
}

/** The largest limits of any pair's absolute difference, all at the Bonferroni level. */
function conservativeInterval(all: readonly PairLimits[], level: number): Interval {
  let [lower, upper, method] = [0, 0, ""];
  for (const pair of all) {
    const interval = intervalOf(pair, 1 - (1 - level) / all.length);
    lower = Math.max(lower, lowerOf(interval));
    upper = Math.max(upper, upperOf(interval));
    method = interval.method;
  }
  return { lower, upper, level, method: all.length === 1 ? method : `bonferroni-${method}` };
}

/** Limits of the absolute difference, given those of the difference. */
function lowerOf({ lower, upper }: Interval): number {
  return Math.max(lower, -upper);
}

function upperOf({ lower, upper }: Interval): number {
  return Math.max(upper, -lower);
}
