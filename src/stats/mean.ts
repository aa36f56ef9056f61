import { boundedLimits, type SampleValues } from "./bounded.js";
import {
  type DifferenceMethod,
  differenceOf,
  type Estimate,
  notEstimable,
  type Result,
  standardErrorOf,
} from "./estimate.js";
import { errorPart } from "./influence.js";
import { normalCdf } from "./normal.js";
import { quantile } from "./bootstrap.js";
import { studentQuantile } from "./student.js";
import { wilsonLimits } from "./proportion.js";
import { kishCount, unequalWeights } from "./weights.js";

/**
 * The (weighted) mean of a number that was measured of each sample, clustered by patient: its variance is that of a ratio of sums
 * over patients (linearised), its critical value Student's with one degree of freedom less than there are patients. In [0, 1] the
 * limits are Wilson's at the number of coin tosses that would have the variance, which keeps them inside; where nothing varies, at
 * the number of patients. Elsewhere they are symmetric, and clipped to the range.
 * @param data in patient order, no NaN
 * @param range the values that the number can take
 * @param what such as "cases with a reference mask"
 */
export function sampleMean(data: SampleValues, range: readonly [number, number], what: string): Result {
  const { patients, values } = data;
  const weights = unequalWeights({ weights: data.weights ?? null });
  let [sum, total] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const weight = weights === null ? 1 : (weights[i] as number);
    sum += weight * (values[i] as number);
    total += weight;
  }
  const value = sum / total;
  const part = errorPart(
    patients,
    values.map((one, i) => ((weights === null ? 1 : (weights[i] as number)) * (one - value)) / total),
  );
  const count = part.patients.length;
  if (count < 2) return notEstimable(`${count} patients with ${what}: its interval needs two`);
  const standardError = standardErrorOf([part]);
  const student = (z: number) => studentQuantile(normalCdf(-z), count - 1);
  const estimate = { value, error: [part], standardError, range, n: values.length, patients: count };
  if (range[0] === 0 && range[1] === 1) {
    const contributors = kishCount(patients, weights);
    const at = boundedLimits({ value, standardError, range, n: Number.POSITIVE_INFINITY, contributors });
    return {
      ...estimate,
      status: "estimated",
      symmetric: false,
      limits: (z) => at(student(z)),
      method: "wilson-student-clustered",
    };
  }
  if (standardError === 0) {
    return notEstimable(
      `all ${values.length} samples have the value ${Number(value.toPrecision(6))}: an interval cannot be made of what does not vary`,
    );
  }
  return {
    ...estimate,
    status: "estimated",
    symmetric: true,
    limits: (z) => ({ lower: value - student(z) * standardError, upper: value + student(z) * standardError }),
    method: "student-clustered",
  };
}

/**
 * The mean of differences of one sample's numbers, such as what a condition takes away. Where not a single one changed it is 0
 * with no width: that is what was seen, as elsewhere for paired differences; else as `sampleMean`.
 * @param span the largest difference that there can be
 */
export function meanOfDifferences(data: SampleValues, span: number, what: string): Result {
  const mean = sampleMean(data, [-span, span], what);
  if (mean.status === "estimated" || data.values.some((value) => value !== 0)) return mean;
  const part = errorPart(data.patients, data.values);
  if (part.patients.length < 2) return mean;
  return {
    status: "estimated",
    value: 0,
    error: [part],
    standardError: 0,
    symmetric: true,
    limits: () => ({ lower: 0, upper: 0 }),
    range: [-span, span],
    method: "unchanged",
    n: data.values.length,
    patients: part.patients.length,
  };
}

const DIFFERENCE: DifferenceMethod = { normal: "normal-clustered", otherwise: "square-and-add" };

/** The difference a − b of two means, paired where they are of the same patients. */
export function meanDifference(a: Estimate, b: Estimate): Estimate {
  return differenceOf(a, b, DIFFERENCE, { n: Math.max(a.n, b.n), patients: Math.max(a.patients, b.patients) });
}

/** A quantile with its limits. */
export interface QuantileEstimate {
  readonly status: "estimated";
  readonly value: number;
  limits(z: number): { readonly lower: number; readonly upper: number };
  readonly range: readonly [number, number];
  readonly method: string;
}

/**
 * A quantile of what was measured, such as the value that nine of ten samples reach: R. S. Woodruff's interval (J. Am. Stat.
 * Assoc. 47 (1952) 635–646), which inverts that of the share of samples at or below it: Wilson's at the effective number of
 * samples, so that patients with several samples count as they should. Its limits are order statistics; where they lie beyond the
 * samples there are, they are the range's end, or the quantile is not estimable where the range has none.
 * @param p in (0, 1)
 */
export function sampleQuantile(
  { patients, values, weights }: SampleValues,
  p: number,
  range: readonly [number, number],
  z: number,
): QuantileEstimate | ReturnType<typeof notEstimable> {
  const n = values.length;
  const ascending = values.slice().sort();
  const value = quantile(ascending, p);
  const unequal = unequalWeights({ weights: weights ?? null });
  if (unequal !== null) return notEstimable("quantiles of weighted samples are not made");
  const share = values.reduce((sum, one) => sum + (one <= value ? 1 : 0), 0) / n;
  const part = errorPart(
    patients,
    values.map((one) => ((one <= value ? 1 : 0) - share) / n),
  );
  if (part.patients.length < 2) return notEstimable(`${part.patients.length} patients: its interval needs two`);
  const standardError = standardErrorOf([part]);
  const independent = kishCount(patients, null);
  const effective = standardError === 0 ? independent : Math.min(n, (share * (1 - share)) / standardError ** 2);
  const at = (limit: number, up: boolean): number => {
    // Ranks from 1: the lower limit is the last that is not above the limit's share of the samples, the upper one the next.
    const rank = up ? Math.ceil(limit * n) + 1 : Math.floor(limit * n);
    if (rank < 1) return range[0];
    if (rank > n) return range[1];
    return ascending[rank - 1] as number;
  };
  const limits = (critical: number) => {
    const { lower, upper } = wilsonLimits(p, Math.max(1, effective), critical);
    return { lower: at(lower, false), upper: at(upper, true) };
  };
  const reached = limits(z);
  if (!Number.isFinite(reached.lower) || !Number.isFinite(reached.upper)) {
    return notEstimable(`${n} samples: a limit of this quantile lies beyond them`);
  }
  return { status: "estimated", value, limits, range, method: "woodruff-wilson" };
}
