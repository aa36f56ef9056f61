import type { FilterBank } from "./filters.js";

/** Samples or coefficients. Sums are taken in double precision, whichever it is. */
export type RealArray = Float32Array | Float64Array;

/**
 * How a signal goes on beyond its ends. `periodization`: it repeats, and a signal of odd length is first lengthened by
 * its last sample. It gives the fewest coefficients (⌈n/2⌉ a band) and, for even n, an orthogonal transform.
 */
export type BoundaryMode = "periodization";

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
  const sources = new Int32Array(taps);
  for (let block = 0; block < outer; block++) {
    for (let k = 0; k < half; k++) {
      for (let j = 0; j < taps; j++) {
        const position = Math.min(wrap(2 * k + taps / 2 - j, 2 * half), length - 1);
        sources[j] = (block * length + position) * inner;
      }
      const target = (block * half + k) * inner;
      for (let i = 0; i < inner; i++) {
        let lowSum = 0;
        let highSum = 0;
        for (let j = 0; j < taps; j++) {
          const sample = input[(sources[j] as number) + i] as number;
          lowSum += (decompositionLow[j] as number) * sample;
          highSum += (decompositionHigh[j] as number) * sample;
        }
        low[target + i] = lowSum;
        high[target + i] = highSum;
      }
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
  const sources = new Int32Array(taps);
  for (let block = 0; block < outer; block++) {
    for (let t = 0; t < length; t++) {
      // Coefficient k reaches sample t through tap j = t − 2k + F/2 − 1, so only every second tap takes part.
      const first = (t + taps / 2 - 1) % 2;
      for (let j = first; j < taps; j += 2) {
        sources[j] = (block * half + wrap((t + taps / 2 - 1 - j) / 2, half)) * inner;
      }
      const target = (block * length + t) * inner;
      for (let i = 0; i < inner; i++) {
        let sum = 0;
        for (let j = first; j < taps; j += 2) {
          const source = (sources[j] as number) + i;
          sum += (reconstructionLow[j] as number) * (low[source] as number);
          sum += (reconstructionHigh[j] as number) * (high[source] as number);
        }
        output[target + i] = sum;
      }
    }
  }
}

/** The remainder in [0, period). */
function wrap(index: number, period: number): number {
  const remainder = index % period;
  return remainder < 0 ? remainder + period : remainder;
}
