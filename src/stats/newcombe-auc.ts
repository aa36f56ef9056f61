import type { Limits } from "./estimate.js";

/**
 * Newcombe's interval for an AUC (R. G. Newcombe, Confidence intervals for an effect size measure based on the
 * Mann–Whitney statistic, part 2, Statistics in Medicine 25 (2006) 559–573, his method 5): the areas t with
 *
 *   |AUC − t| <= z · √( t(1−t) · (1 + k(1−t)/(2−t) + k·t/(1+t)) / (m·n) ),  k = (m + n)/2 − 1,
 *
 * that is, Hanley and McNeil's variance at t with equal weights. It needs only the area and the counts, lies inside
 * [0, 1], and has width where DeLong's has none: at areas of 0 and 1, or with one positive.
 */
export function newcombeAucLimits(auc: number, positives: number, negatives: number, z: number): Limits {
  const k = (positives + negatives) / 2 - 1;
  const excess = (t: number): number => {
    const variance = (t * (1 - t) * (1 + (k * (1 - t)) / (2 - t) + (k * t) / (1 + t))) / (positives * negatives);
    return Math.abs(auc - t) - z * Math.sqrt(variance);
  };
  return { lower: auc === 0 ? 0 : crossing(excess, 0, auc), upper: auc === 1 ? 1 : crossing(excess, 1, auc) };
}

/** The point between `outside` (excess >= 0) and `inside` (excess <= 0) where the excess changes sign, by bisection. */
function crossing(excess: (t: number) => number, outside: number, inside: number): number {
  let [out, within] = [outside, inside];
  for (let step = 0; step < 100; step++) {
    const middle = (out + within) / 2;
    if (middle === out || middle === within) break;
    if (excess(middle) > 0) out = middle;
    else within = middle;
  }
  return within;
}
