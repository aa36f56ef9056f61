import type { Interval } from "../core/finding.js";
import { type Estimate, intervalOf } from "./estimate.js";

/** The largest difference between any two of several groups. */
export interface Gap {
  readonly value: number;
  readonly interval: Interval;
  /** Positions of the groups with the largest and the smallest value; the first of equals. */
  readonly highest: number;
  readonly lowest: number;
  /** Pairs of groups that the interval allows for. */
  readonly pairs: number;
}

/**
 * The max–min gap among k >= 2 groups with a conservative simultaneous interval. All k(k−1)/2 pairwise differences get
 * intervals at the Bonferroni level 1 − (1 − level)/pairs; with probability at least `level` all of them cover, and
 * then the true gap, which is the largest true difference, lies between the largest lower limit (at least 0) and the
 * largest upper limit. The estimate itself, a maximum over noisy differences, is biased upward; the interval is not
 * misled by that, since its lower limit is held against every pair.
 * @param difference the difference of two groups' estimates, with its limits
 */
export function maxMinGap<E extends Estimate>(
  groups: readonly E[],
  level: number,
  difference: (a: E, b: E) => Estimate,
): Gap {
  const pairs = (groups.length * (groups.length - 1)) / 2;
  const pairLevel = 1 - (1 - level) / pairs;
  let lower = 0;
  let upper = 0;
  let method = "";
  groups.forEach((a, i) => {
    for (const b of groups.slice(i + 1)) {
      const interval = intervalOf(difference(a, b), pairLevel);
      lower = Math.max(lower, interval.lower, -interval.upper);
      upper = Math.max(upper, interval.upper, -interval.lower);
      method = interval.method;
    }
  });
  const values = groups.map((group) => group.value);
  const highest = values.indexOf(Math.max(...values));
  const lowest = values.indexOf(Math.min(...values));
  return {
    value: (values[highest] as number) - (values[lowest] as number),
    interval: { lower, upper, level, method: pairs === 1 ? method : `bonferroni-${method}` },
    highest,
    lowest,
    pairs,
  };
}
