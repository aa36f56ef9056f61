/**
 * SimBA: one orthonormal direction after the other is added to the image, or taken away, where the model's score then
 * moves towards the other decision. Directions are the cosines of the whole image, lowest frequencies first drawn at
 * random, or single pixels.
 *
 * After Guo, Gardner, You, Wilson, Weinberger, ICML 2019. Threat model: scores of the very image that is attacked. Cost:
 * one query for the image itself, then one or two for a direction, and none once the decision has flipped.
 */
import { z } from "zod";
import { defineAttack, type Strength } from "../src/core/attack.js";
import { type ImageGeometry, sliceBatch } from "../src/core/pixels.js";
import type { Random } from "../src/core/random.js";
import { CosineBasis } from "../src/image/cosine-basis.js";
import { greyLevels } from "../src/image/budget.js";
import { type ImageSearch, searchInLockstep } from "./support/lockstep.js";

const parameters = z.strictObject({
  basis: z.enum(["dct", "pixel"]).default("dct").describe("Directions: cosines of the whole image, or single pixels."),
  frequencies: z
    .number()
    .positive()
    .max(1)
    .default(0.125)
    .describe("Share of frequencies per axis that is drawn from."),
  step: z.number().positive().max(1).default(0.5).describe("Size of one direction, as a share of ε, in the norm."),
});

type Parameters = z.infer<typeof parameters>;

export default defineAttack({
  meta: {
    id: "simba-dct",
    title: "SimBA in the cosine domain",
    summary:
      "Adds or takes away one faint wave pattern after the other in each image, and keeps those that bring the model's score nearer to the other decision.",
    knowledge: "scores",
    universal: false,
    domain: "dct",
    perImage: "within-epsilon",
    defaultQueries: 500,
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    parameters,
    references: ["Guo et al., Simple black-box adversarial attacks, ICML 2019, arXiv:1905.07121"],
  },

  async apply(batch, { oracle, parameters, strength, geometry, randomOf }) {
    if (oracle === null) throw new Error("simba-dct was applied without an oracle");
    if (strength.kind !== "epsilon") throw new Error("simba-dct goes by epsilon");
    if (strength.norm === "linf" && greyLevels(strength.stored) === 0) return { ...batch, data: batch.data.slice() };
    const basis = parameters.basis === "dct" ? new CosineBasis(geometry.height, geometry.width) : null;
    const searches = Array.from({ length: batch.count }, (_, image) => {
      const original = sliceBatch(batch, image, image + 1).data;
      return new Simba(original, geometry, strength, parameters, basis, randomOf(image));
    });
    return searchInLockstep(batch, oracle, searches);
  },
});

type EpsilonStrength = Extract<Strength, { kind: "epsilon" }>;

/** Algorithm 1 of the paper, for one image. δ is kept in the ball; its rounding to grey levels is the base's. */
class Simba implements ImageSearch {
  readonly #rows: number;
  readonly #columns: number;
  /** Directions in the order in which they are tried: none twice. */
  readonly #order: Uint32Array;
  readonly #direction: Float32Array;
  readonly #delta: Float32Array;
  readonly #trial: Float32Array;
  #least = Number.POSITIVE_INFINITY;
  #next = 0;
  /** The sign that was tried last; 0 for the image itself. */
  #sign: 1 | 0 | -1 = 0;
  #helped = false;

  constructor(
    readonly original: Float32Array,
    readonly geometry: ImageGeometry,
    readonly strength: EpsilonStrength,
    readonly parameters: Parameters,
    readonly basis: CosineBasis | null,
    random: Random,
  ) {
    const share = basis === null ? 1 : parameters.frequencies;
    this.#rows = Math.max(1, Math.round(share * geometry.height));
    this.#columns = Math.max(1, Math.round(share * geometry.width));
    this.#order = random.permutation(geometry.channels * this.#rows * this.#columns);
    this.#direction = new Float32Array(geometry.height * geometry.width);
    this.#delta = new Float32Array(original.length);
    this.#trial = new Float32Array(original.length);
  }

  propose(out: Float32Array): boolean {
    if (this.#least < Number.POSITIVE_INFINITY && !this.#advance()) return false;
    for (let i = 0; i < out.length; i++) out[i] = (this.original[i] as number) + (this.#trial[i] as number);
    return true;
  }

  learn(loss: number): void {
    this.#helped = loss < this.#least;
    if (!this.#helped) return;
    this.#least = loss;
    this.#delta.set(this.#trial);
  }

  /** The other sign of a direction that did not help, or else the next direction. False where none is left. */
  #advance(): boolean {
    if (this.#sign === 1 && !this.#helped) this.#sign = -1;
    else {
      const index = this.#order[this.#next++];
      if (index === undefined) return false;
      this.#fill(index);
      this.#sign = 1;
    }
    const channel = this.#channelOf(this.#order[this.#next - 1] as number);
    this.#trial.set(this.#delta);
    const from = channel * this.#direction.length;
    for (let i = 0; i < this.#direction.length; i++) {
      this.#trial[from + i] = (this.#trial[from + i] as number) + this.#sign * (this.#direction[i] as number);
    }
    this.#project();
    return true;
  }

  #channelOf(index: number): number {
    return Math.floor(index / (this.#rows * this.#columns));
  }

  /** One direction, `step` · ε long in the norm: its largest value (L∞) or its energy (L2). */
  #fill(index: number): void {
    const { norm, stored } = this.strength;
    const within = index % (this.#rows * this.#columns);
    const row = Math.floor(within / this.#columns);
    const column = within % this.#columns;
    this.#direction.fill(0);
    if (this.basis === null) this.#direction[within] = 1;
    else this.basis.fill(row, column, this.#direction);
    const largest = norm === "l2" ? 1 : this.#direction.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scale = (this.parameters.step * stored) / largest;
    for (let i = 0; i < this.#direction.length; i++) this.#direction[i] = scale * (this.#direction[i] as number);
  }

  #project(): void {
    const { norm, stored } = this.strength;
    const { maxValue } = this.geometry;
    const trial = this.#trial;
    const length = norm === "l2" ? Math.sqrt(trial.reduce((sum, value) => sum + value ** 2, 0)) : 0;
    const scale = length > stored ? stored / length : 1;
    const bound = norm === "linf" ? greyLevels(stored) : Number.POSITIVE_INFINITY;
    for (let i = 0; i < trial.length; i++) {
      const original = this.original[i] as number;
      const lowest = Math.max(-bound, -original);
      const highest = Math.min(bound, maxValue - original);
      trial[i] = Math.max(lowest, Math.min(highest, scale * (trial[i] as number)));
    }
  }
}
