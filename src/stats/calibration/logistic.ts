import type { LabelledScores } from "../auc.js";
import {
  type Estimate,
  type NotEstimable,
  normalLimits,
  notEstimable,
  type Result,
  standardErrorOf,
} from "../estimate.js";
import { type ErrorPart, errorPart, roomFor } from "../influence.js";
import { clipped, NEAREST } from "./losses.js";
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

let known = new WeakMap<LabelledScores, Both>();

/** Forgets what was fitted: errors of all patients, which nobody asks for once an audit has made its findings. */
export function forgetFits(): void {
  known = new WeakMap();
}

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
  /** The largest |logit|. */
  readonly reach: number;
  readonly moved: number;
  /** Of many samples, their sums in bins of logits; null of few. */
  readonly binned: Binned | null;
}

/** Many samples are fitted from where their sums in bins of logits lead to; few from (0, 1). The solution is the same. */
const MANY = 20_000;

function prepare(data: LabelledScores): Prepared | NotEstimable {
  const predictions = predictionsOf(data);
  if ("status" in predictions) return predictions;
  const { labels, probabilities } = predictions;
  const logits = room.logits(labels.length);
  let [positives, moved, lowest, highest] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < labels.length; i++) {
    const p = probabilities[i] as number;
    const x = logit(p);
    if (p < NEAREST || p > 1 - NEAREST) moved++;
    positives += labels[i] as number;
    logits[i] = x;
    if (x < lowest) lowest = x;
    if (x > highest) highest = x;
  }
  if (positives === 0 || positives === labels.length) {
    const which = positives === 0 ? "positives" : "negatives";
    return notEstimable(`0 ${which} among ${labels.length} samples: calibration by regression needs both classes`);
  }
  const binned = labels.length < MANY ? null : binLogits(predictions, logits, lowest, highest);
  return { predictions, logits, reach: Math.max(Math.abs(lowest), Math.abs(highest)), moved, binned };
}

/** Room for two numbers a sample that a fit is made in, used for one fit after the other. */
const room = { logits: makeRoom(), means: makeRoom() };

function makeRoom(): (count: number) => Float64Array {
  let all = new Float64Array(0);
  return (count) => {
    if (all.length < count) all = new Float64Array(Math.max(count, 2 * all.length));
    return all.subarray(0, count);
  };
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

/**
 * The curvature anywhere, by one exponential a sample. Close to where it was last had, which is where Newton's method ends, the
 * means follow from those by the logistic's Taylor series, whose first term left out is below the precision of a double.
 */
class LogLikelihood {
  readonly #predictions: Predictions;
  readonly #logits: Float64Array;
  readonly #reach: number;
  /** The means at the base. */
  readonly #means: Float64Array;
  #base: readonly [number, number] = [Number.NaN, Number.NaN];

  constructor({ predictions, logits, reach }: Prepared) {
    this.#predictions = predictions;
    this.#logits = logits;
    this.#reach = reach;
    this.#means = room.means(logits.length);
  }

  at(a: number, b: number): Curvature {
    return this.#isNear(a, b) ? this.#moved(a - this.#base[0], b - this.#base[1]) : this.#exact(a, b);
  }

  #isNear(a: number, b: number): boolean {
    return Math.abs(a - this.#base[0]) + Math.abs(b - this.#base[1]) * this.#reach < NEAR;
  }

  #exact(a: number, b: number): Curvature {
    const { labels, weights } = this.#predictions;
    const [logits, means] = [this.#logits, this.#means];
    let [ga, gb, iaa, iab, ibb] = [0, 0, 0, 0, 0];
    for (let i = 0; i < logits.length; i++) {
      const x = logits[i] as number;
      const weight = weights === null ? 1 : (weights[i] as number);
      const mu = 1 / (1 + Math.exp(-(a + b * x)));
      const residual = weight * ((labels[i] as number) - mu);
      const spread = weight * mu * (1 - mu);
      means[i] = mu;
      ga += residual;
      gb += residual * x;
      iaa += spread;
      iab += spread * x;
      ibb += spread * x * x;
    }
    this.#base = [a, b];
    return { gradient: [ga, gb], information: [iaa, iab, ibb] };
  }

  #moved(da: number, db: number): Curvature {
    const { labels, weights } = this.#predictions;
    const [logits, means] = [this.#logits, this.#means];
    let [ga, gb, iaa, iab, ibb] = [0, 0, 0, 0, 0];
    for (let i = 0; i < logits.length; i++) {
      const x = logits[i] as number;
      const weight = weights === null ? 1 : (weights[i] as number);
      const mu = movedMean(means[i] as number, da + db * x);
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

  /** weight · (y − μ) · (ofA + ofB · x) by sample at (a, b), summed by patient. */
  errorAt([a, b]: readonly [number, number], ofA: number, ofB: number): ErrorPart {
    if (!this.#isNear(a, b)) this.#exact(a, b);
    const [da, db] = [a - this.#base[0], b - this.#base[1]];
    const { labels, patients, weights } = this.#predictions;
    const [logits, means] = [this.#logits, this.#means];
    const contributions = roomFor(logits.length);
    for (let i = 0; i < logits.length; i++) {
      const x = logits[i] as number;
      const weight = weights === null ? 1 : (weights[i] as number);
      const mu = movedMean(means[i] as number, da + db * x);
      contributions[i] = weight * ((labels[i] as number) - mu) * (ofA + ofB * x);
    }
    return errorPart(patients, contributions);
  }
}

/** So close, the fourth power of the distance over 24 is a hundredth of a double's precision. */
const NEAR = 5e-5;

/** The logistic at a distance from where it is mu: μ + sδ + s(1 − 2μ)δ²/2 + s(1 − 6s)δ³/6, with s = μ(1 − μ). */
function movedMean(mu: number, delta: number): number {
  const s = mu * (1 - mu);
  return mu + s * delta * (1 + delta * ((1 - 2 * mu) / 2 + (delta * (1 - 6 * s)) / 6));
}

interface Fitted extends LogisticFit {
  readonly information: Curvature["information"];
  readonly likelihood: LogLikelihood;
}

function fitted(prepared: Prepared, withSlope: boolean): Fitted | NotEstimable {
  const start = prepared.binned === null ? null : binnedSolution(prepared.binned, withSlope);
  const likelihood = new LogLikelihood(prepared);
  const solution = newton((a, b) => likelihood.at(a, b), start ?? [0, 1], withSlope);
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
    likelihood,
  };
}

const BINS = 4096;

/** Sums over the samples of each narrow bin of logits, and over the positives. */
interface Binned {
  readonly counts: Float64Array;
  readonly sums: Float64Array;
  readonly observed: number;
  readonly product: number;
}

function binLogits({ labels, weights }: Predictions, logits: Float64Array, lowest: number, highest: number): Binned {
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
  return { counts, sums, observed, product };
}

/** The solution where all samples of a bin stand at their mean logit; null where there is none. */
function binnedSolution(
  { counts, sums, observed, product }: Binned,
  withSlope: boolean,
): readonly [number, number] | null {
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
  const { clustered, patientCount } = predictions;
  const { information, intercept, likelihood, slope } = fit;
  const [ofA, ofB] = withSlope ? solvedRow(information) : [1 / information[0], 0];
  const error = [likelihood.errorAt([intercept, slope], ofA, ofB)];
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
