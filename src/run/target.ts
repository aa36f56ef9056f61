import { crc32 } from "node:zlib";
import type { AttackTarget, MarginGradients, Strength } from "../core/attack.js";
import type { Outputs, QueryPurpose } from "../core/model.js";
import { createBatch, imageSize, type PixelBatch } from "../core/pixels.js";
import { addUniversal, assertWithin, projectCandidates, quantiseImages, quantiseUniversal } from "../image/budget.js";
import type { Journal, JournalEntry } from "./journal.js";
import type { QueryLedger } from "./ledger.js";
import type { PlannedDefense } from "./plan.js";
import { applyDefense } from "./transform.js";

export interface TargetOptions {
  readonly ledger: QueryLedger;
  readonly strength: Strength;
  /** The defense inside the attacker's query loop, for adaptive attackers. */
  readonly defense: PlannedDefense | null;
  readonly budget: number;
  /** Answers of an interrupted search: the same questions are answered from it, in the same order. */
  readonly journal: Journal;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * The model as an attack meets it. The attack's questions go in as wishes; what is scored is the wish projected to ε,
 * clipped, quantised and, for adaptive attackers, defended. Every image costs one query of the budget, and every
 * answer is written down, so that an interrupted search goes on where it stopped: a search is a function of its
 * answers, so replaying them brings it back to the same point.
 */
export class MeteredTarget implements AttackTarget {
  #used = 0;
  #calls = 0;
  readonly #known: ReadonlyMap<number, JournalEntry>;
  readonly #free: Float32Array[] = [];

  constructor(readonly options: TargetOptions) {
    this.#known = new Map(options.journal.entries.map((entry) => [entry.index, entry]));
  }

  get queriesUsed(): number {
    return this.#used;
  }

  get queriesLeft(): number {
    return this.options.budget - this.#used;
  }

  predictUniversal(images: PixelBatch, perturbation: Float32Array): Promise<Outputs> {
    const quantised = quantiseUniversal(perturbation, this.options.strength, new Float32Array(perturbation.length));
    return this.#ask(images, fingerprint(quantised), (out) => addUniversal(images, quantised, out));
  }

  predictCandidates(originals: PixelBatch, candidates: PixelBatch): Promise<Outputs> {
    return this.#ask(originals, fingerprint(candidates.data), (out) => {
      projectCandidates(originals, candidates, this.options.strength, out);
      assertWithin(originals, out, this.options.strength);
    });
  }

  predictImages(images: PixelBatch): Promise<Outputs> {
    return this.#ask(images, fingerprint(images.data), (out) => quantiseImages(images, out), "surrogate");
  }

  async gradients(): Promise<MarginGradients> {
    throw new Error("no gradient");
  }

  async #ask(
    images: PixelBatch,
    guard: number,
    fill: (out: PixelBatch) => void,
    purpose: QueryPurpose = "search",
  ): Promise<Outputs> {
    const { budget, journal, signal } = this.options;
    signal?.throwIfAborted();
    if (this.#used + images.count > budget) {
      throw new Error(`an attack asked for ${images.count} queries with ${this.queriesLeft} left`);
    }
    this.#used += images.count;
    const call = this.#calls++;
    const known = this.#recall(call, guard, images.count, purpose);
    if (known !== null) return known;
    const outputs = await this.#score(images, fill, call, purpose);
    journal.append({ index: call, guard, bytes: new Uint8Array(outputs.values.buffer) });
    return outputs;
  }

  /** The journal's answer to this call, where there is one and it answered the same question. */
  #recall(call: number, guard: number, count: number, purpose: QueryPurpose): Outputs | null {
    const { ledger } = this.options;
    const classes = ledger.model.meta.classes;
    const entry = this.#known.get(call);
    if (entry === undefined || entry.guard !== guard || entry.bytes.length !== count * classes.length * 8) return null;
    ledger.recall(count, purpose);
    return { count, classes, values: new Float64Array(entry.bytes.buffer, 0, count * classes.length) };
  }

  async #score(
    images: PixelBatch,
    fill: (out: PixelBatch) => void,
    call: number,
    purpose: QueryPurpose,
  ): Promise<Outputs> {
    const { defense, ledger, seed } = this.options;
    const length = images.count * imageSize(images);
    const buffer = this.#free.pop();
    const out: PixelBatch = buffer?.length === length ? { ...images, data: buffer } : createBatch(images, images.count);
    fill(out);
    const keys = defense?.plugin.meta.random
      ? Array.from({ length: images.count }, (_, image) => `${call}/${image}`)
      : [];
    const seen = defense === null ? out : await applyDefense(defense, out, keys, seed);
    const outputs = await ledger.predict(seen, purpose);
    this.#free.push(out.data);
    return outputs;
  }
}

function fingerprint(values: Float32Array): number {
  return crc32(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
