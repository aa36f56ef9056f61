import { analyseLines, bandLength, type RealArray, synthesiseLines } from "./dwt1d.js";
import type { FilterBank } from "./filters.js";

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
 * A plan of the multi-level 2-D transform (periodization) for images of one size: it holds the scratch memory, so that
 * `forward` and `inverse` allocate no image-sized array. Any size, odd ones included. Not for use by two callers at
 * once.
 */
export class Wavelet2d {
  readonly rows: number;
  readonly columns: number;
  readonly levels: number;
  readonly bank: FilterBank;
  /** Rows and columns of the approximation after 0, 1, … levels. */
  readonly #sizes: readonly { readonly rows: number; readonly columns: number }[];
  readonly #lowRows: Float64Array;
  readonly #highRows: Float64Array;
  /** The approximations between the first and the last level. */
  readonly #between: readonly Float64Array[];

  /** @throws RangeError unless rows, columns and levels are integers above 0 (levels may be 0). */
  constructor(rows: number, columns: number, levels: number, bank: FilterBank) {
    for (const [name, value, least] of [
      ["rows", rows, 1],
      ["columns", columns, 1],
      ["levels", levels, 0],
    ] as const) {
      if (!Number.isInteger(value) || value < least) {
        throw new RangeError(`Invalid ${name}. Must be an integer of at least ${least}. Received ${value}.`);
      }
    }
    this.rows = rows;
    this.columns = columns;
    this.levels = levels;
    this.bank = bank;
    const sizes = [{ rows, columns }];
    for (let level = 1; level <= levels; level++) {
      const last = sizes[level - 1] as { rows: number; columns: number };
      sizes.push({ rows: bandLength(last.rows), columns: bandLength(last.columns) });
    }
    this.#sizes = sizes;
    this.#lowRows = new Float64Array(bandLength(rows) * columns);
    this.#highRows = new Float64Array(bandLength(rows) * columns);
    this.#between = sizes.slice(1, -1).map((size) => new Float64Array(size.rows * size.columns));
  }

  /** Coefficients of this plan's shape, all zero. */
  createCoefficients(): Coefficients2d {
    const band = (level: number): Band => {
      const { rows, columns } = this.#size(level);
      return { rows, columns, values: new Float64Array(rows * columns) };
    };
    const details: DetailBands[] = [];
    for (let level = this.levels; level > 0; level--) {
      details.push({ horizontal: band(level), vertical: band(level), diagonal: band(level) });
    }
    return { approximation: band(this.levels), details };
  }

  /** Transforms `image` (rows × columns) into `coefficients`, which must be of this plan's shape. */
  forward(image: RealArray, coefficients: Coefficients2d): Coefficients2d {
    let input = image;
    for (let level = 1; level <= this.levels; level++) {
      const { rows, columns } = this.#size(level - 1);
      const half = bandLength(rows);
      const { horizontal, vertical, diagonal } = this.#details(coefficients, level);
      const approximation = this.#approximation(coefficients, level);
      const downColumns = { outer: 1, length: rows, inner: columns };
      const alongRows = { outer: half, length: columns, inner: 1 };
      analyseLines(input, downColumns, this.bank, this.#lowRows, this.#highRows);
      analyseLines(this.#lowRows, alongRows, this.bank, approximation, vertical.values);
      analyseLines(this.#highRows, alongRows, this.bank, horizontal.values, diagonal.values);
      input = approximation;
    }
    if (this.levels === 0) coefficients.approximation.values.set(image);
    return coefficients;
  }

  /** Transforms `coefficients` back into `image` (rows × columns). */
  inverse<Image extends RealArray>(coefficients: Coefficients2d, image: Image): Image {
    for (let level = this.levels; level > 0; level--) {
      const { rows, columns } = this.#size(level - 1);
      const half = bandLength(rows);
      const { horizontal, vertical, diagonal } = this.#details(coefficients, level);
      const approximation = this.#approximation(coefficients, level);
      const output = level === 1 ? image : this.#approximation(coefficients, level - 1);
      const downColumns = { outer: 1, length: rows, inner: columns };
      const alongRows = { outer: half, length: columns, inner: 1 };
      synthesiseLines(approximation, vertical.values, alongRows, this.bank, this.#lowRows);
      synthesiseLines(horizontal.values, diagonal.values, alongRows, this.bank, this.#highRows);
      synthesiseLines(this.#lowRows, this.#highRows, downColumns, this.bank, output);
    }
    if (this.levels === 0) image.set(coefficients.approximation.values);
    return image;
  }

  #size(level: number): { readonly rows: number; readonly columns: number } {
    const size = this.#sizes[level];
    if (size === undefined) throw new RangeError(`no level ${level} in a transform of ${this.levels}`);
    return size;
  }

  #details(coefficients: Coefficients2d, level: number): DetailBands {
    const bands = coefficients.details[this.levels - level];
    if (bands === undefined) throw new RangeError(`the coefficients have no level ${level}`);
    return bands;
  }

  /** Where the approximation of a level lives: the last in the coefficients, the others in scratch memory. */
  #approximation(coefficients: Coefficients2d, level: number): Float64Array {
    return level === this.levels ? coefficients.approximation.values : (this.#between[level - 1] as Float64Array);
  }
}

/** `pywt.wavedec2(image, wavelet, "periodization", levels)`. Plans of their own serve many images faster. */
export function wavedec2(
  image: RealArray,
  rows: number,
  columns: number,
  bank: FilterBank,
  levels: number,
): Coefficients2d {
  const plan = new Wavelet2d(rows, columns, levels, bank);
  return plan.forward(image, plan.createCoefficients());
}

/** The inverse of `wavedec2`. */
export function waverec2(coefficients: Coefficients2d, rows: number, columns: number, bank: FilterBank): Float64Array {
  const plan = new Wavelet2d(rows, columns, coefficients.details.length, bank);
  return plan.inverse(coefficients, new Float64Array(rows * columns));
}

/** Sum of squares of a band or an image. For an orthonormal transform of even sizes, bands add up to the image. */
export function energy(values: RealArray): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  return sum;
}
