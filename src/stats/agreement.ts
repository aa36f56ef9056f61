import type { SampleValues } from "./bounded.js";
import { type Estimate, notEstimable, type Result, standardErrorOf } from "./estimate.js";
import { errorPart } from "./influence.js";
import { normalCdf } from "./normal.js";
import { studentQuantile } from "./student.js";
import { unequalWeights } from "./weights.js";

/** Agreement of measured numbers with their references. */

/** About 95% of differences that are normal lie so many standard deviations from their mean. */
const SPREAD = 1.96;
const UNBOUNDED = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

/**
 * The limits of agreement of J. M. Bland and D. G. Altman (Lancet 327 (1986) 307–310), mean ± 1.96 standard deviations of the
 * differences over samples, each with an interval. Its standard error is that of the linearised limit, Σ by patient of
 * (d − d̄) ± 1.96 ((d − d̄)² − s²)/2s: for normal differences of independent samples it is theirs, about s √(3/n), and it stays right
 * where samples of a patient depend on one another or the differences are not normal. Critical value: Student's.
 * @param data differences predicted − reference, in patient order, no NaN
 */
export function limitsOfAgreement(data: SampleValues): { readonly lower: Result; readonly upper: Result } {
  const { patients, values } = data;
  const weightOf = shares(data);
  const n = values.length;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += weightOf(i) * (values[i] as number);
  let square = 0;
  for (let i = 0; i < n; i++) square += weightOf(i) * ((values[i] as number) - mean) ** 2;
  const spread = Math.sqrt((square * n) / Math.max(1, n - 1));
  const limit = (sign: 1 | -1): Result => {
    if (!(spread > 0)) return notEstimable(`the differences of ${n} samples do not vary`);
    const influences = values.map((value, i) => {
      const away = value - mean;
      return weightOf(i) * (away + (sign * SPREAD * (away * away - square)) / (2 * Math.sqrt(square)));
    });
    return withStudent(patients, influences, mean + sign * SPREAD * spread, 1);
  };
  return { lower: limit(-1), upper: limit(1) };
}

/**
 * The straight line of the predicted number on the reference, by least squares over samples; errors by the sandwich, summed by
 * patient. A slope below 1 says that large values are predicted too small and small ones too large.
 * @param data predicted numbers, in patient order
 * @param references aligned with them
 */
export function lineOf(
  data: SampleValues,
  references: Float64Array,
): { readonly slope: Result; readonly intercept: Result } {
  const { patients, values } = data;
  const weightOf = shares(data);
  const n = values.length;
  let [meanX, meanY] = [0, 0];
  for (let i = 0; i < n; i++) {
    meanX += weightOf(i) * (references[i] as number);
    meanY += weightOf(i) * (values[i] as number);
  }
  let [xx, xy] = [0, 0];
  for (let i = 0; i < n; i++) {
    const away = (references[i] as number) - meanX;
    xx += weightOf(i) * away * away;
    xy += weightOf(i) * away * ((values[i] as number) - meanY);
  }
  if (!(xx > 0)) {
    const none = notEstimable(`the references of ${n} samples do not vary`);
    return { slope: none, intercept: none };
  }
  const slope = xy / xx;
  const intercept = meanY - slope * meanX;
  const ofSlope = new Float64Array(n);
  const ofIntercept = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const reference = references[i] as number;
    const residual = (values[i] as number) - intercept - slope * reference;
    ofSlope[i] = (weightOf(i) * (reference - meanX) * residual) / xx;
    ofIntercept[i] = weightOf(i) * residual - meanX * (ofSlope[i] as number);
  }
  return {
    slope: withStudent(patients, ofSlope, slope, 2),
    intercept: withStudent(patients, ofIntercept, intercept, 2),
  };
}

/** Each sample's share of the weight. */
function shares({ values, weights }: SampleValues): (i: number) => number {
  const unequal = unequalWeights({ weights: weights ?? null });
  if (unequal === null) return () => 1 / values.length;
  const total = unequal.reduce((sum, weight) => sum + weight, 0);
  return (i) => (unequal[i] as number) / total;
}

/** @param lost degrees of freedom that the fit takes */
function withStudent(patients: Int32Array, influences: Float64Array, value: number, lost: number): Result {
  const part = errorPart(patients, influences);
  const count = part.patients.length;
  if (count <= lost) return notEstimable(`${count} patients: its interval needs ${lost + 1}`);
  const standardError = standardErrorOf([part]);
  if (standardError === 0) return notEstimable(`${influences.length} samples without any spread about it`);
  const student = (z: number) => studentQuantile(normalCdf(-z), count - lost);
  return {
    status: "estimated",
    value,
    error: [part],
    standardError,
    symmetric: true,
    limits: (z) => ({ lower: value - student(z) * standardError, upper: value + student(z) * standardError }),
    range: UNBOUNDED,
    method: "student-clustered",
    n: influences.length,
    patients: count,
  } satisfies Estimate;
}
