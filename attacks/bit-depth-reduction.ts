/**
 * Fewer grey levels: every value goes to the nearest of a few that lie evenly from black to white, as a palette, a poor
 * display or careless windowing before saving leaves them.
 *
 * Severity 1–5: 32, 20, 13, 9, 6 levels (5, 4.3, 3.7, 3.2, 2.6 bits) per channel. It knows nothing of the model and asks
 * nothing of it. (The defense `bit-depth` does the same on purpose.)
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { atSeverity, CORRUPTION, mapImages } from "./support/severity.js";

const LEVELS = [32, 20, 13, 9, 6] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "bit-depth-reduction",
    title: "Bit depth reduction",
    summary: "Leaves only a few grey levels per channel, so that smooth shading breaks into bands.",
    domain: "pixel",
    parameters: z.strictObject({}),
    references: [
      "Gonzalez and Woods, Digital Image Processing, 4th ed., 2018, section 2.4 (false contouring)",
      "Xu, Evans and Qi, Feature squeezing, NDSS 2018 (the same step as a defense)",
    ],
  },

  apply(batch, { strength }) {
    const step = batch.maxValue / (atSeverity(LEVELS, strength) - 1);
    return mapImages(batch, (source, target) => {
      for (let i = 0; i < source.length; i++) target[i] = step * Math.floor((source[i] as number) / step + 0.5);
    });
  },
});
