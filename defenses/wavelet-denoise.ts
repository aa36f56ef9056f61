/**
 * Wavelet denoising with BayesShrink: every detail band is soft-thresholded at σ²/σ_x, with the noise σ taken from the
 * finest diagonal band of the same image (Chang, Yu and Vetterli 2000). Channels are treated one by one.
 *
 * It removes what looks like white noise. A perturbation that puts its energy into few, large or coarse detail
 * coefficients raises σ_x and passes: against such an attacker it is no defense, which is why the adaptive conditions
 * are run. Deterministic, and free of queries.
 */
import { z } from "zod";
import { defineDefense } from "../src/core/defense.js";
import { createBatch } from "../src/core/pixels.js";
import { Wavelet2d } from "../src/wavelet/dwt2d.js";
import { filterBank, WAVELET_NAMES } from "../src/wavelet/filters.js";
import { bayesShrink } from "../src/wavelet/shrink.js";

export default defineDefense({
  meta: {
    id: "wavelet-denoise",
    title: "Wavelet denoising (BayesShrink)",
    summary:
      "Estimates each image's own noise and shrinks its wavelet details by as much as that noise explains, before the model sees the image.",
    random: false,
    parameters: z.strictObject({
      wavelet: z.enum(WAVELET_NAMES).default("db4").describe("Wavelet of the transform."),
      levels: z.int().min(1).max(8).default(3).describe("Levels whose details are shrunk."),
    }),
    references: [
      "Chang, Yu and Vetterli, Adaptive wavelet thresholding for image denoising and compression, IEEE Transactions on Image Processing 9(9), 2000",
      "Donoho and Johnstone, Ideal spatial adaptation by wavelet shrinkage, Biometrika 81(3), 1994",
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
      bayesShrink(coefficients);
      plan.inverse(coefficients, out.data.subarray(from, to));
    }
    return out;
  },
});
