/**
 * Another magnification: the image is shrunk about its centre ("out": a larger field of view, a smaller patient) or
 * enlarged ("in"), bilinear, at the same number of pixels. Shrinking does not smooth beforehand; at these factors little
 * is aliased.
 *
 * Severity 1–5: 95, 90, 85, 80, 70 % of the size, or one over these. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { atSeverity, CORRUPTION } from "./support/severity.js";
import { fill, warpImages } from "./support/warp.js";

/** Size of the shrunk image; the reciprocal where it is enlarged. */
const SIZE = [0.95, 0.9, 0.85, 0.8, 0.7] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "scaling",
    title: "Scaling",
    summary: "Shows the image smaller or larger, as another distance or field of view does.",
    domain: "acquisition",
    parameters: z.strictObject({
      direction: z.enum(["out", "in"]).default("out").describe("out: smaller, with a border round it; in: larger."),
      fill,
    }),
    references: [
      "Engstrom et al., Exploring the landscape of spatial robustness, ICML 2019 (rotations and translations)",
      "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019 (scale, in ImageNet-P)",
    ],
  },

  apply(batch, { strength, parameters }) {
    const size = atSeverity(SIZE, strength);
    const step = parameters.direction === "out" ? 1 / size : size;
    return warpImages(batch, parameters.fill, () => ({ xx: step, xy: 0, x0: 0, yx: 0, yy: step, y0: 0 }));
  },
});
