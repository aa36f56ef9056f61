/**
 * Noise of a magnetic resonance magnitude image: the signal receives normal noise in its real and in its imaginary part,
 * and the magnitude √((x + σn₁)² + (σn₂)²) is shown. Bright pixels look normally disturbed; black ones become gray,
 * Rayleigh distributed with mean σ√(π/2), which is what sets MR noise apart.
 *
 * Severity 1–5: σ = 3, 5, 7, 9, 12 % of the display window: the BrainWeb phantom's noise levels from its second on, and
 * one beyond. All severities of an image scale the same draws. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { atSeverity, CORRUPTION, mapImages } from "./support/severity.js";

/** Standard deviation of each part, as a fraction of the display window. */
const SIGMA = [0.03, 0.05, 0.07, 0.09, 0.12] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "rician-noise",
    title: "Rician noise",
    summary: "Adds the noise of a magnetic resonance magnitude image, which also brightens what should be black.",
    domain: "acquisition",
    parameters: z.strictObject({}),
    references: [
      "Gudbjartsson and Patz, The Rician distribution of noisy MRI data, Magnetic Resonance in Medicine 34(6), 1995",
      "Cocosco et al., BrainWeb: online interface to a 3D MRI simulated brain database, NeuroImage 5(4), 1997",
    ],
  },

  apply(batch, { strength, randomOf }) {
    const sigma = atSeverity(SIGMA, strength) * batch.maxValue;
    return mapImages(batch, (source, target, image) => {
      const random = randomOf(image);
      for (let i = 0; i < source.length; i++) {
        const real = (source[i] as number) + sigma * random.normal();
        const imaginary = sigma * random.normal();
        target[i] = Math.sqrt(real * real + imaginary * imaginary);
      }
    });
  },
});
