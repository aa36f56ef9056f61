import { clipped } from "./losses.js";

/**
 * The Brier score of several classes as a sum over them, Σ over classes of (p − y)², averaged over samples: from 0 to 2 (Brier
 * 1950), and the logarithmic loss of the true class's probability after the row is brought to a sum of 1.
 * @param probabilities one array a class, aligned by sample
 * @param truth the true class of each sample
 */
export function multiclassLosses(
  probabilities: readonly Float64Array[],
  truth: ArrayLike<number>,
): { readonly brier: number; readonly logLoss: number } {
  const n = truth.length;
  let [brier, logLoss] = [0, 0];
  for (let i = 0; i < n; i++) {
    let sum = 0;
    probabilities.forEach((ofClass, index) => {
      const p = ofClass[i] as number;
      sum += p;
      brier += (p - (truth[i] === index ? 1 : 0)) ** 2;
    });
    logLoss -= Math.log(clipped(((probabilities[truth[i] as number] as Float64Array)[i] as number) / sum));
  }
  return { brier: brier / n, logLoss: logLoss / n };
}
