/**
 * Ruler marks: the graduation that a dermoscope's contact plate lays along one side of the image, and which classifiers
 * of skin lesions take for a sign of malignancy (Narla et al. 2018). Black ticks at equal distances, every fifth one
 * longer, on a side drawn for each image.
 *
 * Severity 1–5: ticks of 3, 5, 7, 10, 14 % of the image's extent across that side, long ones 1.6 times that. Twenty-four
 * intervals go along the longer side. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { Mask } from "./support/drawing.js";
import { atSeverity, CORRUPTION, mapImages } from "./support/severity.js";

/** Length of a short tick, as a fraction of the image's extent in its direction. */
const LENGTH = [0.03, 0.05, 0.07, 0.1, 0.14] as const;
const LONG = 1.6;
const LONG_EVERY = 5;
const INTERVALS = 24;
/** Thickness, as a fraction of the interval. */
const THICKNESS = 0.2;
const OPACITY = 0.9;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "ruler-marks",
    title: "Ruler marks",
    summary: "Draws the graduation of a dermoscope along one side of the image.",
    domain: "acquisition",
    parameters: z.strictObject({
      side: z
        .enum(["random", "top", "bottom", "left", "right"])
        .default("random")
        .describe("The side of the image that the ruler lies along; random: each image its own."),
    }),
    references: [
      "Narla et al., Automated classification of skin lesions: from pixels to practice, J. Investigative Dermatology 138(10), 2018 (ruler markings)",
      "Winkler et al., Association between surgical skin markings in dermoscopic images and diagnostic performance of a deep learning convolutional neural network, JAMA Dermatology 155(10), 2019",
    ],
  },

  apply(batch, { strength, parameters, randomOf }) {
    const length = atSeverity(LENGTH, strength);
    const mask = new Mask(batch.height, batch.width);
    return mapImages(batch, (source, target, image) => {
      const drawn = SIDES[randomOf(image).integer(SIDES.length)] as Side;
      mask.clear();
      coverTicks(mask, parameters.side === "random" ? drawn : parameters.side, length);
      mask.blend(source, target, OPACITY, () => 0);
    });
  },
});

const SIDES = ["top", "bottom", "left", "right"] as const;
type Side = (typeof SIDES)[number];

function coverTicks(mask: Mask, side: Side, length: number): void {
  const { height, width } = mask;
  const horizontal = side === "top" || side === "bottom";
  const along = horizontal ? width : height;
  const across = horizontal ? height : width;
  const interval = Math.max(height, width) / INTERVALS;
  for (let tick = 0; (tick + 0.5) * interval < along; tick++) {
    const at = (tick + 0.5) * interval - (THICKNESS * interval) / 2;
    const reach = across * length * (tick % LONG_EVERY === 0 ? LONG : 1);
    const from = side === "top" || side === "left" ? 0 : across - reach;
    if (horizontal) mask.addRectangle(at, from, at + THICKNESS * interval, from + reach);
    else mask.addRectangle(from, at, from + reach, at + THICKNESS * interval);
  }
}
