import { orderOf } from "../order.js";
import { type ProportionEstimate, proportion } from "../proportion.js";
import type { Predictions } from "./predictions.js";

/** How samples are put into bins: by equal widths of probability, or by equal numbers of samples. */
export type Binning = "equal-width" | "equal-count";

/** Which bin each sample is in. */
export interface Bins {
  readonly count: number;
  readonly codes: Uint16Array;
}

/**
 * Equal widths: bin k holds k/B < p <= (k+1)/B, the first also p = 0 (right-closed, as scikit-learn's calibration_curve).
 * Equal counts: samples by ascending probability, cut into B runs whose sizes differ by at most one, the longer ones first
 * (numpy's array_split); samples with equal probabilities at a cut are told apart by their order in the table.
 * @param count number of bins, 1 to 1000
 */
export function binsOf({ probabilities }: Predictions, count: number, binning: Binning): Bins {
  const codes = new Uint16Array(probabilities.length);
  if (binning === "equal-width") {
    const step = 1 / count;
    for (let i = 0; i < codes.length; i++) codes[i] = rightClosed(probabilities[i] as number, count, step);
    return { count, codes };
  }
  const order = orderOf(probabilities);
  const [size, longer] = [Math.floor(order.length / count), order.length % count];
  let at = 0;
  for (let bin = 0; bin < count; bin++) {
    const end = at + size + (bin < longer ? 1 : 0);
    for (; at < end; at++) codes[order[at] as number] = bin;
  }
  return { count, codes };
}

function rightClosed(p: number, count: number, step: number): number {
  let bin = Math.min(count - 1, Math.floor(p * count));
  while (bin > 0 && p <= bin * step) bin--;
  while (bin < count - 1 && p > (bin + 1) * step) bin++;
  return bin;
}

/** One bin that holds samples. */
export interface ReliabilityBin {
  readonly n: number;
  readonly meanPredicted: number;
  /** The share of positives, with Wilson's limits at the effective number of samples. */
  readonly observed: ProportionEstimate;
}

/** The bins that hold samples, in order. */
export function reliability(predictions: Predictions, { codes, count }: Bins): ReliabilityBin[] {
  const { clustered, labels, patients, probabilities, weights } = predictions;
  const sizes = new Uint32Array(count);
  for (let i = 0; i < codes.length; i++) sizes[codes[i] as number] = (sizes[codes[i] as number] as number) + 1;
  return [...sizes].flatMap((n, bin): ReliabilityBin[] => {
    if (n === 0) return [];
    const outcomes = new Uint8Array(n);
    const of = new Int32Array(n);
    const weighed = weights === null ? null : new Float64Array(n);
    let [next, sum, total] = [0, 0, 0];
    for (let i = 0; i < codes.length; i++) {
      if (codes[i] !== bin) continue;
      const weight = weights === null ? 1 : (weights[i] as number);
      if (weighed !== null) weighed[next] = weight;
      outcomes[next] = labels[i] as number;
      of[next++] = patients[i] as number;
      sum += weight * (probabilities[i] as number);
      total += weight;
    }
    const observed = proportion(outcomes, of, clustered, weighed);
    return observed.status === "estimated" ? [{ n, meanPredicted: sum / total, observed }] : [];
  });
}
