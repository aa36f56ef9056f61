import { type LabelledScores, patientsOf } from "./auc.js";
import { falseRateAt, rateAt } from "./decisions.js";
import {
  correlation,
  type Estimate,
  type Limits,
  type NotEstimable,
  notEstimable,
  type Result,
  standardErrorOf,
} from "./estimate.js";
import { errorOfDifference, type SamplingError, scaledPart } from "./influence.js";
import { type ProportionEstimate, proportionDifference } from "./proportion.js";
import { ratioOfEstimates } from "./ratio.js";

/**
 * What a decision says of a patient whatever the prevalence, and at a stated one: likelihood ratios, predictive values at
 * a prevalence, and Youden's index. All rest on sensitivity and specificity, shares of different samples, whose errors are
 * independent unless a patient has samples of both labels; that covariance is allowed for.
 */

export type PredictiveValue = "ppv" | "npv";

/** Two shares whose ratio is asked for: of positives that are called so, and of negatives that are called the same. */
interface Pair {
  readonly a: ProportionEstimate;
  readonly b: ProportionEstimate;
  readonly n: number;
  readonly patients: number;
}

/** A ratio of two shares; its value and its upper limit may be Infinity. */
interface ShareRatio {
  readonly value: number;
  readonly limits: (z: number) => Limits;
  readonly isNormal: boolean;
}

/** A likelihood ratio whose denominator is 0: only a lower limit is known. */
export interface Unbounded extends NotEstimable {
  /** The lower limit at a two-sided critical value z. */
  readonly lower: (z: number) => number;
}

/**
 * The likelihood ratio of a positive call, sensitivity / (1 − specificity), or of a negative one, (1 − sensitivity) /
 * specificity. Limits: normal on the log scale by the delta method (D. L. Simel, G. P. Samsa, D. B. Matchar, Journal of
 * Clinical Epidemiology 44 (1991) 763–770), clustered by patient. Where a cell of the two-by-two table is empty that
 * variance leaves out or lacks a term, and MOVER-R out of Wilson's limits stands in (`ratioOfEstimates`). Where the
 * denominator is 0 there is no estimate, but a lower limit: `Unbounded`. Not estimable without positives or negatives, or
 * where both shares are 0.
 */
export function likelihoodRatioAt(
  data: LabelledScores,
  threshold: number,
  call: "positive" | "negative",
): Result | Unbounded {
  const pair = pairAt(data, threshold, call === "positive" ? ["sensitivity", "fpr"] : ["fnr", "specificity"]);
  if ("status" in pair) return pair;
  const { a, b, n, patients } = pair;
  const ratio = ratioOfShares(pair);
  if ("status" in ratio) return ratio;
  if (ratio.value === Infinity) {
    const none = call === "positive" ? "false positive" : "true negative";
    return {
      ...notEstimable(`no ${none} among ${b.n} negatives: the ratio divides by 0 and has a lower limit alone`),
      lower: (z) => ratio.limits(z).lower,
    };
  }
  // First order: d(a/b) = da/b − (a/b)·db/b.
  const error = errorOfDifference(times(a.error, 1 / b.value), times(b.error, ratio.value / b.value));
  return estimateOf(ratio.value, error, ratio.limits, [0, Infinity], ratio.isNormal ? "log-delta" : MOVER, n, patients);
}

/**
 * The predictive value that the decision would have at a prevalence π, by Bayes' theorem: PPV = π·Se / (π·Se + (1−π)(1−Sp)),
 * NPV = (1−π)·Sp / ((1−π)·Sp + π(1−Se)). Limits: normal on the logit scale by the delta method (N. D. Mercaldo, K. F. Lau, X.
 * H. Zhou, Statistics in Medicine 26 (2007) 2170–2183), which are those of the likelihood ratio carried over, since logit PPV
 * = log LR+ + logit π; hence the same stand-in where a cell is empty, and a PPV of 1 has a lower limit. The prevalence counts as
 * known, and sensitivity and specificity as the same at it. Not estimable without positives or negatives, or where nothing
 * (for NPV: everything) is called positive.
 * @param prevalence in (0, 1)
 */
export function predictiveValueAt(
  data: LabelledScores,
  threshold: number,
  prevalence: number,
  value: PredictiveValue,
): Result {
  const pair = pairAt(data, threshold, value === "ppv" ? ["sensitivity", "fpr"] : ["specificity", "fnr"]);
  if ("status" in pair) return pair;
  const ratio = ratioOfShares(pair);
  if ("status" in ratio) return ratio;
  const { a, b, n, patients } = pair;
  const own = value === "ppv" ? prevalence : 1 - prevalence;
  const odds = own / (1 - own);
  const atRatio = (r: number) => (r === Infinity ? 1 : (odds * r) / (1 + odds * r));
  const whole = own * a.value + (1 - own) * b.value;
  const slope = (own * (1 - own)) / (whole * whole);
  const error = errorOfDifference(times(a.error, slope * b.value), times(b.error, slope * a.value));
  const limits = (z: number): Limits => {
    const { lower, upper } = ratio.limits(z);
    return { lower: atRatio(lower), upper: atRatio(upper) };
  };
  const method = ratio.isNormal ? "logit-delta" : MOVER;
  return estimateOf(atRatio(ratio.value), error, limits, [0, 1], method, n, patients);
}

/**
 * Youden's index, sensitivity + specificity − 1 = sensitivity − false positive rate (W. J. Youden, Cancer 3 (1950) 32–35): a
 * difference of two shares, with Newcombe's hybrid score limits. Not estimable without positives or negatives.
 */
export function youdenAt(data: LabelledScores, threshold: number): Result {
  const pair = pairAt(data, threshold, ["sensitivity", "fpr"]);
  if ("status" in pair) return pair;
  return { ...proportionDifference(pair.a, pair.b, data.clustered), patients: pair.patients };
}

type Share = "sensitivity" | "specificity" | "fpr" | "fnr";

const MOVER = "mover-ratio-wilson";

function pairAt(
  data: LabelledScores,
  threshold: number,
  [first, second]: readonly [Share, Share],
): Pair | NotEstimable {
  const [a, b] = [shareAt(data, threshold, first), shareAt(data, threshold, second)];
  if (a.status === "not-estimable") return a;
  if (b.status === "not-estimable") return b;
  return { a, b, n: data.labels.length, patients: patientsOf(data.patients) };
}

function shareAt(data: LabelledScores, threshold: number, share: Share): Result<ProportionEstimate> {
  return share === "fpr" || share === "fnr" ? falseRateAt(data, threshold, share) : rateAt(data, threshold, share);
}

function ratioOfShares(pair: Pair): ShareRatio | NotEstimable {
  const { a, b, n, patients } = pair;
  if (a.value === 0 && b.value === 0) {
    return notEstimable(`none of ${n} samples is called so, positive or negative: the ratio is 0 / 0`);
  }
  const value = a.value / b.value;
  if (isInside(a) && isInside(b)) {
    const logStandardError = logRatioError(a, b);
    if (logStandardError > 0) {
      const limits = (z: number): Limits => ({
        lower: value * Math.exp(-z * logStandardError),
        upper: value * Math.exp(z * logStandardError),
      });
      return { value, limits, isNormal: true };
    }
  }
  const counts = { n, patients };
  const isInverse = b.value === 0;
  const names = { of: "a share", to: "the other" };
  const ratio = isInverse ? ratioOfEstimates(b, a, names, counts) : ratioOfEstimates(a, b, names, counts);
  if (ratio.status === "not-estimable") return ratio;
  const { limits } = ratio;
  if (!isInverse) return { value, limits, isNormal: false };
  return { value, limits: (z) => ({ lower: 1 / limits(z).upper, upper: Infinity }), isNormal: false };
}

/**
 * Standard error of log(a / b): √((1 − a)/(a·nₐ) + (1 − b)/(b·n_b)) as in the literature, with effective numbers of samples
 * and the correlation through shared patients where patients repeat.
 */
function logRatioError(a: ProportionEstimate, b: ProportionEstimate): number {
  const [ofA, ofB] = [a, b].map(({ value, effectiveN }) => Math.sqrt((1 - value) / (value * effectiveN)));
  const [first, second] = [ofA as number, ofB as number];
  return Math.sqrt(Math.max(0, first * first + second * second - 2 * correlation(a, b) * first * second));
}

/** Whether a share is neither 0 nor 1 and varies between patients. */
function isInside({ value, standardError }: Estimate): boolean {
  return value > 0 && value < 1 && standardError > 0;
}

function times(error: SamplingError, factor: number): SamplingError {
  return error.map((part) => scaledPart(part, factor));
}

function estimateOf(
  value: number,
  error: SamplingError,
  limits: (z: number) => Limits,
  range: readonly [number, number],
  method: string,
  n: number,
  patients: number,
): Estimate {
  const standardError = standardErrorOf(error);
  return { status: "estimated", value, error, standardError, symmetric: false, limits, range, method, n, patients };
}
