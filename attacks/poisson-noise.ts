/**
 * Quantum noise of a lower dose: every pixel becomes the number of photons counted there, a Poisson draw whose mean is
 * the pixel's share of the photons at full scale, divided by them again. Its variance is the pixel's value over that
 * number, so that bright pixels are noisier, and halving the dose doubles it.
 *
 * Severity 1–5 is the dose 1/2, 1/4, 1/8, 1/16, 1/32 of `photons`; at the default of 1,000 that is 500, 250, 125, 62.5
 * and 31 photons, which begins as CIFAR-10-C's shot noise does (500, 250, 100, 75, 50). All severities of an image
 * share one normal draw per pixel, of which each takes the Poisson quantile.
 *
 * It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { poissonQuantile } from "./support/poisson.js";
import { atSeverity, CORRUPTION, mapImages } from "./support/severity.js";

/** Fraction of the full dose. */
const DOSE = [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "poisson-noise",
    title: "Poisson noise (low dose)",
    summary: "Shows the image as if it had been taken with a fraction of the dose: fewer photons, more quantum noise.",
    domain: "acquisition",
    parameters: z.strictObject({
      photons: z.number().positive().default(1000).describe("Photons of a pixel at full scale and full dose."),
    }),
    references: [
      "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019 (shot noise)",
      "Giles, Algorithm 955: approximation of the inverse Poisson cumulative distribution function, ACM Trans. Math. Software 42(1), 2016",
    ],
  },

  apply(batch, { strength, parameters, randomOf }) {
    const photons = parameters.photons * atSeverity(DOSE, strength);
    const perPhoton = batch.maxValue / photons;
    return mapImages(batch, (source, target, image) => {
      const random = randomOf(image);
      for (let i = 0; i < source.length; i++) {
        const expected = (source[i] as number) / perPhoton;
        target[i] = perPhoton * poissonQuantile(expected, random.normal());
      }
    });
  },
});
