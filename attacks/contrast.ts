/**
 * Lower contrast: every channel is drawn towards its own mean, as a display, a scan of a film or strong scatter does.
 *
 * Severity 1–5: 75, 60, 50, 40 and 30 % of the contrast remain: the range of CIFAR-10-C's first four levels. (Its fifth,
 * 15 %, leaves an image that nobody would read.) It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { atSeverity, CORRUPTION, mapPlanes } from "./support/severity.js";

/** What remains of the distance to the mean. */
const REMAINING = [0.75, 0.6, 0.5, 0.4, 0.3] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "contrast",
    title: "Low contrast",
    summary: "Draws every pixel towards the image's mean, as scatter or a badly set display does.",
    domain: "acquisition",
    parameters: z.strictObject({}),
    references: [
      "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019 (contrast)",
    ],
  },

  apply(batch, { strength }) {
    const remaining = atSeverity(REMAINING, strength);
    return mapPlanes(batch, (source, target) => {
      let sum = 0;
      for (let i = 0; i < source.length; i++) sum += source[i] as number;
      const mean = sum / source.length;
      for (let i = 0; i < source.length; i++) target[i] = mean + remaining * ((source[i] as number) - mean);
    });
  },
});
