import type { Curve } from "../core/finding.js";
import { orderOf } from "./order.js";
import { wilsonLimits } from "./proportion.js";
import { type ScoreSteps, scoreSteps } from "./steps.js";

/** The empirical ROC curve: a corner for every distinct score, from (0, 0) to (1, 1). */
export interface RocCorners {
  /** Falling; the first is Infinity, where nothing is called positive. A score >= threshold is positive. */
  readonly thresholds: Float64Array;
  /** 1 − specificity. */
  readonly falsePositiveRates: Float64Array;
  /** Sensitivity. */
  readonly truePositiveRates: Float64Array;
}

/**
 * The exact corners. Scores that tie across classes make one slanted step, so that the area under the polygon is the
 * AUC with ties by half.
 * @param scores no NaN
 * @param labels 1 positive, 0 negative; at least one of each
 * @param order the scores' ascending order, where it is at hand
 * @param weights > 0: rates are then shares of weight; null where all samples count alike
 */
export function rocCorners(
  scores: Float64Array,
  labels: Uint8Array,
  order = orderOf(scores),
  weights: Float64Array | null = null,
): RocCorners {
  const { count, samples, starts, hits, alarms } = scoreSteps(scores, labels, order, weights);
  const thresholds = new Float64Array(count + 1);
  const falsePositiveRates = new Float64Array(count + 1);
  const truePositiveRates = new Float64Array(count + 1);
  const [positives, negatives] = [hits[count] as number, alarms[count] as number];
  thresholds[0] = Infinity;
  for (let step = 0; step < count; step++) {
    thresholds[step + 1] = scores[samples[starts[step] as number] as number] as number;
    truePositiveRates[step + 1] = (hits[step + 1] as number) / positives;
    falsePositiveRates[step + 1] = (alarms[step + 1] as number) / negatives;
  }
  return { thresholds, falsePositiveRates, truePositiveRates };
}

/** The corners' rates, looked up one by one. */
export interface RocRates {
  /** How many corners there are. */
  readonly corners: number;
  falsePositiveRate(corner: number): number;
  truePositiveRate(corner: number): number;
}

/** The rates out of the steps of the scores, of which a curve needs few. */
export function ratesOf({ count, hits, alarms }: ScoreSteps): RocRates {
  const [positives, negatives] = [hits[count] as number, alarms[count] as number];
  return {
    corners: count + 1,
    falsePositiveRate: (corner) => (alarms[corner] as number) / negatives,
    truePositiveRate: (corner) => (hits[corner] as number) / positives,
  };
}

function ratesAt({ falsePositiveRates, truePositiveRates }: RocCorners): RocRates {
  return {
    corners: falsePositiveRates.length,
    falsePositiveRate: (corner) => falsePositiveRates[corner] as number,
    truePositiveRate: (corner) => truePositiveRates[corner] as number,
  };
}

/**
 * Sensitivity at a false positive rate x in [0, 1], linear between corners. Where the curve rises straight up at x, the
 * top of the rise: the best sensitivity that this rate buys.
 */
export function sensitivityAt(curve: RocCorners | RocRates, x: number): number {
  const rates = "corners" in curve ? curve : ratesAt(curve);
  let low = 0; // the last corner with a rate <= x, by bisection
  let high = rates.corners - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (rates.falsePositiveRate(middle) <= x) low = middle;
    else high = middle - 1;
  }
  const [left, bottom] = [rates.falsePositiveRate(low), rates.truePositiveRate(low)];
  if (low === rates.corners - 1 || left === x) return bottom;
  const [right, top] = [rates.falsePositiveRate(low + 1), rates.truePositiveRate(low + 1)];
  return bottom + ((top - bottom) * (x - left)) / (right - left);
}

const GRID = Array.from({ length: 101 }, (_, index) => index / 100);

/** With fewer negatives expected above a threshold, chance leaves none there in one sample of twenty or more. */
const RULE_OF_THREE = 3;

/**
 * The ROC curve at 101 evenly spaced false positive rates with a pointwise band for sensitivity at each rate, by
 * square-and-add in both directions. Sensitivity R(x) errs because positives are few, by the margins of Wilson's
 * interval of R(x); and because the threshold that gives x is itself estimated, by the change of R over the rates that
 * this threshold may have. The two errors are independent, so their margins are added as squares. For large samples
 * this is the delta-method band R(1−R)/m + R'(x)²·x(1−x)/n without a slope to estimate. Pointwise: the whole curve
 * leaves the band more often than the level says.
 * @param positives, negatives effective numbers: counts over the design effect where patients repeat
 * @param z two-sided critical value
 */
export function rocCurve(corners: RocCorners | RocRates, positives: number, negatives: number, z: number): Curve {
  const y = GRID.map((x) => sensitivityAt(corners, x));
  const lower: number[] = [];
  const upper: number[] = [];
  GRID.forEach((x, index) => {
    const sensitivity = y[index] as number;
    const ofSensitivity = wilsonLimits(sensitivity, positives, z);
    const [least, most] = sensitivitiesAround(corners, x, negatives, z);
    const below = Math.hypot(sensitivity - ofSensitivity.lower, sensitivity - least);
    const above = Math.hypot(ofSensitivity.upper - sensitivity, most - sensitivity);
    lower.push(Math.max(0, sensitivity - below));
    upper.push(Math.min(1, sensitivity + above));
  });
  return { kind: "roc", x: GRID, y, lower, upper, method: "square-and-add-wilson-pointwise" };
}

/**
 * The least and the most sensitivity over the thresholds whose true false positive rate may be x. Where fewer than
 * three negatives are expected above such a threshold, it may lie above all that were seen, and nothing bounds the
 * sensitivity from below.
 */
function sensitivitiesAround(
  corners: RocCorners | RocRates,
  x: number,
  negatives: number,
  z: number,
): [number, number] {
  const wilson = wilsonLimits(x, negatives, z);
  const most = sensitivityAt(corners, wilson.upper);
  if (negatives * x < RULE_OF_THREE) return [0, most];
  const lowest = Math.min(wilson.lower, x - z * Math.sqrt((x * (1 - x)) / negatives));
  return [sensitivityAt(corners, Math.max(0, lowest)), most];
}
