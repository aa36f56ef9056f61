import { z } from "zod";
import type { AttackTarget, Calibration, FitContext } from "../../src/core/attack.js";
import { StepwedgeError } from "../../src/core/errors.js";
import type { Fitted } from "../../src/core/fitted.js";
import { imageSize } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";
import { quantiseUniversal } from "../../src/image/budget.js";
import { ApproximationShare } from "../../src/wavelet/approximation-share.js";
import type { WaveletName } from "../../src/wavelet/filters.js";
import { AntitheticProbe, type PerturbationSpace } from "./antithetic.js";
import { SignDescent } from "./evolution.js";
import { attackedLogits, type Objective, objectiveOf, objectiveValue } from "./objective.js";
import { drawCalibration, holdBackPatients, minibatches } from "./sampling.js";
import { fittedUniversal, greyLevelsPerPixel } from "./universal.js";

/*
 * The search that universal attacks share, whatever space their perturbations live in: a descent along random
 * directions on some tuning patients, judged on others.
 *
 * Every image of a minibatch tries a direction of its own, forwards and backwards; steps follow the sign of the mean
 * slope, with momentum, and shrink as the queries are spent. Now and then the images of the patients that were held back
 * are asked, and the perturbation that does best there is kept. Where that stalls, the step is halved; where the
 * step is small already, the search starts anew in other directions with the queries that are left, a given number of
 * times, and then stops early.
 */

/** Step in every amplitude at the search's beginning and end; ±1 in all amplitudes is a perturbation as large as ε. */
const FIRST_STEP = 0.5;
const LAST_STEP = 0.1;
const LARGEST_AMPLITUDE = 6;
/** Queries spent on minibatches between two checks, per image that a check asks about. */
const SEARCH_PER_CHECK = 8;
/** A run stalls when this share of its queries, and so many checks, brought nothing better. */
const PATIENCE_SHARE = 0.1;
const PATIENCE_CHECKS = 6;

/** The parameters of the search, for the schemas of the attacks that use it. */
export const searchParameters = {
  calibrationImages: z.int().min(2).default(100).describe("Most tuning images that the search asks about."),
  minibatch: z.int().min(2).default(16).describe("Images per step, each with a direction of its own."),
  confirmation: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.25)
    .describe("Share of the tuning patients who are held back to choose the perturbation by."),
  restarts: z.int().min(0).default(2).describe("How often the search may start anew where it stalls, before it stops."),
};

export type SearchParameters = z.infer<z.ZodObject<typeof searchParameters>>;

export interface Found {
  /** As synthesised: not yet projected to ε nor rounded. */
  readonly perturbation: Float32Array;
  readonly numbers: Readonly<Record<string, number>>;
}

/** One part of the calibration set, and what asking about all of it tells. */
interface Part {
  readonly calibration: Calibration;
  readonly cost: number;
  objective(perturbation: Float32Array): Promise<number>;
}

interface Problem {
  readonly space: PerturbationSpace;
  readonly gain: number;
  readonly target: AttackTarget;
  readonly learning: Part;
  readonly confirmation: Part;
  readonly probe: AntitheticProbe;
  readonly draw: (count: number) => Uint32Array;
  /** Queries that every step must leave: the last look at the learning images. */
  readonly reserve: number;
  readonly stepCost: number;
}

/** The best perturbation so far, by the images that confirm. */
interface Best {
  value: number;
  perturbation: Float32Array;
  queries: number;
  steps: number;
}

/**
 * Searches, and makes the result what an attack keeps. The energy that the perturbation has in the low band is measured
 * before and after it is cut to ε: cutting leaks.
 */
export async function fitUniversal(
  space: PerturbationSpace,
  calibration: Calibration,
  context: FitContext<SearchParameters>,
  approximation: { readonly wavelet: WaveletName; readonly levels: number },
): Promise<Fitted> {
  const { geometry, strength } = context;
  const { perturbation, numbers } = await searchUniversal(space, calibration, context);
  const kept = quantiseUniversal(perturbation, strength, new Float32Array(perturbation.length));
  const share = new ApproximationShare(geometry, approximation.wavelet, approximation.levels);
  return fittedUniversal(kept, geometry, {
    ...numbers,
    "low-band-energy-before-clipping": share.of(perturbation),
    "low-band-energy": share.of(kept),
  });
}

/** @throws StepwedgeError where the search could not make one step, or has nothing to compare. */
export async function searchUniversal(
  space: PerturbationSpace,
  calibration: Calibration,
  context: FitContext<SearchParameters>,
): Promise<Found> {
  const { parameters, geometry, random, target, progress } = context;
  const objective = objectiveOf(context.objective);
  const drawn = drawCalibration(calibration, parameters.calibrationImages, random.fork("calibration"));
  checkClasses(drawn, objective);
  const held = holdBackPatients(drawn, parameters.confirmation, random.fork("confirmation"));
  const learning = partOf(held.learning, objective, target);
  const confirmation = held.confirmation === null ? learning : partOf(held.confirmation, objective, target);
  const minibatch = Math.min(parameters.minibatch, learning.cost);
  const gain = greyLevelsPerPixel(context.strength, geometry);
  const problem: Problem = {
    space,
    gain,
    target,
    learning,
    confirmation,
    probe: new AntitheticProbe(held.learning, objective, space, gain, minibatch),
    draw: minibatches(held.learning.labels, objective.comparesClasses, random.fork("minibatches")),
    reserve: held.confirmation === null ? 0 : learning.cost,
    stepCost: 2 * minibatch,
  };
  checkQueries(problem);

  const untouched = new Float32Array(imageSize(geometry));
  const before = await confirmation.objective(untouched);
  const learnt = held.confirmation === null ? before : await learning.objective(untouched);
  const best: Best = { value: before, perturbation: untouched, queries: target.queriesUsed, steps: 0 };
  const budget = target.queriesLeft;
  const report = () =>
    progress(1 - target.queriesLeft / budget, `objective ${before.toFixed(3)} → ${best.value.toFixed(3)}`);
  let restarts = 0;
  while (
    (await descend(problem, best, random.fork("directions", restarts), report)) &&
    restarts < parameters.restarts
  ) {
    if (!affordable(problem)) break;
    restarts++;
  }
  const after = held.confirmation === null ? best.value : await learning.objective(best.perturbation);
  return {
    perturbation: best.perturbation,
    numbers: {
      "objective-before": learnt,
      "objective-after": after,
      "confirmation-before": before,
      "confirmation-after": best.value,
      "learning-images": learning.cost,
      "confirmation-images": held.confirmation === null ? 0 : confirmation.cost,
      amplitudes: space.dimension,
      steps: best.steps,
      restarts,
      "queries-to-best": best.queries,
    },
  };
}

/**
 * One run from nothing, planned for all the queries that are left. True where it stalled, false where they were spent.
 */
async function descend(problem: Problem, best: Best, random: Random, report: () => void): Promise<boolean> {
  const { space, gain, target, confirmation, probe, draw, stepCost } = problem;
  const search = new SignDescent(space.dimension, LARGEST_AMPLITUDE);
  const planned = target.queriesLeft;
  const stepsPerCheck = Math.ceil((SEARCH_PER_CHECK * confirmation.cost) / stepCost);
  const checks = planned / (stepsPerCheck * stepCost + confirmation.cost);
  const patience = Math.max(PATIENCE_CHECKS, Math.ceil(PATIENCE_SHARE * checks));
  const current = () => space.synthesise(search.position, gain, new Float32Array(best.perturbation.length));
  let bestOfRun = Number.POSITIVE_INFINITY;
  let vain = 0;
  let slowing = 1;
  for (let steps = 1; affordable(problem); steps++) {
    const spent = 1 - target.queriesLeft / planned;
    const rate = slowing * (FIRST_STEP + spent * (LAST_STEP - FIRST_STEP));
    const directions = search.drawDirections(probe.minibatch, random);
    search.step(directions, await probe.slopes(target, draw(probe.minibatch), current(), directions), rate);
    best.steps++;
    report();
    if (steps % stepsPerCheck !== 0 && affordable(problem)) continue;

    const perturbation = current();
    const value = await confirmation.objective(perturbation);
    if (value < best.value) Object.assign(best, { value, perturbation, queries: target.queriesUsed });
    vain = value < bestOfRun ? 0 : vain + 1;
    bestOfRun = Math.min(bestOfRun, value);
    if (vain < patience) continue;
    slowing /= 2;
    vain = 0;
    if (slowing * FIRST_STEP < LAST_STEP) return true;
  }
  return false;
}

/** Whether there are queries for a step and a check. */
function affordable({ target, stepCost, confirmation, reserve }: Problem): boolean {
  return target.queriesLeft >= stepCost + confirmation.cost + reserve;
}

function partOf(calibration: Calibration, objective: Objective, target: AttackTarget): Part {
  return {
    calibration,
    cost: calibration.images.count,
    async objective(perturbation) {
      const outputs = await target.predictUniversal(calibration.images, perturbation);
      return objectiveValue(objective, attackedLogits(outputs, calibration), calibration.labels);
    },
  };
}

function checkClasses({ labels }: Calibration, objective: Objective): void {
  const positives = labels.reduce((sum, label) => sum + label, 0);
  if (labels.length > 0 && !(objective.comparesClasses && positives % labels.length === 0)) return;
  throw new StepwedgeError(`the search has ${positives} positive of ${labels.length} tuning images`, {
    remedy: "Give the tuning split images of both classes.",
  });
}

function checkQueries({ target, confirmation, reserve, stepCost }: Problem): void {
  const least = 2 * (confirmation.cost + reserve) + stepCost;
  if (target.queriesLeft >= least) return;
  throw new StepwedgeError(`the search needs at least ${least} queries here, received ${target.queriesLeft}`, {
    remedy: "Raise queries, or lower calibrationImages or minibatch.",
  });
}
