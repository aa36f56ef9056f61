/**
 * Salt and pepper: a fraction of the values is set to black or white, with equal probability, as defective detector
 * elements and transmission errors do. Each channel has its own.
 *
 * Severity 1–5: 1, 2, 3, 5 and 7 % of the values, CIFAR-10-C's impulse noise. The values of a severity are among those
 * of the next. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { imageSize } from "../src/core/pixels.js";
import { atSeverity, CORRUPTION, mapImages } from "./support/severity.js";

/** Fraction of the values that are replaced. */
const AMOUNT = [0.01, 0.02, 0.03, 0.05, 0.07] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "impulse-noise",
    title: "Impulse noise (salt and pepper)",
    summary: "Sets a small fraction of the pixels to black or white, as defective detector elements do.",
    domain: "acquisition",
    parameters: z.strictObject({}),
    references: [
      "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019 (impulse noise)",
    ],
  },

  apply(batch, { strength, geometry, randomOf }) {
    const size = imageSize(geometry);
    const replaced = Math.round(atSeverity(AMOUNT, strength) * size);
    const order = new Uint32Array(size);
    return mapImages(batch, (source, target, image) => {
      target.set(source);
      const random = randomOf(image);
      for (let i = 0; i < size; i++) order[i] = i;
      // The beginning of a random order (Fisher and Yates): no place comes twice, and more severity only adds places.
      for (let drawn = 0; drawn < replaced; drawn++) {
        const other = drawn + random.integer(size - drawn);
        const place = order[other] as number;
        order[other] = order[drawn] as number;
        target[place] = random.sign() > 0 ? batch.maxValue : 0;
      }
    });
  },
});
