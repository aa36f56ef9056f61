import type { LabelledScores } from "../auc.js";
import {
  type Estimate,
  type NotEstimable,
  normalLimits,
  notEstimable,
  type Result,
  standardErrorOf,
} from "../estimate.js";
import { errorPart } from "../influence.js";
import { clipped } from "./losses.js";
import { type Predictions, predictionsOf } from "./predictions.js";

/**
 * Calibration by logistic regression (D. R. Cox, Biometrika 45 (1958) 562–565; B. Van Calster et al., Journal of Clinical
 * Epidemiology 74 (2016) 167–176): logit P(y = 1) = a + b · logit(p). With b fixed at 1, a is the calibration intercept
 * (calibration in the large): above 0 the probabilities are too low. b is the calibration slope: below 1 they are too
 * extreme. Maximum likelihood by Newton's method.
 *
 * Errors are those of an M-estimator, I⁻¹ Σ (y − μ)(1, x) summed by patient (the sandwich): right also where the logistic
 * form is not, and where patients repeat. The model-based standard error (that of R's glm) stands beside.
 */
export interface LogisticFit {
  readonly intercept: number;
  readonly slope: number;
  /** Model-based. */
  readonly interceptStandardError: number;
  readonly slopeStandardError: number;
}

export interface CalibrationEstimate extends Estimate {
  /** That of R's glm, which takes samples as independent and the form as right. */
  readonly modelStandardError: number;
  /** Samples whose probability of 0 or 1 was moved by 2⁻⁵² before the logit. */
  readonly clipped: number;
}

const MOST_STEPS = 60;
const PRECISION = 1e-12;
/** A slope or intercept beyond this is on its way to infinity. */
const LARGEST = 1e3;

/** The intercept with the slope fixed at 1. Not estimable where all samples are of one class. */
export function calibrationIntercept(data: LabelledScores): Result<CalibrationEstimate> {
  const prepared = prepare(data);
  if ("status" in prepared) return prepared;
  const { logits, predictions, moved } = prepared;
  const fit = newton(predictions, logits, false);
  if ("status" in fit) return fit;
  return estimateOf(predictions, logits, fit, "intercept", false, moved);
}

/** The slope, the intercept being free. Not estimable where the classes are separated or all probabilities are alike. */
export function calibrationSlope(data: LabelledScores): Result<CalibrationEstimate> {
  const prepared = prepare(data);
  if ("status" in prepared) return prepared;
  const { logits, predictions, moved } = prepared;
  const fit = newton(predictions, logits, true);
  if ("status" in fit) return fit;
  return estimateOf(predictions, logits, fit, "slope", true, moved);
}

/** Both parameters, to recalibrate other samples with. */
export function recalibrationFit(data: LabelledScores): LogisticFit | NotEstimable {
  const prepared = prepare(data);
  if ("status" in prepared) return prepared;
  return newton(prepared.predictions, prepared.logits, true);
}

/** Probabilities as a recalibration makes them. */
export function recalibrated({ intercept, slope }: LogisticFit, probabilities: Float64Array): Float64Array {
  const out = new Float64Array(probabilities.length);
  for (let i = 0; i < out.length; i++) out[i] = logistic(intercept + slope * logit(probabilities[i] as number));
  return out;
}

interface Prepared {
  readonly predictions: Predictions;
  readonly logits: Float64Array;
  readonly moved: number;
}

function prepare(data: LabelledScores): Prepared | NotEstimable {
  const predictions = predictionsOf(data);
  if ("status" in predictions) return predictions;
  const { labels, probabilities } = predictions;
  const logits = new Float64Array(labels.length);
  let [positives, moved] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    const p = probabilities[i] as number;
    if (clipped(p) !== p) moved++;
    positives += labels[i] as number;
    logits[i] = logit(p);
  }
  if (positives === 0 || positives === labels.length) {
    const which = positives === 0 ? "positives" : "negatives";
    return notEstimable(`0 ${which} among ${labels.length} samples: calibration by regression needs both classes`);
  }
  return { predictions, logits, moved };
}

function logit(probability: number): number {
  const p = clipped(probability);
  return Math.log(p / (1 - p));
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Gradient and information of the log likelihood. */
interface Curvature {
  readonly gradient: readonly [number, number];
  readonly information: readonly [ofIntercept: number, mixed: number, ofSlope: number];
}

function curvature({ labels, weights }: Predictions, logits: Float64Array, a: number, b: number): Curvature {
  let [ga, gb, iaa, iab, ibb] = [0, 0, 0, 0, 0];
  for (let i = 0; i < labels.length; i++) {
    const x = logits[i] as number;
    const weight = weights === null ? 1 : (weights[i] as number);
    const mu = logistic(a + b * x);
    const residual = weight * ((labels[i] as number) - mu);
    const spread = weight * mu * (1 - mu);
    ga += residual;
    gb += residual * x;
    iaa += spread;
    iab += spread * x;
    ibb += spread * x * x;
  }
  return { gradient: [ga, gb], information: [iaa, iab, ibb] };
}

/** Newton's steps from (0, 1), halved where they overshoot. */
function newton(predictions: Predictions, logits: Float64Array, withSlope: boolean): LogisticFit | NotEstimable {
  let [a, b] = [0, 1];
  let deviance = lossAt(predictions, logits, a, b);
  for (let step = 0; step < MOST_STEPS; step++) {
    const { gradient, information } = curvature(predictions, logits, a, b);
    const [da, db] = solved(information, gradient, withSlope);
    if (!Number.isFinite(da) || !Number.isFinite(db)) {
      return notEstimable("all probabilities are alike: there is no slope to estimate");
    }
    let scale = 1;
    let next = lossAt(predictions, logits, a + da, b + db);
    while (!(next <= deviance + 1e-12 * Math.abs(deviance)) && scale > 1e-6) {
      scale /= 2;
      next = lossAt(predictions, logits, a + scale * da, b + scale * db);
    }
    [a, b] = [a + scale * da, b + scale * db];
    deviance = next;
    if (Math.abs(a) > LARGEST || Math.abs(b) > LARGEST) break;
    if (
      Math.abs(scale * da) <= PRECISION * (1 + Math.abs(a)) &&
      Math.abs(scale * db) <= PRECISION * (1 + Math.abs(b))
    ) {
      const [iaa, iab, ibb] = curvature(predictions, logits, a, b).information;
      const determinant = iaa * ibb - iab * iab;
      return {
        intercept: a,
        slope: b,
        interceptStandardError: Math.sqrt(withSlope ? ibb / determinant : 1 / iaa),
        slopeStandardError: withSlope ? Math.sqrt(iaa / determinant) : 0,
      };
    }
  }
  return notEstimable("the classes are separated, or nearly: the logistic regression has no finite solution");
}

/** Information⁻¹ · gradient. */
function solved(
  [iaa, iab, ibb]: Curvature["information"],
  [ga, gb]: Curvature["gradient"],
  withSlope: boolean,
): [number, number] {
  if (!withSlope) return [ga / iaa, 0];
  const determinant = iaa * ibb - iab * iab;
  // A determinant that is all rounding: the probabilities do not vary.
  if (!(determinant > 1e-12 * iaa * ibb)) return [Number.NaN, Number.NaN];
  return [(ibb * ga - iab * gb) / determinant, (iaa * gb - iab * ga) / determinant];
}

/** Minus the log likelihood. */
function lossAt({ labels, weights }: Predictions, logits: Float64Array, a: number, b: number): number {
  let loss = 0;
  for (let i = 0; i < labels.length; i++) {
    const eta = a + b * (logits[i] as number);
    const signed = labels[i] === 1 ? -eta : eta;
    // log(1 + e^s), without overflow.
    const term = signed > 0 ? signed + Math.log1p(Math.exp(-signed)) : Math.log1p(Math.exp(signed));
    loss += weights === null ? term : (weights[i] as number) * term;
  }
  return loss;
}

function estimateOf(
  predictions: Predictions,
  logits: Float64Array,
  fit: LogisticFit,
  which: "intercept" | "slope",
  withSlope: boolean,
  moved: number,
): CalibrationEstimate {
  const { clustered, labels, patientCount, patients, weights } = predictions;
  const { information } = curvature(predictions, logits, fit.intercept, fit.slope);
  const contributions = new Float64Array(labels.length);
  const [ofA, ofB] = which === "slope" ? solvedRow(information) : [1 / information[0], 0];
  for (let i = 0; i < labels.length; i++) {
    const x = logits[i] as number;
    const weight = weights === null ? 1 : (weights[i] as number);
    const residual = weight * ((labels[i] as number) - logistic(fit.intercept + fit.slope * x));
    contributions[i] = residual * (ofA + ofB * x);
  }
  const error = [errorPart(patients, contributions)];
  const standardError = standardErrorOf(error);
  const value = fit[which];
  return {
    status: "estimated",
    value,
    error,
    standardError,
    symmetric: true,
    limits: normalLimits(value, standardError),
    range: [-Number.MAX_VALUE, Number.MAX_VALUE],
    method: clustered ? "sandwich-clustered" : "sandwich",
    n: labels.length,
    patients: patientCount,
    modelStandardError: withSlope ? fit.slopeStandardError : fit.interceptStandardError,
    clipped: moved,
  };
}

/** The slope's row of the inverse information. */
function solvedRow([iaa, iab, ibb]: Curvature["information"]): [number, number] {
  const determinant = iaa * ibb - iab * iab;
  return [-iab / determinant, iaa / determinant];
}
