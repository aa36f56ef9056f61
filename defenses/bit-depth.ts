/**
 * Feature squeezing by colour depth: every value goes to the nearest of 2^bits levels, spread evenly over the display
 * window, both ends included.
 *
 * Reference: W. Xu, D. Evans, Y. Qi, "Feature squeezing: detecting adversarial examples in deep neural networks",
 * NDSS 2018, arXiv:1704.01155, section 3.1. There it detects; here the squeezed image is what the model sees.
 *
 * Threat model: perturbations of less than half a level vanish wherever the image lies near a level. An attacker who
 * knows of it pushes the pixels that lie near a border between two levels across it, and each then moves by a whole
 * level: more than ε. It masks gradients, not scores. Read it together with its adaptive condition.
 *
 * Cost: no queries, one pass. Smooth shades turn into bands.
 */
import { z } from "zod";
import { defineDefense } from "../src/core/defense.js";
import { createBatch } from "../src/core/pixels.js";

export default defineDefense({
  meta: {
    id: "bit-depth",
    title: "Bit-depth reduction",
    summary: "Keeps only a few grey levels, so that the faintest changes vanish and smooth shades turn into bands.",
    random: false,
    parameters: z.strictObject({
      bits: z.int().min(1).max(16).default(5).describe("Levels that are kept, per channel: 2 to this power."),
    }),
    references: ["Xu, Evans and Qi, Feature squeezing, NDSS 2018, arXiv:1704.01155"],
  },

  apply(batch, { parameters }) {
    const steps = 2 ** parameters.bits - 1;
    const { data, maxValue } = batch;
    // Asked for more levels than the images have, it must not invent values between them.
    if (steps >= maxValue) return { ...batch, data: data.slice() };
    const out = createBatch(batch, batch.count);
    const toLevels = steps / maxValue;
    const toStored = maxValue / steps;
    // floor(x + ½) rounds halves up, numpy's rint to even: no value lies half-way, since 2·x·steps is even and maxValue odd.
    for (let i = 0; i < data.length; i++) {
      out.data[i] = Math.floor((data[i] as number) * toLevels + 0.5) * toStored;
    }
    return out;
  },
});
