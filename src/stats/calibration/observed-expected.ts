import type { LabelledScores } from "../auc.js";
import { notEstimable, type Result, standardErrorOf } from "../estimate.js";
import { writtenPart } from "../influence.js";
import { wilsonLimits } from "../proportion.js";
import { equalShareOf, means, type Predictions, predictionsOf, shareOf } from "./predictions.js";

/** Below this mean probability the ratio leaves the doubles. */
const LEAST = 1e-150;

/**
 * Observed over expected: the share of positives over the mean probability; 1 where they agree, above 1 where the
 * probabilities are too low. A ratio of means, clustered by patient; limits normal on the logarithm (T. P. A. Debray et al.,
 * BMJ 356 (2017) i6460). Without positives it is 0, and the upper limit is Wilson's of the share over the mean probability.
 */
export function observedOverExpected(data: LabelledScores): Result {
  const predictions = predictionsOf(data);
  if ("status" in predictions) return predictions;
  const { observed, expected } = means(predictions);
  const { clustered, labels, patientCount, patients } = predictions;
  if (!(expected > LEAST)) return notEstimable("all probabilities are 0, or as good as that: nothing is expected");
  const value = observed / expected;
  const error = [writtenPart(patients, ratioContributions(predictions, value, expected))];
  const standardError = standardErrorOf(error);
  return {
    status: "estimated",
    value,
    error,
    standardError,
    symmetric: false,
    limits(z) {
      if (value === 0) return { lower: 0, upper: wilsonLimits(0, patientCount, z).upper / expected };
      const factor = Math.exp((z * standardError) / value);
      return { lower: value / factor, upper: value * factor };
    },
    range: [0, Number.MAX_VALUE],
    method: value === 0 ? "wilson-over-expected" : `log-normal-ratio${clustered ? "-clustered" : ""}`,
    n: labels.length,
    patients: patientCount,
  };
}

/** Made apart from the estimate, whose limits findings keep. */
function ratioContributions(predictions: Predictions, value: number, expected: number) {
  const { labels, probabilities } = predictions;
  const share = equalShareOf(predictions);
  return (contributions: Float64Array): void => {
    for (let i = 0; i < contributions.length; i++) {
      const excess = (labels[i] as number) - value * (probabilities[i] as number);
      contributions[i] = ((share ?? shareOf(predictions, i)) * excess) / expected;
    }
  };
}
