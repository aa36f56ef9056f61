import { hasLogit, type LabelledScores, logisticLimits, patientsOf, twoOfEachClass } from "./auc.js";
import { type Estimate, type Limits, type Result, standardErrorOf } from "./estimate.js";
import { type ErrorPart, scaledPart, sizeOf, writtenParts } from "./influence.js";
import { newcombeAucLimits } from "./newcombe-auc.js";
import { type ScoreSteps, scoreSteps } from "./steps.js";
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
 * @param steps the steps of the scores, where they are at hand
 */
export function partialArea(data: LabelledScores, range: RocRange, steps?: ScoreSteps): Result<PartialAreaEstimate> {
  const refused = twoOfEachClass(data, "the partial area");
  if (refused !== null) return refused;
  const bySpecificity = "specificity" in range;
  const [low, high] = bySpecificity ? range.specificity : range.sensitivity;
  const weights = unequalWeights(data);
  const given = steps ?? scoreSteps(data.scores, data.labels, undefined, weights);
  const turned = bySpecificity ? given : exchanged(given);
  const part = areaInRange(turned, 1 - high, 1 - low);
  const error = errorParts(data, turned, part, { weights, bySpecificity, from: 1 - high, to: 1 - low });
  const standardError = standardErrorOf(error);
  const width = high - low;
  const height = Math.max(0, Math.min(1, part.area / width));
  const [trials, opposed] = error.map(sizeOf) as [number, number];
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
    positives: given.positives,
    negatives: given.negatives,
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
  const { chance, limits, perfect } = area;
  const scale = 1 / (2 * (perfect - chance));
  const shift = 0.5 - scale * chance;
  const turn = (value: number) => shift + scale * value;
  return {
    ...area,
    value: turn(area.value),
    error: area.error.map((part) => scaledPart(part, scale)),
    standardError: scale * area.standardError,
    limits: (z) => {
      const { lower, upper } = limits(z);
      return { lower: turn(lower), upper: turn(upper) };
    },
    range: [turn(area.range[0]), turn(area.range[1])],
    chance: 0.5,
    perfect: 1,
  };
}

/** The same steps with classes and direction exchanged: specificity becomes sensitivity. */
function exchanged({ count, samples, starts, hits, alarms, positives, negatives }: ScoreSteps): ScoreSteps {
  const n = samples.length;
  const turned = {
    starts: new Uint32Array(n + 1),
    hits: new Float64Array(n + 1),
    alarms: new Float64Array(n + 1),
  };
  for (let step = 0; step <= count; step++) {
    turned.starts[step] = n - (starts[count - step] as number);
    turned.hits[step] = (alarms[count] as number) - (alarms[count - step] as number);
    turned.alarms[step] = (hits[count] as number) - (hits[count - step] as number);
  }
  return { ...turned, count, samples: samples.toReversed(), positives: negatives, negatives: positives };
}

/** The area between two false positive rates, and the placements restricted to them, by step. */
export interface AreaInRange {
  readonly area: number;
  /** φ of the step's positives and ν of its negatives; the mean of the latter. (That of the former is the area.) */
  readonly ofPositives: Float64Array;
  readonly ofNegatives: Float64Array;
  readonly negativeMean: number;
}

/** False positive rates this close are one: 1 − 0.9 is not 0.1. */
const SAME_RATE = 1e-12;

/** @param from, to 0 <= from < to <= 1 */
export function areaInRange(steps: ScoreSteps, from: number, to: number): AreaInRange {
  const { count, hits, alarms } = steps;
  const positives = Math.max(hits[count] as number, Number.MIN_VALUE);
  const negatives = Math.max(alarms[count] as number, Number.MIN_VALUE);
  const lowest = heightAt(steps, from);
  const highest = heightAt(steps, to);
  const ofPositives = new Float64Array(count);
  const ofNegatives = new Float64Array(count);
  let sum = 0;
  let sumOfNegatives = 0;
  let left = 0;
  let bottom = 0;
  for (let step = 0; step < count; step++) {
    const right = (alarms[step + 1] as number) / negatives;
    const top = (hits[step + 1] as number) / positives;
    if (top > bottom) {
      ofPositives[step] = rampIntegral(left, right, to) - rampIntegral(left, right, from);
      sum += (ofPositives[step] as number) * (top - bottom);
    }
    if (right > left) {
      ofNegatives[step] = clampedMean(bottom, top, lowest, highest);
      sumOfNegatives += (ofNegatives[step] as number) * (right - left);
    }
    left = right;
    bottom = top;
  }
  return { area: sum, ofPositives, ofNegatives, negativeMean: sumOfNegatives };
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
function heightAt({ count, hits, alarms }: ScoreSteps, rate: number): number {
  const positives = Math.max(hits[count] as number, Number.MIN_VALUE);
  const negatives = Math.max(alarms[count] as number, Number.MIN_VALUE);
  const rateOf = (corner: number) => (alarms[corner] as number) / negatives;
  const heightOf = (corner: number) => (hits[corner] as number) / positives;
  const first = firstCorner(count, (corner) => rateOf(corner) >= rate - SAME_RATE);
  if (rateOf(first) > rate + SAME_RATE) {
    const [left, right] = [rateOf(first - 1), rateOf(first)];
    const [bottom, top] = [heightOf(first - 1), heightOf(first)];
    return bottom + ((top - bottom) * (rate - left)) / (right - left);
  }
  const beyond = firstCorner(count + 1, (corner) => corner > count || rateOf(corner) > rate + SAME_RATE);
  return (heightOf(first) + heightOf(beyond - 1)) / 2;
}

/** The first corner of 0 … last that `reaches`, which all after it do, by bisection; the last where none does. */
function firstCorner(last: number, reaches: (corner: number) => boolean): number {
  let [low, high] = [0, last];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (reaches(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

interface ErrorSetting {
  readonly weights: Float64Array | null;
  readonly bySpecificity: boolean;
  /** False positive rates. */
  readonly from: number;
  readonly to: number;
}

/**
 * The parts of the error: first of the class whose placements make the area, then of the one that makes its range. Made apart from
 * the estimate, whose limits findings keep. Steps may be in room that is used again: they are made anew where lists are asked for.
 */
function errorParts(
  data: LabelledScores,
  steps: ScoreSteps,
  part: AreaInRange,
  { weights, bySpecificity, from, to }: ErrorSetting,
): readonly [ErrorPart, ErrorPart] {
  const { labels, patients, scores } = data;
  const positive = bySpecificity ? 1 : 0;
  const write = (contributions: Float64Array) =>
    writeContributions(contributions, labels, positive, steps, part, weights);
  const [negatives, positives] = writtenParts(patients, labels, write, (contributions) => {
    const fresh = scoreSteps(scores, labels, undefined, weights);
    const turned = bySpecificity ? fresh : exchanged(fresh);
    writeContributions(contributions, labels, positive, turned, areaInRange(turned, from, to), weights);
  });
  return bySpecificity ? [positives, negatives] : [negatives, positives];
}

function writeContributions(
  contributions: Float64Array,
  labels: Uint8Array,
  positive: 0 | 1,
  { count, samples, starts, hits, alarms }: ScoreSteps,
  { area, ofPositives, ofNegatives, negativeMean }: AreaInRange,
  weights: Float64Array | null,
): void {
  const [positives, negatives] = [hits[count] as number, alarms[count] as number];
  for (let step = 0; step < count; step++) {
    const ofPositive = ((ofPositives[step] as number) - area) / positives;
    const ofNegative = ((ofNegatives[step] as number) - negativeMean) / negatives;
    const end = starts[step + 1] as number;
    for (let place = starts[step] as number; place < end; place++) {
      const sample = samples[place] as number;
      const contribution = labels[sample] === positive ? ofPositive : ofNegative;
      contributions[sample] = weights === null ? contribution : contribution * (weights[sample] as number);
    }
  }
}
