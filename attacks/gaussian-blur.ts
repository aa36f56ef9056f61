/**
 * Gaussian blur: a soft reconstruction kernel, a smoothing filter that was left on, a slightly unsteady hand.
 *
 * Severity 1–5: σ = 1, 2, 3, 4, 6 pixels of an image of 224 pixels, ImageNet-C's, in proportion to the shorter side and
 * never less than at 128 pixels. Borders are reflected, so that no brightness is lost. It knows nothing of the model and
 * asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { GaussianBlur } from "./support/gaussian-blur.js";
import { atSeverity, CORRUPTION, mapPlanes, pixelsPerPublished } from "./support/severity.js";

/** Standard deviation in pixels of a 224-pixel image. */
const SIGMA = [1, 2, 3, 4, 6] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "gaussian-blur",
    title: "Gaussian blur",
    summary: "Blurs the image softly, as a smooth reconstruction kernel or a smoothing filter does.",
    domain: "acquisition",
    parameters: z.strictObject({}),
    references: [
      "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019 (Gaussian blur)",
    ],
  },

  apply(batch, { strength, geometry }) {
    const blur = new GaussianBlur(geometry, atSeverity(SIGMA, strength) * pixelsPerPublished(geometry));
    return mapPlanes(batch, (source, target) => blur.apply(source, target));
  },
});
