import type { AttackContext, Strength } from "../core/attack.js";
import type { Fitted } from "../core/fitted.js";
import { createBatch, type PixelBatch } from "../core/pixels.js";
import { randomFrom } from "../core/random.js";
import { assertWithin, type PerturbationSizes, projectCandidates, quantiseImages } from "../image/budget.js";
import type { MeteredOracle } from "./oracle.js";
import type { PlannedAttack, PlannedDefense } from "./plan.js";

/*
 * Between the image and the model: what the base does around every attack and every defense, whoever wrote them.
 */

/** Names of the images of a batch, so that each has random numbers of its own whatever batch it is in. */
export type SampleKeys = readonly (string | number)[];

/** Results of searches and trainings, by the key of the plan. */
export type Fits = ReadonlyMap<string, Fitted>;

/** A defense with what it learnt. */
export interface ReadyDefense extends PlannedDefense {
  readonly fitted: Fitted | null;
}

/** The defense with its training's result. */
export function ready(defense: PlannedDefense, fits: Fits): ReadyDefense {
  const fitted = defense.fit === null ? null : fits.get(defense.fit);
  if (fitted === undefined) throw new Error(`${defense.entry.id} was applied before it was trained`);
  return { ...defense, fitted };
}

/** What an attack is applied with. */
export interface Application {
  readonly attack: PlannedAttack;
  readonly fitted: Fitted | null;
  readonly oracle: MeteredOracle | null;
  readonly strength: Strength;
  readonly keys: SampleKeys;
  readonly seed: number;
}

/** Images as an attack leaves them, and how far each was moved. */
export interface AttackedImages {
  readonly images: PixelBatch;
  readonly sizes: PerturbationSizes;
}

/** Applies an attack, and projects, clips, quantises and checks what comes back. */
export async function applyAttack(application: Application, originals: PixelBatch): Promise<AttackedImages> {
  return withinBudget(originals, await candidatesOf(application, originals), application.strength);
}

/** What an attack makes of the images, before the base has brought it into the budget. */
export async function candidatesOf(application: Application, originals: PixelBatch): Promise<PixelBatch> {
  const { attack, fitted, keys, oracle, seed, strength } = application;
  const { channels, height, width, maxValue } = originals;
  const context: AttackContext<Record<string, unknown>> = {
    parameters: attack.parameters,
    strength,
    objective: attack.objective,
    geometry: { channels, height, width, maxValue },
    file: fileOf(attack),
  };
  const randomOf = (image: number) => randomFrom(seed, attack.entry.id, keys[image] ?? image);
  return attack.plugin.apply(originals, { ...context, fitted, oracle, randomOf });
}

/** Projects, clips, quantises and checks candidates. They may be used up. */
export function withinBudget(originals: PixelBatch, candidates: PixelBatch, strength: Strength): AttackedImages {
  const perturbed = projectCandidates(originals, candidates, strength, writable(candidates, originals));
  return { images: perturbed, sizes: assertWithin(originals, perturbed, strength) };
}

/** Applies a defense, and clips and quantises what comes back. */
export async function applyDefense(
  defense: ReadyDefense,
  batch: PixelBatch,
  keys: SampleKeys,
  seed: number,
): Promise<PixelBatch> {
  const randomOf = (image: number) => randomFrom(seed, defense.entry.id, keys[image] ?? image);
  const defended = await defense.plugin.apply(batch, {
    parameters: defense.parameters,
    fitted: defense.fitted,
    randomOf,
    file: fileOf(defense),
  });
  return quantiseImages(defended, writable(defended, batch));
}

/**
 * Where the base may write its own corrections: into what the plug-in returned, unless that is the original itself or
 * a view of it.
 */
function writable(returned: PixelBatch, originals: PixelBatch): PixelBatch {
  if (returned.data.length !== originals.data.length) {
    throw new Error(`a plug-in returned ${returned.data.length} values for ${originals.data.length}`);
  }
  const own = returned.data.buffer !== originals.data.buffer;
  return own ? { ...originals, data: returned.data } : createBatch(originals, originals.count);
}

/** Where a plug-in's files are: the paths that its parameters name, made absolute when the plan was made. */
export function fileOf({ files }: Pick<PlannedAttack | PlannedDefense, "files">): (parameter: string) => string {
  return (parameter) => {
    const path = files[parameter];
    if (path === undefined) throw new Error(`the protocol names no file for ${parameter}`);
    return path;
  };
}
