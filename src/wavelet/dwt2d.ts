import type { BoundaryMode } from "./boundary.js";
import type { FilterBank } from "./filters.js";
import { Pyramid } from "./pyramid.js";
import type { RealArray } from "./sums.js";

/** One band of coefficients, row by row. */
export interface Band {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

/**
 * The detail bands of one level, named as in PyWavelets: `horizontal` (cH) is high-pass down the columns and so
 * answers to horizontal edges, `vertical` (cV) is high-pass along the rows, `diagonal` (cD) both.
 */
export interface DetailBands {
  readonly horizontal: Band;
  readonly vertical: Band;
  readonly diagonal: Band;
}

export const ORIENTATIONS = ["horizontal", "vertical", "diagonal"] as const satisfies readonly (keyof DetailBands)[];

/** A multi-level transform: the coarsest approximation and, as `pywt.wavedec2` has them, details coarsest first. */
export interface Coefficients2d {
  readonly approximation: Band;
  readonly details: readonly DetailBands[];
}

/**
 * A plan of the multi-level 2-D transform for images of one size: it holds the scratch memory, so that `forward` and
 * `inverse` allocate no image-sized array. Any size, odd ones included. Not for use by two callers at once.
 */
export class Wavelet2d {
  readonly #pyramid: Pyramid;

  /** @throws RangeError unless rows, columns and levels are integers above 0 (levels may be 0). */
  constructor(
    readonly rows: number,
    readonly columns: number,
    readonly levels: number,
    readonly bank: FilterBank,
    readonly mode: BoundaryMode = "periodization",
  ) {
    this.#pyramid = new Pyramid({ rows, columns }, levels, bank, mode);
  }

  /** Coefficients of this plan's shape, all zero. */
  createCoefficients(): Coefficients2d {
    const band = (level: number): Band => {
      const [rows, columns] = this.#pyramid.bandShape(level) as [number, number];
      return { rows, columns, values: new Float64Array(rows * columns) };
    };
    const details: DetailBands[] = [];
    for (let level = this.levels; level > 0; level--) {
      details.push({ horizontal: band(level), vertical: band(level), diagonal: band(level) });
    }
    return { approximation: band(this.levels), details };
  }

  /**
   * Transforms `image` (rows × columns) into `coefficients`, which must be of this plan's shape and share no memory
   * with it.
   */
  forward(image: RealArray, coefficients: Coefficients2d): Coefficients2d {
    this.#pyramid.forward(image, coefficients.approximation.values, bandsOf(coefficients));
    return coefficients;
  }

  /** Transforms `coefficients` back into `image` (rows × columns). */
  inverse<Image extends RealArray>(coefficients: Coefficients2d, image: Image): Image {
    this.#pyramid.inverse(coefficients.approximation.values, bandsOf(coefficients), image);
    return image;
  }
}

/** In the order of `Separable`: ad, da, dd. */
function bandsOf({ details }: Coefficients2d): Float64Array[][] {
  return details.map(({ horizontal, vertical, diagonal }) => [vertical.values, horizontal.values, diagonal.values]);
}

/** `pywt.wavedec2(image, wavelet, mode, levels)`. Plans of their own serve many images faster. */
export function wavedec2(
  image: RealArray,
  rows: number,
  columns: number,
  bank: FilterBank,
  levels: number,
  mode: BoundaryMode = "periodization",
): Coefficients2d {
  const plan = new Wavelet2d(rows, columns, levels, bank, mode);
  return plan.forward(image, plan.createCoefficients());
}

/** The inverse of `wavedec2`. */
export function waverec2(
  coefficients: Coefficients2d,
  rows: number,
  columns: number,
  bank: FilterBank,
  mode: BoundaryMode = "periodization",
): Float64Array {
  const plan = new Wavelet2d(rows, columns, coefficients.details.length, bank, mode);
  return plan.inverse(coefficients, new Float64Array(rows * columns));
}

/** Sum of squares of a band or an image. For an orthonormal transform of even sizes, bands add up to the image. */
export function energy(values: RealArray): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  return sum;
}
