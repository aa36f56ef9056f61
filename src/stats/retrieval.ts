// Measures of one ranked list. Gains are the relevances, >= 0, in the order of the ranks; above 0 is relevant.

/** The share of relevant items among the first k. @param k >= 1, at most the length of the list */
export function precisionAt(gains: Float64Array, k: number): number {
  return relevantAmong(gains, k) / k;
}

/** Of all relevant items, the share among the first k; NaN where none is. */
export function recallAt(gains: Float64Array, k: number): number {
  return relevantAmong(gains, k) / relevantAmong(gains, gains.length);
}

/**
 * The mean over relevant items of the precision at their ranks (scikit-learn's average_precision_score, where no two scores are
 * equal); NaN where none is relevant.
 */
export function averagePrecisionOfRanks(gains: Float64Array): number {
  let [hits, sum] = [0, 0];
  for (let rank = 0; rank < gains.length; rank++) {
    if ((gains[rank] as number) > 0) sum += ++hits / (rank + 1);
  }
  return sum / hits;
}

/** nDCG of the first k ranks with linear gains, as `ndcg` in ranking.ts of scores without ties; NaN where none is relevant. */
export function ndcgAt(gains: Float64Array, k: number): number {
  const isBinary = gains.every((gain) => gain === 0 || gain === 1);
  const best = isBinary
    ? new Float64Array(Math.min(k, relevantAmong(gains, gains.length))).fill(1)
    : gains.slice().sort().reverse();
  const ideal = discounted(best, k);
  return ideal === 0 ? Number.NaN : discounted(gains, k) / ideal;
}

/** The rank of the first relevant item, from 1; NaN where none is. */
export function firstHitRank(gains: Float64Array): number {
  const at = gains.findIndex((gain) => gain > 0);
  return at < 0 ? Number.NaN : at + 1;
}

function relevantAmong(gains: Float64Array, k: number): number {
  let count = 0;
  for (let rank = 0; rank < Math.min(k, gains.length); rank++) if ((gains[rank] as number) > 0) count++;
  return count;
}

function discounted(gains: Float64Array, k: number): number {
  let sum = 0;
  for (let rank = 0; rank < Math.min(k, gains.length); rank++) sum += (gains[rank] as number) / Math.log2(rank + 2);
  return sum;
}
