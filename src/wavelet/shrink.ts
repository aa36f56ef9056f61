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

/**
 * VisuShrink's universal threshold σ√(2 ln n), n the number of samples: about the largest of n normal variables, so that
 * no noise is left with a probability that tends to 1 (Donoho and Johnstone 1994).
 */
export function universalThreshold(samples: number, noise: number): number {
  return noise * Math.sqrt(2 * Math.log(samples));
}

/** What is done with a coefficient beyond the threshold; below it, each rule leaves 0. */
export const THRESHOLD_RULES = ["soft", "hard", "garrote"] as const;
export type ThresholdRule = (typeof THRESHOLD_RULES)[number];

/** Applies a rule to every value, in place. */
export function applyThreshold(values: RealArray, threshold: number, rule: ThresholdRule): void {
  if (rule === "soft") softThreshold(values, threshold);
  else if (rule === "hard") hardThreshold(values, threshold);
  else garroteThreshold(values, threshold);
}

/** Moves every value towards 0 by `threshold`, in place; what would cross 0 becomes 0. */
export function softThreshold(values: RealArray, threshold: number): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    values[i] = value > threshold ? value - threshold : value < -threshold ? value + threshold : 0;
  }
}

/** Keeps what is at least as large as `threshold`, in place. */
function hardThreshold(values: RealArray, threshold: number): void {
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i] as number) < threshold) values[i] = 0;
  }
}

/** v − threshold² / v where |v| is above the threshold, in place: between hard and soft (Gao 1998). */
function garroteThreshold(values: RealArray, threshold: number): void {
  const square = threshold * threshold;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    values[i] = Math.abs(value) > threshold ? value - square / value : 0;
  }
}

/** How a band's threshold is chosen: for each band from its own energy, or one for the whole image. */
export const SHRINK_METHODS = ["bayes-shrink", "visu-shrink"] as const;
export type ShrinkMethod = (typeof SHRINK_METHODS)[number];

/**
 * Shrinks all detail bands of an image of `samples` pixels, in place; the approximation is left alone. The noise is that
 * of the finest diagonal band.
 */
export function shrink(
  coefficients: Coefficients2d,
  samples: number,
  method: ShrinkMethod = "bayes-shrink",
  rule: ThresholdRule = "soft",
): void {
  const finest = coefficients.details.at(-1);
  if (finest === undefined) return;
  const noise = noiseLevel(finest.diagonal.values);
  const universal = universalThreshold(samples, noise);
  for (const bands of coefficients.details) {
    for (const orientation of ORIENTATIONS) {
      const { values } = bands[orientation];
      applyThreshold(values, method === "visu-shrink" ? universal : bayesThreshold(values, noise), rule);
    }
  }
}
