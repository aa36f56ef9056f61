/**
 * A CT scanner out of calibration: all Hounsfield units are off by the same amount, so that every pixel of the windowed
 * image moves by that amount over the window's width, and what leaves the window is clipped.
 *
 * Severity 1–5: 7, 15, 25, 40, 60 HU. Water may be off by 7 HU in the American College of Radiology's test, which gives
 * the first; the others stand for reconstruction kernels, beam hardening and scanners that drifted. It knows nothing of
 * the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { atSeverity, CORRUPTION, mapImages } from "./support/severity.js";

const OFFSET_HU = [7, 15, 25, 40, 60] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "hu-offset",
    title: "Hounsfield offset",
    summary: "Shifts all Hounsfield units of a CT image, as a scanner out of calibration does.",
    domain: "acquisition",
    parameters: z.strictObject({
      windowWidth: z
        .number()
        .positive()
        .default(400)
        .describe("Width of the display window that the images were saved with, in HU."),
      direction: z.enum(["higher", "lower"]).default("higher").describe("Whether values read too high or too low."),
    }),
    references: [
      "American College of Radiology, CT Accreditation Program Testing Instructions (CT number calibration: water −7 to +7 HU)",
    ],
  },

  apply(batch, { strength, parameters }) {
    const size = (atSeverity(OFFSET_HU, strength) / parameters.windowWidth) * batch.maxValue;
    const shift = parameters.direction === "higher" ? size : -size;
    return mapImages(batch, (source, target) => {
      for (let i = 0; i < source.length; i++) target[i] = (source[i] as number) + shift;
    });
  },
});
