import type { ImageOracle, Knowledge, MarginGradients, Reach, Strength } from "../core/attack.js";
import type { Norm } from "../core/condition.js";
import type { Outputs } from "../core/model.js";
import { createBatch, imageSize, type PixelBatch } from "../core/pixels.js";
import { assertWithin, perturbationSizes, projectCandidates, quantiseImages } from "../image/budget.js";
import { Asking, type AskingOptions, fingerprint, type Question } from "./asking.js";
import { decisionOf, marginOf } from "./margins.js";

export interface OracleOptions extends AskingOptions {
  readonly originals: PixelBatch;
  readonly strength: Strength;
  readonly knowledge: Knowledge;
  readonly classIndex: number;
  readonly threshold: number;
  readonly cleanDecisions: Uint8Array;
  /** Queries that each image may cost. */
  readonly budget: number;
}

/** An image's decision was flipped at a new least distance: after so many queries, and how far from the original. */
export interface Flip {
  readonly queries: number;
  /** In the attack's norm, as a fraction of the display window. */
  readonly distance: number;
}

/**
 * The model as an attack meets it that asks about every image it is applied to. It notes by itself when an image's
 * decision first flips, and how near to the original: no attack reports its own success.
 */
export class MeteredOracle implements ImageOracle {
  readonly threshold: number;
  readonly cleanDecisions: Uint8Array;
  readonly #used: Uint32Array;
  readonly #flips: Flip[][];
  readonly #asking: Asking;

  constructor(readonly options: OracleOptions) {
    const { cleanDecisions, originals, threshold } = options;
    this.threshold = threshold;
    this.cleanDecisions = cleanDecisions;
    this.#used = new Uint32Array(originals.count);
    this.#flips = Array.from({ length: originals.count }, () => []);
    this.#asking = new Asking(options);
  }

  queriesLeft(image: number): number {
    return Math.floor(this.options.budget / this.#asking.draws) - (this.#used[image] ?? 0);
  }

  /** Queries that an image has cost so far. */
  queriesUsed(image: number): number {
    return (this.#used[image] ?? 0) * this.#asking.draws;
  }

  /** Flipped decisions of an image, each nearer to the original than the ones before it. */
  flips(image: number): readonly Flip[] {
    return this.#flips[image] ?? [];
  }

  async margins(images: ArrayLike<number>, candidates: PixelBatch, reach: Reach = "epsilon"): Promise<Float64Array> {
    if (this.options.knowledge === "decisions") throw new Error("an attack that sees decisions asked for scores");
    const outputs = await this.#ask(images, candidates, reach);
    return marginOf(outputs, this.options.classIndex, this.threshold);
  }

  async decisions(images: ArrayLike<number>, candidates: PixelBatch, reach: Reach = "epsilon"): Promise<Uint8Array> {
    const outputs = await this.#ask(images, candidates, reach);
    return decisionOf(outputs, this.options.classIndex, this.threshold);
  }

  async gradients(
    images: ArrayLike<number>,
    candidates: PixelBatch,
    reach: Reach = "epsilon",
  ): Promise<MarginGradients> {
    const { classIndex, knowledge } = this.options;
    if (knowledge !== "gradient") throw new Error("an attack asked for gradients that it does not know");
    const asked = this.#candidates(images, candidates, reach);
    const { outputs, data } = await this.#asking.gradients(asked.question, classIndex);
    this.#note(images, asked.distances, outputs);
    return { margins: marginOf(outputs, classIndex, this.threshold), data };
  }

  async #ask(images: ArrayLike<number>, candidates: PixelBatch, reach: Reach): Promise<Outputs> {
    const { distances, question } = this.#candidates(images, candidates, reach);
    const outputs = await this.#asking.ask(question);
    this.#note(images, distances, outputs);
    return outputs;
  }

  /** Books and makes the candidates that the model shall see. */
  #candidates(images: ArrayLike<number>, candidates: PixelBatch, reach: Reach) {
    const { originals, strength } = this.options;
    if (images.length !== candidates.count)
      throw new Error(`${images.length} images for ${candidates.count} candidates`);
    for (let k = 0; k < images.length; k++) {
      const image = images[k] as number;
      if (this.queriesLeft(image) < 1) throw new Error(`an attack asked about image ${image} beyond its budget`);
      this.#used[image] = (this.#used[image] as number) + 1;
    }
    const own = gather(originals, images);
    const made: PixelBatch = { ...own, data: new Float32Array(own.data.length) };
    if (reach === "epsilon") {
      projectCandidates(own, candidates, strength, made);
      assertWithin(own, made, strength);
    } else {
      quantiseImages(candidates, made);
    }
    const norm: Norm = strength.kind === "epsilon" ? strength.norm : "linf";
    const question: Question = {
      images: made,
      guard: fingerprint(made.data),
      purpose: "search",
      fill: (out) => out.data.set(made.data),
    };
    return { question, distances: perturbationSizes(own, made)[norm] };
  }

  /** Keeps what flipped nearer than anything before. Candidates of one call count in their order. */
  #note(images: ArrayLike<number>, distances: Float64Array, outputs: Outputs): void {
    const decisions = decisionOf(outputs, this.options.classIndex, this.threshold);
    const later = new Map<number, number>();
    for (let k = images.length - 1; k >= 0; k--) {
      const image = images[k] as number;
      later.set(image, (later.get(image) ?? 0) + 1);
    }
    for (let k = 0; k < images.length; k++) {
      const image = images[k] as number;
      const left = (later.get(image) ?? 1) - 1;
      later.set(image, left);
      if (decisions[k] === this.cleanDecisions[image]) continue;
      const flips = this.#flips[image] ?? [];
      const distance = distances[k] as number;
      if (distance < (flips.at(-1)?.distance ?? Number.POSITIVE_INFINITY)) {
        flips.push({ queries: this.queriesUsed(image) - left * this.#asking.draws, distance });
      }
    }
  }
}

function gather(originals: PixelBatch, images: ArrayLike<number>): PixelBatch {
  const size = imageSize(originals);
  const out = createBatch(originals, images.length);
  for (let k = 0; k < images.length; k++) {
    const from = (images[k] as number) * size;
    out.data.set(originals.data.subarray(from, from + size), k * size);
    if (originals.subjects !== undefined)
      out.subjects?.set(originals.subjects.subarray(images[k] as number, (images[k] as number) + 1), k);
  }
  return out;
}
