import { type NotEstimable, notEstimable } from "./estimate.js";
import { ascendingOrder } from "./order.js";

/** What a decision threshold is asked to reach, as a share in [0, 1]. */
export type ThresholdTarget = { readonly sensitivity: number } | { readonly specificity: number };

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
 *   Where even the largest observed score does not reach s, the next double above it: nothing is called positive.
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
  const [needed, count] = "sensitivity" in target ? ["positive", positives] : ["negative", negatives];
  if (count === 0) return notEstimable(`0 ${needed}s among ${labels.length} samples to choose a threshold on`);

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
  let hits = 0;
  for (let above = 0; above < order.length; ) {
    const score = scores[order[order.length - 1 - above] as number] as number;
    while (above < order.length && scores[order[order.length - 1 - above] as number] === score) {
      hits += labels[order[order.length - 1 - above++] as number] as number;
    }
    const candidate = at(score, hits, above - hits);
    if ("sensitivity" in target) {
      best = candidate;
      if (hits / positives >= target.sensitivity) return best;
    } else {
      if ((negatives - above + hits) / negatives < target.specificity) return best;
      best = candidate;
    }
  }
  return best;
}

/** The smallest double above a finite one; Infinity stays. */
export function nextUp(value: number): number {
  if (value === Infinity) return value;
  if (value === 0) return Number.MIN_VALUE;
  const bits = new BigInt64Array(new Float64Array([value]).buffer);
  bits[0] = (bits[0] as bigint) + (value > 0 ? 1n : -1n);
  return new Float64Array(bits.buffer)[0] as number;
}
