/**
 * JPEG compression, as a corruption: what an archive, a messenger or a publication has done to an image before it
 * reaches the model. (The defense `jpeg` does the same on purpose.)
 *
 * Severity 1–5: quality 75, 50, 30, 18, 10 as libjpeg counts, from the usual default (75) to what ImageNet-C calls its
 * second and fourth level (18, 10). Gray is coded as gray, colour with halved chroma; deeper images pass through 8 bits, as they
 * would. The result is libjpeg-turbo's, bit for bit. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { jpegRoundTrip } from "../src/image/jpeg.js";
import { atSeverity, CORRUPTION } from "./support/severity.js";

const QUALITY = [75, 50, 30, 18, 10] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "jpeg-compression",
    title: "JPEG compression",
    summary: "Saves the image as JPEG of ever lower quality, as archives and messengers do.",
    domain: "pixel",
    parameters: z.strictObject({
      chroma: z
        .enum(["4:2:0", "4:4:4"])
        .default("4:2:0")
        .describe("Colour images: halve the resolution of chroma (4:2:0) or keep it (4:4:4)."),
    }),
    references: [
      "ITU-T T.81 (09/1992)",
      "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019 (JPEG)",
    ],
  },

  apply(batch, { strength, parameters }) {
    return jpegRoundTrip(batch, { quality: atSeverity(QUALITY, strength), chroma: parameters.chroma });
  },
});
