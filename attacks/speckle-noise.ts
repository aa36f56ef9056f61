/**
 * Speckle, multiplicative noise as in ultrasound: every pixel is multiplied by 1 + σn with n standard normal, so that
 * black stays black and bright tissue is mottled. `grain` correlates n between neighbours, as the finite resolution
 * cell of a transducer does.
 *
 * Severity 1–5: σ = 0.06, 0.1, 0.12, 0.16, 0.2, CIFAR-10-C's speckle noise. (Fully developed speckle before compounding
 * and log compression has σ = 0.52.) All severities of an image scale the same draw. It knows nothing of the model and
 * asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { GaussianBlur } from "./support/gaussian-blur.js";
import { atSeverity, CORRUPTION, mapPlanes } from "./support/severity.js";

/** Standard deviation of the factor. */
const SIGMA = [0.06, 0.1, 0.12, 0.16, 0.2] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "speckle-noise",
    title: "Speckle noise",
    summary: "Multiplies every pixel by a random factor, as coherent imaging such as ultrasound does.",
    domain: "acquisition",
    parameters: z.strictObject({
      grain: z
        .number()
        .min(0)
        .max(8)
        .default(0)
        .describe("Size of a grain: standard deviation, in pixels, of the blur that correlates the noise. 0: none."),
    }),
    references: [
      "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019 (speckle noise)",
      "Burckhardt, Speckle in ultrasound B-mode scans, IEEE Trans. Sonics and Ultrasonics 25(1), 1978",
    ],
  },

  apply(batch, { strength, parameters, geometry, randomOf }) {
    const sigma = atSeverity(SIGMA, strength);
    const blur = parameters.grain > 0 ? new GaussianBlur(geometry, parameters.grain) : null;
    const noise = new Float32Array(batch.height * batch.width);
    return mapPlanes(batch, (source, target, image, channel) => {
      const random = randomOf(image).fork("channel", channel);
      for (let i = 0; i < noise.length; i++) noise[i] = random.normal();
      if (blur !== null) blur.apply(noise, noise);
      // Blurring has shrunk the standard deviation; this gives it back.
      const scale = sigma / (blur?.noiseGain ?? 1);
      for (let i = 0; i < noise.length; i++) target[i] = (source[i] as number) * (1 + scale * (noise[i] as number));
    });
  },
});
