/**
 * One perturbation for all images, searched for as wavelet-universal searches, but pixel by pixel: a block of pixels is
 * tiled over the image, and its amplitudes are the pixels' values. The rival that holds the search, the period and the
 * budget equal and changes the coordinates alone: with equal periods it can reach the very textures that
 * wavelet-universal reaches with haar, since both leave each block's mean at zero (the mean is what the approximation
 * band holds there), and what differs is which of them a random direction, and a step of equal size in every amplitude,
 * makes likely.
 *
 * Knowledge: scores. Cost: as wavelet-universal: two queries per image of a minibatch, and the checks. Limits: a
 * texture cannot follow anatomy.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { OBJECTIVES } from "./support/objective.js";
import { pixelBlocks, TiledTexture } from "./support/tiled-texture.js";
import { applyUniversal } from "./support/universal.js";
import { fitUniversal, searchParameters } from "./support/universal-search.js";

/** The approximation that energy is looked for in is that of wavelet-universal's defaults: means of 8 × 8 pixels. */
const APPROXIMATION = { wavelet: "haar", levels: 3 } as const;

const parameters = z.strictObject({
  period: z.int().min(2).max(64).default(8).describe("Side of the block that repeats, in pixels."),
  ...searchParameters,
});

export default defineAttack({
  meta: {
    id: "pixel-universal",
    title: "Universal pixel perturbation",
    summary:
      "Adds one faint texture, the same for every image, found by asking the model for scores while single pixels of a repeated block are varied. The plain rival of the wavelet form.",
    knowledge: "scores",
    universal: true,
    domain: "pixel",
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    objectives: Object.keys(OBJECTIVES),
    parameters,
    references: [
      "Koga and Takemoto, Simple black-box universal adversarial attacks on deep neural networks for medical image classification, Algorithms 15(5):144, 2022 (directions in pixel space)",
      "Salimans et al., Evolution strategies as a scalable alternative to reinforcement learning, arXiv:1703.03864, 2017",
    ],
  },

  fit(calibration, context) {
    const space = new TiledTexture(context.geometry, pixelBlocks(context.parameters.period));
    return fitUniversal(space, calibration, context, APPROXIMATION);
  },

  apply: (batch, { fitted }) => applyUniversal(batch, fitted),
});
