/*
 * Decision-based attacks are written for one image, as in their papers, and run for all images of a batch at once: each
 * image's search is a generator that yields what it wants to know and is resumed with the answers. What the images ask at
 * the same time goes to the model together. No search sees another one, so that nothing depends on how batches are cut.
 */
import type { ApplyContext, ImageOracle } from "../../src/core/attack.js";
import type { Norm } from "../../src/core/condition.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch, sliceBatch } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";

// Looked up once, not once a pixel: a sandbox (jest's) makes every look at a global dear.
const { abs, floor, max, min, sqrt } = Math;

/** Values of all candidates of one call at most (32 MiB), and candidates at most: bounds memory, not what is asked. */
const VALUES_PER_CALL = 2 ** 23;
const CANDIDATES_PER_CALL = 128;

/** What one image wants to know: candidates, written where they are asked from, and read there once they are answered. */
export interface Questions {
  readonly count: number;
  /** Writes candidate `index`: values of any size; they are clipped and rounded before anyone sees them. */
  write(index: number, candidate: Float32Array): void;
  /** Sees candidate `index` as it was asked, in whole stored values, and whether its decision differs. */
  read?(index: number, candidate: Float32Array, flipped: boolean): void;
}

/** A part of a search; it is resumed with 1 for every candidate whose decision differs from the original's. */
export type Search<Result = void> = Generator<Questions, Result, Uint8Array>;

/** One image as its search knows it. */
export interface SearchedImage {
  readonly original: Float32Array;
  readonly geometry: ImageGeometry;
  readonly norm: Norm;
  readonly random: Random;
  /** Queries that the image may still cost. */
  left(): number;
  /** Distance of the nearest flipped image so far, in stored values; infinite where there is none. */
  nearest(): number;
}

/**
 * Runs the search of every image and returns the nearest image of each whose decision the model has said to be flipped.
 * Where there is none, that is the original: no success is claimed that was not seen.
 */
export async function searchTogether(
  batch: PixelBatch,
  { geometry, oracle, randomOf, strength }: ApplyContext<unknown>,
  search: (image: SearchedImage) => Search,
): Promise<PixelBatch> {
  if (oracle === null || strength.kind !== "epsilon") throw new Error("a search needs an oracle and a norm");
  const best = { ...batch, data: batch.data.slice() };
  const chases = Array.from({ length: batch.count }, (_, image) => {
    const original = sliceBatch(batch, image, image + 1).data;
    return new Chase(image, original, sliceBatch(best, image, image + 1).data, geometry, strength.norm, oracle, {
      random: randomOf(image),
      search,
    });
  });
  const most = max(1, min(CANDIDATES_PER_CALL, floor(VALUES_PER_CALL / imageSize(geometry))));
  const buffer = createBatch(geometry, most);
  for (;;) {
    const asking = chases.filter((chase) => chase.pending !== null);
    if (asking.length === 0) return best;
    await askAll(asking, oracle, buffer);
    for (const chase of asking) chase.resume();
  }
}

/** Puts the open questions of all images to the model, as many candidates at a time as the buffer holds. */
async function askAll(asking: readonly Chase[], oracle: ImageOracle, buffer: PixelBatch): Promise<void> {
  const owners: { chase: Chase; index: number }[] = [];
  const flush = async () => {
    const images = owners.map(({ chase }) => chase.index);
    const decisions = await oracle.decisions(images, sliceBatch(buffer, 0, owners.length), "anywhere");
    for (const [k, { chase, index }] of owners.entries()) {
      chase.hear(index, sliceBatch(buffer, k, k + 1).data, decisions[k] as number);
    }
    owners.length = 0;
  };
  for (const chase of asking) {
    const questions = chase.pending;
    for (let index = 0; questions !== null && index < questions.count; index++) {
      const candidate = sliceBatch(buffer, owners.length, owners.length + 1).data;
      questions.write(index, candidate);
      quantise(candidate, chase.thresholds, buffer.maxValue);
      owners.push({ chase, index });
      if (owners.length === buffer.count) await flush();
    }
  }
  if (owners.length > 0) await flush();
}

/**
 * Whole stored values within the window, by the image's own thresholds: a value between two grey levels becomes the upper
 * one in as many pixels as its fraction says. Rounding to nearest would leave perturbations of less than half a grey level
 * without any effect, and would move all pixels of an L∞ cube at once.
 */
function quantise(candidate: Float32Array, thresholds: Float32Array, maxValue: number): void {
  for (let i = 0; i < candidate.length; i++) {
    candidate[i] = max(0, min(maxValue, floor((candidate[i] as number) + (thresholds[i] as number))));
  }
}

/** The search of one image: its generator, its open questions and the nearest flip that was seen. */
class Chase implements SearchedImage {
  readonly random: Random;
  /** Each pixel's threshold of rounding, uniform in [0, 1). */
  readonly thresholds: Float32Array;
  pending: Questions | null = null;
  readonly #search: Search;
  #answers = new Uint8Array(0);
  #nearest = Number.POSITIVE_INFINITY;

  constructor(
    readonly index: number,
    readonly original: Float32Array,
    readonly best: Float32Array,
    readonly geometry: ImageGeometry,
    readonly norm: Norm,
    readonly oracle: ImageOracle,
    { random, search }: { readonly random: Random; readonly search: (image: SearchedImage) => Search },
  ) {
    this.random = random;
    const rounding = random.fork("rounding");
    this.thresholds = original.map(() => rounding.uniform());
    this.#search = search(this);
    this.resume();
  }

  left(): number {
    return this.oracle.queriesLeft(this.index);
  }

  nearest(): number {
    return this.#nearest;
  }

  /** Goes on with the search up to its next question that asks anything. */
  resume(): void {
    do {
      const step = this.#search.next(this.#answers);
      this.pending = step.done === true ? null : step.value;
      this.#answers = new Uint8Array(this.pending?.count ?? 0);
    } while (this.pending?.count === 0);
  }

  hear(index: number, candidate: Float32Array, decision: number): void {
    const flipped = decision !== this.oracle.cleanDecisions[this.index];
    this.#answers[index] = flipped ? 1 : 0;
    if (flipped) this.#offer(candidate);
    this.pending?.read?.(index, candidate, flipped);
  }

  #offer(candidate: Float32Array): void {
    const length = distance(this.original, candidate, this.norm);
    if (length >= this.#nearest) return;
    this.#nearest = length;
    this.best.set(candidate);
  }
}

/** Distance of two images in stored values. */
export function distance(a: Float32Array, b: Float32Array, norm: Norm): number {
  let largest = 0;
  let squares = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = abs((a[i] as number) - (b[i] as number));
    if (difference > largest) largest = difference;
    squares += difference * difference;
  }
  return norm === "linf" ? largest : sqrt(squares);
}
