import {
  type DecisionTable,
  errorOfWeighted,
  FN,
  FP,
  NEGATIVES,
  POSITIVES,
  shareCorrelation,
  type TableShare,
  TN,
  TP,
  tableShare,
} from "./decision-table.js";
import { type Limits, type NotEstimable, notEstimable, type Summary, squareAndAdd } from "./estimate.js";
import { recoveredLimits } from "./ratio.js";

/**
 * What a decision says of a patient whatever the prevalence, and at a stated one: likelihood ratios, predictive values at
 * a prevalence, and Youden's index. All rest on sensitivity and specificity, shares of different samples, whose errors are
 * independent unless a patient has samples of both labels; that covariance is allowed for.
 */

export type PredictiveValue = "ppv" | "npv";

/** The four rates of which what follows is made. */
export type LabelRate = "sensitivity" | "specificity" | "fpr" | "fnr";

const RATES: Readonly<Record<LabelRate, { readonly of: number; readonly among: number; readonly trials: string }>> = {
  sensitivity: { of: TP, among: POSITIVES, trials: "positives" },
  specificity: { of: TN, among: NEGATIVES, trials: "negatives" },
  fpr: { of: FP, among: NEGATIVES, trials: "negatives" },
  fnr: { of: FN, among: POSITIVES, trials: "positives" },
};

/** A rate of the table's decisions; not estimable where it is about no sample. */
export function labelRate(table: DecisionTable, rate: LabelRate): TableShare | NotEstimable {
  const { of, among, trials } = RATES[rate];
  return tableShare(table, of, among, [rate, trials]);
}

/** Two shares, of positives that are called so and of negatives that are called the same, with their errors' correlation. */
interface Pair {
  readonly a: TableShare;
  readonly b: TableShare;
  readonly rho: number;
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
export function likelihoodRatio(
  table: DecisionTable,
  call: "positive" | "negative",
): Summary | NotEstimable | Unbounded {
  const pair = pairOf(table, call === "positive" ? ["sensitivity", "fpr"] : ["fnr", "specificity"]);
  if ("status" in pair) return pair;
  const { a, b, rho } = pair;
  const ratio = ratioOfShares(pair, table.n);
  if ("status" in ratio) return ratio;
  if (ratio.value === Infinity) {
    const none = call === "positive" ? "false positive" : "true negative";
    return {
      ...notEstimable(`no ${none} among ${b.n} negatives: the ratio divides by 0 and has a lower limit alone`),
      lower: (z) => ratio.limits(z).lower,
    };
  }
  // First order: d(a/b) = da/b − (a/b)·db/b.
  const standardError = errorOfWeighted(1 / b.value, a, ratio.value / b.value, b, rho);
  return summaryOf(
    ratio.value,
    standardError,
    ratio.limits,
    [0, Infinity],
    ratio.isNormal ? "log-delta" : MOVER,
    table,
  );
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
export function predictiveValue(
  table: DecisionTable,
  prevalence: number,
  value: PredictiveValue,
): Summary | NotEstimable {
  const pair = pairOf(table, value === "ppv" ? ["sensitivity", "fpr"] : ["specificity", "fnr"]);
  if ("status" in pair) return pair;
  const ratio = ratioOfShares(pair, table.n);
  if ("status" in ratio) return ratio;
  const { a, b, rho } = pair;
  const own = value === "ppv" ? prevalence : 1 - prevalence;
  const odds = own / (1 - own);
  const atRatio = (r: number) => (r === Infinity ? 1 : (odds * r) / (1 + odds * r));
  const whole = own * a.value + (1 - own) * b.value;
  const slope = (own * (1 - own)) / (whole * whole);
  const standardError = errorOfWeighted(slope * b.value, a, slope * a.value, b, rho);
  const limits = (z: number): Limits => {
    const { lower, upper } = ratio.limits(z);
    return { lower: atRatio(lower), upper: atRatio(upper) };
  };
  return summaryOf(atRatio(ratio.value), standardError, limits, [0, 1], ratio.isNormal ? "logit-delta" : MOVER, table);
}

/**
 * Youden's index, sensitivity + specificity − 1 = sensitivity − false positive rate (W. J. Youden, Cancer 3 (1950) 32–35): a
 * difference of two shares, with Newcombe's hybrid score limits. Not estimable without positives or negatives.
 */
export function youdenIndex(table: DecisionTable): Summary | NotEstimable {
  const pair = pairOf(table, ["sensitivity", "fpr"]);
  if ("status" in pair) return pair;
  const { a, b, rho } = pair;
  const method = table.clustered || table.isWeighted ? "newcombe-score-effective-n" : "newcombe-score";
  const standardError = errorOfWeighted(1, a, 1, b, rho);
  return summaryOf(a.value - b.value, standardError, squareAndAdd(a, b, rho), [-1, 1], method, table);
}

const MOVER = "mover-ratio-wilson";

function pairOf(table: DecisionTable, [first, second]: readonly [LabelRate, LabelRate]): Pair | NotEstimable {
  const [a, b] = [labelRate(table, first), labelRate(table, second)];
  if (a.status === "not-estimable") return a;
  if (b.status === "not-estimable") return b;
  return { a, b, rho: shareCorrelation(table, a, b) };
}

function ratioOfShares({ a, b, rho }: Pair, n: number): ShareRatio | NotEstimable {
  if (a.value === 0 && b.value === 0) {
    return notEstimable(`none of ${n} samples is called so, positive or negative: the ratio is 0 / 0`);
  }
  const value = a.value / b.value;
  if (isInside(a) && isInside(b)) {
    const logStandardError = logRatioError(a, b, rho);
    if (logStandardError > 0) {
      const limits = (z: number): Limits => ({
        lower: value * Math.exp(-z * logStandardError),
        upper: value * Math.exp(z * logStandardError),
      });
      return { value, limits, isNormal: true };
    }
  }
  if (b.value > 0) return { value, limits: recoveredLimits(a, b, rho), isNormal: false };
  const inverse = recoveredLimits(b, a, rho);
  const limits = (z: number) => ({ lower: 1 / inverse(z).upper, upper: Infinity });
  return { value, limits, isNormal: false };
}

/**
 * Standard error of log(a / b): √((1 − a)/(a·nₐ) + (1 − b)/(b·n_b)) as in the literature, with effective numbers of samples
 * and the correlation through shared patients where patients repeat.
 */
function logRatioError(a: TableShare, b: TableShare, rho: number): number {
  const [ofA, ofB] = [a, b].map(({ value, effectiveN }) => Math.sqrt((1 - value) / (value * effectiveN)));
  const [first, second] = [ofA as number, ofB as number];
  return Math.sqrt(Math.max(0, first * first + second * second - 2 * rho * first * second));
}

/** Whether a share is neither 0 nor 1 and varies between patients. */
function isInside({ value, standardError }: TableShare): boolean {
  return value > 0 && value < 1 && standardError > 0;
}

function summaryOf(
  value: number,
  standardError: number,
  limits: (z: number) => Limits,
  range: readonly [number, number],
  method: string,
  { n, patients }: DecisionTable,
): Summary {
  return { status: "estimated", value, standardError, symmetric: false, limits, range, method, n, patients };
}
