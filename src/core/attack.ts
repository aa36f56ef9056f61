import type { z } from "zod";
import type { Norm } from "./condition.js";
import type { Outputs } from "./model.js";
import type { ImageGeometry, PixelBatch } from "./pixels.js";
import type { Random } from "./random.js";

/** What an attack must know of the model: nothing, its decisions, its scores, a copy of it, or its gradient. */
export type Knowledge = "none" | "decisions" | "scores" | "surrogate" | "gradient";
export type Domain = "pixel" | "dct" | "wavelet" | "acquisition";

/** How large the perturbation may be. `stored` is ε in stored values: ε × maxValue. */
export type Strength =
  | { readonly kind: "epsilon"; readonly norm: Norm; readonly epsilon: number; readonly stored: number }
  | { readonly kind: "severity"; readonly level: number };

export interface AttackMeta {
  readonly id: string;
  readonly title: string;
  /** One or two sentences for a reader who is no specialist. */
  readonly summary: string;
  readonly knowledge: Knowledge;
  /** True: one perturbation for all images, learnt once on tuning patients. */
  readonly universal: boolean;
  readonly domain: Domain;
  /** What the protocol may give: `epsilon` (with a norm), `severity` 1–5, or either. */
  readonly strengths: readonly Strength["kind"][];
  /** The norms that the attack can be asked for; empty where it goes by severity alone. */
  readonly norms: readonly Norm[];
  /** What the attack can be fitted to do, where there is a choice; the protocol may ask for several. */
  readonly objectives?: readonly string[];
  /** The attack's own parameters, with defaults. `epsilon`, `norm`, `severity`, `objective`, `queries` are the base's. */
  readonly parameters: z.ZodObject;
  readonly references: readonly string[];
}

/** The tuning samples that a universal attack may learn from. Never a patient of the evaluation split. */
export interface Calibration {
  readonly images: PixelBatch;
  /** 1 positive, 0 negative, of the attacked class; samples without a label are left out beforehand. */
  readonly labels: Uint8Array;
  /** Index of the attacked class in the model's classes. */
  readonly classIndex: number;
  /** The locked decision threshold of the attacked class (score >= threshold is positive), where there is one. */
  readonly threshold: number | null;
}

/**
 * The model as an attack meets it: every call is counted, and every candidate is projected to ε, clipped and
 * quantised to the device's bits (and passed through the defense, where the attacker is adaptive) before it is scored.
 */
export interface AttackTarget {
  readonly queriesUsed: number;
  /** Queries that are left; a call that needs more throws. */
  readonly queriesLeft: number;
  /** Scores one universal perturbation (stored values, C×H×W) added to the given images. Costs one query per image. */
  predictUniversal(images: PixelBatch, perturbation: Float32Array): Promise<Outputs>;
  /** Scores candidates, one for each original. Costs one query per image. */
  predictCandidates(originals: PixelBatch, candidates: PixelBatch): Promise<Outputs>;
}

export interface AttackContext<Parameters> {
  readonly parameters: Parameters;
  readonly strength: Strength;
  readonly objective: string | null;
  readonly geometry: ImageGeometry;
}

export interface FitContext<Parameters> extends AttackContext<Parameters> {
  readonly target: AttackTarget;
  readonly random: Random;
  /** Tells the user how far the search is: a fraction in [0, 1] and a few words. */
  progress(fraction: number, words: string): void;
}

export interface ApplyContext<Parameters> extends AttackContext<Parameters> {
  /** What `fit` returned; null for attacks without `fit`. */
  readonly fitted: FittedAttack | null;
  /** The stream of one image of the batch: keyed by seed, sample and attack, so that batches may be cut anyhow. */
  randomOf(image: number): Random;
}

/** What a fitted attack keeps. It is stored in the record, hashed, and enough to apply the attack again. */
export interface FittedAttack {
  /** Arrays by name; a universal attack's `perturbation` is C×H×W in stored values, already within ε. */
  readonly arrays: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;
  /** Scalars worth reporting, by kebab-case name, such as `objective-before` and `objective-after`. */
  readonly numbers: Readonly<Record<string, number>>;
}

/**
 * An attack or corruption. `apply` returns a candidate per image; the base (src/run), not the author, projects it to
 * ε, clips it, quantises it and checks it.
 */
export interface Attack<Parameters = Record<string, unknown>> {
  readonly meta: AttackMeta;
  fit?(calibration: Calibration, context: FitContext<Parameters>): Promise<FittedAttack>;
  apply(batch: PixelBatch, context: ApplyContext<Parameters>): Promise<PixelBatch> | PixelBatch;
}

/** Declares an attack with its parameters typed by its schema. An attack's file exports the result as default. */
export function defineAttack<Schema extends z.ZodObject>(
  attack: Attack<z.infer<Schema>> & { readonly meta: { readonly parameters: Schema } },
): Attack {
  return attack as unknown as Attack;
}
