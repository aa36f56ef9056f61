import { BIORTHOGONAL, type BiorthogonalPair } from "./coefficients/biorthogonal.js";
import { COIFLETS } from "./coefficients/coiflets.js";
import { DAUBECHIES } from "./coefficients/daubechies.js";
import { MEYER } from "./coefficients/meyer.js";
import { SYMLETS } from "./coefficients/symlets.js";

/**
 * A two-channel filter bank. The analysis (decomposition) filters are applied by convolution, as PyWavelets does:
 * low[k] = Σ_j decompositionLow[j] · x[2k + F/2 − j] (periodization).
 */
export interface FilterBank {
  readonly name: string;
  /** Number of taps F of each filter, even. */
  readonly taps: number;
  /** Whether the filters are orthonormal to their even shifts, so that norms are kept (Parseval). */
  readonly orthogonal: boolean;
  readonly decompositionLow: Float64Array;
  readonly decompositionHigh: Float64Array;
  readonly reconstructionLow: Float64Array;
  readonly reconstructionHigh: Float64Array;
}

const ORTHONORMAL = { haar: DAUBECHIES.db1, ...DAUBECHIES, ...SYMLETS, ...COIFLETS };

/** A biorthogonal bank with analysis and synthesis exchanged. */
type Reversed<Name> = Name extends `bior${infer Orders}` ? `rbio${Orders}` : never;

export type OrthonormalWaveletName = keyof typeof ORTHONORMAL;
export type WaveletName =
  | OrthonormalWaveletName
  | keyof typeof BIORTHOGONAL
  | Reversed<keyof typeof BIORTHOGONAL>
  | keyof typeof MEYER;

/** The wavelets that keep norms, for methods that count on it. */
export const ORTHONORMAL_WAVELETS = Object.keys(ORTHONORMAL) as [OrthonormalWaveletName, ...OrthonormalWaveletName[]];

/** Every wavelet that `filterBank` knows, for the schemas of plug-ins: PyWavelets' discrete families, all of them. */
export const WAVELET_NAMES = [
  ...ORTHONORMAL_WAVELETS,
  ...Object.keys(BIORTHOGONAL),
  ...Object.keys(BIORTHOGONAL).map((name) => name.replace("bior", "rbio")),
  ...Object.keys(MEYER),
] as [WaveletName, ...WaveletName[]];

/** The filter bank of a wavelet. */
export function filterBank(name: WaveletName): FilterBank {
  if (name in ORTHONORMAL) return bank(name, true, selfDual(ORTHONORMAL[name as OrthonormalWaveletName]));
  if (name in MEYER) return bank(name, false, selfDual(MEYER[name as keyof typeof MEYER]));
  const pair: BiorthogonalPair = BIORTHOGONAL[name.replace("rbio", "bior") as keyof typeof BIORTHOGONAL];
  return bank(name, false, name.startsWith("rbio") ? exchanged(pair) : pair);
}

/** Analysis is synthesis reversed in time. */
function selfDual(scaling: readonly number[]): BiorthogonalPair {
  return { reconstruction: scaling, decomposition: scaling.toReversed() };
}

function exchanged({ reconstruction, decomposition }: BiorthogonalPair): BiorthogonalPair {
  return { reconstruction: decomposition.toReversed(), decomposition: reconstruction.toReversed() };
}

/**
 * The high-pass filters are the alternating flips of the low-pass filters across the bank, in PyWavelets' sign
 * (Daubechies 1992, eq. 5.1.34 and 8.3.2): g[k] = (−1)^k h̃[k] and g̃[k] = −(−1)^k h[k].
 */
function bank(name: string, orthogonal: boolean, { reconstruction, decomposition }: BiorthogonalPair): FilterBank {
  const alternate = (tap: number, k: number) => (k % 2 === 0 ? tap : -tap);
  return {
    name,
    taps: reconstruction.length,
    orthogonal,
    decompositionLow: Float64Array.from(decomposition),
    decompositionHigh: Float64Array.from(reconstruction, (tap, k) => -alternate(tap, k)),
    reconstructionLow: Float64Array.from(reconstruction),
    reconstructionHigh: Float64Array.from(decomposition, alternate),
  };
}
