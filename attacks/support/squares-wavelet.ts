import type { ImageGeometry } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";
import { type Coefficients2d, ORIENTATIONS, Wavelet2d } from "../../src/wavelet/dwt2d.js";
import type { FilterBank } from "../../src/wavelet/filters.js";
import { drawPlace, type Place, type SquareMoves } from "./squares.js";

/** A detail band of one channel, in the vector of all details of one image. */
interface DetailPlane {
  readonly offset: number;
  readonly rows: number;
  readonly columns: number;
  /** 1 is the finest. */
  readonly level: number;
}

/** The details of all images' perturbations: one transform and its memory serve every image of a batch. */
export class DetailCanvas {
  readonly length: number;
  /** Of one channel, coarsest first, three to a level. */
  readonly planes: readonly DetailPlane[];
  readonly #perChannel: number;
  readonly #plan: Wavelet2d;
  readonly #coefficients: Coefficients2d;
  readonly #image: Float64Array;

  constructor(
    readonly geometry: ImageGeometry,
    readonly levels: number,
    bank: FilterBank,
  ) {
    const { channels, height, width } = geometry;
    this.#plan = new Wavelet2d(height, width, levels, bank);
    this.#coefficients = this.#plan.createCoefficients();
    this.#image = new Float64Array(height * width);
    let offset = 0;
    const planes: DetailPlane[] = [];
    for (const [index, bands] of this.#coefficients.details.entries()) {
      for (const orientation of ORIENTATIONS) {
        const { rows, columns, values } = bands[orientation];
        planes.push({ offset, rows, columns, level: levels - index });
        offset += values.length;
      }
    }
    this.planes = planes;
    this.#perChannel = offset;
    this.length = channels * offset;
  }

  offset(channel: number, plane: DetailPlane): number {
    return channel * this.#perChannel + plane.offset;
  }

  /** The perturbation whose details these are, with no approximation. */
  synthesise(details: Float32Array, out: Float32Array): void {
    const size = this.#image.length;
    for (let channel = 0; channel < this.geometry.channels; channel++) {
      this.#coefficients.approximation.values.fill(0);
      let at = channel * this.#perChannel;
      for (const bands of this.#coefficients.details) {
        for (const orientation of ORIENTATIONS) {
          const { values } = bands[orientation];
          values.set(details.subarray(at, at + values.length));
          at += values.length;
        }
      }
      out.set(this.#plan.inverse(this.#coefficients, this.#image), channel * size);
    }
  }
}

/**
 * Squares of detail coefficients. A square lies in a random band of a random level and is as large as its pixels there:
 * side / 2^level coefficients. Its coefficients become ±2^level · amplitude, which for haar are squares of ±amplitude in
 * pixels. L∞: the base cuts the sum of all bands off at ε. L2: the whole is scaled to the norm ε.
 */
export class DetailSquares implements SquareMoves {
  readonly length: number;
  #plane: DetailPlane;
  #place: Place = { row: 0, column: 0, side: 1 };
  readonly #signs: Int8Array;

  constructor(
    readonly original: Float32Array,
    readonly canvas: DetailCanvas,
    readonly amplitude: number,
    /** Norm that the perturbation is scaled to; null leaves it as it is. */
    readonly radius: number | null,
    readonly random: Random,
  ) {
    this.length = canvas.length;
    this.#signs = new Int8Array(canvas.geometry.channels);
    this.#plane = canvas.planes[0] as DetailPlane;
  }

  /** Stripes: the finest vertical band, one sign to a column of coefficients. */
  start(details: Float32Array): void {
    details.fill(0);
    const plane = this.canvas.planes.at(-2) as DetailPlane;
    for (let channel = 0; channel < this.#signs.length; channel++) {
      const offset = this.canvas.offset(channel, plane);
      for (let column = 0; column < plane.columns; column++) {
        const value = this.random.sign() * 2 * this.amplitude;
        for (let row = 0; row < plane.rows; row++) details[offset + row * plane.columns + column] = value;
      }
    }
  }

  draw(side: number): void {
    const { canvas, random } = this;
    this.#plane = canvas.planes[random.integer(canvas.planes.length)] as DetailPlane;
    const { columns, level, rows } = this.#plane;
    this.#place = drawPlace(random, rows, columns, Math.round(side / 2 ** level));
    for (let channel = 0; channel < this.#signs.length; channel++) this.#signs[channel] = random.sign();
  }

  set(details: Float32Array, turn: 1 | -1): number {
    const { columns, level } = this.#plane;
    const { row, column, side } = this.#place;
    let changed = 0;
    for (let channel = 0; channel < this.#signs.length; channel++) {
      const value = Math.fround(turn * (this.#signs[channel] as number) * this.amplitude * 2 ** level);
      for (let r = row; r < row + side; r++) {
        const from = this.canvas.offset(channel, this.#plane) + r * columns + column;
        for (let i = from; i < from + side; i++) {
          if (details[i] !== value) changed++;
          details[i] = value;
        }
      }
    }
    return changed / (this.#signs.length * side * side);
  }

  render(details: Float32Array, out: Float32Array): void {
    this.canvas.synthesise(details, out);
    let scale = 1;
    if (this.radius !== null) {
      const norm = Math.sqrt(out.reduce((sum, value) => sum + value ** 2, 0));
      scale = norm > 0 ? this.radius / norm : 0;
    }
    for (let i = 0; i < out.length; i++) out[i] = (this.original[i] as number) + scale * (out[i] as number);
  }
}
