/**
 * A mis-set display window (CT, digital radiography): the image was saved with another level and width than the model
 * was trained on, and what lies outside the window is clipped to black or white.
 *
 * With values as fractions x of the right window, a window whose level is off by δ and whose width is f times the right
 * one shows (x − ½ − δ) / f + ½. A severity t changes the gain 1/f to 1 + t ("narrower") or 1 − t ("wider") and moves
 * every value by t/2 of the window shown, so that the error grows in proportion to t in every pixel until it is clipped.
 *
 * Severity 1–5: t = 0.1, 0.2, 0.3, 0.4, 0.5: narrower windows of 91, 83, 77, 71, 67 % of the width whose level is off by
 * 4.5, 8.3, 11.5, 14.3, 16.7 % of the right width. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { atSeverity, CORRUPTION, mapImages } from "./support/severity.js";

const SIZE = [0.1, 0.2, 0.3, 0.4, 0.5] as const;
/** Shift of the shown values per unit of gain. */
const SHIFT_PER_GAIN = 0.5;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "window-shift",
    title: "Mis-set display window",
    summary: "Shows the image through a window of the wrong level and width, and clips what lies outside it.",
    domain: "acquisition",
    parameters: z.strictObject({
      level: z
        .enum(["higher", "lower", "right"])
        .default("higher")
        .describe("Where the wrong window lies: a higher level makes the image darker. right: the level is right."),
      width: z
        .enum(["narrower", "wider", "right"])
        .default("narrower")
        .describe("Whether the wrong window is narrower (more contrast) or wider (less). right: the width is right."),
    }),
    references: ["DICOM PS3.3, C.11.2.1.2 Window center and window width"],
  },

  apply(batch, { strength, parameters }) {
    const size = atSeverity(SIZE, strength);
    const gain = 1 + size * { narrower: 1, wider: -1, right: 0 }[parameters.width];
    const shift = -size * SHIFT_PER_GAIN * { higher: 1, lower: -1, right: 0 }[parameters.level];
    const middle = batch.maxValue / 2;
    const offset = middle - gain * middle + shift * batch.maxValue;
    return mapImages(batch, (source, target) => {
      for (let i = 0; i < source.length; i++) target[i] = gain * (source[i] as number) + offset;
    });
  },
});
