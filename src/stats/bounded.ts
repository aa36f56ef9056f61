import { type Estimate, type Limits, type Result, notEstimable, standardErrorOf } from "./estimate.js";
import { type SamplingError, sizeOf, writtenPart } from "./influence.js";
import { wilsonLimits } from "./proportion.js";
import { kishCount, unequalWeights } from "./weights.js";

/** What an estimate in a bounded range rests on. */
export interface Bounded {
  readonly value: number;
  readonly error: SamplingError;
  /** Finite. */
  readonly range: readonly [lowest: number, highest: number];
  readonly n: number;
  readonly patients: number;
  /** Independent contributions to assume where the estimate does not vary between patients, as at the end of its range. */
  readonly contributors: number;
}

/**
 * An estimate with limits inside its range: brought to a share p in [0, 1], Wilson's limits at the number of independent
 * samples that would have its variance, n' = 1 + p(1−p)/Var, at most n. For a share of independent samples that is
 * Wilson's interval exactly; for other statistics it is the normal interval on a scale that keeps to the range. Where
 * nothing varies n' is `contributors`. Ours; coverage by simulation stands in docs/methods.md.
 */
export function boundedEstimate({ value, error, range, n, patients, contributors }: Bounded): Estimate {
  const standardError = standardErrorOf(error);
  const limits = boundedLimits({ value, standardError, range, n, contributors });
  const method = "wilson-effective-n";
  return { status: "estimated", value, error, standardError, symmetric: false, limits, range, method, n, patients };
}

/** The limits of `boundedEstimate` where the standard error is at hand. */
export function boundedLimits({
  value,
  standardError,
  range: [lowest, highest],
  n,
  contributors,
}: Omit<Bounded, "error" | "patients"> & { readonly standardError: number }): (z: number) => Limits {
  const width = highest - lowest;
  const share = Math.max(0, Math.min(1, (value - lowest) / width));
  const spread = standardError / width;
  const effectiveN = spread === 0 ? contributors : Math.min(n, 1 + (share * (1 - share)) / (spread * spread));
  return (z) => {
    const { lower, upper } = wilsonLimits(share, effectiveN, z);
    return { lower: lowest + width * lower, upper: lowest + width * upper };
  };
}

/** Values in [0, 1], one a sample, in patient order. */
export interface SampleValues {
  readonly values: Float64Array;
  readonly patients: Int32Array;
  readonly weights?: Float64Array | null;
}

/** The (weighted) mean of values in [0, 1], one a sample; clustered by patient. Not estimable without two patients. */
export function boundedMean({ values, patients, weights }: SampleValues, what: string): Result {
  const unequal = unequalWeights({ weights: weights ?? null });
  let sum = 0;
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    const weight = unequal === null ? 1 : (unequal[i] as number);
    sum += weight * (values[i] as number);
    total += weight;
  }
  const value = sum / total;
  const part = writtenPart(patients, centredOver(values, unequal, value, total));
  const count = sizeOf(part);
  if (count < 2) return notEstimable(`${count} patients with ${what}: its interval needs two`);
  return boundedEstimate({
    value,
    error: [part],
    range: [0, 1],
    n: values.length,
    patients: count,
    contributors: kishCount(patients, unequal),
  });
}

function centredOver(values: Float64Array, weights: Float64Array | null, mean: number, total: number) {
  return (contributions: Float64Array): void => {
    for (let i = 0; i < contributions.length; i++) {
      const weight = weights === null ? 1 : (weights[i] as number);
      contributions[i] = (weight * ((values[i] as number) - mean)) / total;
    }
  };
}
