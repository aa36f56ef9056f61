import type { FilterBank } from "./filters.js";

/** Samples or coefficients. Sums are taken in double precision, whichever it is. */
export type RealArray = Float32Array | Float64Array;

/*
 * At its ends a signal goes on by periodization: it repeats, and one of odd length is first lengthened by its last
 * sample. That gives the fewest coefficients (⌈n/2⌉ a band) and, for even n, an orthogonal transform.
 */

/** Many lines in one array: `outer` blocks of `length` steps of `inner` neighbours. A line runs along `length`. */
export interface LineLayout {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/** Coefficients per band that a line of `length` samples gives. */
export function bandLength(length: number): number {
  return Math.ceil(length / 2);
}

/**
 * One level of the 1-D transform along every line; `low` and `high` receive outer × ⌈length/2⌉ × inner coefficients.
 * The same numbers as PyWavelets' `dwt(x, wavelet, "periodization")`: low[k] = Σ_j h[j] · x[2k + F/2 − j]. The output
 * arrays may not overlap the input.
 */
export function analyseLines(
  input: RealArray,
  layout: LineLayout,
  bank: FilterBank,
  low: RealArray,
  high: RealArray,
): void {
  const { outer, length, inner } = layout;
  const { taps, decompositionLow, decompositionHigh } = bank;
  const half = bandLength(length);
  const lowSums = new Float64Array(inner);
  const highSums = new Float64Array(inner);
  for (let block = 0; block < outer; block++) {
    for (let k = 0; k < half; k++) {
      const newest = 2 * k + taps / 2;
      const target = (block * half + k) * inner;
      if (inner === 1 && newest >= taps - 1 && newest < length) {
        convolve(input, block * length + newest, bank, low, high, target);
        continue;
      }
      lowSums.fill(0);
      highSums.fill(0);
      for (let j = 0; j < taps; j++) {
        const position = Math.min(wrap(newest - j, 2 * half), length - 1);
        const source = (block * length + position) * inner;
        addScaled(input, source, decompositionLow[j] as number, lowSums);
        addScaled(input, source, decompositionHigh[j] as number, highSums);
      }
      low.set(lowSums, target);
      high.set(highSums, target);
    }
  }
}

/**
 * The inverse of `analyseLines`: `output` receives outer × length × inner samples. The output may not overlap the
 * bands.
 */
export function synthesiseLines(
  low: RealArray,
  high: RealArray,
  layout: LineLayout,
  bank: FilterBank,
  output: RealArray,
): void {
  const { outer, length, inner } = layout;
  const { taps, reconstructionLow, reconstructionHigh } = bank;
  const half = bandLength(length);
  const sums = new Float64Array(inner);
  for (let block = 0; block < outer; block++) {
    for (let t = 0; t < length; t++) {
      // Coefficient k reaches sample t through tap j = t − 2k + F/2 − 1, so only every second tap takes part.
      const first = (t + taps / 2 - 1) % 2;
      const newest = (t + taps / 2 - 1 - first) / 2;
      const target = (block * length + t) * inner;
      if (inner === 1 && newest < half && newest >= taps / 2 - 1) {
        output[target] = interpolate(low, high, block * half + newest, bank, first);
        continue;
      }
      sums.fill(0);
      for (let j = first; j < taps; j += 2) {
        const source = (block * half + wrap(newest - (j - first) / 2, half)) * inner;
        addScaled(low, source, reconstructionLow[j] as number, sums);
        addScaled(high, source, reconstructionHigh[j] as number, sums);
      }
      output.set(sums, target);
    }
  }
}

/** One coefficient of each band, from samples that lie side by side and away from the line's ends. */
function convolve(
  input: RealArray,
  newest: number,
  bank: FilterBank,
  low: RealArray,
  high: RealArray,
  target: number,
): void {
  const { taps, decompositionLow, decompositionHigh } = bank;
  let lowSum = 0;
  let highSum = 0;
  for (let j = 0; j < taps; j++) {
    const sample = input[newest - j] as number;
    lowSum += (decompositionLow[j] as number) * sample;
    highSum += (decompositionHigh[j] as number) * sample;
  }
  low[target] = lowSum;
  high[target] = highSum;
}

/** One sample, from coefficients that lie side by side and away from the line's ends. */
function interpolate(low: RealArray, high: RealArray, newest: number, bank: FilterBank, first: number): number {
  const { taps, reconstructionLow, reconstructionHigh } = bank;
  let sum = 0;
  let source = newest;
  for (let j = first; j < taps; j += 2) {
    sum += (reconstructionLow[j] as number) * (low[source] as number);
    sum += (reconstructionHigh[j] as number) * (high[source] as number);
    source--;
  }
  return sum;
}

/** sums[i] += factor · values[from + i] */
function addScaled(values: RealArray, from: number, factor: number, sums: Float64Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + factor * (values[from + i] as number);
}

/** The remainder in [0, period). */
function wrap(index: number, period: number): number {
  const remainder = index % period;
  return remainder < 0 ? remainder + period : remainder;
}
