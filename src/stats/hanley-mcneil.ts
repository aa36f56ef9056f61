/**
 * The variance of an AUC by Hanley and McNeil's formula, from the area and the counts alone (J. A. Hanley, B. J. McNeil,
 * Radiology 143 (1982) 29–36): with Q1 = A/(2 − A) and Q2 = 2A²/(1 + A),
 *
 *   ( A(1−A) + (M−1)(Q1 − A²) + (N−1)(Q2 − A²) ) / (MN).
 *
 * It assumes exponential scores and independent samples: for planning, where there are no scores yet. 0 at areas of 0
 * and 1.
 * @param auc in [0, 1]
 * @param positives, negatives at least 1
 */
export function hanleyMcNeilVariance(auc: number, positives: number, negatives: number): number {
  const square = auc * auc;
  const first = auc / (2 - auc) - square;
  const second = (2 * square) / (1 + auc) - square;
  return (auc * (1 - auc) + (positives - 1) * first + (negatives - 1) * second) / (positives * negatives);
}
