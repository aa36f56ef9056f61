/**
 * Non-local means: every pixel becomes the mean of the pixels near it whose surroundings look alike, with weights that
 * follow from the image's own noise.
 *
 * References: A. Buades, B. Coll, J.-M. Morel, "A non-local algorithm for image denoising", CVPR 2005, and "Non-local
 * means denoising", Image Processing On Line 1, 2011; J. Darbon, A. Cunha, T. F. Chan, S. Osher, G. J. Jensen, "Fast
 * nonlocal filtering applied to electron cryomicroscopy", ISBI 2008 (integral images). As a defense: C. Xie, Y. Wu,
 * L. van der Maaten, A. Yuille, K. He, "Feature denoising for improving adversarial robustness", CVPR 2019 (inside a
 * network; here on the image), and W. Xu, D. Evans, Y. Qi, NDSS 2018 (on the image).
 *
 * Threat model: white noise goes, repeated structure stays. What repeats itself over the search window, such as a
 * periodic or universal tiled perturbation, looks like structure and stays too; so does what is too large for the noise
 * estimate. An attacker who knows of it makes such a one.
 *
 * Cost: no queries; proportional to pixels × (2 · distance + 1)² / 2, whatever the patch. Rare detail is smoothed least.
 */
import { z } from "zod";
import { defineDefense } from "../src/core/defense.js";
import { createBatch, imageSize } from "../src/core/pixels.js";
import { type Coefficients2d, Wavelet2d } from "../src/wavelet/dwt2d.js";
import { filterBank } from "../src/wavelet/filters.js";
import { noiseLevel } from "../src/wavelet/shrink.js";
import { NonLocalMeans } from "./support/non-local-means.js";

export default defineDefense({
  meta: {
    id: "non-local-means",
    title: "Non-local means",
    summary:
      "Averages every pixel with those nearby whose surroundings look alike, by as much as the image's own noise explains.",
    random: false,
    parameters: z.strictObject({
      patch: z
        .int()
        .min(1)
        .max(31)
        .refine((side) => side % 2 === 1, "Must be odd.")
        .default(5)
        .describe("Side of the patches that are compared, in pixels; odd."),
      distance: z.int().min(1).max(50).default(6).describe("Farthest row and column in which like patches are sought."),
      strength: z
        .number()
        .min(0.01)
        .max(100)
        .default(0.8)
        .describe("Decay h of the weights, in units of the estimated noise; larger is smoother."),
    }),
    references: [
      "Buades, Coll and Morel, A non-local algorithm for image denoising, CVPR 2005",
      "Buades, Coll and Morel, Non-local means denoising, Image Processing On Line 1, 2011",
      "Darbon, Cunha, Chan, Osher and Jensen, Fast nonlocal filtering applied to electron cryomicroscopy, ISBI 2008",
    ],
  },

  apply(batch, { parameters: { patch, distance, strength } }) {
    const { channels, height, width } = batch;
    const size = imageSize(batch);
    const arm = patch >> 1;
    const noise = new NoiseEstimate(height, width);
    const means = new NonLocalMeans(channels, height, width, distance + arm);
    const out = createBatch(batch, batch.count);
    for (let from = 0; from < batch.data.length; from += size) {
      const image = batch.data.subarray(from, from + size);
      const sigma = noise.of(image);
      const result = out.data.subarray(from, from + size);
      // Without noise the weights' decay is 0 and only the pixel itself is left.
      if (sigma === 0) result.set(image);
      else
        means.apply(image, { before: arm, after: arm, area: patch ** 2, distance, h: strength * sigma, sigma }, result);
    }
    return out;
  },
});

/** The noise of an image: the channels' mean, each from its finest diagonal band of db2 (Donoho and Johnstone 1994). */
class NoiseEstimate {
  readonly #plan: Wavelet2d;
  readonly #coefficients: Coefficients2d;

  constructor(height: number, width: number) {
    this.#plan = new Wavelet2d(height, width, 1, filterBank("db2"));
    this.#coefficients = this.#plan.createCoefficients();
  }

  /** In stored values. */
  of(image: Float32Array): number {
    const plane = this.#plan.rows * this.#plan.columns;
    let sum = 0;
    for (let from = 0; from < image.length; from += plane) {
      this.#plan.forward(image.subarray(from, from + plane), this.#coefficients);
      sum += noiseLevel(this.#coefficients.details[0]?.diagonal.values ?? new Float64Array());
    }
    return (sum * plane) / image.length;
  }
}
