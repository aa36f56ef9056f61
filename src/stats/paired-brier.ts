import { type Estimate, normalLimits, notEstimable, type Result, standardErrorOf } from "./estimate.js";
import { errorPart, hasNoError } from "./influence.js";
import { unequalWeights } from "./weights.js";

/** Two models' probabilities of the same samples, in patient order. */
export interface PairedProbabilities {
  /** 1 positive, 0 negative. */
  readonly labels: Uint8Array;
  readonly patients: Int32Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
  readonly clustered: boolean;
  readonly weights?: Float64Array | null;
}

export interface BrierAdvantage extends Estimate {
  /** Both Brier scores. */
  readonly first: number;
  readonly second: number;
}

/**
 * By how much the first model's Brier score, the mean of (probability − label)² (G. W. Brier, Monthly Weather Review 78
 * (1950) 1–3), is lower, hence better, than the second's on the same samples: the mean of the differences of squared errors,
 * with the variance of that mean by patient. Normal limits in [−1, 1]. Not estimable where a score is not in [0, 1], with
 * fewer than two patients, or where all patients differ alike, so that nothing is known of their variation.
 */
export function brierAdvantage(data: PairedProbabilities): Result<BrierAdvantage> {
  const { labels, patients, first, second, clustered } = data;
  const n = labels.length;
  const outside = countOutside(first) + countOutside(second);
  if (outside > 0) return notEstimable(`${outside} scores are outside [0, 1]: Brier's score is of probabilities`);
  const weights = unequalWeights(data);
  const contributions = new Float64Array(n);
  const sums = [0, 0];
  let total = 0;
  for (let i = 0; i < n; i++) {
    const label = labels[i] as number;
    const [a, b] = [(first[i] as number) - label, (second[i] as number) - label];
    const weight = weights === null ? 1 : (weights[i] as number);
    contributions[i] = b * b - a * a;
    sums[0] = (sums[0] as number) + weight * a * a;
    sums[1] = (sums[1] as number) + weight * b * b;
    total += weight;
  }
  const [ofFirst, ofSecond] = sums.map((sum) => sum / total) as [number, number];
  const value = ofSecond - ofFirst;
  for (let i = 0; i < n; i++) {
    const weight = weights === null ? 1 : (weights[i] as number);
    contributions[i] = (weight * ((contributions[i] as number) - value)) / total;
  }
  const part = errorPart(patients, contributions);
  const counted = part.patients.length;
  if (counted < 2) return notEstimable(`${n} samples of ${counted} patients: an interval needs two patients`);
  const error = [part];
  const standardError = standardErrorOf(error);
  if (standardError === 0 && !(value === 0 && hasNoError(error))) {
    return notEstimable(`the scores of all ${counted} patients differ alike: their variation is not known`);
  }
  return {
    status: "estimated",
    value,
    error,
    standardError,
    symmetric: true,
    limits: normalLimits(value, standardError),
    range: [-1, 1],
    method: clustered ? "paired-mean-clustered" : "paired-mean",
    n,
    patients: counted,
    first: ofFirst,
    second: ofSecond,
  };
}

function countOutside(scores: Float64Array): number {
  let count = 0;
  for (let i = 0; i < scores.length; i++) if (!((scores[i] as number) >= 0 && (scores[i] as number) <= 1)) count++;
  return count;
}
