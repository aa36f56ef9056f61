/**
 * One perturbation for all images, found by queries alone. It is a texture in the wavelet detail bands: the low-scale
 * approximation coefficients of an image stay as they are, and the detail coefficients receive the same addition in
 * every image. What clipping to ε leaks into the approximation band is measured and reported.
 *
 * The search (attacks/support/universal-search.ts) is a descent along random directions on tuning patients, as in SimBA,
 * with three savings: a direction moves all details of a tiled texture at once; every image of a minibatch tries a
 * direction of its own, forwards and backwards; and steps follow the sign of the slope, with momentum. Patients who are
 * held back choose the texture that is kept; where they see nothing better for long, steps shrink, then the search
 * starts anew, then it stops early.
 *
 * Cost: two queries per image of a minibatch, and one per image held back and check. Limits: the attacker needs scores; a
 * texture cannot follow anatomy, so perturbations bound to a place in the image are out of its reach.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { filterBank, ORTHONORMAL_WAVELETS } from "../src/wavelet/filters.js";
import { TextureSpace } from "../src/wavelet/texture.js";
import { OBJECTIVES } from "./support/objective.js";
import { applyUniversal } from "./support/universal.js";
import { fitUniversal, searchParameters } from "./support/universal-search.js";

const parameters = z.strictObject({
  wavelet: z.enum(ORTHONORMAL_WAVELETS).default("haar").describe("Wavelet of the detail bands."),
  levels: z.int().min(1).max(6).default(3).describe("Detail levels; the approximation below them stays."),
  tile: z.int().min(1).max(8).default(1).describe("Period of the texture, in coefficients of the coarsest level."),
  ...searchParameters,
});

export default defineAttack({
  meta: {
    id: "wavelet-universal",
    title: "Universal wavelet perturbation",
    summary:
      "Adds one faint texture, the same for every image, found by asking the model for scores. It stands for a systematic change of the detector or of the image processing that happens to be the worst one for this model.",
    knowledge: "scores",
    universal: true,
    domain: "wavelet",
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    objectives: Object.keys(OBJECTIVES),
    parameters,
    references: [
      "Santamaria-Pang et al., Adversarial attacks with time-scale representations, arXiv:2107.12473, 2021 (details perturbed, approximation kept)",
      "Guo et al., Simple black-box adversarial attacks, ICML 2019",
      "Koga and Takemoto, Simple black-box universal adversarial attacks on deep neural networks for medical image classification, Algorithms 15(5), 2022",
      "Salimans et al., Evolution strategies as a scalable alternative to reinforcement learning, arXiv:1703.03864, 2017",
    ],
  },

  fit(calibration, context) {
    const { wavelet, levels, tile } = context.parameters;
    const space = new TextureSpace(context.geometry, levels, tile, filterBank(wavelet));
    return fitUniversal(space, calibration, context, { wavelet, levels });
  },

  apply: (batch, { fitted }) => applyUniversal(batch, fitted),
});
