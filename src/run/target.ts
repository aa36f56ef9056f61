import type { AttackTarget, MarginGradients, Strength } from "../core/attack.js";
import type { Outputs, QueryPurpose } from "../core/model.js";
import type { PixelBatch } from "../core/pixels.js";
import { addUniversal, assertWithin, projectCandidates, quantiseImages, quantiseUniversal } from "../image/budget.js";
import { Asking, type AskingOptions, fingerprint, type Question } from "./asking.js";
import { marginOf } from "./margins.js";

export interface TargetOptions extends AskingOptions {
  /** null for learned defenses, which are bound to no ε and may only ask about images of their own. */
  readonly strength: Strength | null;
  readonly budget: number;
  readonly classIndex: number;
  readonly threshold: number;
}

/**
 * The model as a search on the tuning split meets it. The attack's questions go in as wishes; what is scored is the wish
 * projected to ε, clipped, quantised and, for adaptive attackers, defended. Every image costs one query of the budget
 * (several behind a random defense).
 */
export class MeteredTarget implements AttackTarget {
  #used = 0;
  readonly #asking: Asking;

  constructor(readonly options: TargetOptions) {
    this.#asking = new Asking(options);
  }

  get classes(): readonly string[] {
    return this.options.ledger.model.meta.classes;
  }

  get queriesUsed(): number {
    return this.#used * this.#asking.draws;
  }

  get queriesLeft(): number {
    return Math.floor(this.options.budget / this.#asking.draws) - this.#used;
  }

  async predictUniversal(images: PixelBatch, perturbation: Float32Array): Promise<Outputs> {
    const quantised = quantiseUniversal(perturbation, this.#strength(), new Float32Array(perturbation.length));
    return this.#ask(images, fingerprint(quantised), (out) => addUniversal(images, quantised, out));
  }

  async predictCandidates(originals: PixelBatch, candidates: PixelBatch): Promise<Outputs> {
    return this.#ask(originals, fingerprint(candidates.data), (out) => this.#project(originals, candidates, out));
  }

  async predictImages(images: PixelBatch): Promise<Outputs> {
    return this.#ask(images, fingerprint(images.data), (out) => quantiseImages(images, out), "surrogate");
  }

  async gradients(originals: PixelBatch, candidates: PixelBatch): Promise<MarginGradients> {
    const { classIndex, threshold } = this.options;
    const fill = (out: PixelBatch) => this.#project(originals, candidates, out);
    const question = this.#question(originals, fingerprint(candidates.data), fill, "search");
    const { outputs, data } = await this.#asking.gradients(question, classIndex);
    return { margins: marginOf(outputs, classIndex, threshold), data };
  }

  #project(originals: PixelBatch, candidates: PixelBatch, out: PixelBatch): void {
    const strength = this.#strength();
    projectCandidates(originals, candidates, strength, out);
    assertWithin(originals, out, strength);
  }

  #strength(): Strength {
    if (this.options.strength === null) throw new Error("a defense asked about perturbed images");
    return this.options.strength;
  }

  #ask(images: PixelBatch, guard: number, fill: Question["fill"], purpose: QueryPurpose = "search"): Promise<Outputs> {
    return this.#asking.ask(this.#question(images, guard, fill, purpose));
  }

  /** Books the images before they are asked about. */
  #question(images: PixelBatch, guard: number, fill: Question["fill"], purpose: QueryPurpose): Question {
    if (images.count > this.queriesLeft) {
      throw new Error(`a search asked for ${images.count} queries with ${this.queriesLeft} left`);
    }
    this.#used += images.count;
    return { images, guard, fill, purpose };
  }
}
