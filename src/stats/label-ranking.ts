import { boundedMean } from "./bounded.js";
import type { Result } from "./estimate.js";

/** Samples with several labels each, in patient order; columns by class, aligned by sample. */
export interface MultilabelScores {
  /** NaN where a class has no score of the sample. */
  readonly scores: readonly Float64Array[];
  /** 1, 0, or −1 where it is missing. Classes without label or score are left out of the sample's ranking. */
  readonly labels: readonly Int8Array[];
  readonly patients: Int32Array;
  readonly weights?: Float64Array | null;
}

export interface LabelRanking {
  /** Mean over samples of the mean, over the sample's true labels, of the share of true ones among labels ranked as high. */
  readonly averagePrecision: Result;
  /** Mean over samples of the share of (true, false) pairs of labels in the wrong order, ties counted as wrong. */
  readonly loss: Result;
}

/**
 * Are a sample's true labels ranked above its others? scikit-learn's label ranking average precision and label ranking
 * loss (G. Tsoumakas, I. Katakis, I. Vlahavas, Mining multi-label data, 2010): per sample, labels tied with a true one
 * count as ranked above it; a sample whose labels are all true or all false has precision 1 and loss 0. Clustered by
 * patient; limits by Wilson at the effective number of samples.
 */
export function labelRanking(data: MultilabelScores): LabelRanking {
  return rankingOf(rankingValues(data, data.patients.length), data.patients, data.weights ?? null);
}

/** What each sample adds to the ranking's means. */
export interface RankingValues {
  readonly precisions: Float64Array;
  readonly losses: Float64Array;
}

/** The ranking of samples whose values are at hand. */
export function rankingOf(
  { precisions, losses }: RankingValues,
  patients: Int32Array,
  weights: Float64Array | null,
): LabelRanking {
  const of = (values: Float64Array) => boundedMean({ values, patients, weights }, "labels");
  return { averagePrecision: of(precisions), loss: of(losses) };
}

/** @param n how many samples the columns have */
export function rankingValues(data: Pick<MultilabelScores, "scores" | "labels">, n: number): RankingValues {
  const precisions = new Float64Array(n);
  const losses = new Float64Array(n);
  const k = data.scores.length;
  const scores = new Float64Array(k); // of one sample: those that have a label and a score
  const labels = new Uint8Array(k);
  for (let i = 0; i < n; i++) {
    let count = 0;
    let trues = 0;
    for (let c = 0; c < k; c++) {
      const score = (data.scores[c] as Float64Array)[i] as number;
      const label = (data.labels[c] as Int8Array)[i] as number;
      if (label === -1 || Number.isNaN(score)) continue;
      scores[count] = score;
      labels[count++] = label;
      trues += label;
    }
    if (trues === 0 || trues === count) {
      precisions[i] = 1;
      continue;
    }
    let precision = 0;
    let wrong = 0;
    for (let one = 0; one < count; one++) {
      if (labels[one] === 0) continue;
      const score = scores[one] as number;
      let ranked = 0;
      let truesRanked = 0;
      for (let other = 0; other < count; other++) {
        if ((scores[other] as number) < score) continue;
        ranked++;
        truesRanked += labels[other] as number;
      }
      precision += truesRanked / ranked;
      wrong += ranked - truesRanked;
    }
    precisions[i] = precision / trues;
    losses[i] = wrong / (trues * (count - trues));
  }
  return { precisions, losses };
}
