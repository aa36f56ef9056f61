/**
 * Projected gradient descent (Madry et al., 2018): small steps against the decision along the gradient of the margin, each
 * brought back into the ε ball and the display window, from a random place in the ball, several times over. Steps are those
 * of FGSM: signs in L∞, the unit gradient in L2. An image is done with as soon as its decision flips; where it never does,
 * the candidate is kept that came nearest.
 *
 * Steps are taken on real numbers, while the model is asked about whole grey levels: a step of less than one level is not
 * lost, it adds up.
 *
 * Threat model: the attacker has the model itself. Cost: one query per image and step, and one at the end of each start.
 */
import { z } from "zod";
import { defineAttack, type ImageOracle, type Strength } from "../src/core/attack.js";
import { createBatch, imageSize, type PixelBatch, sliceBatch } from "../src/core/pixels.js";
import type { Random } from "../src/core/random.js";
import { everyImage, flipping, greatestStep, intoReach, usableRadius } from "./support/ascent.js";
import { gatherImages } from "./support/sampling.js";

const parameters = z.strictObject({
  steps: z.int().min(1).max(1000).default(20).describe("Steps from each start."),
  relativeStep: z.number().positive().max(100).default(2.5).describe("Length of all steps together, in units of ε."),
  randomStart: z.boolean().default(true).describe("Begin at a random place in the ball; false: at the image."),
  restarts: z.int().min(1).max(100).default(1).describe("Starts; further ones are random whatever randomStart says."),
});

export default defineAttack({
  meta: {
    id: "pgd",
    title: "Projected gradient descent",
    summary:
      "Follows the model's own gradient in small steps, never leaving the budget, until the decision flips. The standard measure of what somebody who has the model can do.",
    knowledge: "gradient",
    universal: false,
    domain: "pixel",
    perImage: "within-epsilon",
    defaultQueries: 21,
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    parameters,
    references: [
      "Madry, Makelov, Schmidt, Tsipras and Vladu, Towards deep learning models resistant to adversarial attacks, ICLR 2018",
      "Kurakin, Goodfellow and Bengio, Adversarial machine learning at scale, ICLR 2017",
    ],
  },

  async apply(batch, { oracle, parameters, strength, randomOf }) {
    if (oracle === null) throw new Error("pgd was applied without a model");
    const best = new Best(batch, oracle);
    if (usableRadius(strength) === 0) return best.candidates;
    const length = parameters.relativeStep / parameters.steps;
    for (let start = 0; start < parameters.restarts; start++) {
      const random = parameters.randomStart || start > 0;
      const current = createBatch(batch, batch.count);
      current.data.set(batch.data);
      for (const image of best.open()) {
        if (random) moveToRandomPlace(pixels(current, image), strength, randomOf(image).fork("start", start));
        intoReach(pixels(current, image), pixels(batch, image), strength, batch.maxValue);
      }
      for (let step = 0; step < parameters.steps; step++) {
        const images = best.open();
        if (images.length === 0) break;
        const asked = gatherImages(current, images, createBatch(batch, images.length));
        const { margins, data: slopes } = await oracle.gradients(images, asked);
        best.note(images, asked, margins);
        for (const [k, image] of images.entries()) {
          const slope = slopes.subarray(k * imageSize(batch), (k + 1) * imageSize(batch));
          greatestStep(pixels(current, image), slope, strength, flipping(oracle.cleanDecisions[image]) * length);
          intoReach(pixels(current, image), pixels(batch, image), strength, batch.maxValue);
        }
      }
      const images = best.open();
      const last = gatherImages(current, images, createBatch(batch, images.length));
      if (images.length > 0) best.note(images, last, await oracle.margins(images, last));
    }
    return best.candidates;
  },
});

/** The best candidate of each image so far, and which images are still worth a query. */
class Best {
  readonly candidates: PixelBatch;
  /** How far the decision is from flipping; below 0, or at 0 from positive, it has flipped. */
  readonly #distance: Float64Array;
  readonly #done: Uint8Array;

  constructor(
    batch: PixelBatch,
    readonly oracle: ImageOracle,
  ) {
    this.candidates = createBatch(batch, batch.count);
    this.candidates.data.set(batch.data);
    this.#distance = new Float64Array(batch.count).fill(Number.POSITIVE_INFINITY);
    this.#done = new Uint8Array(batch.count);
  }

  /** Images that have not flipped and can pay for a query. */
  open(): Uint32Array {
    return everyImage(this.candidates).filter((image) => this.#done[image] === 0 && this.oracle.queriesLeft(image) > 0);
  }

  note(images: Uint32Array, asked: PixelBatch, margins: Float64Array): void {
    for (const [k, image] of images.entries()) {
      const margin = margins[k] as number;
      const positive = this.oracle.cleanDecisions[image] === 1;
      if (margin >= 0 !== positive) this.#done[image] = 1;
      const distance = positive ? margin : -margin;
      // Equal, too: where scores are saturated, going on is better than staying.
      if (distance <= (this.#distance[image] as number)) {
        this.#distance[image] = distance;
        pixels(this.candidates, image).set(sliceBatch(asked, k, k + 1).data);
      }
    }
  }
}

function pixels(batch: PixelBatch, image: number): Float32Array {
  return sliceBatch(batch, image, image + 1).data;
}

/** Adds a random perturbation: uniform in the L∞ ball; in L2 a random direction and a length uniform up to ε. */
function moveToRandomPlace(image: Float32Array, strength: Strength, random: Random): void {
  const radius = usableRadius(strength);
  if (strength.kind === "epsilon" && strength.norm === "l2") {
    const direction = image.map(() => random.normal());
    greatestStep(image, direction, strength, random.uniform());
  } else {
    for (let i = 0; i < image.length; i++) (image[i] as number) += radius * (2 * random.uniform() - 1);
  }
}
