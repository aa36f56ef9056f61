/**
 * JPEG compression and decompression of the image before the model sees it.
 *
 * Reference: G. K. Dziugaite, Z. Ghahramani, D. M. Roy, "A study of the effect of JPG compression on adversarial
 * images", arXiv:1608.00853, 2016; as a defense: C. Guo, M. Rana, M. Cissé, L. van der Maaten, "Countering adversarial
 * images using input transformations", ICLR 2018, arXiv:1711.00117.
 *
 * Threat model: quantising the DCT coefficients discards small high-frequency perturbations of an attacker who does not
 * know of it. An attacker who does simply searches through it (the quantiser masks gradients, not scores), so that it
 * must be read together with its adaptive condition. It costs accuracy where fine detail carries the diagnosis.
 *
 * Gray images are coded as gray. JPEG has eight bits: deeper images go through 8 bits and back, as they would when saved.
 * The result equals that of libjpeg-turbo bit for bit and is the same on every machine.
 */
import { z } from "zod";
import { defineDefense } from "../src/core/defense.js";
import { jpegRoundTrip } from "../src/image/jpeg.js";

export default defineDefense({
  meta: {
    id: "jpeg",
    title: "JPEG compression",
    summary: "Saves the image as JPEG and reads it back, which blurs away fine perturbations and some fine detail.",
    random: false,
    parameters: z.strictObject({
      quality: z
        .number()
        .int()
        .min(1)
        .max(100)
        .default(75)
        .describe("JPEG quality, 1 (worst) to 100, as libjpeg counts."),
      chroma: z
        .enum(["4:2:0", "4:4:4"])
        .default("4:2:0")
        .describe("Colour images: halve the resolution of chroma (4:2:0) or keep it (4:4:4)."),
    }),
    references: ["arXiv:1608.00853", "arXiv:1711.00117", "ITU-T T.81 (09/1992)"],
  },
  apply: (batch, context) => jpegRoundTrip(batch, context.parameters),
});
