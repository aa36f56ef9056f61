import { type ImageGeometry, imageSize } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";

/**
 * The images made of the lowest frequencies of the discrete cosine transform (DCT-II, orthonormal) over the whole image,
 * channel by channel: rows × columns frequencies of each channel.
 */
export class CosineSpace {
  readonly dimension: number;
  readonly #rows: Float64Array;
  readonly #columns: Float64Array;
  readonly #coefficients: Float64Array;
  readonly #half: Float64Array;
  readonly #rowCount: number;
  readonly #columnCount: number;

  /** `share` of the frequencies of either axis, the lowest ones and at least one. */
  constructor(
    readonly geometry: ImageGeometry,
    share: number,
  ) {
    const { channels, height, width } = geometry;
    this.#rowCount = Math.max(1, Math.round(share * height));
    this.#columnCount = Math.max(1, Math.round(share * width));
    this.#rows = cosines(this.#rowCount, height);
    this.#columns = cosines(this.#columnCount, width);
    this.#coefficients = new Float64Array(this.#rowCount * this.#columnCount);
    this.#half = new Float64Array(this.#rowCount * width);
    this.dimension = channels * this.#coefficients.length;
  }

  /** Fills `out` (C×H×W) with a field of standard normal coefficients, scaled so that its expected mean square is 1. */
  draw(random: Random, out: Float32Array): void {
    const { channels, height, width } = this.geometry;
    const gain = Math.sqrt(imageSize(this.geometry) / this.dimension);
    for (let channel = 0; channel < channels; channel++) {
      for (let i = 0; i < this.#coefficients.length; i++) this.#coefficients[i] = gain * random.normal();
      multiply(this.#coefficients, this.#columns, this.#half, this.#rowCount, this.#columnCount, width);
      const start = channel * height * width;
      const plane = out.subarray(start, start + height * width);
      plane.fill(0);
      for (let k = 0; k < this.#rowCount; k++) {
        for (let y = 0; y < height; y++) {
          const weight = this.#rows[k * height + y] as number;
          for (let x = 0, at = y * width; x < width; x++, at++) {
            plane[at] = (plane[at] as number) + weight * (this.#half[k * width + x] as number);
          }
        }
      }
    }
  }
}

/** The first `count` orthonormal cosines over `length` points, one after the other. */
function cosines(count: number, length: number): Float64Array {
  const out = new Float64Array(count * length);
  for (let k = 0; k < count; k++) {
    const scale = Math.sqrt((k === 0 ? 1 : 2) / length);
    for (let x = 0; x < length; x++) out[k * length + x] = scale * Math.cos((Math.PI * k * (x + 0.5)) / length);
  }
  return out;
}

/** out (rows × columns) = a (rows × inner) · b (inner × columns). */
function multiply(
  a: Float64Array,
  b: Float64Array,
  out: Float64Array,
  rows: number,
  inner: number,
  columns: number,
): void {
  out.fill(0);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < inner; k++) {
      const weight = a[row * inner + k] as number;
      for (let column = 0, at = row * columns; column < columns; column++, at++) {
        out[at] = (out[at] as number) + weight * (b[k * columns + column] as number);
      }
    }
  }
}
