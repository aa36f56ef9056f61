import { type LabelledScores, patientsOf } from "../auc.js";
import { type NotEstimable, notEstimable } from "../estimate.js";
import { unequalWeights } from "../weights.js";

/** Probabilities and outcomes of the same samples, in patient order. */
export interface Predictions {
  /** In [0, 1]. */
  readonly probabilities: Float64Array;
  /** 1 or 0. */
  readonly labels: Uint8Array;
  readonly patients: Int32Array;
  readonly clustered: boolean;
  /** null where all samples count alike. */
  readonly weights: Float64Array | null;
  /** Sum of the weights; the number of samples where all count alike. */
  readonly total: number;
  readonly patientCount: number;
}

/**
 * The scores as probabilities; not estimable without samples of two patients, or where a score lies outside [0, 1].
 */
export function predictionsOf(data: LabelledScores): Predictions | NotEstimable {
  let predictions = known.get(data);
  if (predictions === undefined) {
    predictions = checkedPredictions(data);
    known.set(data, predictions);
  }
  return predictions;
}

/** Every measure of calibration asks for them. */
const known = new WeakMap<LabelledScores, Predictions | NotEstimable>();

function checkedPredictions(data: LabelledScores): Predictions | NotEstimable {
  const { labels, patients, clustered, scores } = data;
  const patientCount = patientsOf(patients);
  if (patientCount < 2) {
    return notEstimable(
      `${scores.length} samples of ${patientCount} patients: calibration needs at least two patients`,
    );
  }
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    if (!(score >= 0 && score <= 1)) return notEstimable(`a score of ${score} is no probability`);
  }
  const weights = unequalWeights(data);
  const total = weights === null ? scores.length : sumOf(weights);
  return { probabilities: scores, labels, patients, clustered, weights, total, patientCount };
}

/** The share of the total weight that a sample has. */
export function shareOf({ weights, total }: Predictions, sample: number): number {
  return (weights === null ? 1 : (weights[sample] as number)) / total;
}

/** The share that every sample has, where all count alike; null where they do not. */
export function equalShareOf({ weights, total }: Predictions): number | null {
  return weights === null ? 1 / total : null;
}

/** The (weighted) shares of positives and mean probability. */
export function means(predictions: Predictions): { readonly observed: number; readonly expected: number } {
  const { labels, probabilities, total, weights } = predictions;
  let [observed, expected] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    const weight = weights === null ? 1 : (weights[i] as number);
    observed += weight * (labels[i] as number);
    expected += weight * (probabilities[i] as number);
  }
  return { observed: observed / total, expected: expected / total };
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum;
}
