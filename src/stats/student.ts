import { betaQuantile, betaTails } from "./beta.js";
import { type NotEstimable, notEstimable } from "./estimate.js";

/**
 * P(T > t) for T of Student's distribution: ½·I_x(df/2, ½) with x = df/(df + t²) for t >= 0.
 * @param degrees > 0, not always whole
 */
export function studentTail(t: number, degrees: number): number {
  const square = t * t;
  if (square === Infinity) return t > 0 ? 0 : 1;
  const half = betaTails(degrees / (degrees + square), degrees / 2, 0.5, square / (degrees + square)).lower / 2;
  return t >= 0 ? half : 1 - half;
}

/**
 * The t with P(T > t) = tail: x = df/(df + t²) has the beta distribution of shapes df/2 and ½, 1 − x that of ½ and df/2. The
 * smaller of both is asked for, which keeps the digits of t.
 * @param tail in (0, ½]
 * @param degrees > 0, not always whole
 */
export function studentQuantile(tail: number, degrees: number): number {
  const share = betaQuantile(2 * tail, 0.5, degrees / 2, "upper");
  if (share <= 0.5) return Math.sqrt((degrees * share) / (1 - share));
  const rest = betaQuantile(2 * tail, degrees / 2, 0.5, "lower");
  return Math.sqrt((degrees * (1 - rest)) / rest);
}

export interface WelchTest {
  readonly status: "tested";
  readonly statistic: number;
  readonly degrees: number;
  /** Two-sided. */
  readonly p: number;
}

/**
 * The test that pROC's roc.test makes of two areas on different patients: D = difference/√(varA + varB) against
 * Student's distribution with the degrees of freedom of B. L. Welch (Biometrika 34 (1947) 28–35) and F. E. Satterthwaite,
 * (varA + varB)²/(varA²/(nA − 1) + varB²/(nB − 1)), n all samples of a group, positives and negatives. The variances are
 * those of the estimates, not of single samples. Somewhat more cautious than the normal test in small groups; that an
 * area's variance has n − 1 degrees of freedom is pROC's convention, not a theorem.
 */
export function welchTest(
  difference: number,
  varianceA: number,
  varianceB: number,
  nA: number,
  nB: number,
): WelchTest | NotEstimable {
  const variance = varianceA + varianceB;
  if (!(variance > 0)) return notEstimable("neither estimate has a variance: their difference cannot be tested");
  if (nA < 2 || nB < 2)
    return notEstimable(`groups of ${nA} and ${nB}: Welch's test needs at least two samples of each`);
  const degrees = (variance * variance) / (varianceA ** 2 / (nA - 1) + varianceB ** 2 / (nB - 1));
  const statistic = difference / Math.sqrt(variance);
  return { status: "tested", statistic, degrees, p: 2 * studentTail(Math.abs(statistic), degrees) };
}
