/**
 * U-SimBA: the simple black-box attack made universal (Koga and Takemoto 2022), the baseline of black-box universal
 * attacks on medical classifiers. It climbs along the vectors of an orthonormal basis, single pixels or cosines of the
 * whole image, one by one: the step forwards and the step backwards are both tried on all calibration images, and the
 * better one is kept if it lowers the mean probability of the decision that the model took on the clean images. After
 * every step the perturbation is projected to ε. As in the authors' code (their fork of ART), cosines come in rings of
 * rising frequency, in random order within a ring, and the search ends where 99 % of the calibration images are fooled.
 *
 * Knowledge: scores. Cost: one query per calibration image, and two more for every direction.
 */
import { z } from "zod";
import { type Calibration, defineAttack, type Strength } from "../src/core/attack.js";
import { StepwedgeError } from "../src/core/errors.js";
import type { Outputs } from "../src/core/model.js";
import { type ImageGeometry, imageSize } from "../src/core/pixels.js";
import type { Random } from "../src/core/random.js";
import { quantiseUniversal } from "../src/image/budget.js";
import { addCosine, ringOrder } from "./support/cosine-basis.js";
import { drawCalibration } from "./support/sampling.js";
import { applyUniversal, fittedUniversal } from "./support/universal.js";

/** The share of fooled calibration images at which the authors' code stops (1 − delta). */
const ENOUGH = 0.99;

const parameters = z.strictObject({
  basis: z.enum(["dct", "pixel"]).default("dct").describe("Directions: cosines of the whole image, or single pixels."),
  step: z
    .number()
    .positive()
    .default(0.25)
    .describe("L2 length of a step, as a fraction of the display window (the paper's 0.5 on a scale from −1 to 1)."),
  lowFrequencies: z
    .number()
    .min(0)
    .max(1)
    .default(0.094)
    .describe("Share of each axis of frequencies that cosines are drawn from first (the paper's 28 of 299)."),
  calibrationImages: z.int().min(1).default(100).describe("Most tuning images that the search asks about."),
});

export default defineAttack({
  meta: {
    id: "u-simba",
    title: "U-SimBA",
    summary:
      "Adds one perturbation, the same for every image, built up from pixels or cosine waves that are tried one after the other on all tuning images. The published baseline for universal attacks by queries.",
    knowledge: "scores",
    universal: true,
    domain: "dct",
    defaultQueries: 72_000,
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    parameters,
    references: [
      "Koga and Takemoto, Simple black-box universal adversarial attacks on deep neural networks for medical image classification, Algorithms 15(5):144, 2022",
      "Guo et al., Simple black-box adversarial attacks, ICML 2019",
    ],
  },

  async fit(calibration, { parameters, strength, geometry, target, random, progress }) {
    const tuning = drawCalibration(calibration, parameters.calibrationImages, random.fork("calibration"));
    const { images } = tuning;
    const passes = 2 * images.count;
    checkQueries(images.count + passes, target.queriesLeft);
    const step = parameters.step * geometry.maxValue;
    const directions = endlessly(parameters, geometry, random.fork("directions"));

    let perturbation = new Float32Array(imageSize(geometry));
    let candidates = [new Float32Array(perturbation.length), new Float32Array(perturbation.length)] as const;
    const clean = await target.predictUniversal(images, perturbation);
    const decisions = decisionsOf(clean, tuning);
    const before = meanScore(clean, tuning, decisions);
    const budget = target.queriesLeft;
    let score = before;
    let fooled = 0;
    let tried = 0;
    let accepted = 0;
    while (target.queriesLeft >= passes && fooled < ENOUGH) {
      const direction = directions();
      const [minus, plus] = candidates;
      const outputs: Outputs[] = [];
      for (const [candidate, length] of [[minus, -step] as const, [plus, step] as const]) {
        candidate.set(perturbation);
        if (parameters.basis === "pixel") candidate[direction] = (candidate[direction] as number) + length;
        else addCosine(candidate, direction, length, geometry);
        projectToBall(candidate, strength);
        outputs.push(await target.predictUniversal(images, candidate));
      }
      const [below, above] = outputs.map((answer) => meanScore(answer, tuning, decisions)) as [number, number];
      tried++;
      if (Math.min(below, above) < score) {
        const backwards = below < above;
        const kept = backwards ? minus : plus;
        candidates = [perturbation, backwards ? plus : minus];
        perturbation = kept;
        score = Math.min(below, above);
        fooled = shareOfFlips(decisionsOf(outputs[backwards ? 0 : 1] as Outputs, tuning), decisions);
        accepted++;
      }
      progress(1 - target.queriesLeft / budget, `score ${before.toFixed(3)} → ${score.toFixed(3)}`);
    }
    const kept = quantiseUniversal(perturbation, strength, new Float32Array(perturbation.length));
    return fittedUniversal(kept, geometry, {
      "score-before": before,
      "score-after": score,
      "calibration-fooled": fooled,
      "calibration-images": images.count,
      "directions-tried": tried,
      "directions-accepted": accepted,
    });
  },

  apply: (batch, { fitted }) => applyUniversal(batch, fitted),
});

function checkQueries(least: number, queries: number): void {
  if (queries >= least) return;
  throw new StepwedgeError(`u-simba needs at least ${least} queries here, received ${queries}`, {
    remedy: "Raise queries, or lower calibrationImages.",
  });
}

/** The next direction, as its place in a C×H×W array of pixels or coefficients; when all have come, they come anew. */
function endlessly(
  { basis, lowFrequencies }: z.infer<typeof parameters>,
  geometry: ImageGeometry,
  random: Random,
): () => number {
  const size = imageSize(geometry);
  let order: Uint32Array = new Uint32Array(0);
  let next = 0;
  return () => {
    if (next === order.length) {
      order = basis === "pixel" ? random.permutation(size) : ringOrder(geometry, lowFrequencies, random);
      next = 0;
    }
    return order[next++] as number;
  };
}

/** The nearest point of the ε ball, not yet rounded: what one step adds may be less than a grey level. */
function projectToBall(perturbation: Float32Array, strength: Strength): void {
  if (strength.kind !== "epsilon") throw new Error("u-simba goes by epsilon");
  const { norm, stored } = strength;
  let squares = 0;
  for (const value of perturbation) squares += value * value;
  const scale = norm === "l2" ? Math.min(1, stored / Math.sqrt(squares)) : 1;
  const bound = norm === "l2" ? Number.POSITIVE_INFINITY : stored;
  for (let i = 0; i < perturbation.length; i++) {
    perturbation[i] = Math.max(-bound, Math.min(bound, scale * (perturbation[i] as number)));
  }
}

function probability(outputs: Outputs, image: number, { classIndex }: Calibration): number {
  return outputs.values[image * outputs.classes.length + classIndex] as number;
}

function decisionsOf(outputs: Outputs, tuning: Calibration): Uint8Array {
  const threshold = tuning.threshold ?? 0.5;
  return Uint8Array.from({ length: outputs.count }, (_, i) => (probability(outputs, i, tuning) >= threshold ? 1 : 0));
}

/** Mean probability of the class that was decided for on the clean images. */
function meanScore(outputs: Outputs, tuning: Calibration, decisions: Uint8Array): number {
  let sum = 0;
  for (let image = 0; image < outputs.count; image++) {
    const p = probability(outputs, image, tuning);
    sum += decisions[image] === 1 ? p : 1 - p;
  }
  return sum / outputs.count;
}

function shareOfFlips(after: Uint8Array, before: Uint8Array): number {
  return after.reduce((flips, decision, image) => flips + (decision === before[image] ? 0 : 1), 0) / after.length;
}
