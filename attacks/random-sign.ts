/**
 * Random signs: every pixel moves up or down by the whole budget, by the toss of a coin. The control against which an
 * attack must be read: it has the same norm as the attack, knows nothing of the model and asks nothing of it.
 *
 * Drawn anew for every image. One draw for all images does the same harm to within its sampling error (measured on a
 * chest X-ray classifier: 26 % of decisions flipped at ε = 4/255 per image, 25–27 % with one draw), so there is no
 * second form of it.
 */
import { z } from "zod";
import { defineAttack, type Strength } from "../src/core/attack.js";
import { createBatch, imageSize } from "../src/core/pixels.js";
import type { Random } from "../src/core/random.js";
import { greyLevels } from "../src/image/budget.js";

export default defineAttack({
  meta: {
    id: "random-sign",
    title: "Random sign noise",
    summary:
      "Moves every pixel up or down by the full budget at random. A control: it needs no knowledge of the model, and an attack is only as strong as its excess over this.",
    knowledge: "none",
    universal: false,
    domain: "pixel",
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    parameters: z.strictObject({}),
    references: [
      "Moosavi-Dezfooli et al., Universal adversarial perturbations, CVPR 2017 (random perturbations of equal norm as the baseline)",
    ],
  },

  apply(batch, { strength, geometry, randomOf }) {
    const size = imageSize(geometry);
    const out = createBatch(batch, batch.count);
    for (let image = 0; image < batch.count; image++) {
      const random = randomOf(image);
      const levels = pixelLevels(strength, size, random);
      for (let i = 0; i < size; i++) {
        const at = image * size + i;
        out.data[at] = (batch.data[at] as number) + random.sign() * (levels[i] as number);
      }
    }
    return out;
  },
});

/**
 * How many grey levels each pixel moves. For linf all move by the same number. An L2 ball of radius r leaves r/√size a
 * pixel, seldom a whole number: some pixels, drawn at random, move one level more than the others, as many as fit.
 */
function pixelLevels(strength: Strength, size: number, random: Random): Float32Array {
  if (strength.kind !== "epsilon") throw new Error("random-sign goes by epsilon");
  if (strength.norm === "linf") return new Float32Array(size).fill(greyLevels(strength.stored));
  const squaredRadius = strength.stored ** 2;
  const base = Math.floor(Math.sqrt(squaredRadius / size));
  const raised = Math.min(size, Math.floor((squaredRadius - size * base ** 2) / (2 * base + 1)));
  const levels = new Float32Array(size).fill(base);
  for (const pixel of random.permutation(size).subarray(0, raised)) levels[pixel] = base + 1;
  return levels;
}
