import { SCALING_FILTERS } from "./coefficients.js";

/**
 * A two-channel filter bank. The analysis (decomposition) filters are applied by convolution, as PyWavelets does:
 * low[k] = Σ_j decompositionLow[j] · x[2k + F/2 − j].
 */
export interface FilterBank {
  readonly name: string;
  /** Number of taps F of each filter, even. */
  readonly taps: number;
  readonly decompositionLow: Float64Array;
  readonly decompositionHigh: Float64Array;
  readonly reconstructionLow: Float64Array;
  readonly reconstructionHigh: Float64Array;
}

export type WaveletName = keyof typeof SCALING_FILTERS;

/** Every wavelet that `filterBank` knows, for the schemas of plug-ins. */
export const WAVELET_NAMES = Object.keys(SCALING_FILTERS) as [WaveletName, ...WaveletName[]];

/** The filter bank of a wavelet. */
export function filterBank(name: WaveletName): FilterBank {
  return orthonormalBank(name, SCALING_FILTERS[name]);
}

/**
 * The bank of an orthonormal scaling filter h: the wavelet filter is the alternating flip g[k] = (−1)^k h[F−1−k]
 * (Daubechies 1992, eq. 5.1.34, in PyWavelets' sign), and analysis is synthesis reversed in time.
 */
function orthonormalBank(name: string, scaling: readonly number[]): FilterBank {
  const reconstructionLow = Float64Array.from(scaling);
  const decompositionLow = reconstructionLow.toReversed();
  const reconstructionHigh = decompositionLow.map((tap, k) => (k % 2 === 0 ? tap : -tap));
  return {
    name,
    taps: scaling.length,
    decompositionLow,
    decompositionHigh: reconstructionHigh.toReversed(),
    reconstructionLow,
    reconstructionHigh,
  };
}
