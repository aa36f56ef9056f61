import { type NotEstimable, notEstimable } from "./estimate.js";
import { ascendingOrder } from "./order.js";

/** What a decision threshold is asked to reach, as a share in [0, 1]. */
export type ThresholdTarget =
  | { readonly sensitivity: number }
  | { readonly specificity: number }
  | { readonly youden: true }
  | { readonly cost: { readonly falsePositive: number; readonly falseNegative: number; readonly prevalence?: number } }
  | { readonly netBenefit: { readonly thresholdProbability: number; readonly prevalence?: number } };

export interface ChosenThreshold {
  readonly status: "chosen";
  /** A score >= threshold is called positive. */
  readonly threshold: number;
  /** On the samples that it was chosen on; null where they hold no sample of that class. */
  readonly sensitivity: number | null;
  readonly specificity: number | null;
}

/**
 * Chooses a decision threshold among the observed scores: the choice names a score that somebody got, and no
 * interpolation stands between the rule and the counts.
 *
 * - sensitivity s: the largest observed score at which sensitivity >= s, hence the best specificity that keeps s;
 * - specificity s: the smallest observed score at which specificity >= s, hence the best sensitivity that keeps s.
 *   Where even the largest observed score does not reach s, the next double above it: nothing is called positive;
 * - youden: the greatest sensitivity + specificity (W. J. Youden, Cancer 3 (1950) 32–35);
 * - cost: the least expected cost π (1 − sensitivity) c_FN + (1 − π)(1 − specificity) c_FP;
 * - netBenefit: the greatest π · sensitivity − (1 − π)(1 − specificity) · w, w the odds of the threshold probability (A. J.
 *   Vickers, E. B. Elkin, Medical Decision Making 26 (2006) 565–574).
 *
 * Of several thresholds that are equally good by the last three, the highest: it calls the fewest positive. The threshold at
 * which nothing is called positive competes too.
 *
 * @param scores no NaN
 * @param labels 1 positive, 0 negative, aligned with the scores
 */
export function chooseThreshold(
  scores: Float64Array,
  labels: Uint8Array,
  target: ThresholdTarget,
): ChosenThreshold | NotEstimable {
  let positives = 0;
  for (let i = 0; i < labels.length; i++) positives += labels[i] as number;
  const negatives = labels.length - positives;
  const needsBoth = !("sensitivity" in target || "specificity" in target);
  for (const [needed, count, isNeeded] of [
    ["positive", positives, needsBoth || "sensitivity" in target],
    ["negative", negatives, needsBoth || "specificity" in target],
  ] as const) {
    if (isNeeded && count === 0) {
      return notEstimable(`0 ${needed}s among ${labels.length} samples to choose a threshold on`);
    }
  }

  const at = (threshold: number, hits: number, alarms: number): ChosenThreshold => ({
    status: "chosen",
    threshold,
    sensitivity: positives === 0 ? null : hits / positives,
    specificity: negatives === 0 ? null : (negatives - alarms) / negatives,
  });
  const order = ascendingOrder(scores);
  const highest = scores[order[order.length - 1] as number] as number;
  // From the highest score down: sensitivity can only rise, specificity only fall.
  let best = at(nextUp(highest), 0, 0);
  const worth = needsBoth ? worthOf(target, positives, negatives) : null;
  let worthOfBest = worth === null ? 0 : worth(0, 0);
  let hits = 0;
  for (let above = 0; above < order.length; ) {
    const score = scores[order[order.length - 1 - above] as number] as number;
    while (above < order.length && scores[order[order.length - 1 - above] as number] === score) {
      hits += labels[order[order.length - 1 - above++] as number] as number;
    }
    const candidate = at(score, hits, above - hits);
    if (worth !== null) {
      if (worth(hits, above - hits) > worthOfBest) {
        best = candidate;
        worthOfBest = worth(hits, above - hits);
      }
    } else if ("sensitivity" in target) {
      best = candidate;
      if (hits / positives >= target.sensitivity) return best;
    } else if ("specificity" in target) {
      if ((negatives - above + hits) / negatives < target.specificity) return best;
      best = candidate;
    }
  }
  return best;
}

/** How good so many hits and false alarms are: more is better. Whole numbers for Youden's index, so that ties are exact. */
function worthOf(
  target: Exclude<ThresholdTarget, { readonly sensitivity: number } | { readonly specificity: number }>,
  positives: number,
  negatives: number,
): (hits: number, alarms: number) => number {
  if ("youden" in target) return (hits, alarms) => hits * negatives - alarms * positives;
  const given = "cost" in target ? target.cost : target.netBenefit;
  const prevalence = given.prevalence ?? positives / (positives + negatives);
  const [ofHit, ofAlarm] =
    "cost" in target
      ? [target.cost.falseNegative, target.cost.falsePositive]
      : [1, target.netBenefit.thresholdProbability / (1 - target.netBenefit.thresholdProbability)];
  // A missed hit costs what a hit is worth: both criteria are the same but for a constant.
  return (hits, alarms) => (ofHit * prevalence * hits) / positives - (ofAlarm * (1 - prevalence) * alarms) / negatives;
}

/** The smallest double above a finite one; Infinity stays. */
export function nextUp(value: number): number {
  if (value === Infinity) return value;
  if (value === 0) return Number.MIN_VALUE;
  const bits = new BigInt64Array(new Float64Array([value]).buffer);
  bits[0] = (bits[0] as bigint) + (value > 0 ? 1n : -1n);
  return new Float64Array(bits.buffer)[0] as number;
}
