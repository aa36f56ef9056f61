import type { RealArray } from "./dwt1d.js";
import { type Coefficients2d, energy, ORIENTATIONS } from "./dwt2d.js";

/** Median of |x| over the standard deviation, for a normal variable: the 0.75 quantile of the standard normal. */
const NORMAL_MEDIAN_ABSOLUTE = 0.6744897501960817;

/**
 * Standard deviation of white noise, from the finest diagonal band, where images have the least to say: the median
 * absolute coefficient over 0.6745 (Donoho and Johnstone 1994). 0 for an empty band.
 */
export function noiseLevel(finestDiagonal: RealArray): number {
  if (finestDiagonal.length === 0) return 0;
  const sizes = Float64Array.from(finestDiagonal, Math.abs).sort();
  const middle = sizes.length >> 1;
  const upper = sizes[middle] as number;
  const median = sizes.length % 2 === 1 ? upper : (upper + (sizes[middle - 1] as number)) / 2;
  return median / NORMAL_MEDIAN_ABSOLUTE;
}

/**
 * BayesShrink's threshold of one band, σ²/σ_x with σ_x² = max(mean square − σ², 0): near the best soft threshold where
 * coefficients are generalised Gaussian (Chang, Yu and Vetterli 2000, eq. 14). Infinite for a band that is all noise.
 */
export function bayesThreshold(band: RealArray, noise: number): number {
  if (noise === 0) return 0;
  const signal = Math.sqrt(Math.max(energy(band) / band.length - noise ** 2, 0));
  return noise ** 2 / signal;
}

/** Moves every value towards 0 by `threshold`, in place; what would cross 0 becomes 0. */
export function softThreshold(values: RealArray, threshold: number): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    values[i] = value > threshold ? value - threshold : value < -threshold ? value + threshold : 0;
  }
}

/** BayesShrink of all detail bands, in place; the approximation is left alone. */
export function bayesShrink(coefficients: Coefficients2d): void {
  const finest = coefficients.details.at(-1);
  if (finest === undefined) return;
  const noise = noiseLevel(finest.diagonal.values);
  for (const bands of coefficients.details) {
    for (const orientation of ORIENTATIONS) {
      const { values } = bands[orientation];
      softThreshold(values, bayesThreshold(values, noise));
    }
  }
}
