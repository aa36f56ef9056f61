import type { z } from "zod";
import type { Norm } from "./condition.js";
import type { Fitted } from "./fitted.js";
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
  /**
   * For attacks that ask the model about every image they are applied to. "within-epsilon": looks for a flipped decision
   * inside the ε ball. "minimal": looks for the nearest image with a flipped decision; one run serves every ε.
   */
  readonly perImage?: "within-epsilon" | "minimal";
  /** The query budget where the protocol names none: of each search, or of each image. */
  readonly defaultQueries?: number;
  /** Names of parameters that hold a path (a file, or a folder with all its files): their bytes are part of the study. */
  readonly files?: readonly string[];
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
  /** Patient of each image, as a code 0, 1, …: what is confirmed on other patients is split by it. */
  readonly patients: Int32Array;
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
  /** The model's classes, in the order of its outputs. */
  readonly classes: readonly string[];
  readonly queriesUsed: number;
  /** Queries that are left; a call that needs more throws. */
  readonly queriesLeft: number;
  /** Scores one universal perturbation (stored values, C×H×W) added to the given images. Costs one query per image. */
  predictUniversal(images: PixelBatch, perturbation: Float32Array): Promise<Outputs>;
  /** Scores candidates, one for each original. Costs one query per image. */
  predictCandidates(originals: PixelBatch, candidates: PixelBatch): Promise<Outputs>;
  /**
   * Scores images of the attacker's own making, such as those that a surrogate is distilled from: clipped and quantised,
   * but bound to no ε. Costs one query per image, booked as "surrogate".
   */
  predictImages(images: PixelBatch): Promise<Outputs>;
  /**
   * Margins of the attacked class at the candidates and their gradients, for attacks that know the gradient
   * (`knowledge: "gradient"`; the base refuses them on a model without). Costs one query per image.
   */
  gradients(originals: PixelBatch, candidates: PixelBatch): Promise<MarginGradients>;
}

/** Margins and their gradients with respect to the stored values, one image after the other (N×C×H×W). */
export interface MarginGradients {
  readonly margins: Float64Array;
  readonly data: Float32Array;
}

/** How far a candidate may be from its original: inside the ε ball (it is projected), or anywhere in the window. */
export type Reach = "epsilon" | "anywhere";

/**
 * The model as an attack meets it that asks about every image of a batch. Each image has a budget of its own, so that
 * nothing depends on how batches are cut. Candidates are clipped, quantised and (for adaptive attackers) defended before
 * they are scored, and with reach "epsilon" projected first. `images[k]` is the batch's image that candidate k belongs
 * to. An image may come several times in one call. The base notes by itself when an image's decision first flips within
 * ε; what counts in the end is the image that `apply` returns, scored once more.
 *
 * A **margin** is logit(score) − logit(threshold) of the attacked class: at least 0 where the decision is positive.
 */
export interface ImageOracle {
  /** The locked threshold of the attacked class; 0.5 where the protocol has none. */
  readonly threshold: number;
  /**
   * The model's decision on each original, 1 where positive: what the attack is to flip. It costs no query: it is what the
   * model said of the image before anyone touched it, without a defense.
   */
  readonly cleanDecisions: Uint8Array;
  /** Queries left for an image. A call that needs more throws. */
  queriesLeft(image: number): number;
  /** Costs one query per candidate. Throws for attacks that see decisions only. */
  margins(images: ArrayLike<number>, candidates: PixelBatch, reach?: Reach): Promise<Float64Array>;
  /** 1 where the decision is positive. Costs one query per candidate. */
  decisions(images: ArrayLike<number>, candidates: PixelBatch, reach?: Reach): Promise<Uint8Array>;
  /** Costs one query per candidate. Only for `knowledge: "gradient"`. */
  gradients(images: ArrayLike<number>, candidates: PixelBatch, reach?: Reach): Promise<MarginGradients>;
}

export interface AttackContext<Parameters> {
  readonly parameters: Parameters;
  readonly strength: Strength;
  readonly objective: string | null;
  readonly geometry: ImageGeometry;
  /** Absolute path of a parameter that `meta.files` names. */
  file(parameter: string): string;
}

export interface FitContext<Parameters> extends AttackContext<Parameters> {
  readonly target: AttackTarget;
  readonly random: Random;
  /** Tells the user how far the search is: a fraction in [0, 1] and a few words. */
  progress(fraction: number, words: string): void;
}

export interface ApplyContext<Parameters> extends AttackContext<Parameters> {
  /** What `fit` returned; null for attacks without `fit`. */
  readonly fitted: Fitted | null;
  /** The model, for attacks with `meta.perImage`; null for the others. */
  readonly oracle: ImageOracle | null;
  /** The stream of one image of the batch: keyed by seed, sample and attack, so that batches may be cut anyhow. */
  randomOf(image: number): Random;
}

/**
 * An attack or corruption. `apply` returns a candidate per image; the base (src/run), not the author, projects it to
 * ε, clips it, quantises it and checks it.
 */
export interface Attack<Parameters = Record<string, unknown>> {
  readonly meta: AttackMeta;
  fit?(calibration: Calibration, context: FitContext<Parameters>): Promise<Fitted>;
  apply(batch: PixelBatch, context: ApplyContext<Parameters>): Promise<PixelBatch> | PixelBatch;
}

/** Declares an attack with its parameters typed by its schema. An attack's file exports the result as default. */
export function defineAttack<Schema extends z.ZodObject>(
  attack: Attack<z.infer<Schema>> & { readonly meta: { readonly parameters: Schema } },
): Attack {
  return attack as unknown as Attack;
}
