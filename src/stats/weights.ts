/**
 * Sampling weights: each sample stands for so many of the population, such as one over its chance of being sampled.
 * Every sum over samples becomes a weighted sum; weights are taken as given numbers, not as estimates. Only their ratios
 * matter.
 */

/** Samples with weights, where they have any. */
export interface Weighted {
  readonly weights?: Float64Array | null;
}

/**
 * The weights where they differ; null where there are none or all are equal. Then the unweighted formulas hold, to the
 * last bit.
 */
export function unequalWeights({ weights }: Weighted): Float64Array | null {
  if (weights === undefined || weights === null) return null;
  for (let i = 1; i < weights.length; i++) if (weights[i] !== weights[0]) return weights;
  return null;
}

/**
 * L. Kish's effective number of independent contributions (Survey Sampling, 1965): (Σw)² / Σ W², with W the sum of the
 * weights of one patient. All samples of a patient count as one, and the more the weights differ the fewer they are worth.
 * @param patients patient codes, ascending
 * @param weights aligned with the patients; null where all count alike
 * @returns in [1, number of patients]; 0 without samples
 */
export function kishCount(patients: Int32Array, weights: Float64Array | null): number {
  let total = 0;
  let squares = 0;
  for (let start = 0; start < patients.length; ) {
    let ofPatient = 0;
    let end = start;
    while (end < patients.length && patients[end] === patients[start]) {
      ofPatient += weights === null ? 1 : (weights[end] as number);
      end++;
    }
    total += ofPatient;
    squares += ofPatient * ofPatient;
    start = end;
  }
  return squares === 0 ? 0 : (total * total) / squares;
}
