import type { Curve } from "../core/finding.js";
import type { LabelledScores } from "./auc.js";
import {
  type DecisionTable,
  errorOfWeighted,
  EVERYBODY,
  FN,
  FP,
  shareCorrelation,
  type TableShare,
  TN,
  TP,
  tableShare,
} from "./decision-table.js";
import { type Estimate, type Limits, type NotEstimable, notEstimable, type Summary, squareAndAdd } from "./estimate.js";
import { labelRate } from "./likelihood-ratio.js";
import { wilsonLimits } from "./proportion.js";
import { unequalWeights } from "./weights.js";

/**
 * Net benefit of treating those whose probability is at least t (A. J. Vickers, E. B. Elkin, Medical Decision Making 26 (2006)
 * 565–574): with the odds w = t/(1 − t), so many false positives outweighing one true positive,
 *
 *   NB = TP/n − w · FP/n,  or at a stated prevalence π:  NB = π · Se − w · (1 − π)(1 − Sp).
 *
 * Treating nobody has 0; treating all has π − w(1 − π). All are per patient, in true positives.
 *
 * Limits: both terms are shares, of all samples or of the positives and the negatives; their Wilson limits at effective
 * numbers of samples are combined by square-and-add with the errors' correlation, by patient (G. Y. Zou, A. Donner, Statistics in
 * Medicine 27 (2008) 1693–1702; ours for net benefit). With many samples that is the normal interval (T. L. Marsh, H. Janes,
 * M. S. Pepe, Biometrics 76 (2020) 843–852); with few it keeps width where nobody is called positive. The prevalence of the sample is random and its luck in the interval; a stated
 * one counts as known.
 */

/** What is told: the net benefit of the model's decisions, or how far it is above that of treating all. */
export type Benefit = "net-benefit" | "net-benefit-over-treat-all";

/** w = t / (1 − t): how many false positives one true positive is worth. */
export function oddsOf(probability: number): number {
  return probability / (1 - probability);
}

/** Net benefit of treating all. */
export function treatAll(probability: number, prevalence: number): number {
  return prevalence - oddsOf(probability) * (1 - prevalence);
}

/**
 * Net benefit at a threshold probability, or what it is above that of treating all, which is w · TN/n − FN/n. Not estimable
 * with fewer than two patients, nor at a stated prevalence without positives or negatives.
 * @param table decisions at that threshold: a score at or above the probability is called positive
 * @param probability in (0, 1)
 * @param prevalence in (0, 1), stated; null for that of the samples
 */
export function netBenefit(
  table: DecisionTable,
  probability: number,
  prevalence: number | null,
  benefit: Benefit = "net-benefit",
): Summary | NotEstimable {
  const { n, patients } = table;
  if (patients < 2) return notEstimable(`${n} samples of ${patients} patients: net benefit needs two`);
  const w = oddsOf(probability);
  const isOwn = benefit === "net-benefit";
  // Gains less losses: true positives less false ones, or true negatives less false ones.
  const [gain, loss] = prevalence === null ? sharesOfAll(table, isOwn) : ratesOf(table, isOwn);
  if (gain.status === "not-estimable") return gain;
  if (loss.status === "not-estimable") return loss;
  const [ofPositives, ofNegatives] = prevalence === null ? [1, 1] : [prevalence, 1 - prevalence];
  const [alpha, beta] = isOwn ? [ofPositives, w * ofNegatives] : [w * ofNegatives, ofPositives];
  const rho = shareCorrelation(table, gain, loss);
  return {
    status: "estimated",
    value: alpha * gain.value - beta * loss.value,
    standardError: errorOfWeighted(alpha, gain, beta, loss, rho),
    symmetric: false,
    limits: squareAndAdd(pointOf(alpha, gain), pointOf(beta, loss), rho),
    range: [-beta, alpha],
    method: methodOf(table.clustered || table.isWeighted),
    n,
    patients,
  };
}

type Shares = readonly [TableShare | NotEstimable, TableShare | NotEstimable];

function ratesOf(table: DecisionTable, isOwn: boolean): Shares {
  return isOwn
    ? [labelRate(table, "sensitivity"), labelRate(table, "fpr")]
    : [labelRate(table, "specificity"), labelRate(table, "fnr")];
}

/** True and false positives, or true and false negatives, as shares of all samples. */
function sharesOfAll(table: DecisionTable, isOwn: boolean): Shares {
  const ofAll = (cell: number) => tableShare(table, cell, EVERYBODY, ["net benefit", "samples"]);
  return isOwn ? [ofAll(TP), ofAll(FP)] : [ofAll(TN), ofAll(FN)];
}

function methodOf(isEffective: boolean): string {
  return isEffective ? "square-and-add-wilson-effective-n" : "square-and-add-wilson";
}

/**
 * The decision curve: net benefit with pointwise limits at every threshold probability, the numbers of `netBenefit`, by one
 * pass over the samples whatever the number of thresholds. `references` holds treating all; treating nobody is 0.
 * @param probabilities ascending, in (0, 1)
 * @param prevalence in (0, 1), stated; null for that of the samples
 */
export function decisionCurve(
  data: LabelledScores,
  probabilities: readonly number[],
  prevalence: number | null,
  z: number,
): Curve | NotEstimable {
  const moments = momentsOf(data, probabilities, prevalence !== null);
  const { positives, negatives } = moments;
  if (moments.patients < 2) return notEstimable(`${moments.patients} patients: net benefit needs two`);
  if (prevalence !== null && (positives.weight === 0 || negatives.weight === 0)) {
    return notEstimable("at a stated prevalence, net benefit needs positives and negatives");
  }
  const seen = prevalence ?? moments.prevalence;
  const [y, lower, upper]: [number[], number[], number[]] = [[], [], []];
  probabilities.forEach((probability, j) => {
    const w = oddsOf(probability);
    const gain = shareOf(positives, j);
    const loss = shareOf(negatives, j);
    const covariance = covarianceOf(moments, j, gain.value, loss.value);
    const isVarying = gain.standardError > 0 && loss.standardError > 0;
    const rho = isVarying ? covariance / (gain.standardError * loss.standardError) : 0;
    const [alpha, beta] = prevalence === null ? [1, w] : [prevalence, w * (1 - prevalence)];
    const limits = squareAndAdd(pointOf(alpha, gain), pointOf(beta, loss), Math.max(-1, Math.min(1, rho)))(z);
    y.push(alpha * gain.value - beta * loss.value);
    lower.push(Math.max(-beta, limits.lower));
    upper.push(Math.min(alpha, limits.upper));
  });
  return {
    kind: "decision",
    x: [...probabilities],
    y,
    lower,
    upper,
    method: `${methodOf(data.clustered || unequalWeights(data) !== null)}-pointwise`,
    references: { "treat-all": probabilities.map((probability) => treatAll(probability, seen)) },
  };
}

/** Sums over patients for one of the two shares, at every threshold: x the patient's called weight, m all of it. */
interface ShareMoments {
  /** Σ x. */
  readonly called: Float64Array;
  /** Σ x², Σ x·m. */
  readonly squares: Float64Array;
  readonly products: Float64Array;
  /** Σ x·m of the other share. */
  readonly across: Float64Array;
  /** Σ m, Σ m². */
  weight: number;
  weightSquares: number;
  /** Samples and patients that the share is of. */
  count: number;
  patients: number;
}

interface Moments {
  readonly positives: ShareMoments;
  readonly negatives: ShareMoments;
  /** Σ over patients of the called weights' product, and of the whole weights' product. */
  readonly both: Float64Array;
  bothWeights: number;
  patients: number;
  /** Share of weight that is positive. */
  prevalence: number;
}

/**
 * One pass. Patients with one sample go into bins between thresholds, which are summed from above in the end; the others are
 * taken threshold by threshold.
 * @param byLabel whether the shares are of the positives and of the negatives, else both of all samples
 */
function momentsOf(data: LabelledScores, probabilities: readonly number[], byLabel: boolean): Moments {
  const { scores, labels, patients } = data;
  const weights = unequalWeights(data);
  const k = probabilities.length;
  const grid = Float64Array.from(probabilities);
  const moments: Moments = {
    positives: emptyShare(k),
    negatives: emptyShare(k),
    both: new Float64Array(k + 1),
    bothWeights: 0,
    patients: 0,
    prevalence: 0,
  };
  const { positives, negatives, both } = moments;
  // Of the patient at hand: weights by bin, of positives and of negatives.
  const own = [new Float64Array(k + 1), new Float64Array(k + 1)] as const;
  let positiveWeight = 0;
  let total = 0;
  for (let start = 0; start < labels.length; ) {
    let end = start + 1;
    while (end < labels.length && patients[end] === patients[start]) end++;
    moments.patients++;
    if (end === start + 1) {
      const weight = weights === null ? 1 : (weights[start] as number);
      const square = weight * weight;
      const label = labels[start] as number;
      const [share, other] = label === 1 ? [positives, negatives] : [negatives, positives];
      const bin = binOf(grid, scores[start] as number);
      share.called[bin] = (share.called[bin] as number) + weight;
      share.squares[bin] = (share.squares[bin] as number) + square;
      share.products[bin] = (share.products[bin] as number) + square;
      addWhole(share, weight, 1);
      if (!byLabel) {
        share.across[bin] = (share.across[bin] as number) + square;
        addWhole(other, weight, 1);
        moments.bothWeights += square;
      }
      positiveWeight += label * weight;
      total += weight;
      start = end;
      continue;
    }
    own[0].fill(0);
    own[1].fill(0);
    const whole = [0, 0];
    const counts = [0, 0];
    for (let i = start; i < end; i++) {
      const weight = weights === null ? 1 : (weights[i] as number);
      const label = labels[i] as 0 | 1;
      const bin = binOf(grid, scores[i] as number);
      own[label][bin] = (own[label][bin] as number) + weight;
      whole[label] = (whole[label] as number) + weight;
      counts[label] = (counts[label] as number) + 1;
    }
    const [ofNegatives, ofPositives] = whole as [number, number];
    const [mA, mB] = byLabel ? [ofPositives, ofNegatives] : [ofPositives + ofNegatives, ofPositives + ofNegatives];
    let x = 0;
    let y = 0;
    for (let bin = k; bin > 0; bin--) {
      const atPositives = own[1][bin] as number;
      const atNegatives = own[0][bin] as number;
      x += atPositives;
      y += atNegatives;
      positives.called[bin] = (positives.called[bin] as number) + atPositives;
      negatives.called[bin] = (negatives.called[bin] as number) + atNegatives;
      if (x === 0 && y === 0) continue;
      // Put in as differences, since bins are summed from above in the end.
      const [x1, y1] = [x - atPositives, y - atNegatives];
      positives.squares[bin] = (positives.squares[bin] as number) + x * x - x1 * x1;
      positives.products[bin] = (positives.products[bin] as number) + atPositives * mA;
      positives.across[bin] = (positives.across[bin] as number) + atPositives * mB;
      negatives.squares[bin] = (negatives.squares[bin] as number) + y * y - y1 * y1;
      negatives.products[bin] = (negatives.products[bin] as number) + atNegatives * mB;
      negatives.across[bin] = (negatives.across[bin] as number) + atNegatives * mA;
      both[bin] = (both[bin] as number) + x * y - x1 * y1;
    }
    const [countA, countB] = byLabel ? [counts[1] as number, counts[0] as number] : [end - start, end - start];
    addWhole(positives, mA, countA);
    addWhole(negatives, mB, countB);
    moments.bothWeights += mA * mB;
    positiveWeight += ofPositives;
    total += ofPositives + ofNegatives;
    start = end;
  }
  moments.prevalence = total === 0 ? 0 : positiveWeight / total;
  for (const { called, squares, products, across } of [positives, negatives]) {
    for (const sums of [called, squares, products, across]) sumFromAbove(sums);
  }
  sumFromAbove(both);
  return moments;
}

function emptyShare(k: number): ShareMoments {
  const zeros = () => new Float64Array(k + 1);
  return {
    called: zeros(),
    squares: zeros(),
    products: zeros(),
    across: zeros(),
    weight: 0,
    weightSquares: 0,
    count: 0,
    patients: 0,
  };
}

function addWhole(share: ShareMoments, weight: number, count: number): void {
  if (count === 0) return;
  share.weight += weight;
  share.weightSquares += weight * weight;
  share.count += count;
  share.patients++;
}

/** How many of the ascending thresholds a score reaches. */
function binOf(grid: Float64Array, score: number): number {
  let low = 0;
  let high = grid.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (score >= (grid[middle] as number)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Bin b holds what reaches exactly b thresholds; threshold j − 1 is reached by all from bin j on. */
function sumFromAbove(sums: Float64Array): void {
  for (let bin = sums.length - 2; bin >= 0; bin--) sums[bin] = (sums[bin] as number) + (sums[bin + 1] as number);
}

interface CurveShare {
  readonly value: number;
  readonly standardError: number;
  readonly effectiveN: number;
}

/** Less than this share of its terms, a centred sum of squares is rounding. */
const ROUNDING = 1e-12;

/** One share at threshold j with its error, as `proportion` has them. */
function shareOf(share: ShareMoments, j: number): CurveShare {
  const { weight, weightSquares, count, patients } = share;
  const x = share.called[j + 1] as number;
  const value = x / weight;
  const ofSquares = share.squares[j + 1] as number;
  const ofWeights = value * value * weightSquares;
  const centred = ofSquares - 2 * value * (share.products[j + 1] as number) + ofWeights;
  const isVarying = patients > 1 && x > 0 && x < weight && centred > ROUNDING * (ofSquares + ofWeights);
  const standardError = isVarying ? Math.sqrt((patients / (patients - 1)) * centred) / weight : 0;
  const isPlain = patients === count && weightSquares === count && weight === count;
  const effectiveN = isPlain
    ? count
    : standardError === 0
      ? (weight * weight) / weightSquares
      : Math.min(count, 1 + (value * (1 - value)) / (standardError * standardError));
  return { value, standardError, effectiveN };
}

function covarianceOf({ positives, negatives, both, bothWeights, patients }: Moments, j: number, p: number, q: number) {
  const product =
    (both[j + 1] as number) -
    q * (positives.across[j + 1] as number) -
    p * (negatives.across[j + 1] as number) +
    p * q * bothWeights;
  return ((patients / (patients - 1)) * product) / (positives.weight * negatives.weight);
}

function pointOf(
  factor: number,
  { value, effectiveN }: Pick<CurveShare, "value" | "effectiveN">,
): Pick<Estimate, "value" | "limits"> {
  return {
    value: factor * value,
    limits(z): Limits {
      const { lower, upper } = wilsonLimits(value, effectiveN, z);
      return { lower: factor * lower, upper: factor * upper };
    },
  };
}
