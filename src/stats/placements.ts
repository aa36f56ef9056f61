import { orderOf } from "./order.js";

/** The structural components of DeLong et al. (1988), sample by sample. */
export interface Placements {
  readonly positives: number;
  readonly negatives: number;
  /** Sums of the weights of either class; the counts where all samples count alike. */
  readonly positiveWeight: number;
  readonly negativeWeight: number;
  /** P(positive scores higher than negative) + ½ P(tie); 0 where a class is empty. */
  readonly auc: number;
  /**
   * Aligned with the scores. Of a positive: the share of negatives that score lower, ties by half (V10). Of a negative:
   * the share of positives that score higher, ties by half (V01). 0 where the other class is empty.
   */
  readonly values: Float64Array;
}

/**
 * Placements of all samples by one sort and one pass over the runs of equal scores. Counts are whole numbers, so the
 * area is exact up to one rounding for any number of samples below 9·10^7. With weights, shares are shares of weight.
 * @param scores no NaN
 * @param labels 1 positive, 0 negative
 * @param order the scores' ascending order, where it is at hand
 * @param weights > 0; null where all samples count alike
 */
export function placements(
  scores: Float64Array,
  labels: Uint8Array,
  order = orderOf(scores),
  weights: Float64Array | null = null,
): Placements {
  if (weights !== null) return weightedPlacements(scores, labels, order, weights);
  let positives = 0;
  for (let i = 0; i < labels.length; i++) positives += labels[i] as number;
  const negatives = labels.length - positives;
  const values = new Float64Array(scores.length);
  let positivesBelow = 0;
  let negativesBelow = 0;
  let twiceWins = 0; // twice the Mann–Whitney statistic: wins count 2, ties 1
  for (let start = 0; start < order.length; ) {
    const score = scores[order[start] as number] as number;
    let end = start;
    let runPositives = 0;
    while (end < order.length && scores[order[end] as number] === score) {
      runPositives += labels[order[end++] as number] as number;
    }
    const runNegatives = end - start - runPositives;
    const ofPositive = negatives === 0 ? 0 : (negativesBelow + runNegatives / 2) / negatives;
    const ofNegative = positives === 0 ? 0 : (positives - positivesBelow - runPositives / 2) / positives;
    for (let i = start; i < end; i++) {
      const sample = order[i] as number;
      values[sample] = labels[sample] === 1 ? ofPositive : ofNegative;
    }
    twiceWins += runPositives * (2 * negativesBelow + runNegatives);
    positivesBelow += runPositives;
    negativesBelow += runNegatives;
    start = end;
  }
  const pairs = positives * negatives;
  return {
    positives,
    negatives,
    positiveWeight: positives,
    negativeWeight: negatives,
    auc: pairs === 0 ? 0 : twiceWins / (2 * pairs),
    values,
  };
}

function weightedPlacements(
  scores: Float64Array,
  labels: Uint8Array,
  order: Uint32Array,
  weights: Float64Array,
): Placements {
  let positives = 0;
  let positiveWeight = 0;
  let negativeWeight = 0;
  for (let i = 0; i < order.length; i++) {
    const sample = order[i] as number;
    positives += labels[sample] as number;
    if (labels[sample] === 1) positiveWeight += weights[sample] as number;
    else negativeWeight += weights[sample] as number;
  }
  const values = new Float64Array(scores.length);
  let positivesBelow = 0;
  let negativesBelow = 0;
  let twiceWins = 0;
  for (let start = 0; start < order.length; ) {
    const score = scores[order[start] as number] as number;
    let end = start;
    let runPositives = 0;
    let runNegatives = 0;
    while (end < order.length && scores[order[end] as number] === score) {
      const sample = order[end++] as number;
      if (labels[sample] === 1) runPositives += weights[sample] as number;
      else runNegatives += weights[sample] as number;
    }
    const ofPositive = negativeWeight === 0 ? 0 : (negativesBelow + runNegatives / 2) / negativeWeight;
    const ofNegative = positiveWeight === 0 ? 0 : (positiveWeight - positivesBelow - runPositives / 2) / positiveWeight;
    for (let i = start; i < end; i++) {
      const sample = order[i] as number;
      values[sample] = labels[sample] === 1 ? ofPositive : ofNegative;
    }
    twiceWins += runPositives * (2 * negativesBelow + runNegatives);
    positivesBelow += runPositives;
    negativesBelow += runNegatives;
    start = end;
  }
  const pairs = positiveWeight * negativeWeight;
  // Rounding can carry a sum of weights past its end by some units in the last place.
  const auc = pairs === 0 ? 0 : Math.min(1, twiceWins / (2 * pairs));
  return { positives, negatives: labels.length - positives, positiveWeight, negativeWeight, auc, values };
}
