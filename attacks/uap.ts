/**
 * Universal adversarial perturbation by gradients: one pattern for all images, pixel by pixel, learnt on tuning patients.
 *
 *   sgd       stochastic descent on the objective (Shafahi et al., 2020): each step goes along the mean gradient over a
 *             minibatch, by its sign in L∞ and by its direction in L2, with momentum, and back into the ε ball. The loss
 *             is capped, so that images long since lost do not lead.
 *   deepfool  the original (Moosavi-Dezfooli et al., 2017): image after image, wherever the pattern does not flip the
 *             decision yet, the least step that would on the linearised model is added. For one class against its
 *             threshold that step has a closed form: margin · g / ‖g‖² in L2, margin · sign(g) / ‖g‖₁ in L∞.
 *
 * The whole calibration set is asked now and then, and the best pattern found there is kept.
 *
 * Threat model: the attacker has the model itself, and images like the ones to be attacked. Cost: one query per image of a
 * minibatch, and one per calibration image and check; nothing where the pattern is used.
 */
import { z } from "zod";
import { type Calibration, defineAttack } from "../src/core/attack.js";
import { StepwedgeError } from "../src/core/errors.js";
import type { Outputs } from "../src/core/model.js";
import { createBatch, imageSize } from "../src/core/pixels.js";
import { addUniversal, quantiseUniversal } from "../src/image/budget.js";
import { attackedLogits, OBJECTIVES, type Objective, objectiveOf, objectiveValue } from "./support/objective.js";
import { drawCalibration, minibatches } from "./support/sampling.js";
import { DeepFoolDescent, SgdDescent } from "./support/universal-descent.js";

/** Queries spent on minibatches between two checks, per calibration image. */
const SEARCH_PER_CHECK = 4;

const parameters = z.strictObject({
  method: z.enum(["sgd", "deepfool"]).default("sgd").describe("How the pattern is changed after each minibatch."),
  calibrationImages: z.int().min(2).default(200).describe("Most tuning images that the search asks about."),
  minibatch: z.int().min(2).default(16).describe("Images per step of sgd; deepfool goes image by image."),
  lossCap: z
    .number()
    .positive()
    .default(3)
    .describe(
      "At the operating point: below a log-probability of −lossCap for its true class an image counts no more.",
    ),
});

export default defineAttack({
  meta: {
    id: "uap",
    title: "Universal perturbation by gradients",
    summary:
      "Adds one faint pattern, the same for every image, computed from the model's own gradients. It bounds from the bad side what any universal perturbation can do.",
    knowledge: "gradient",
    universal: true,
    domain: "pixel",
    defaultQueries: 5000,
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    objectives: Object.keys(OBJECTIVES),
    parameters,
    references: [
      "Moosavi-Dezfooli, Fawzi, Fawzi and Frossard, Universal adversarial perturbations, CVPR 2017",
      "Shafahi, Najibi, Xu, Dickerson, Davis and Goldstein, Universal adversarial training, AAAI 2020",
    ],
  },

  async fit(calibration, context) {
    const { parameters, objective: objectiveName, geometry, strength, target, random, progress } = context;
    const objective = capped(objectiveOf(objectiveName), parameters.lossCap);
    const tuning = drawCalibration(calibration, parameters.calibrationImages, random.fork("calibration"));
    const images = tuning.images.count;
    const minibatch = Math.min(parameters.minibatch, images);
    checkFeasible(tuning, objective, minibatch + 2 * images, target.queriesLeft);

    const perturbation = new Float32Array(imageSize(geometry));
    const ask = () => target.predictUniversal(tuning.images, perturbation.slice());
    const clean = await ask();
    const scoreOf = (outputs: Outputs) => objectiveValue(objective, attackedLogits(outputs, tuning), tuning.labels);
    const before = scoreOf(clean);
    const descent =
      parameters.method === "sgd"
        ? new SgdDescent(tuning, strength, objective)
        : new DeepFoolDescent(tuning, strength, decisionsOf(clean, tuning));
    const draw = minibatches(tuning.labels, objective.comparesClasses, random.fork("minibatches"));

    const stepsPerCheck = Math.ceil((SEARCH_PER_CHECK * images) / minibatch);
    const budget = target.queriesLeft;
    // What deepfool is after is flipped decisions, whatever the label; sgd is after the objective.
    const badness = (outputs: Outputs) =>
      parameters.method === "sgd" ? scoreOf(outputs) : -flippedShare(clean, outputs, tuning);
    const best = { badness: badness(clean), outputs: clean, perturbation: perturbation.slice() };
    for (let steps = 1; target.queriesLeft >= minibatch + images; steps++) {
      const spent = 1 - target.queriesLeft / budget;
      await descent.step(target, draw(minibatch), perturbation, spent);
      progress(spent, `objective ${before.toFixed(3)} → ${scoreOf(best.outputs).toFixed(3)}`);
      if (steps % stepsPerCheck !== 0 && target.queriesLeft >= minibatch + images) continue;
      const outputs = await ask();
      if (badness(outputs) < best.badness) {
        Object.assign(best, { badness: badness(outputs), outputs, perturbation: perturbation.slice() });
      }
    }

    const { channels, height, width } = geometry;
    const kept = quantiseUniversal(best.perturbation, strength, best.perturbation);
    return {
      arrays: { perturbation: { shape: [channels, height, width], data: kept } },
      numbers: {
        "objective-before": before,
        "objective-after": scoreOf(best.outputs),
        "tuning-decisions-flipped": flippedShare(clean, best.outputs, tuning),
        "calibration-images": images,
      },
    };
  },

  apply(batch, { fitted }) {
    const perturbation = fitted?.arrays.perturbation;
    if (perturbation === undefined) throw new Error("uap was applied before it was fitted");
    return addUniversal(batch, perturbation.data, createBatch(batch, batch.count));
  },
});

/** The objective, to which no image that is lost for good adds more. Pairs of a ranking are bounded by themselves. */
function capped(objective: Objective, cap: number): Objective {
  if (objective.comparesClasses) return objective;
  const contribution: Objective["contribution"] = (...of) => Math.max(objective.contribution(...of), -cap);
  return { ...objective, contribution };
}

/** @throws StepwedgeError where the search could not make one step, or has nothing to compare */
function checkFeasible(tuning: Calibration, objective: Objective, least: number, queries: number): void {
  const positives = tuning.labels.reduce((sum, label) => sum + label, 0);
  if (tuning.images.count === 0 || (objective.comparesClasses && positives % tuning.labels.length === 0)) {
    throw new StepwedgeError(`uap has ${positives} positive of ${tuning.labels.length} tuning images`, {
      remedy: "Give the tuning split images of both classes.",
    });
  }
  if (queries < least) {
    throw new StepwedgeError(`uap needs at least ${least} queries here, received ${queries}`, {
      remedy: "Raise queries, or lower calibrationImages or minibatch.",
    });
  }
}

/** 1 where the attacked class's score reaches the threshold. */
function decisionsOf({ count, classes, values }: Outputs, { classIndex, threshold }: Calibration): Uint8Array {
  return Uint8Array.from({ length: count }, (_, image) => {
    return (values[image * classes.length + classIndex] as number) >= (threshold ?? 0.5) ? 1 : 0;
  });
}

function flippedShare(clean: Outputs, attacked: Outputs, tuning: Calibration): number {
  const before = decisionsOf(clean, tuning);
  const after = decisionsOf(attacked, tuning);
  return before.filter((decision, image) => decision !== after[image]).length / before.length;
}
