/**
 * One perturbation for all images, found by queries alone. It is a texture in the wavelet detail bands: the low-scale
 * approximation coefficients of an image stay as they are, and the detail coefficients receive the same addition in
 * every image. What clipping to ε leaks into the approximation band is measured and reported.
 *
 * The search is a descent along random directions on tuning patients, as in SimBA, with three savings: a direction
 * moves all details of a tiled texture at once; every image of a minibatch tries a direction of its own, forwards and
 * backwards; and steps follow the sign of the slope, with momentum. The whole calibration set is asked now and then,
 * and the best texture found there is kept.
 *
 * Cost: two queries per image of a minibatch, and one per calibration image and check. Limits: the attacker needs
 * scores; a texture cannot follow anatomy, so perturbations bound to a place in the image are out of its reach.
 */
import { z } from "zod";
import { type Calibration, defineAttack, type Strength } from "../src/core/attack.js";
import { StepwedgeError } from "../src/core/errors.js";
import { createBatch, type ImageGeometry, imageSize } from "../src/core/pixels.js";
import { addUniversal, quantiseUniversal } from "../src/image/budget.js";
import { ApproximationShare } from "../src/wavelet/approximation-share.js";
import { filterBank, ORTHONORMAL_WAVELETS } from "../src/wavelet/filters.js";
import { TextureSpace } from "../src/wavelet/texture.js";
import { AntitheticProbe } from "./support/antithetic.js";
import { SignDescent } from "./support/evolution.js";
import { attackedLogits, OBJECTIVES, type Objective, objectiveOf, objectiveValue } from "./support/objective.js";
import { drawCalibration, minibatches } from "./support/sampling.js";

/** Step in every amplitude at the search's beginning and end; ±1 in all amplitudes is a texture as large as ε. */
const FIRST_STEP = 0.5;
const LAST_STEP = 0.1;
const LARGEST_AMPLITUDE = 6;
/** Queries spent on minibatches between two checks, per calibration image. */
const SEARCH_PER_CHECK = 8;

const parameters = z.strictObject({
  wavelet: z.enum(ORTHONORMAL_WAVELETS).default("haar").describe("Wavelet of the detail bands."),
  levels: z.int().min(1).max(6).default(3).describe("Detail levels; the approximation below them stays."),
  tile: z.int().min(1).max(8).default(1).describe("Period of the texture, in coefficients of the coarsest level."),
  calibrationImages: z.int().min(2).default(100).describe("Most tuning images that the search asks about."),
  minibatch: z.int().min(2).default(16).describe("Images per step, each with a direction of its own."),
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

  async fit(calibration, { parameters, objective: objectiveName, geometry, strength, target, random, progress }) {
    const objective = objectiveOf(objectiveName);
    const tuning = drawCalibration(calibration, parameters.calibrationImages, random.fork("calibration"));
    const minibatch = Math.min(parameters.minibatch, tuning.images.count);
    const stepCost = 2 * minibatch;
    const checkCost = tuning.images.count;
    checkFeasible(tuning, objective, stepCost + 2 * checkCost, target.queriesLeft);

    const texture = new TextureSpace(geometry, parameters.levels, parameters.tile, filterBank(parameters.wavelet));
    const gain = greyLevelsPerPixel(strength, geometry);
    const probe = new AntitheticProbe(tuning, objective, texture, gain, minibatch);
    const search = new SignDescent(texture.dimension, LARGEST_AMPLITUDE);
    const draw = minibatches(tuning.labels, objective.comparesClasses, random.fork("minibatches"));
    const directionStream = random.fork("directions");
    const current = () => texture.synthesise(search.position, gain, new Float32Array(imageSize(geometry)));
    const check = async (perturbation: Float32Array) => {
      const outputs = await target.predictUniversal(tuning.images, perturbation);
      return objectiveValue(objective, attackedLogits(outputs, tuning), tuning.labels);
    };

    let kept = current();
    const before = await check(kept);
    const budget = target.queriesLeft;
    const stepsPerCheck = Math.ceil((SEARCH_PER_CHECK * checkCost) / stepCost);
    let best = before;
    let steps = 0;
    while (target.queriesLeft >= stepCost + checkCost) {
      const spent = 1 - target.queriesLeft / budget;
      const directions = search.drawDirections(minibatch, directionStream);
      const slopes = await probe.slopes(target, draw(minibatch), current(), directions);
      search.step(directions, slopes, FIRST_STEP + spent * (LAST_STEP - FIRST_STEP));
      steps++;
      progress(spent, `objective ${before.toFixed(3)} → ${best.toFixed(3)}`);
      if (steps % stepsPerCheck !== 0 && target.queriesLeft >= stepCost + checkCost) continue;

      const perturbation = current();
      const value = await check(perturbation);
      if (value < best) {
        best = value;
        kept = perturbation;
      }
    }

    const share = new ApproximationShare(geometry, parameters.wavelet, parameters.levels);
    const shareBeforeClipping = share.of(kept);
    quantiseUniversal(kept, strength, kept);
    return {
      arrays: {
        perturbation: { shape: [geometry.channels, geometry.height, geometry.width], data: kept },
      },
      numbers: {
        "objective-before": before,
        "objective-after": best,
        steps,
        "calibration-images": checkCost,
        amplitudes: texture.dimension,
        "low-band-energy-before-clipping": shareBeforeClipping,
        "low-band-energy": share.of(kept),
      },
    };
  },

  apply(batch, { fitted }) {
    const perturbation = fitted?.arrays.perturbation;
    if (perturbation === undefined) throw new Error("wavelet-universal was applied before it was fitted");
    return addUniversal(batch, perturbation.data, createBatch(batch, batch.count));
  },
});

/** @throws StepwedgeError where the search could not make one step, or has nothing to compare. */
function checkFeasible(tuning: Calibration, objective: Objective, least: number, queries: number): void {
  const positives = tuning.labels.reduce((sum, label) => sum + label, 0);
  if (tuning.images.count === 0 || (objective.comparesClasses && positives % tuning.labels.length === 0)) {
    throw new StepwedgeError(`wavelet-universal has ${positives} positive of ${tuning.labels.length} tuning images`, {
      remedy: "Give the tuning split images of both classes.",
    });
  }
  if (queries < least) {
    throw new StepwedgeError(`wavelet-universal needs at least ${least} queries here, received ${queries}`, {
      remedy: "Raise queries, or lower calibrationImages or minibatch.",
    });
  }
}

/** The budget per pixel: a texture of this root mean square is as large as ε allows. */
function greyLevelsPerPixel(strength: Strength, geometry: ImageGeometry): number {
  if (strength.kind !== "epsilon") throw new Error("wavelet-universal goes by epsilon");
  return strength.norm === "linf" ? strength.stored : strength.stored / Math.sqrt(imageSize(geometry));
}
