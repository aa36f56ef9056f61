import { criticalValue, normalCdf } from "./normal.js";

/**
 * What a study of a given size can find, and the size that it takes to find what one looks for. All of it is for a
 * two-sided test at 1 − level of an estimate with a normal error; the chance of a finding in the wrong direction is left
 * out of the power, as it is nil wherever the power matters.
 */
export interface Aim {
  /** Confidence level of the two-sided test, such as 0.95. */
  readonly level: number;
  /** Wanted chance that a true difference is found, such as 0.8. */
  readonly power: number;
}

export interface ClassCounts {
  readonly positives: number;
  readonly negatives: number;
}

/** z₁₋α/2 + z_power: how many standard errors a difference must have to be found with the wanted power. */
function standardErrorsToFind({ level, power }: Aim): number {
  return criticalValue(level) + criticalValue(2 * power - 1);
}

/** The chance that a true difference is found: Φ(|difference|/SE − z₁₋α/2). A standard error of 0 is refused. */
export function powerOfDifference(difference: number, standardError: number, level: number): number {
  if (!(standardError > 0)) throw new RangeError(`power at a standard error of ${standardError}`);
  return normalCdf(Math.abs(difference) / standardError - criticalValue(level));
}

/** The smallest true difference that is found with the wanted power, in units of the standard error's. */
export function minimumDetectableDifference(standardError: number, aim: Aim): number {
  return standardErrorsToFind(aim) * standardError;
}

/** The standard error at which a difference as large as a margin is just found with the wanted power. */
export function standardErrorToDetect(margin: number, aim: Aim): number {
  return margin / standardErrorsToFind(aim);
}

/** Unpooled standard error of the difference of two independent shares: √(p₁q₁/n₁ + p₂q₂/n₂). */
export function shareDifferenceError(p1: number, n1: number, p2: number, n2: number): number {
  return Math.sqrt((p1 * (1 - p1)) / n1 + (p2 * (1 - p2)) / n2);
}

/**
 * The power to find the difference of two independent shares, by the normal approximation with the unpooled standard
 * error (J. L. Fleiss, B. Levin, M. C. Paik, Statistical Methods for Rates and Proportions, 2003, chapter 4; R's
 * power.prop.test takes the pooled error for the critical value and gives slightly less).
 */
export function powerOfTwoShares(p1: number, n1: number, p2: number, n2: number, level: number): number {
  return powerOfDifference(p1 - p2, shareDifferenceError(p1, n1, p2, n2), level);
}

const HALVINGS = 60;

/**
 * How far below p1 the second share must lie to be found: the smallest difference whose power, at its own standard
 * error, is the wanted one. null where even a second share of 0 would be missed.
 */
export function detectableDropOfShare(p1: number, n1: number, n2: number, aim: Aim): number | null {
  const isFound = (drop: number) =>
    drop >= minimumDetectableDifference(shareDifferenceError(p1, n1, p1 - drop, n2), aim);
  if (!(p1 > 0) || !isFound(p1)) return null;
  let [missed, found] = [0, p1];
  for (let step = 0; step < HALVINGS; step++) {
    const middle = (missed + found) / 2;
    if (isFound(middle)) found = middle;
    else missed = middle;
  }
  return found;
}

/**
 * The variance of an AUC from the area and the counts alone (J. A. Hanley, B. J. McNeil, Radiology 143 (1982) 29–36,
 * equations 1 and 2): (A(1−A) + (m−1)(Q₁−A²) + (n−1)(Q₂−A²))/(mn) with Q₁ = A/(2−A) and Q₂ = 2A²/(1+A), which hold for
 * exponential scores and serve for planning. It needs no scores; where there are any, DeLong's variance is the one to report.
 * @param auc in [0, 1]
 */
export function hanleyMcNeilVariance(auc: number, { positives, negatives }: ClassCounts): number {
  const { single, ofPositives, ofNegatives } = hanleyMcNeilTerms(auc);
  return (single + (positives - 1) * ofPositives + (negatives - 1) * ofNegatives) / (positives * negatives);
}

function hanleyMcNeilTerms(auc: number) {
  const square = auc * auc;
  return {
    single: auc * (1 - auc),
    ofPositives: auc / (2 - auc) - square,
    ofNegatives: (2 * square) / (1 + auc) - square,
  };
}

/**
 * The smallest gap between the areas of two independent groups that would be found, if both had the stated area: the
 * standard error is √(the sum of Hanley and McNeil's variances).
 */
export function minimumDetectableAucGap(auc: number, first: ClassCounts, second: ClassCounts, aim: Aim): number {
  const variance = hanleyMcNeilVariance(auc, first) + hanleyMcNeilVariance(auc, second);
  return minimumDetectableDifference(Math.sqrt(variance), aim);
}

/** The samples that bring a share of p to a wanted standard error: p(1−p)/SE², rounded up. */
export function samplesForShare(p: number, wantedError: number): number {
  return Math.ceil((p * (1 - p)) / (wantedError * wantedError) - ROUNDING);
}

/**
 * The positives and negatives, at a prevalence, that bring an AUC's standard error by Hanley and McNeil to a wanted one:
 * with N in all, their variance is (k + cN)/(π(1−π)N²), a quadratic equation in N.
 * @param auc in (0, 1)
 * @param prevalence in (0, 1)
 * @param wantedError > 0
 */
export function samplesForAuc(auc: number, prevalence: number, wantedError: number): ClassCounts {
  const { single, ofPositives, ofNegatives } = hanleyMcNeilTerms(auc);
  const slope = prevalence * ofPositives + (1 - prevalence) * ofNegatives;
  const constant = single - ofPositives - ofNegatives;
  const factor = wantedError * wantedError * prevalence * (1 - prevalence);
  const total = (slope + Math.sqrt(slope * slope + 4 * factor * constant)) / (2 * factor);
  return {
    positives: Math.ceil(total * prevalence - ROUNDING),
    negatives: Math.ceil(total * (1 - prevalence) - ROUNDING),
  };
}

/**
 * The samples that would bring a standard error found with n samples down to a wanted one, all else being alike (the same
 * prevalence, the same images a patient): n·(SE/wanted)², rounded up. It holds for every estimate here, clustered or not.
 */
export function samplesForError(n: number, standardError: number, wantedError: number): number {
  return Math.ceil(n * (standardError / wantedError) ** 2 - ROUNDING);
}

/** So that a size that is whole but for rounding is not one too large. */
const ROUNDING = 1e-9;
