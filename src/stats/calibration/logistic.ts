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
  return bothOf(data).intercept;
}

/** The slope, the intercept being free. Not estimable where the classes are separated or all probabilities are alike. */
export function calibrationSlope(data: LabelledScores): Result<CalibrationEstimate> {
  return bothOf(data).slope;
}

interface Both {
  readonly intercept: Result<CalibrationEstimate>;
  readonly slope: Result<CalibrationEstimate>;
}

const known = new WeakMap<LabelledScores, Both>();

/** Both, made once: a group's own values and the gaps between groups ask for the same. */
function bothOf(data: LabelledScores): Both {
  let both = known.get(data);
  if (both === undefined) {
    const prepared = prepare(data);
    both =
      "status" in prepared
        ? { intercept: prepared, slope: prepared }
        : { intercept: estimateOf(prepared, "intercept"), slope: estimateOf(prepared, "slope") };
    known.set(data, both);
  }
  return both;
}

/** Both parameters, to recalibrate other samples with. */
export function recalibrationFit(data: LabelledScores): LogisticFit | NotEstimable {
  const prepared = prepare(data);
  if ("status" in prepared) return prepared;
  const fit = fitted(prepared, true);
  if ("status" in fit) return fit;
  const { intercept, slope, interceptStandardError, slopeStandardError } = fit;
  return { intercept, slope, interceptStandardError, slopeStandardError };
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

/** Fills in weight · (y − μ) by sample on the way. */
function curvature(
  { labels, weights }: Predictions,
  logits: Float64Array,
  residuals: Float64Array,
  a: number,
  b: number,
): Curvature {
  let [ga, gb, iaa, iab, ibb] = [0, 0, 0, 0, 0];
  for (let i = 0; i < labels.length; i++) {
    const x = logits[i] as number;
    const weight = weights === null ? 1 : (weights[i] as number);
    const mu = logistic(a + b * x);
    const residual = weight * ((labels[i] as number) - mu);
    const spread = weight * mu * (1 - mu);
    residuals[i] = residual;
    ga += residual;
    gb += residual * x;
    iaa += spread;
    iab += spread * x;
    ibb += spread * x * x;
  }
  return { gradient: [ga, gb], information: [iaa, iab, ibb] };
}

interface Fitted extends LogisticFit {
  readonly information: Curvature["information"];
  /** Weight · (y − μ) by sample. */
  readonly residuals: Float64Array;
}

/** Many samples are fitted from where their sums in bins of logits lead to; few from (0, 1). The solution is the same. */
const MANY = 20_000;

function fitted({ predictions, logits }: Prepared, withSlope: boolean): Fitted | NotEstimable {
  const residuals = new Float64Array(logits.length);
  const start = logits.length < MANY ? null : binnedSolution(predictions, logits, withSlope);
  const at = (a: number, b: number) => curvature(predictions, logits, residuals, a, b);
  const solution = newton(at, start ?? [0, 1], withSlope);
  if ("status" in solution) return solution;
  const { intercept, slope, information } = solution;
  const [iaa, iab, ibb] = information;
  const determinant = iaa * ibb - iab * iab;
  return {
    intercept,
    slope,
    interceptStandardError: Math.sqrt(withSlope ? ibb / determinant : 1 / iaa),
    slopeStandardError: withSlope ? Math.sqrt(iaa / determinant) : 0,
    information,
    residuals,
  };
}

const BINS = 4096;

/** The solution where all samples of a narrow bin stand at their mean logit; null where there is none. */
function binnedSolution(
  { labels, weights }: Predictions,
  logits: Float64Array,
  withSlope: boolean,
): readonly [number, number] | null {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < logits.length; i++) {
    const x = logits[i] as number;
    if (x < lowest) lowest = x;
    if (x > highest) highest = x;
  }
  const counts = new Float64Array(BINS);
  const sums = new Float64Array(BINS);
  let [observed, product] = [0, 0];
  const scale = highest > lowest ? (BINS - 1) / (highest - lowest) : 0;
  for (let i = 0; i < logits.length; i++) {
    const x = logits[i] as number;
    const weight = weights === null ? 1 : (weights[i] as number);
    const bin = ((x - lowest) * scale) | 0;
    counts[bin] = (counts[bin] as number) + weight;
    sums[bin] = (sums[bin] as number) + weight * x;
    observed += weight * (labels[i] as number);
    product += weight * (labels[i] as number) * x;
  }
  const at = (a: number, b: number): Curvature => {
    let [ga, gb, iaa, iab, ibb] = [observed, product, 0, 0, 0];
    for (let bin = 0; bin < BINS; bin++) {
      const count = counts[bin] as number;
      if (count === 0) continue;
      const sum = sums[bin] as number;
      const mean = sum / count;
      const mu = logistic(a + b * mean);
      const spread = mu * (1 - mu);
      ga -= count * mu;
      gb -= sum * mu;
      iaa += count * spread;
      iab += sum * spread;
      ibb += sum * mean * spread;
    }
    return { gradient: [ga, gb], information: [iaa, iab, ibb] };
  };
  const solution = newton(at, [0, 1], withSlope);
  return "status" in solution ? null : [solution.intercept, solution.slope];
}

interface Solution {
  readonly intercept: number;
  readonly slope: number;
  readonly information: Curvature["information"];
}

/**
 * Newton's steps, halved where they go so far that the log likelihood falls half as steeply as it rose. It is concave: where
 * its gradient is nil is its only maximum, whatever the start.
 */
function newton(
  curvatureAt: (a: number, b: number) => Curvature,
  start: readonly [number, number],
  withSlope: boolean,
): Solution | NotEstimable {
  let [a, b] = start;
  let here = curvatureAt(a, b);
  for (let step = 0; step < MOST_STEPS; step++) {
    const [da, db] = solved(here.information, here.gradient, withSlope);
    if (!Number.isFinite(da) || !Number.isFinite(db)) {
      return notEstimable("all probabilities are alike: there is no slope to estimate");
    }
    if (Math.abs(da) <= PRECISION * (1 + Math.abs(a)) && Math.abs(db) <= PRECISION * (1 + Math.abs(b))) {
      return { intercept: a, slope: b, information: here.information };
    }
    const rise = ({ gradient: [ga, gb] }: Curvature) => ga * da + gb * db;
    let scale = 1;
    let next = curvatureAt(a + da, b + db);
    while (rise(next) < -rise(here) / 2 && scale > 1e-6) {
      scale /= 2;
      next = curvatureAt(a + scale * da, b + scale * db);
    }
    [a, b] = [a + scale * da, b + scale * db];
    here = next;
    if (Math.abs(a) > LARGEST || Math.abs(b) > LARGEST) break;
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

function estimateOf(prepared: Prepared, which: "intercept" | "slope"): Result<CalibrationEstimate> {
  const { predictions, logits, moved } = prepared;
  const withSlope = which === "slope";
  const fit = fitted(prepared, withSlope);
  if ("status" in fit) return fit;
  const { clustered, patientCount, patients } = predictions;
  const { information, residuals: contributions } = fit;
  const [ofA, ofB] = withSlope ? solvedRow(information) : [1 / information[0], 0];
  for (let i = 0; i < contributions.length; i++) {
    contributions[i] = (contributions[i] as number) * (ofA + ofB * (logits[i] as number));
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
    n: logits.length,
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
