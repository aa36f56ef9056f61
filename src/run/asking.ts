import { crc32 } from "node:zlib";
import { StepwedgeError } from "../core/errors.js";
import type { Outputs, QueryPurpose } from "../core/model.js";
import { createBatch, imageSize, type PixelBatch } from "../core/pixels.js";
import type { Journal, JournalEntry } from "./journal.js";
import type { QueryLedger } from "./ledger.js";
import { applyDefense, type ReadyDefense } from "./transform.js";

export interface AskingOptions {
  readonly ledger: QueryLedger;
  /** The defense inside the attacker's query loop, for adaptive attackers. */
  readonly defense: ReadyDefense | null;
  /** Answers of an interrupted search: the same questions are answered from it, in the same order. */
  readonly journal: Journal | null;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
}

/** One question: what the images are to become (`fill`), and a fingerprint of the wish that it was made from. */
export interface Question {
  /** Geometry and number of the images. */
  readonly images: PixelBatch;
  readonly guard: number;
  readonly purpose: QueryPurpose;
  /** Writes the images that the model shall see: within the budget, clipped, in whole stored values. */
  fill(out: PixelBatch): void;
}

/**
 * The one way by which attacks reach the model. What is asked is defended first, for adaptive attackers; behind a random
 * defense each answer is the mean over several draws (expectation over transformation, Athalye et al. 2018), and every
 * draw is a query. Every answer is written down, so that an interrupted search goes on where it stopped: a search is a
 * function of its answers, so replaying them brings it back to the same point.
 */
export class Asking {
  #calls = 0;
  readonly #known: ReadonlyMap<number, JournalEntry>;
  readonly #free: Float32Array[] = [];
  /** Queries that one answer about one image costs. */
  readonly draws: number;

  constructor(readonly options: AskingOptions) {
    this.#known = new Map((options.journal?.entries ?? []).map((entry) => [entry.index, entry]));
    this.draws = drawsOf(options.defense);
  }

  async ask(question: Question): Promise<Outputs> {
    const { journal, signal } = this.options;
    signal?.throwIfAborted();
    const call = this.#calls++;
    const known = this.#recall(call, question);
    if (known !== null) return known;
    const outputs = await this.#score(question, call);
    journal?.append({ index: call, guard: question.guard, bytes: new Uint8Array(outputs.values.buffer) });
    return outputs;
  }

  /**
   * Outputs and gradients at the images. Behind a defense the gradient at the defended image stands for the one at the
   * image itself (backward pass differentiable approximation with the identity, Athalye et al. 2018). Gradients are not
   * written down: an interrupted attack asks for them again.
   */
  async gradients(question: Question, classIndex: number): Promise<{ outputs: Outputs; data: Float32Array }> {
    const { ledger, signal } = this.options;
    signal?.throwIfAborted();
    const call = this.#calls++;
    const { images } = question;
    const out = createBatch(images, images.count);
    question.fill(out);
    const sums = new Float64Array(images.count * ledger.model.meta.classes.length);
    const data = new Float32Array(out.data.length);
    for (let draw = 0; draw < this.draws; draw++) {
      const seen = await this.#defended(out, call, draw);
      const answer = await ledger.gradient(seen, classIndex, question.purpose);
      for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (answer.outputs.values[i] as number);
      for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) + (answer.data[i] as number) / this.draws;
    }
    const { classes } = ledger.model.meta;
    return { outputs: { count: images.count, classes, values: sums.map((sum) => sum / this.draws) }, data };
  }

  /** The journal's answer to this call, where there is one and it answered the same question. */
  #recall(call: number, { guard, images, purpose }: Question): Outputs | null {
    const { ledger } = this.options;
    const { classes } = ledger.model.meta;
    const length = images.count * classes.length;
    const entry = this.#known.get(call);
    if (entry === undefined || entry.guard !== guard || entry.bytes.length !== length * 8) return null;
    ledger.recall(images.count * this.draws, purpose);
    return { count: images.count, classes, values: new Float64Array(entry.bytes.buffer, 0, length) };
  }

  async #score({ images, fill, purpose }: Question, call: number): Promise<Outputs> {
    const { ledger } = this.options;
    const length = images.count * imageSize(images);
    const buffer = this.#free.pop();
    const out: PixelBatch = buffer?.length === length ? { ...images, data: buffer } : createBatch(images, images.count);
    fill(out);
    const answers = await Promise.all(
      Array.from({ length: this.draws }, async (_, draw) =>
        ledger.predict(ofTheSame(images, await this.#defended(out, call, draw)), purpose),
      ),
    );
    this.#free.push(out.data);
    return meanOf(answers);
  }

  async #defended(images: PixelBatch, call: number, draw: number): Promise<PixelBatch> {
    const { defense, seed } = this.options;
    if (defense === null) return images;
    const keys = defense.plugin.meta.random
      ? Array.from({ length: images.count }, (_, image) => `${call}/${image}/${draw}`)
      : [];
    return applyDefense(defense, images, keys, seed);
  }
}

/** The images that are seen, as those of the samples that they were made from. */
export function ofTheSame({ subjects }: PixelBatch, seen: PixelBatch): PixelBatch {
  return subjects === undefined ? seen : { ...seen, subjects };
}

/** How many draws of a random defense make one answer; 1 where nothing is random. */
function drawsOf(defense: ReadyDefense | null): number {
  return defense?.plugin.meta.random === true ? (defense.entry.draws ?? 1) : 1;
}

function meanOf(answers: readonly Outputs[]): Outputs {
  const [first, ...others] = answers;
  if (first === undefined) throw new Error("a question was asked no time");
  if (others.length === 0) return first;
  const values = first.values.map(
    (value, index) => answers.reduce((sum, { values: one }) => sum + (one[index] ?? value), 0) / answers.length,
  );
  return { ...first, values };
}

/** A checksum of the wish: a replayed question must be the same question. */
export function fingerprint(values: Float32Array): number {
  return crc32(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** @throws StepwedgeError where an attack needs gradients and the model has none. */
export function requireGradients(ledger: QueryLedger, attack: string): void {
  if (ledger.model.gradient !== undefined) return;
  if (ledger.model.judge !== undefined) {
    throw new StepwedgeError(`${attack} needs gradients, which only classifiers are asked for`, {
      where: "attacks",
      remedy: "Choose an attack that asks for scores or decisions.",
    });
  }
  if (ledger.model.embed !== undefined) {
    throw new StepwedgeError(`${attack} needs gradients, and a head over an encoder gives none`, {
      where: "attacks",
      remedy: "Choose an attack that asks for scores or decisions.",
    });
  }
  throw new StepwedgeError(`${attack} needs gradients, and the "${ledger.model.meta.adapter}" adapter gives none`, {
    where: "attacks",
    remedy: "Give the model as a TensorFlow.js layers model (adapter: tfjs), or choose an attack that asks for scores.",
  });
}
