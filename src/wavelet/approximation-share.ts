import type { ImageGeometry } from "../core/pixels.js";
import { type Coefficients2d, energy, Wavelet2d } from "./dwt2d.js";
import { filterBank, type WaveletName } from "./filters.js";

/**
 * Measures which share of a perturbation's energy lies in the approximation (low-scale) band of a wavelet transform.
 * A perturbation made of details alone has none before clipping and rounding; what is found afterwards has leaked.
 */
export class ApproximationShare {
  readonly #plan: Wavelet2d;
  readonly #coefficients: Coefficients2d;

  constructor(
    readonly geometry: ImageGeometry,
    wavelet: WaveletName,
    levels: number,
  ) {
    this.#plan = new Wavelet2d(geometry.height, geometry.width, levels, filterBank(wavelet));
    this.#coefficients = this.#plan.createCoefficients();
  }

  /** In [0, 1]; 0 for a perturbation that is zero everywhere. `difference` is C×H×W. */
  of(difference: Float32Array): number {
    const plane = this.geometry.height * this.geometry.width;
    let low = 0;
    let high = 0;
    for (let channel = 0; channel < this.geometry.channels; channel++) {
      this.#plan.forward(difference.subarray(channel * plane, (channel + 1) * plane), this.#coefficients);
      low += energy(this.#coefficients.approximation.values);
      for (const bands of this.#coefficients.details) {
        high += energy(bands.horizontal.values) + energy(bands.vertical.values) + energy(bands.diagonal.values);
      }
    }
    return low + high === 0 ? 0 : low / (low + high);
  }
}
