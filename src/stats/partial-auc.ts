import { hasLogit, type LabelledScores, logisticLimits, patientsOf, twoOfEachClass } from "./auc.js";
import { type Estimate, type Limits, type Result, standardErrorOf } from "./estimate.js";
import { type ErrorPart, errorPart, scaledPart } from "./influence.js";
import { newcombeAucLimits } from "./newcombe-auc.js";
import { orderOf } from "./order.js";
import { unequalWeights } from "./weights.js";

/** The part of the ROC curve that counts: a range of specificity, or of sensitivity, each within [0, 1], low to high. */
export type RocRange =
  | { readonly specificity: readonly [low: number, high: number] }
  | { readonly sensitivity: readonly [low: number, high: number] };

/** The area in a range, with its sampling error by patient. */
export interface PartialAreaEstimate extends Estimate {
  readonly positives: number;
  readonly negatives: number;
  /** What a perfect curve has in the range: its width; and what chance has. */
  readonly perfect: number;
  readonly chance: number;
  /** Patients with the class that the range counts (negatives for a specificity), times its width: it rests on so many. */
  readonly inRange: number;
}

/**
 * The partial area under the ROC curve, not standardised: over specificity in a range, the area under the polygon of the
 * curve between the two false positive rates (pROC's `partial.auc` with focus "specificity", the numerator of
 * scikit-learn's `max_fpr`); over sensitivity, the area to the right of the curve between two sensitivities (focus
 * "sensitivity"), which is the first one with classes and direction exchanged. Corners are joined by straight lines;
 * the ends of the range are interpolated.
 *
 * As a mean over positives, ∫ over the range of R(t) dt = Σ φ(X_i) / M with φ the part of the range to the right of the
 * share of negatives that score higher, ties as a ramp: placements restricted to the range. Its error in the positives is
 * (φ(X_i) − mean)/M; in the negatives (ν(Y_j) − mean)/N with ν the height of the curve over the negative's own step,
 * clamped to [R(a), R(b)]: the derivative of the area by the negative's weight, the ends of the range held fixed as false
 * positive rates. With the whole range both are DeLong's placements, to the last digit but rounding.
 *
 * M. S. Pepe, M. L. Thompson, Biostatistics 1 (2000) 123–140; D. D. Zhang et al., Statistics in Medicine 21 (2002)
 * 701–715; L. E. Dodd, M. S. Pepe, Biometrics 59 (2003) 614–623. Ours: the exact derivative for tied scores and for a
 * range that ends within a step.
 *
 * Limits: normal on the logit of the mean height of the curve in the range; where nothing varies Newcombe's interval of
 * an area over as many negatives as the range holds. Not estimable with fewer than two positives or negatives, or where
 * all of a class come from one patient.
 * @param order the scores' ascending order, where it is at hand
 */
export function partialArea(
  data: LabelledScores,
  range: RocRange,
  order = orderOf(data.scores),
): Result<PartialAreaEstimate> {
  const refused = twoOfEachClass(data, "the partial area");
  if (refused !== null) return refused;
  const bySpecificity = "specificity" in range;
  const [low, high] = bySpecificity ? range.specificity : range.sensitivity;
  const [turned, from] = bySpecificity ? [data, order] : [exchanged(data), order.toReversed()];
  const weights = unequalWeights(data);
  const part = areaInRange(turned.scores, turned.labels, from, weights, 1 - high, 1 - low);
  const error = [classPart(turned, part, 1), classPart(turned, part, 0)] as const;
  const standardError = standardErrorOf(error);
  const width = high - low;
  const height = Math.max(0, Math.min(1, part.area / width));
  const [trials, opposed] = error.map(({ patients }) => patients.length) as [number, number];
  const limits = (z: number): Limits => {
    const { lower, upper } =
      logisticLimits(height, standardError / width, z) ??
      newcombeAucLimits(height, trials, Math.max(1, width * opposed), z);
    return { lower: width * lower, upper: width * upper };
  };
  return {
    status: "estimated",
    value: part.area,
    error,
    standardError,
    symmetric: false,
    limits,
    range: [0, width],
    method: hasLogit(height, standardError / width) ? "logit-mean-height" : "newcombe-mean-height",
    n: data.labels.length,
    patients: patientsOf(data.patients),
    positives: bySpecificity ? part.positives : part.negatives,
    negatives: bySpecificity ? part.negatives : part.positives,
    perfect: width,
    chance: (width * (2 - high - low)) / 2,
    inRange: opposed * width,
  };
}

/**
 * McClish's standardised partial area, ½ (1 + (area − chance) / (perfect − chance)): one half for chance, 1 for a perfect
 * curve, whatever the range (D. K. McClish, Medical Decision Making 9 (1989) 190–195). Below chance it is below one half,
 * as scikit-learn has it; pROC gives NA there.
 */
export function standardisedPartial(area: PartialAreaEstimate): PartialAreaEstimate {
  const { chance, perfect } = area;
  const scale = 1 / (2 * (perfect - chance));
  const shift = 0.5 - scale * chance;
  const turn = (value: number) => shift + scale * value;
  return {
    ...area,
    value: turn(area.value),
    error: area.error.map((part) => scaledPart(part, scale)),
    standardError: scale * area.standardError,
    limits: (z) => {
      const { lower, upper } = area.limits(z);
      return { lower: turn(lower), upper: turn(upper) };
    },
    range: [turn(area.range[0]), turn(area.range[1])],
    chance: 0.5,
    perfect: 1,
  };
}

/** The same samples with classes and direction exchanged: specificity becomes sensitivity. */
function exchanged(data: LabelledScores): LabelledScores {
  const scores = new Float64Array(data.scores.length);
  const labels = new Uint8Array(data.labels.length);
  for (let i = 0; i < scores.length; i++) {
    scores[i] = -(data.scores[i] as number);
    labels[i] = 1 - (data.labels[i] as number);
  }
  return { ...data, scores, labels };
}

export interface AreaInRange {
  readonly positives: number;
  readonly negatives: number;
  readonly area: number;
  /** Each sample's restricted placement, φ of a positive and ν of a negative; aligned with the scores. */
  readonly values: Float64Array;
}

/** False positive rates this close are one: 1 − 0.9 is not 0.1. */
const SAME_RATE = 1e-12;

/**
 * The area between two false positive rates, and the placements restricted to them.
 * @param order the scores' ascending order
 * @param weights > 0; null where all samples count alike
 * @param from, to 0 <= from < to <= 1
 */
export function areaInRange(
  scores: Float64Array,
  labels: Uint8Array,
  order: Uint32Array,
  weights: Float64Array | null,
  from: number,
  to: number,
): AreaInRange {
  const n = order.length;
  const totals = classTotals(labels, weights);
  // One step of the curve per run of equal scores, from the highest down.
  const starts = new Uint32Array(n + 1);
  const rates = new Float64Array(n + 1); // false positive rate after each step
  const heights = new Float64Array(n + 1); // sensitivity after each step
  let steps = 0;
  let hits = 0;
  let alarms = 0;
  for (let rank = 0; rank < n; ) {
    const score = scores[order[n - 1 - rank] as number] as number;
    starts[steps] = rank;
    while (rank < n && scores[order[n - 1 - rank] as number] === score) {
      const sample = order[n - 1 - rank++] as number;
      const weight = weights === null ? 1 : (weights[sample] as number);
      if (labels[sample] === 1) hits += weight;
      else alarms += weight;
    }
    steps++;
    rates[steps] = totals.negativeWeight === 0 ? 0 : alarms / totals.negativeWeight;
    heights[steps] = totals.positiveWeight === 0 ? 0 : hits / totals.positiveWeight;
  }
  starts[steps] = n;
  const lowest = heightAt(rates, heights, steps, from);
  const highest = heightAt(rates, heights, steps, to);
  const values = new Float64Array(n);
  let sum = 0;
  for (let step = 0; step < steps; step++) {
    const [left, right] = [rates[step] as number, rates[step + 1] as number];
    const ofPositive = rampIntegral(left, right, to) - rampIntegral(left, right, from);
    const ofNegative = clampedMean(heights[step] as number, heights[step + 1] as number, lowest, highest);
    for (let rank = starts[step] as number; rank < (starts[step + 1] as number); rank++) {
      const sample = order[n - 1 - rank] as number;
      values[sample] = labels[sample] === 1 ? ofPositive : ofNegative;
      if (labels[sample] === 1) sum += ofPositive * (weights === null ? 1 : (weights[sample] as number));
    }
  }
  const { positives, negatives, positiveWeight } = totals;
  return { positives, negatives, area: positiveWeight === 0 ? 0 : sum / positiveWeight, values };
}

function classTotals(labels: Uint8Array, weights: Float64Array | null) {
  let positives = 0;
  let positiveWeight = 0;
  let negativeWeight = 0;
  for (let i = 0; i < labels.length; i++) {
    const weight = weights === null ? 1 : (weights[i] as number);
    positives += labels[i] as number;
    if (labels[i] === 1) positiveWeight += weight;
    else negativeWeight += weight;
  }
  return { positives, negatives: labels.length - positives, positiveWeight, negativeWeight };
}

/** ∫ up to t of a ramp that rises from 0 at `left` to 1 at `right` and stays there. */
function rampIntegral(left: number, right: number, t: number): number {
  if (t <= left) return 0;
  if (t >= right) return t - (left + right) / 2;
  return (t - left) ** 2 / (2 * (right - left));
}

/** The mean of a height that goes evenly from `bottom` to `top`, held within [lowest, highest]. */
function clampedMean(bottom: number, top: number, lowest: number, highest: number): number {
  const rise = top - bottom;
  if (rise <= 0) return Math.max(lowest, Math.min(highest, top));
  const below = Math.max(0, Math.min(1, (lowest - bottom) / rise));
  const above = Math.max(0, Math.min(1, (top - highest) / rise));
  const within = 1 - below - above;
  const middle = (Math.max(bottom, lowest) + Math.min(top, highest)) / 2;
  return below * lowest + above * highest + (within > 0 ? within * middle : 0);
}

/** The curve's height at a false positive rate; the middle of a vertical rise, where the area's derivative has two sides. */
function heightAt(rates: Float64Array, heights: Float64Array, steps: number, rate: number): number {
  let first = 0; // the first corner at the rate or beyond
  while (first < steps && (rates[first] as number) < rate - SAME_RATE) first++;
  if ((rates[first] as number) > rate + SAME_RATE) {
    const [left, right] = [rates[first - 1] as number, rates[first] as number];
    const [bottom, top] = [heights[first - 1] as number, heights[first] as number];
    return bottom + ((top - bottom) * (rate - left)) / (right - left);
  }
  let last = first;
  while (last < steps && (rates[last + 1] as number) <= rate + SAME_RATE) last++;
  return ((heights[first] as number) + (heights[last] as number)) / 2;
}

/** One class's restricted placements, centred, over its weight. */
function classPart(data: LabelledScores, { values, positives, negatives }: AreaInRange, label: 0 | 1): ErrorPart {
  const count = label === 1 ? positives : negatives;
  const weights = unequalWeights(data);
  let total = 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    if (data.labels[i] !== label) continue;
    const weight = weights === null ? 1 : (weights[i] as number);
    total += weight;
    sum += weight * (values[i] as number);
  }
  const mean = sum / total;
  const patients = new Int32Array(count);
  const contributions = new Float64Array(count);
  let next = 0;
  for (let i = 0; i < values.length; i++) {
    if (data.labels[i] !== label) continue;
    const weight = weights === null ? 1 : (weights[i] as number);
    patients[next] = data.patients[i] as number;
    contributions[next++] = (weight * ((values[i] as number) - mean)) / total;
  }
  return errorPart(patients, contributions);
}
