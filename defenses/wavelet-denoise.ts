/**
 * Wavelet denoising: the detail bands of the image are thresholded by as much as the image's own noise explains, and the
 * image is put together again. Channels are treated one by one.
 *
 * References: S. G. Chang, B. Yu, M. Vetterli, "Adaptive wavelet thresholding for image denoising and compression", IEEE
 * Transactions on Image Processing 9(9), 2000 (BayesShrink: σ²/σ_x for each band); D. L. Donoho, I. M. Johnstone, "Ideal
 * spatial adaptation by wavelet shrinkage", Biometrika 81(3), 1994 (VisuShrink: σ√(2 ln n) for all bands, and the noise σ
 * from the finest diagonal band); H.-Y. Gao, "Wavelet shrinkage denoising using the non-negative garrote", Journal of
 * Computational and Graphical Statistics 7(4), 1998.
 *
 * Threat model: it removes what looks like white noise. A perturbation that puts its energy into few, large or coarse
 * detail coefficients raises σ_x (BayesShrink), or stands above the threshold (VisuShrink), and passes: against such an
 * attacker it is no defense, which is why the adaptive conditions are run.
 *
 * Cost: no queries, one transform and its inverse. Deterministic. Fine texture is smoothed, most by VisuShrink.
 */
import { z } from "zod";
import { defineDefense } from "../src/core/defense.js";
import { createBatch } from "../src/core/pixels.js";
import { Wavelet2d } from "../src/wavelet/dwt2d.js";
import { filterBank, WAVELET_NAMES } from "../src/wavelet/filters.js";
import { SHRINK_METHODS, shrink, THRESHOLD_RULES } from "../src/wavelet/shrink.js";

export default defineDefense({
  meta: {
    id: "wavelet-denoise",
    title: "Wavelet denoising",
    summary:
      "Estimates each image's own noise and shrinks its wavelet details by as much as that noise explains, before the model sees the image.",
    random: false,
    parameters: z.strictObject({
      wavelet: z.enum(WAVELET_NAMES).default("db4").describe("Wavelet of the transform."),
      levels: z.int().min(1).max(8).default(3).describe("Levels whose details are shrunk."),
      method: z
        .enum(SHRINK_METHODS)
        .default("bayes-shrink")
        .describe("The threshold: of each band by its energy, or the universal one, which smooths more."),
      rule: z
        .enum(THRESHOLD_RULES)
        .default("soft")
        .describe("What lies above the threshold: moved towards 0 by it (soft), kept (hard), or between (garrote)."),
    }),
    references: [
      "Chang, Yu and Vetterli, Adaptive wavelet thresholding for image denoising and compression, IEEE Transactions on Image Processing 9(9), 2000",
      "Donoho and Johnstone, Ideal spatial adaptation by wavelet shrinkage, Biometrika 81(3), 1994",
      "Gao, Wavelet shrinkage denoising using the non-negative garrote, Journal of Computational and Graphical Statistics 7(4), 1998",
    ],
  },

  apply(batch, { parameters }) {
    const { height, width, channels, count } = batch;
    const plan = new Wavelet2d(height, width, parameters.levels, filterBank(parameters.wavelet));
    const coefficients = plan.createCoefficients();
    const out = createBatch(batch, count);
    for (let plane = 0; plane < count * channels; plane++) {
      const from = plane * height * width;
      const to = from + height * width;
      plan.forward(batch.data.subarray(from, to), coefficients);
      shrink(coefficients, height * width, parameters.method, parameters.rule);
      plan.inverse(coefficients, out.data.subarray(from, to));
    }
    return out;
  },
});
