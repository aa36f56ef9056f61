import { type Estimate, normalLimits, standardErrorOf } from "./estimate.js";
import type { ErrorPart, SamplingError } from "./influence.js";

export interface Term {
  readonly weight: number;
  readonly estimate: Estimate;
}

/**
 * Σ weight · estimate with the variance that the shared samples and patients make, such as the mean over the points of a
 * curve. Normal limits.
 * @param terms at least one; n and patients are those of the first, on whose samples the others are taken too
 */
export function combinationOf(terms: readonly Term[], method: string): Estimate {
  const [first] = terms;
  if (first === undefined) throw new RangeError("a combination has at least one term");
  const value = terms.reduce((sum, { weight, estimate }) => sum + weight * estimate.value, 0);
  const error = sumOfErrors(terms);
  const standardError = standardErrorOf(error);
  const end = (highest: boolean) =>
    terms.reduce((sum, { weight, estimate }) => sum + weight * estimate.range[highest === weight > 0 ? 1 : 0], 0);
  return {
    status: "estimated",
    value,
    error,
    standardError,
    symmetric: true,
    limits: normalLimits(value, standardError),
    range: [end(false), end(true)],
    method,
    n: first.estimate.n,
    patients: first.estimate.patients,
  };
}

/**
 * The ratio a / b of two positive estimates, with limits that are normal on the logarithmic scale (the delta method): they
 * stay positive and treat doubling and halving alike.
 */
export function ratioOf(a: Estimate, b: Estimate, method: string): Estimate {
  const value = a.value / b.value;
  const logError = sumOfErrors([
    { weight: 1 / a.value, estimate: a },
    { weight: -1 / b.value, estimate: b },
  ]);
  const logStandardError = standardErrorOf(logError);
  return {
    status: "estimated",
    value,
    error: scaled(logError, value),
    standardError: value * logStandardError,
    symmetric: false,
    limits: (z) => ({
      lower: value * Math.exp(-z * logStandardError),
      upper: value * Math.exp(z * logStandardError),
    }),
    range: [0, Number.POSITIVE_INFINITY],
    method,
    n: a.n,
    patients: a.patients,
  };
}

/** Parts over the same patients are merged, as far as the terms' parts correspond; the others stand side by side. */
function sumOfErrors(terms: readonly Term[]): SamplingError {
  const merged: { patients: Int32Array; totals: Float64Array }[] = [];
  for (const { weight, estimate } of terms) {
    for (const part of scaled(estimate.error, weight)) {
      const same = merged.find(({ patients }) => samePatients(patients, part.patients));
      if (same === undefined) merged.push({ patients: part.patients, totals: part.totals });
      else same.totals = same.totals.map((total, index) => total + (part.totals[index] as number));
    }
  }
  return merged;
}

function scaled(error: SamplingError, factor: number): ErrorPart[] {
  return error.map(({ patients, totals }) => ({ patients, totals: totals.map((total) => factor * total) }));
}

function samePatients(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && (a === b || a.every((patient, index) => patient === b[index]));
}
