import type { z } from "zod";
import type { AttackTarget, Calibration } from "./attack.js";
import type { Fitted } from "./fitted.js";
import type { ImageGeometry, PixelBatch } from "./pixels.js";
import type { Random } from "./random.js";

export interface DefenseMeta {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  /** True where two applications to one image may differ: adaptive attackers average over several draws. */
  readonly random: boolean;
  readonly parameters: z.ZodObject;
  readonly references: readonly string[];
  /** The query budget of `fit` where the protocol names none; 0 where `fit` asks nothing. */
  readonly defaultQueries?: number;
  /** Names of parameters that hold a path (a file, or a folder with all its files): their bytes are part of the study. */
  readonly files?: readonly string[];
}

export interface DefenseContext<Parameters> {
  readonly parameters: Parameters;
  /** What `fit` returned; null for defenses without `fit`. */
  readonly fitted: Fitted | null;
  randomOf(image: number): Random;
  /** Absolute path of a parameter that `meta.files` names. */
  file(parameter: string): string;
}

/** What a learned defense may ask of the model while it is trained: scores of images of its own making. */
export type DefenseTarget = Pick<AttackTarget, "queriesUsed" | "queriesLeft" | "predictImages">;

export interface DefenseFitContext<Parameters> {
  readonly parameters: Parameters;
  readonly geometry: ImageGeometry;
  readonly target: DefenseTarget;
  readonly random: Random;
  /** Tells the user how far the training is: a fraction in [0, 1] and a few words. */
  progress(fraction: number, words: string): void;
  file(parameter: string): string;
}

/** A transformation between the image and the model. The base clips and quantises what `apply` returns. */
export interface Defense<Parameters = Record<string, unknown>> {
  readonly meta: DefenseMeta;
  /** Learns once, on tuning patients, before anything is attacked. */
  fit?(calibration: Calibration, context: DefenseFitContext<Parameters>): Promise<Fitted>;
  apply(batch: PixelBatch, context: DefenseContext<Parameters>): Promise<PixelBatch> | PixelBatch;
}

/** Declares a defense with its parameters typed by its schema. A defense's file exports the result as default. */
export function defineDefense<Schema extends z.ZodObject>(
  defense: Defense<z.infer<Schema>> & { readonly meta: { readonly parameters: Schema } },
): Defense {
  return defense as unknown as Defense;
}
