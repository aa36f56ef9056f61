/**
 * Brightness: every value is shifted by the same part of the display window, and clipped, as a wrong exposure index or
 * display does.
 *
 * Severity 1–5: 5, 10, 15, 20 and 30 % of the window, CIFAR-10-C's levels. Hendrycks and Dietterich shift the value
 * channel of HSV; here all channels shift alike. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { atSeverity, CORRUPTION, mapImages } from "./support/severity.js";

/** Fraction of the display window. */
const SHIFT = [0.05, 0.1, 0.15, 0.2, 0.3] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "brightness",
    title: "Brightness",
    summary: "Makes every pixel brighter, or darker, by the same amount.",
    domain: "acquisition",
    parameters: z.strictObject({
      direction: z.enum(["brighter", "darker"]).default("brighter").describe("Which way values move."),
    }),
    references: [
      "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019 (brightness)",
    ],
  },

  apply(batch, { strength, parameters }) {
    const size = atSeverity(SHIFT, strength) * batch.maxValue;
    const shift = parameters.direction === "brighter" ? size : -size;
    return mapImages(batch, (source, target) => {
      for (let i = 0; i < source.length; i++) target[i] = (source[i] as number) + shift;
    });
  },
});
