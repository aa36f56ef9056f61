import type { BoundaryMode } from "./boundary.js";
import type { FilterBank } from "./filters.js";
import { type Separable, separable } from "./separable.js";
import type { RealArray } from "./sums.js";

/**
 * The multi-level transform in any number of dimensions: each level transforms the approximation of the one before.
 * It holds the scratch memory, the approximations between the levels included. `Wavelet1d`, `Wavelet2d` and
 * `Wavelet3d` give the bands their names.
 */
export class Pyramid {
  readonly size: number;
  /** Level 1 first. */
  readonly #levels: readonly Separable[];
  /** The approximations of all levels but the last. */
  readonly #between: readonly Float64Array[];

  /** @throws RangeError unless all sides are integers above 0, and `levels` is an integer of at least 0. */
  constructor(
    readonly shape: Readonly<Record<string, number>>,
    levels: number,
    bank: FilterBank,
    mode: BoundaryMode,
  ) {
    for (const [name, side] of Object.entries(shape)) checkInteger(name, side, 1);
    checkInteger("levels", levels, 0);
    let sides: readonly number[] = Object.values(shape);
    this.size = product(sides);
    const plans: Separable[] = [];
    for (let level = 0; level < levels; level++) {
      const plan = separable(sides, bank, mode);
      plans.push(plan);
      sides = plan.bandShape;
    }
    this.#levels = plans;
    this.#between = plans.slice(0, -1).map((plan) => new Float64Array(plan.bandSize));
  }

  /** Sides of the bands of level 1, 2, …; of the input at level 0. */
  bandShape(level: number): readonly number[] {
    return level === 0 ? Object.values(this.shape) : this.#level(level).bandShape;
  }

  /** `details` are a level's bands without the approximation, in the order of `Separable`; the coarsest level first. */
  forward(input: RealArray, approximation: Float64Array, details: readonly (readonly Float64Array[])[]): void {
    this.#check(input, approximation, details);
    const levels = this.#levels.length;
    if (levels === 0) approximation.set(input);
    let source = input;
    for (let level = 1; level <= levels; level++) {
      const target = level === levels ? approximation : (this.#between[level - 1] as Float64Array);
      const bands = details[levels - level] as readonly Float64Array[];
      this.#level(level).analyse(source, 0, [target, ...bands], 0);
      source = target;
    }
  }

  inverse(approximation: Float64Array, details: readonly (readonly Float64Array[])[], output: RealArray): void {
    this.#check(output, approximation, details);
    const levels = this.#levels.length;
    if (levels === 0) output.set(approximation);
    for (let level = levels; level > 0; level--) {
      const source = level === levels ? approximation : (this.#between[level - 1] as Float64Array);
      const target = level === 1 ? output : (this.#between[level - 2] as Float64Array);
      const bands = details[levels - level] as readonly Float64Array[];
      this.#level(level).synthesise([source, ...bands], 0, target, 0);
    }
  }

  #level(level: number): Separable {
    const plan = this.#levels[level - 1];
    if (plan === undefined) throw new RangeError(`no level ${level} in a transform of ${this.#levels.length}`);
    return plan;
  }

  #check(samples: RealArray, approximation: Float64Array, details: readonly (readonly Float64Array[])[]): void {
    const levels = this.#levels.length;
    checkLength("samples", samples, this.size);
    checkLength("approximation", approximation, product(this.bandShape(levels)));
    if (details.length !== levels) throw new RangeError(`Invalid details. Must have ${levels} levels.`);
    details.forEach((bands, index) => {
      const { bandSize } = this.#level(levels - index);
      for (const band of bands) checkLength("detail band", band, bandSize);
    });
  }
}

export function product(factors: readonly number[]): number {
  return factors.reduce((result, factor) => result * factor, 1);
}

function checkInteger(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`Invalid ${name}. Must be an integer of at least ${least}. Received ${value}.`);
  }
}

function checkLength(name: string, values: RealArray, length: number): void {
  if (values.length !== length) {
    throw new RangeError(`Invalid length of ${name}. Must be ${length}. Received ${values.length}.`);
  }
}
