/**
 * Gamma: x ↦ x^γ on the display window, as a display, a scanner or a look-up table with another characteristic curve
 * does. Black and white stay; γ > 1 darkens what lies between, γ < 1 brightens it.
 *
 * Severity 1–5: γ = 1.2, 1.4, 1.6, 1.9, 2.2, or one over these. 2.2 is the curve of an uncalibrated display taken for
 * linear, or the reverse. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { atSeverity, CORRUPTION, mapImages } from "./support/severity.js";

/** The exponent where the image becomes darker; its reciprocal where it becomes brighter. */
const GAMMA = [1.2, 1.4, 1.6, 1.9, 2.2] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "gamma",
    title: "Gamma",
    summary: "Bends the grey scale as a display or scanner with another characteristic curve does.",
    domain: "acquisition",
    parameters: z.strictObject({
      direction: z.enum(["darker", "brighter"]).default("darker").describe("Which way the middle of the scale moves."),
    }),
    references: [
      "Poynton, Digital Video and HD: Algorithms and Interfaces, 2nd ed., 2012, chapter 27 (display gamma)",
      "DICOM PS3.14, Grayscale Standard Display Function",
    ],
  },

  apply(batch, { strength, parameters }) {
    const size = atSeverity(GAMMA, strength);
    const curve = toneCurve(batch.maxValue, parameters.direction === "darker" ? size : 1 / size);
    return mapImages(batch, (source, target) => {
      for (let i = 0; i < source.length; i++) target[i] = curve[source[i] as number] as number;
    });
  },
});

/** x^γ of every stored value: there are far fewer of them than pixels in a batch. */
function toneCurve(maxValue: number, gamma: number): Float32Array {
  return Float32Array.from({ length: maxValue + 1 }, (_, value) => maxValue * (value / maxValue) ** gamma);
}
