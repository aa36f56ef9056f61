import type { Interval } from "../core/finding.js";
import { areAligned, covariance, errorOfDifference, hasNoError, type SamplingError, variance } from "./influence.js";
import { criticalValue } from "./normal.js";

/**
 * What every estimator here returns: a value with the means to make an interval of any level, or a status with a
 * reason. Never NaN.
 */
export type Result<E extends Estimate = Estimate> = E | NotEstimable;

export interface NotEstimable {
  readonly status: "not-estimable";
  /** Why, as a plain sentence fragment with the counts in it. */
  readonly reason: string;
}

export interface Limits {
  readonly lower: number;
  readonly upper: number;
}

export interface Estimate {
  readonly status: "estimated";
  readonly value: number;
  /** First-order sampling error by patient: what covariances are made of. */
  readonly error: SamplingError;
  /** Square root of the variance of `error`; 0 where that variance vanishes or comes out negative. */
  readonly standardError: number;
  /** True where `limits` are value ± z · standardError. */
  readonly symmetric: boolean;
  /** Confidence limits at a two-sided critical value z, not yet clipped to `range`. */
  limits(z: number): Limits;
  /** The values that the quantity can take: intervals are clipped to it. */
  readonly range: readonly [lowest: number, highest: number];
  /** How the limits are made, kebab-case. */
  readonly method: string;
  /** Samples that went into it, and their patients. */
  readonly n: number;
  readonly patients: number;
}

/** An estimate without what covariances are made of: all that findings and tests need. */
export type Summary = Omit<Estimate, "error">;

/** Variances at or below this are rounding: all contributions are equal, or their clustered sum came out negative. */
const NEGLIGIBLE_VARIANCE = 1e-26;
/** So are those that are this small a share of the parts' own: the parts cancel, as with two patients of both classes. */
const NEGLIGIBLE_SHARE = 1e-12;

export function notEstimable(reason: string): NotEstimable {
  return { status: "not-estimable", reason };
}

/** The square root of the error's variance; 0 where that is nil, rounding, or negative. */
export function standardErrorOf(error: SamplingError): number {
  const value = variance(error);
  return rootOf(value, error.length === 1 ? value : ownVariances(error));
}

/**
 * The same for the difference of two errors, without making it: Var(a) + Var(b) − 2 Cov(a, b). For errors that are not over the
 * same patients; where they are, taking the difference patient by patient is more precise.
 */
function standardErrorOfDifference(a: SamplingError, b: SamplingError): number {
  return rootOf(variance(a) + variance(b) - 2 * covariance(a, b), ownVariances(a) + ownVariances(b));
}

/**
 * The square root of a variance; 0 where it is nil, rounding, or negative.
 * @param own the variances of the parts, each by itself
 */
export function rootOf(value: number, own: number): number {
  return value > NEGLIGIBLE_VARIANCE && value > NEGLIGIBLE_SHARE * own ? Math.sqrt(value) : 0;
}

function ownVariances(error: SamplingError): number {
  return error.reduce((sum, part) => sum + variance([part]), 0);
}

/** Limits of the normal approximation. */
export function normalLimits(value: number, standardError: number): (z: number) => Limits {
  return (z) => ({ lower: value - z * standardError, upper: value + z * standardError });
}

/** The interval of a nominal coverage in (0, 1), clipped to the quantity's range as pROC clips. */
export function intervalOf(estimate: Pick<Estimate, "limits" | "range" | "method">, level: number): Interval {
  const { lower, upper } = estimate.limits(criticalValue(level));
  const [lowest, highest] = estimate.range;
  return { lower: Math.max(lowest, lower), upper: Math.min(highest, upper), level, method: estimate.method };
}

/** Correlation of the sampling errors of two estimates, in [-1, 1]; 0 where either has none. */
export function correlation(a: Estimate, b: Estimate): number {
  if (a.standardError === 0 || b.standardError === 0) return 0;
  const value = covariance(a.error, b.error) / (a.standardError * b.standardError);
  return Math.max(-1, Math.min(1, value));
}

/**
 * Limits of a − b out of the limits of a and b: each margin of the difference is the root of the summed squares of the
 * margins that pull the same way, less twice their product times the correlation (Newcombe 1998's square-and-add,
 * generalised to correlated estimates by Zou and Donner, Statistics in Medicine 27 (2008) 1693–1702). With symmetric
 * normal margins it is the normal interval of the difference.
 */
export function squareAndAdd(
  { value: valueOfA, limits: limitsOfA }: Pick<Estimate, "value" | "limits">,
  { value: valueOfB, limits: limitsOfB }: Pick<Estimate, "value" | "limits">,
  rho: number,
): (z: number) => Limits {
  // Only values and limits are held on to: findings keep these functions, and the errors of all patients are large.
  return (z) => {
    const ofA = limitsOfA(z);
    const ofB = limitsOfB(z);
    const difference = valueOfA - valueOfB;
    const margin = (first: number, second: number) =>
      Math.sqrt(Math.max(0, first * first + second * second - 2 * rho * first * second));
    return {
      lower: difference - margin(valueOfA - ofA.lower, ofB.upper - valueOfB),
      upper: difference + margin(ofA.upper - valueOfA, valueOfB - ofB.lower),
    };
  };
}

/** Names of a difference's interval where the normal approximation holds and where square-and-add has to step in. */
export interface DifferenceMethod {
  readonly normal: string;
  readonly otherwise: string;
}

/**
 * The difference a − b of two estimates of one kind, whatever samples and patients they share: the same samples under
 * two conditions, or two groups. Normal where both are, else square-and-add.
 * @param counts the samples and patients that the difference rests on
 */
export function differenceOf(
  a: Estimate,
  b: Estimate,
  method: DifferenceMethod,
  counts: { readonly n: number; readonly patients: number },
): Estimate {
  const error = areAligned(a.error, b.error) ? errorOfDifference(a.error, b.error) : null;
  const standardError = error === null ? standardErrorOfDifference(a.error, b.error) : standardErrorOf(error);
  const isExact = error === null ? hasNoError(a.error) && hasNoError(b.error) : hasNoError(error);
  const value = a.value - b.value;
  const bothNormal = a.symmetric && b.symmetric;
  const symmetric = bothNormal && (standardError > 0 || isExact);
  // A vanishing variance of a difference of estimates that do vary is an accident of few samples: assume independence.
  const rho = symmetric || bothNormal ? 0 : correlation(a, b);
  return {
    status: "estimated",
    value,
    // Of groups it is made when asked for: their intervals do without.
    get error() {
      return error ?? errorOfDifference(a.error, b.error);
    },
    standardError,
    symmetric,
    limits: symmetric ? normalLimits(value, standardError) : squareAndAdd(a, b, rho),
    range: differenceRange(a, b),
    method: symmetric ? method.normal : method.otherwise,
    n: counts.n,
    patients: counts.patients,
  };
}

/** Whether the difference is exactly 0 for every patient, so that its interval has no width. */
export function isUnchanged(difference: Estimate): boolean {
  return difference.symmetric && difference.value === 0 && hasNoError(difference.error);
}

/** The lowest and highest value that a − b can take. */
export function differenceRange(a: Estimate, b: Estimate): readonly [number, number] {
  return [a.range[0] - b.range[1], a.range[1] - b.range[0]];
}
