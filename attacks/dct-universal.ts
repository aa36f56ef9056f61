/**
 * One perturbation for all images, searched for as wavelet-universal searches, but in cosines: a block is tiled over the
 * image, and its amplitudes are the coefficients of its discrete cosine transform, all but the constant one (the mean is
 * what the approximation band holds in wavelet-universal). With equal periods the textures within reach are the same as
 * there and in pixel-universal; the coordinates differ. A cosine fills the whole block, where a wavelet has a place in
 * it. `octaves` weighs the frequencies as the wavelet levels do, so that place is all that differs; `flat` gives every
 * cosine the same, which makes random directions white, as random pixels are.
 *
 * Knowledge: scores. Cost: as wavelet-universal: two queries per image of a minibatch, and the checks. Limits: a
 * texture cannot follow anatomy.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { OBJECTIVES } from "./support/objective.js";
import { cosineBlocks, TiledTexture } from "./support/tiled-texture.js";
import { applyUniversal } from "./support/universal.js";
import { fitUniversal, searchParameters } from "./support/universal-search.js";

/** The approximation that energy is looked for in is that of wavelet-universal's defaults: means of 8 × 8 pixels. */
const APPROXIMATION = { wavelet: "haar", levels: 3 } as const;

const parameters = z.strictObject({
  period: z.int().min(2).max(64).default(8).describe("Side of the block that repeats, in pixels."),
  weighting: z
    .enum(["octaves", "flat"])
    .default("octaves")
    .describe("What the cosines share alike: every octave of frequencies the same energy, or every cosine."),
  ...searchParameters,
});

export default defineAttack({
  meta: {
    id: "dct-universal",
    title: "Universal cosine perturbation",
    summary:
      "Adds one faint texture, the same for every image, found by asking the model for scores while the cosine waves of a repeated block are varied. The rival of the wavelet form in the space of JPEG.",
    knowledge: "scores",
    universal: true,
    domain: "dct",
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    objectives: Object.keys(OBJECTIVES),
    parameters,
    references: [
      "Koga and Takemoto, Simple black-box universal adversarial attacks on deep neural networks for medical image classification, Algorithms 15(5):144, 2022 (directions in DCT space)",
      "Guo, Frank and Weinberger, Low frequency adversarial perturbation, UAI 2019",
      "Salimans et al., Evolution strategies as a scalable alternative to reinforcement learning, arXiv:1703.03864, 2017",
    ],
  },

  fit(calibration, context) {
    const { period, weighting } = context.parameters;
    const space = new TiledTexture(context.geometry, cosineBlocks(period, weighting));
    return fitUniversal(space, calibration, context, APPROXIMATION);
  },

  apply: (batch, { fitted }) => applyUniversal(batch, fitted),
});
