import type { LabelledScores } from "../auc.js";
import { type Estimate, type Limits, type Result, standardErrorOf } from "../estimate.js";
import { writtenPart } from "../influence.js";
import { criticalValue, normalCdf } from "../normal.js";
import { type Binning, type Bins, binsOf, type ReliabilityBin, reliability } from "./bins.js";
import { equalShareOf, type Predictions, predictionsOf, shareOf } from "./predictions.js";

export interface CalibrationErrorEstimate extends Estimate {
  /** The plug-in less its estimated bias, at least 0. */
  readonly corrected: number;
  readonly bins: number;
}

/**
 * The expected calibration error: Σ over bins of (share of samples) · |share of positives − mean probability| (M. P. Naeini,
 * G. F. Cooper, M. Hauskrecht, AAAI 2015). The plug-in is biased upward: a bin's deviation is noisy, and noise has no sign
 * once it is taken absolutely, so that a perfectly calibrated model has an error above 0, the more so the more bins and the
 * fewer samples.
 *
 * The bias is estimated bin by bin: were the deviation seen the true one, and normal with its clustered standard error s,
 * its absolute value would average s√(2/π) e^(−d²/2s²) + |d| (1 − 2Φ(−|d|/s)); what that exceeds |d| by is taken off for the
 * corrected error. No true deviation can make it exceed more than s√(2/π), which the lower limit takes off: plug-in − Σ
 * s√(2/π) − z · SE, at least 0. Upper limit: corrected + z · SE, not below the plug-in. The SE has all covariances through
 * patients, with the signs as seen. Ours; the lower limit is conservative where the error is large (docs/methods.md).
 */
export function expectedCalibrationError(
  data: LabelledScores,
  binCount: number,
  binning: Binning,
): Result<CalibrationErrorEstimate> {
  const predictions = predictionsOf(data);
  if ("status" in predictions) return predictions;
  const { labels, patientCount, patients } = predictions;
  const bins = binsOf(predictions, binCount, binning);
  const { deviations, shares } = deviationsOf(predictions, bins);
  let value = 0;
  for (const deviation of deviations) value += Math.abs(deviation);
  const error = [writtenPart(patients, signedContributions(predictions, bins, deviations, value))];
  const standardError = standardErrorOf(error);
  const { estimated, largest } = biasOf(predictions, bins, deviations, shares);
  const corrected = Math.max(0, value - estimated);
  return {
    status: "estimated",
    value,
    error,
    standardError,
    symmetric: false,
    limits: (z) => ({
      lower: Math.max(0, value - largest - z * standardError),
      upper: Math.max(value, corrected + z * standardError),
    }),
    range: [0, 1],
    method: "folded-normal-corrected",
    n: labels.length,
    patients: patientCount,
    corrected,
    bins: binCount,
  };
}

/** By bin: the share of the samples, and the share of positives among all less that of the probabilities. */
function deviationsOf(predictions: Predictions, { codes, count }: Bins) {
  const { labels, probabilities } = predictions;
  const equal = equalShareOf(predictions);
  const deviations = new Float64Array(count);
  const shares = new Float64Array(count);
  for (let i = 0; i < codes.length; i++) {
    const bin = codes[i] as number;
    const share = equal ?? shareOf(predictions, i);
    const excess = (labels[i] as number) - (probabilities[i] as number);
    deviations[bin] = (deviations[bin] as number) + share * excess;
    shares[bin] = (shares[bin] as number) + share;
  }
  return { deviations, shares };
}

function signedContributions(predictions: Predictions, { codes }: Bins, deviations: Float64Array, value: number) {
  const { labels, probabilities } = predictions;
  const equal = equalShareOf(predictions);
  const signs = deviations.map(Math.sign);
  return (contributions: Float64Array): void => {
    for (let i = 0; i < contributions.length; i++) {
      const excess = (labels[i] as number) - (probabilities[i] as number);
      const sign = signs[codes[i] as number] as number;
      contributions[i] = (equal ?? shareOf(predictions, i)) * (sign * excess - value);
    }
  };
}

/**
 * What the absolute values add on average over all bins, and the most that they can add: in one pass, since a patient's
 * samples stand together.
 */
function biasOf(predictions: Predictions, { codes, count }: Bins, deviations: Float64Array, shares: Float64Array) {
  const { labels, patients, probabilities } = predictions;
  const n = codes.length;
  const equal = equalShareOf(predictions);
  const centres = deviations.map((deviation, bin) => deviation / (shares[bin] as number));
  const squares = new Float64Array(count);
  const patientsIn = new Uint32Array(count);
  const ofPatient = new Float64Array(count);
  const touched = new Uint8Array(count);
  for (let start = 0; start < n; ) {
    let end = start;
    const patient = patients[start] as number;
    do {
      const bin = codes[end] as number;
      const excess = (labels[end] as number) - (probabilities[end] as number) - (centres[bin] as number);
      ofPatient[bin] = (ofPatient[bin] as number) + (equal ?? shareOf(predictions, end)) * excess;
      touched[bin] = 1;
      end++;
    } while (end < n && patients[end] === patient);
    for (; start < end; start++) {
      const bin = codes[start] as number;
      if (touched[bin] === 0) continue;
      const sum = ofPatient[bin] as number;
      squares[bin] = (squares[bin] as number) + sum * sum;
      patientsIn[bin] = (patientsIn[bin] as number) + 1;
      ofPatient[bin] = 0;
      touched[bin] = 0;
    }
  }
  let [estimated, largest] = [0, 0];
  for (let bin = 0; bin < count; bin++) {
    const of = patientsIn[bin] as number;
    if (of < 2) continue;
    const spread = Math.sqrt((of / (of - 1)) * (squares[bin] as number));
    estimated += foldedExcess(deviations[bin] as number, spread);
    largest += foldedExcess(0, spread);
  }
  return { estimated, largest };
}

/** E|N(d, s²)| − |d|. */
function foldedExcess(d: number, s: number): number {
  if (!(s > 0)) return 0;
  const size = Math.abs(d);
  const ratio = size / s;
  return s * Math.sqrt(2 / Math.PI) * Math.exp((-ratio * ratio) / 2) - 2 * size * normalCdf(-ratio);
}

/**
 * The maximum calibration error: the largest |share of positives − mean probability| of any bin, a maximum over noisy values
 * and therefore biased upward; bins with few samples decide it. Limits: Wilson's of every bin's share at Bonferroni's
 * level, the largest of the lower and of the upper limits of the deviation.
 */
export function maximumCalibrationError(data: LabelledScores, binCount: number): Result {
  const predictions = predictionsOf(data);
  if ("status" in predictions) return predictions;
  return maximumError(predictions, reliability(predictions, binsOf(predictions, binCount, "equal-width")));
}

/** The same, where the bins of equal width are at hand. */
export function maximumError(predictions: Predictions, bins: readonly ReliabilityBin[]): Result {
  const deviation = ({ meanPredicted, observed }: ReliabilityBin) => Math.abs(observed.value - meanPredicted);
  const value = Math.max(...bins.map(deviation));
  const worst = bins.find((bin) => deviation(bin) === value) as ReliabilityBin;
  return {
    status: "estimated",
    value,
    error: worst.observed.error,
    standardError: worst.observed.standardError,
    symmetric: false,
    limits: binLimits(
      value,
      bins.map(({ meanPredicted, observed: { limits } }) => ({ meanPredicted, limits })),
    ),
    range: [0, 1],
    method: "bonferroni-wilson-bins",
    n: predictions.labels.length,
    patients: predictions.patientCount,
  };
}

interface HeldBin {
  readonly meanPredicted: number;
  limits(z: number): Limits;
}

/** Made apart from the estimate, since findings keep the limits and must not keep the errors of all patients. */
function binLimits(value: number, bins: readonly HeldBin[]): (z: number) => Limits {
  return (z) => {
    const level = 1 - 2 * normalCdf(-z);
    const each = criticalValue(1 - (1 - level) / bins.length);
    const found = bins.map(({ meanPredicted, limits }) => {
      const { lower, upper } = limits(each);
      return {
        lower: Math.max(0, lower - meanPredicted, meanPredicted - upper),
        upper: Math.max(upper - meanPredicted, meanPredicted - lower),
      };
    });
    return {
      lower: Math.min(value, Math.max(...found.map((one) => one.lower))),
      upper: Math.max(value, ...found.map((one) => one.upper)),
    };
  };
}
