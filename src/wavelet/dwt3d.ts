import type { BoundaryMode } from "./boundary.js";
import type { FilterBank } from "./filters.js";
import { Pyramid, product } from "./pyramid.js";
import type { RealArray } from "./sums.js";

/** One band of coefficients, slice by slice, row by row. */
export interface Band3d {
  readonly shape: readonly [slices: number, rows: number, columns: number];
  readonly values: Float64Array;
}

/** Detail bands of a volume as `pywt.dwtn` names them: low-pass (a) or high-pass (d) along slices, rows, columns. */
export const DETAILS_3D = ["aad", "ada", "add", "daa", "dad", "dda", "ddd"] as const;

export type DetailBands3d = Readonly<Record<(typeof DETAILS_3D)[number], Band3d>>;

/** A multi-level transform: as `pywt.wavedecn` has them, details coarsest first. */
export interface Coefficients3d {
  readonly approximation: Band3d;
  readonly details: readonly DetailBands3d[];
}

/** A plan of the multi-level 3-D transform for volumes of one size. Not for use by two callers at once. */
export class Wavelet3d {
  readonly #pyramid: Pyramid;

  /** @throws RangeError unless slices, rows, columns and levels are integers above 0 (levels may be 0). */
  constructor(
    readonly slices: number,
    readonly rows: number,
    readonly columns: number,
    readonly levels: number,
    readonly bank: FilterBank,
    readonly mode: BoundaryMode = "periodization",
  ) {
    this.#pyramid = new Pyramid({ slices, rows, columns }, levels, bank, mode);
  }

  /** Coefficients of this plan's shape, all zero. */
  createCoefficients(): Coefficients3d {
    const band = (level: number): Band3d => {
      const shape = this.#pyramid.bandShape(level) as [number, number, number];
      return { shape, values: new Float64Array(product(shape)) };
    };
    const details: DetailBands3d[] = [];
    for (let level = this.levels; level > 0; level--) {
      details.push(Object.fromEntries(DETAILS_3D.map((name) => [name, band(level)])) as DetailBands3d);
    }
    return { approximation: band(this.levels), details };
  }

  /**
   * Transforms `volume` (slices × rows × columns) into `coefficients`, which must be of this plan's shape and share no
   * memory with it.
   */
  forward(volume: RealArray, coefficients: Coefficients3d): Coefficients3d {
    this.#pyramid.forward(volume, coefficients.approximation.values, bandsOf(coefficients));
    return coefficients;
  }

  /** Transforms `coefficients` back into `volume` (slices × rows × columns). */
  inverse<Volume extends RealArray>(coefficients: Coefficients3d, volume: Volume): Volume {
    this.#pyramid.inverse(coefficients.approximation.values, bandsOf(coefficients), volume);
    return volume;
  }
}

function bandsOf({ details }: Coefficients3d): Float64Array[][] {
  return details.map((bands) => DETAILS_3D.map((name) => bands[name].values));
}
