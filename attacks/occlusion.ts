/**
 * Occlusion: one rectangle of the image is black (collimation, a lead marker's shadow on a negative, a dropped transfer)
 * or white (a metal device on a radiograph). Place and proportions, from 1:2 to 2:1, are drawn for each image; a
 * severity's rectangle contains the last one's.
 *
 * Severity 1–5: 2, 5, 9, 14, 20 % of the area. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { Mask } from "./support/drawing.js";
import { atSeverity, CORRUPTION, mapImages } from "./support/severity.js";

/** Fraction of the image's area. */
const AREA = [0.02, 0.05, 0.09, 0.14, 0.2] as const;
const LARGEST_AREA = AREA[4];

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "occlusion",
    title: "Occlusion",
    summary: "Covers a rectangle of the image, as collimation or a device does.",
    domain: "acquisition",
    parameters: z.strictObject({
      shade: z.enum(["black", "white"]).default("black").describe("What the rectangle shows."),
    }),
    references: [
      "DeVries and Taylor, Improved regularization of convolutional neural networks with cutout, arXiv:1708.04552, 2017",
      "Zeiler and Fergus, Visualizing and understanding convolutional networks, ECCV 2014 (occlusion)",
    ],
  },

  apply(batch, { strength, parameters, randomOf }) {
    const area = atSeverity(AREA, strength);
    const shade = parameters.shade === "white" ? batch.maxValue : 0;
    const mask = new Mask(batch.height, batch.width);
    return mapImages(batch, (source, target, image) => {
      const random = randomOf(image);
      // Sides as fractions of the image's, their product the area: √(area·p) by √(area/p), p from 1/2 to 2.
      const proportion = 2 ** (2 * random.uniform() - 1);
      const across = Math.sqrt(area * proportion);
      const down = Math.sqrt(area / proportion);
      // The centre leaves room for the largest of the five, so that none of them is cut off.
      const x = between(Math.sqrt(LARGEST_AREA * proportion) / 2, random.uniform());
      const y = between(Math.sqrt(LARGEST_AREA / proportion) / 2, random.uniform());
      mask.clear();
      mask.addRectangle(
        (x - across / 2) * batch.width,
        (y - down / 2) * batch.height,
        (x + across / 2) * batch.width,
        (y + down / 2) * batch.height,
      );
      mask.blend(source, target, 1, () => shade);
    });
  },
});

/** The point at fraction `at` of the way from `margin` to 1 − `margin`. */
function between(margin: number, at: number): number {
  return margin + at * (1 - 2 * margin);
}
