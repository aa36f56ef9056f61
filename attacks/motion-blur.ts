/**
 * Motion blur: the patient, or the hand that holds the probe, moved at even speed during the exposure, so that every
 * point becomes a line. The direction is drawn for each image.
 *
 * Severity 1–5: a line of 4, 7, 10, 14, 20 pixels of an image of 224 pixels, in proportion to the shorter side and never
 * less than at 128 pixels: 2 to 9 % of the side. (ImageNet-C's motion blur has about twice these lengths, which a
 * radiographer would repeat.) Borders are reflected. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { LineBlur } from "./support/line-blur.js";
import { atSeverity, CORRUPTION, mapImages, pixelsPerPublished } from "./support/severity.js";

/** Length of the line in pixels of a 224-pixel image. */
const LENGTH = [4, 7, 10, 14, 20] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "motion-blur",
    title: "Motion blur",
    summary: "Smears the image along a line, as movement during the exposure does.",
    domain: "acquisition",
    parameters: z.strictObject({}),
    references: [
      "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019 (motion blur)",
    ],
  },

  apply(batch, { strength, geometry, randomOf }) {
    const length = atSeverity(LENGTH, strength) * pixelsPerPublished(geometry);
    const blur = new LineBlur(geometry, length);
    const area = geometry.height * geometry.width;
    return mapImages(batch, (source, target, image) => {
      blur.turn(Math.PI * randomOf(image).uniform());
      for (let from = 0; from < source.length; from += area) {
        blur.apply(source.subarray(from, from + area), target.subarray(from, from + area));
      }
    });
  },
});
