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
  const n = codes.length;
  const starts = new Uint32Array(count + 1);
  for (let i = 0; i < n; i++) starts[(codes[i] as number) + 1] = (starts[(codes[i] as number) + 1] as number) + 1;
  for (let bin = 0; bin < count; bin++) starts[bin + 1] = (starts[bin + 1] as number) + (starts[bin] as number);
  // The samples bin by bin, those of a bin in their order.
  const next = starts.slice();
  const outcomes = new Uint8Array(n);
  const of = new Int32Array(n);
  const weighed = weights === null ? null : new Float64Array(n);
  const sums = new Float64Array(count);
  const totals = new Float64Array(count);
  for (let i = 0; i < n; i++) {
    const bin = codes[i] as number;
    const place = next[bin] as number;
    const weight = weights === null ? 1 : (weights[i] as number);
    next[bin] = place + 1;
    outcomes[place] = labels[i] as number;
    of[place] = patients[i] as number;
    if (weighed !== null) weighed[place] = weight;
    sums[bin] = (sums[bin] as number) + weight * (probabilities[i] as number);
    totals[bin] = (totals[bin] as number) + weight;
  }
  return Array.from(totals, (total, bin): ReliabilityBin | null => {
    const [start, end] = [starts[bin] as number, starts[bin + 1] as number];
    const observed = proportion(
      outcomes.subarray(start, end),
      of.subarray(start, end),
      clustered,
      weighed?.subarray(start, end) ?? null,
    );
    return observed.status === "estimated"
      ? { n: end - start, meanPredicted: (sums[bin] as number) / total, observed }
      : null;
  }).filter((bin) => bin !== null);
}
