/**
 * Fast gradient sign method (Goodfellow et al., 2015): one step of size ε against the decision, along the gradient of the
 * margin that the image has. In L∞ every value moves by ε in the direction of its slope's sign, which is the best that a
 * linear model leaves to do; in L2 the image moves by ε along the gradient.
 *
 * Threat model: the attacker has the model itself, weights and all. Cost: two queries per image: one for the
 * gradient, and one to see whether the step flipped the decision, which is left out where the budget is one.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { createBatch, imageSize } from "../src/core/pixels.js";
import { everyImage, flipping, greatestStep } from "./support/ascent.js";
import { gatherImages } from "./support/sampling.js";

export default defineAttack({
  meta: {
    id: "fgsm",
    title: "Fast gradient sign method",
    summary:
      "Moves every pixel by the full budget, up or down, whichever way the model's own gradient says that the decision weakens. The plainest attack by somebody who has the model.",
    knowledge: "gradient",
    universal: false,
    domain: "pixel",
    perImage: "within-epsilon",
    defaultQueries: 2,
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    parameters: z.strictObject({}),
    references: ["Goodfellow, Shlens and Szegedy, Explaining and harnessing adversarial examples, ICLR 2015"],
  },

  async apply(batch, { oracle, strength }) {
    if (oracle === null) throw new Error("fgsm was applied without a model");
    const size = imageSize(batch);
    const { data: slopes } = await oracle.gradients(everyImage(batch), batch);
    const out = createBatch(batch, batch.count);
    out.data.set(batch.data);
    for (let image = 0; image < batch.count; image++) {
      const slope = slopes.subarray(image * size, (image + 1) * size);
      const moved = out.data.subarray(image * size, (image + 1) * size);
      greatestStep(moved, slope, strength, flipping(oracle.cleanDecisions[image]));
    }
    const checked = everyImage(batch).filter((image) => oracle.queriesLeft(image) > 0);
    if (checked.length > 0) {
      await oracle.margins(checked, gatherImages(out, checked, createBatch(batch, checked.length)));
    }
    return out;
  },
});
