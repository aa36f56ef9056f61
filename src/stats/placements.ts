import { ascendingOrder } from "./order.js";

/** The structural components of DeLong et al. (1988), sample by sample. */
export interface Placements {
  readonly positives: number;
  readonly negatives: number;
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
 * area is exact up to one rounding for any number of samples below 9·10^7.
 * @param scores no NaN
 * @param labels 1 positive, 0 negative
 * @param order the scores' ascending order, where it is at hand
 */
export function placements(scores: Float64Array, labels: Uint8Array, order = ascendingOrder(scores)): Placements {
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
  return { positives, negatives, auc: pairs === 0 ? 0 : twiceWins / (2 * pairs), values };
}
