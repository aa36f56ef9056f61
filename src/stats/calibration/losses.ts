import type { LabelledScores } from "../auc.js";
import { boundedMean } from "../bounded.js";
import { type Estimate, normalLimits, type Result, standardErrorOf } from "../estimate.js";
import { writtenPart } from "../influence.js";
import { equalShareOf, type Predictions, predictionsOf, shareOf } from "./predictions.js";

/** Probabilities nearer to 0 or 1 than this are moved here before a logarithm is taken, as scikit-learn does (ε of a double). */
export const NEAREST = Number.EPSILON;

export function clipped(probability: number): number {
  return Math.min(1 - NEAREST, Math.max(NEAREST, probability));
}

/**
 * The Brier score, the mean of (p − y)² (G. W. Brier, Monthly Weather Review 78 (1950) 1–3), in [0, 1], 0 best. A mean over
 * samples, clustered by patient; Wilson's limits at the effective number of samples.
 */
export function brierScore(data: LabelledScores): Result {
  const predictions = predictionsOf(data);
  if ("status" in predictions) return predictions;
  const { patients, weights } = predictions;
  return boundedMean({ values: squaredErrors(predictions), patients, weights }, "the Brier score");
}

function squaredErrors({ labels, probabilities }: Predictions): Float64Array {
  const values = new Float64Array(labels.length);
  for (let i = 0; i < labels.length; i++) {
    const excess = (probabilities[i] as number) - (labels[i] as number);
    values[i] = excess * excess;
  }
  return values;
}

/**
 * The logarithmic loss, the mean of −log(p of what happened), natural logarithm, at least 0; probabilities of 0 and 1 are
 * moved by 2⁻⁵², so that no sample costs more than 36. A mean over samples with normal limits, clustered by patient.
 */
export function logLoss(data: LabelledScores): Result {
  const predictions = predictionsOf(data);
  if ("status" in predictions) return predictions;
  return meanEstimate(predictions, logLosses(predictions), [0, -Math.log(NEAREST)]);
}

function logLosses({ labels, probabilities }: Predictions): Float64Array {
  const values = new Float64Array(labels.length);
  for (let i = 0; i < labels.length; i++) {
    const p = clipped(probabilities[i] as number);
    values[i] = -Math.log(labels[i] === 1 ? p : 1 - p);
  }
  return values;
}

function centredShares(predictions: Predictions, values: Float64Array, mean: number) {
  const share = equalShareOf(predictions);
  return (contributions: Float64Array): void => {
    for (let i = 0; i < contributions.length; i++) {
      contributions[i] = (share ?? shareOf(predictions, i)) * ((values[i] as number) - mean);
    }
  };
}

/** The (weighted) mean of one value a sample, with normal limits. */
export function meanEstimate(
  predictions: Predictions,
  values: Float64Array,
  range: readonly [number, number],
): Estimate {
  const { clustered, patientCount, patients } = predictions;
  let value = 0;
  const share = equalShareOf(predictions);
  for (let i = 0; i < values.length; i++) {
    value += (share ?? shareOf(predictions, i)) * (values[i] as number);
  }
  const error = [writtenPart(patients, centredShares(predictions, values, value))];
  const standardError = standardErrorOf(error);
  return {
    status: "estimated",
    value,
    error,
    standardError,
    symmetric: true,
    limits: normalLimits(value, standardError),
    range,
    method: clustered ? "normal-mean-clustered" : "normal-mean",
    n: values.length,
    patients: patientCount,
  };
}
