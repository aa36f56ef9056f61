/**
 * Translation in a random direction, bilinear: a patient or a field of view that is off centre.
 *
 * Severity 1–5: 3, 6, 10, 15, 20 % of the image's width in the horizontal part of the direction and of its height in the
 * vertical one. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { atSeverity, CORRUPTION } from "./support/severity.js";
import { fill, warpImages } from "./support/warp.js";

/** Fraction of the image's sides. */
const DISTANCE = [0.03, 0.06, 0.1, 0.15, 0.2] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "translation",
    title: "Translation",
    summary: "Shifts the image in a random direction, as where a patient is not centred.",
    domain: "acquisition",
    parameters: z.strictObject({ fill }),
    references: ["Engstrom et al., Exploring the landscape of spatial robustness, ICML 2019"],
  },

  apply(batch, { strength, parameters, randomOf }) {
    const distance = atSeverity(DISTANCE, strength);
    return warpImages(batch, parameters.fill, (image) => {
      const angle = 2 * Math.PI * randomOf(image).uniform();
      const x0 = distance * batch.width * Math.cos(angle);
      const y0 = distance * batch.height * Math.sin(angle);
      return { xx: 1, xy: 0, x0, yx: 0, yy: 1, y0 };
    });
  },
});
