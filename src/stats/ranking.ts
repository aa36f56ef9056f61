import { type NotEstimable, notEstimable } from "./estimate.js";
import { ascendingOrder } from "./order.js";

export interface RankingValue {
  readonly status: "measured";
  /** In [0, 1]. */
  readonly value: number;
}

/**
 * What becomes of items with equal scores: each gets the mean gain of its run (as if the run were shuffled), or the later
 * item stands first, as scikit-learn does with `ignore_ties=True` on short lists.
 */
export type RankingTies = "averaged" | "later-first";

/**
 * Normalised discounted cumulative gain of one ranked list: Σ relevance/log₂(rank + 1) over the ranks 1 … k in the order of
 * descending scores, over the same sum in the order of descending relevance (K. Järvelin, J. Kekäläinen, ACM Trans. Inf.
 * Syst. 20 (2002) 422–446; ties by F. McSherry, M. Najork, ECIR 2008). Linear gains, base 2, the numbers of scikit-learn's
 * ndcg_score; the ideal order has no ties to average. Not defined where no item is relevant (scikit-learn gives 0).
 * @param relevance >= 0, one an item
 * @param scores aligned with the relevances, no NaN; larger stands first
 * @param k how many ranks count; null for all
 */
export function ndcg(
  relevance: Float64Array,
  scores: Float64Array,
  k: number | null = null,
  ties: RankingTies = "averaged",
): RankingValue | NotEstimable {
  if (relevance.some((gain) => !(gain >= 0))) throw new RangeError("a relevance below 0, or none");
  const ideal = discountedGain(relevance, relevance, k, "later-first");
  if (ideal === 0) return notEstimable(`none of ${relevance.length} items is relevant: nDCG has nothing to rank`);
  return { status: "measured", value: discountedGain(relevance, scores, k, ties) / ideal };
}

function discountedGain(relevance: Float64Array, scores: Float64Array, k: number | null, ties: RankingTies): number {
  const order = ascendingOrder(scores).reverse();
  const ranks = Math.min(k ?? order.length, order.length);
  let sum = 0;
  for (let start = 0; start < ranks; ) {
    let end = start + 1;
    if (ties === "averaged") {
      while (end < order.length && scores[order[end] as number] === scores[order[start] as number]) end++;
    }
    let gain = 0;
    let discount = 0;
    for (let i = start; i < end; i++) {
      gain += relevance[order[i] as number] as number;
      if (i < ranks) discount += 1 / Math.log2(i + 2);
    }
    sum += (gain / (end - start)) * discount;
    start = end;
  }
  return sum;
}
