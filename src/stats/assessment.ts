import type { FindingTest } from "../core/finding.js";
import type { Summary } from "./estimate.js";
import { criticalValue, normalCdf } from "./normal.js";

/**
 * Tests that agree with the intervals. Every test here inverts an estimate's own limits: the p-value is the level at
 * which an interval's limit just reaches the hypothetical value. So a 95 % interval leaves out a value exactly where
 * the two-sided p-value against it is below 0.05, whatever the interval's method (normal: the z test; Wilson: the score
 * test; Newcombe's square-and-add: its own).
 */

/** Beyond this many standard errors p is below 1e-300: nothing is looked for there. */
const FARTHEST = 38;
const STEPS = 80;

/**
 * How many standard errors an estimate lies above a value, by its own limits: positive where the value lies below the
 * estimate. null where the limits have no width, so that nothing can be tested.
 * @param value finite
 */
export function signedZ(estimate: Summary, value: number): number | null {
  const difference = estimate.value - value;
  if (estimate.symmetric) return estimate.standardError === 0 ? null : difference / estimate.standardError;
  if (difference === 0) return 0;
  const isBelow = difference > 0;
  const reaches = (z: number): boolean => {
    const { lower, upper } = estimate.limits(z);
    return isBelow ? lower <= value : upper >= value;
  };
  let [inside, outside] = [0, FARTHEST];
  if (!reaches(outside)) return isBelow ? FARTHEST : -FARTHEST;
  // `outside` reaches the value, `inside` does not: the crossing lies between.
  for (let step = 0; step < STEPS; step++) {
    const middle = (inside + outside) / 2;
    if (reaches(middle)) outside = middle;
    else inside = middle;
  }
  return isBelow ? outside : -outside;
}

/** The two-sided p-value of "the true value is `value`"; null where the limits have no width. */
export function pValue(estimate: Summary, value = 0): number | null {
  const z = signedZ(estimate, value);
  return z === null ? null : Math.min(1, 2 * normalCdf(-Math.abs(z)));
}

/** The one-sided p-value of "the true value is at most `value`": small where the estimate lies clearly above. */
export function pAtMost(estimate: Summary, value: number): number | null {
  const z = signedZ(estimate, value);
  return z === null ? null : normalCdf(-z);
}

/** The one-sided p-value of "the true value is at least `value`": small where the estimate lies clearly below. */
export function pAtLeast(estimate: Summary, value: number): number | null {
  const z = signedZ(estimate, value);
  return z === null ? null : normalCdf(z);
}

/** "No difference", two-sided. */
export function differenceTest(difference: Summary): FindingTest[] {
  const z = signedZ(difference, 0);
  if (z === null) return [];
  const p = Math.min(1, 2 * normalCdf(-Math.abs(z)));
  return [{ method: difference.symmetric ? "z" : "inverted-interval", hypothesis: "no difference", statistic: z, p }];
}

/**
 * Equivalence by two one-sided tests (D. J. Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987) 657–680): the null is a
 * difference of at least `margin` either way; it is rejected at α where the 1 − 2α interval lies within ±margin.
 * @param margin > 0
 */
export function equivalenceTest(difference: Summary, margin: number): FindingTest[] {
  const [low, high] = [signedZ(difference, -margin), signedZ(difference, margin)];
  if (low === null || high === null) return [];
  const [fromBelow, fromAbove] = [normalCdf(-low), normalCdf(high)];
  const statistic = fromBelow > fromAbove ? low : high;
  return [
    {
      method: "tost",
      hypothesis: `a difference of at least ${margin} either way`,
      statistic,
      p: Math.max(fromBelow, fromAbove),
    },
  ];
}

/** Non-inferiority: the null is a difference of −margin or less. */
export function nonInferiorityTest(difference: Summary, margin: number): FindingTest[] {
  const z = signedZ(difference, -margin);
  if (z === null) return [];
  return [{ method: "non-inferiority", hypothesis: `worse by at least ${margin}`, statistic: z, p: normalCdf(-z) }];
}

/** Chance that a difference as large as the minimum detectable one is found. */
export const POWER = 0.8;

/**
 * The smallest true difference that a two-sided test at 1 − level would find with 80 % power, given the standard error
 * of the difference: (z₁₋α/₂ + z_power) · SE. Where an estimate has no standard error (a share of 0 or 1), half the width
 * of its interval over z stands in. null where the interval has no width.
 */
export function minimumDetectable(difference: Summary, level: number): number | null {
  const z = criticalValue(level);
  const { lower, upper } = difference.limits(z);
  const standardError = difference.standardError > 0 ? difference.standardError : (upper - lower) / (2 * z);
  return standardError > 0 ? (z + criticalValue(2 * POWER - 1)) * standardError : null;
}
