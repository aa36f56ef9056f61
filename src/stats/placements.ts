import { scoreSteps } from "./steps.js";

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
 * @param steps the steps of the scores, where they are at hand
 */
export function placements(
  scores: Float64Array,
  labels: Uint8Array,
  order?: Uint32Array,
  weights: Float64Array | null = null,
  steps = scoreSteps(scores, labels, order, weights),
): Placements {
  const { count, samples, starts, hits, alarms, positives, negatives } = steps;
  const [positiveWeight, negativeWeight] = [hits[count] as number, alarms[count] as number];
  const values = new Float64Array(scores.length);
  let twiceWins = 0; // twice the Mann–Whitney statistic: wins count 2, ties 1
  for (let step = 0; step < count; step++) {
    const above = hits[step] as number;
    const below = negativeWeight - (alarms[step + 1] as number);
    const runPositives = (hits[step + 1] as number) - above;
    const runNegatives = (alarms[step + 1] as number) - (alarms[step] as number);
    const ofPositive = negatives === 0 ? 0 : (below + runNegatives / 2) / negativeWeight;
    const ofNegative = positives === 0 ? 0 : (above + runPositives / 2) / positiveWeight;
    const end = starts[step + 1] as number;
    for (let place = starts[step] as number; place < end; place++) {
      const sample = samples[place] as number;
      values[sample] = labels[sample] === 1 ? ofPositive : ofNegative;
    }
    twiceWins += runPositives * (2 * below + runNegatives);
  }
  const pairs = positiveWeight * negativeWeight;
  // Rounding can carry a sum of weights past its end by some units in the last place.
  const auc = pairs === 0 ? 0 : Math.min(1, twiceWins / (2 * pairs));
  return { positives, negatives, positiveWeight, negativeWeight, auc, values };
}

/** In place of the label of a sample that is not looked at. */
export const LEFT_OUT = 2;

/**
 * The same where some samples are not looked at: they count for nothing, and their placements mean nothing. One pass along an
 * order that holds them too, so that all samples but a group's need no order of their own.
 * @param labels 1 positive, 0 negative, LEFT_OUT
 */
export function placementsOf(
  scores: Float64Array,
  labels: Uint8Array,
  order: Uint32Array,
  weights: Float64Array | null,
): Placements {
  const counts = [0, 0, 0];
  const totals = [0, 0, 0];
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number;
    counts[label] = (counts[label] as number) + 1;
    if (weights !== null) totals[label] = (totals[label] as number) + (weights[i] as number);
  }
  const [negatives = 0, positives = 0] = counts;
  const [negativeWeight = 0, positiveWeight = 0] = weights === null ? counts : totals;
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
      const label = labels[sample] as number;
      const weight = weights === null ? 1 : (weights[sample] as number);
      // Without branches, which random labels would make slow: 1, 0, 0 and 0, 1, 0 for the labels 0, 1 and 2.
      runPositives += (label & 1) * weight;
      runNegatives += (1 >> label) * weight;
    }
    const ofPositive = negatives === 0 ? 0 : (negativesBelow + runNegatives / 2) / negativeWeight;
    const ofNegative = positives === 0 ? 0 : (positiveWeight - positivesBelow - runPositives / 2) / positiveWeight;
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
  return { positives, negatives, positiveWeight, negativeWeight, auc, values };
}
