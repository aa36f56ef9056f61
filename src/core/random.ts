import { createHash } from "node:crypto";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";

/** A seeded stream of random numbers. One stream serves one purpose; fork it for another. */
export interface Random {
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
  /** Standard normal (Marsaglia's polar method, 1964). */
  normal(): number;
  /** +1 or -1 with equal probability. */
  sign(): 1 | -1;
  /** A fresh random order of 0 … count - 1 (Fisher and Yates). */
  permutation(count: number): Uint32Array;
  /**
   * Draws so many uniform integers in [0, bound) with replacement and counts how often each came:
   * counts[first + value] grows by one for each. bound <= 2^21.
   */
  tally(draws: number, bound: number, counts: Uint32Array, first: number): void;
  /** An independent stream that depends on this stream's key and the further key alone, not on what was drawn. */
  fork(...key: RandomKey): Random;
}

const TWO_TO_32 = 2 ** 32;

export type RandomKey = readonly (string | number)[];

/**
 * The stream of a key, such as (seed, sample id, operation). Equal keys give equal streams on every machine and in
 * every order of calls; different keys give streams that are unrelated (the state is SHA-256 of the key).
 */
export function randomFrom(...key: RandomKey): Random {
  const digest = createHash("sha256").update(JSON.stringify(key)).digest();
  const state = [0, 4, 8, 12].map((offset) => digest.readInt32LE(offset));
  const generator = xoroshiro128plusFromState(state);
  let spare: number | null = null;

  const uniform = (): number => uniformFloat64(generator);
  const integer = (bound: number): number => uniformInt(generator, 0, bound - 1);
  return {
    uniform,
    integer,
    normal() {
      if (spare !== null) {
        const value = spare;
        spare = null;
        return value;
      }
      for (;;) {
        const u = 2 * uniform() - 1;
        const v = 2 * uniform() - 1;
        const s = u * u + v * v;
        if (s >= 1 || s === 0) continue;
        const scale = Math.sqrt((-2 * Math.log(s)) / s);
        spare = v * scale;
        return u * scale;
      }
    },
    sign: () => (generator.next() < 0 ? -1 : 1),
    permutation(count) {
      const order = Uint32Array.from({ length: count }, (_, index) => index);
      for (let last = count - 1; last > 0; last--) {
        const other = integer(last + 1);
        const kept = order[last] as number;
        order[last] = order[other] as number;
        order[other] = kept;
      }
      return order;
    },
    tally(draws, bound, counts, first) {
      // Lemire's multiply and shift (ACM TOMACS 29 (2019) 3): the product's high word is the integer; the few low words
      // that would favour some integers are drawn again. Products stay below 2^53 and are exact.
      const tooLow = TWO_TO_32 % bound;
      for (let left = draws; left > 0; ) {
        const product = (generator.next() >>> 0) * bound;
        const value = (product / TWO_TO_32) | 0; // below the bound, so that it fits a 32-bit integer
        if (product - value * TWO_TO_32 < tooLow) continue;
        counts[first + value] = (counts[first + value] as number) + 1;
        left--;
      }
    },
    fork: (...further) => randomFrom(...key, ...further),
  };
}
