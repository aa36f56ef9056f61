/**
 * Rotation about the centre of the image, bilinear, left or right by the toss of a coin: a patient or a plate that lies
 * askew.
 *
 * Severity 1–5: 3°, 6°, 10°, 15°, 20°. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { atSeverity, CORRUPTION } from "./support/severity.js";
import { fill, warpImages } from "./support/warp.js";

const DEGREES = [3, 6, 10, 15, 20] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "rotation",
    title: "Rotation",
    summary: "Turns the image by some degrees to the left or right, as where a patient lies askew.",
    domain: "acquisition",
    parameters: z.strictObject({
      direction: z
        .enum(["random", "clockwise", "anticlockwise"])
        .default("random")
        .describe("Which way images turn; random: each its own."),
      fill,
    }),
    references: ["Engstrom et al., Exploring the landscape of spatial robustness, ICML 2019"],
  },

  apply(batch, { strength, parameters, randomOf }) {
    const angle = (atSeverity(DEGREES, strength) * Math.PI) / 180;
    return warpImages(batch, parameters.fill, (image) => {
      const sign = { random: randomOf(image).sign(), clockwise: 1, anticlockwise: -1 }[parameters.direction];
      // Rows count downwards: a pixel of the image turned clockwise comes from further anticlockwise.
      const cosine = Math.cos(angle);
      const sine = sign * Math.sin(angle);
      return { xx: cosine, xy: sine, x0: 0, yx: -sine, yy: cosine, y0: 0 };
    });
  },
});
