import type { BoundaryMode } from "./boundary.js";
import type { FilterBank } from "./filters.js";
import { Pyramid, product } from "./pyramid.js";
import type { RealArray } from "./sums.js";

export { bandLength } from "./axis.js";
export type { RealArray } from "./sums.js";

/** A multi-level transform of a line: as `pywt.wavedec` has them, details coarsest first. */
export interface Coefficients1d {
  readonly approximation: Float64Array;
  readonly details: readonly Float64Array[];
}

/** A plan of the multi-level transform for signals of one length. Not for use by two callers at once. */
export class Wavelet1d {
  readonly #pyramid: Pyramid;

  /** @throws RangeError unless length and levels are integers above 0 (levels may be 0). */
  constructor(
    readonly length: number,
    readonly levels: number,
    readonly bank: FilterBank,
    readonly mode: BoundaryMode = "periodization",
  ) {
    this.#pyramid = new Pyramid({ length }, levels, bank, mode);
  }

  /** Coefficients of this plan's shape, all zero. */
  createCoefficients(): Coefficients1d {
    const band = (level: number) => new Float64Array(product(this.#pyramid.bandShape(level)));
    const details = Array.from({ length: this.levels }, (_, fromCoarsest) => band(this.levels - fromCoarsest));
    return { approximation: band(this.levels), details };
  }

  /** Transforms `signal` into `coefficients`, which must be of this plan's shape and share no memory with it. */
  forward(signal: RealArray, coefficients: Coefficients1d): Coefficients1d {
    this.#pyramid.forward(signal, coefficients.approximation, bandsOf(coefficients));
    return coefficients;
  }

  /** Transforms `coefficients` back into `signal`. */
  inverse<Signal extends RealArray>(coefficients: Coefficients1d, signal: Signal): Signal {
    this.#pyramid.inverse(coefficients.approximation, bandsOf(coefficients), signal);
    return signal;
  }
}

function bandsOf({ details }: Coefficients1d): Float64Array[][] {
  return details.map((band) => [band]);
}
