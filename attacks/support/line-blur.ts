import type { ImageGeometry } from "../../src/core/pixels.js";
import { PaddedPlane } from "./padding.js";

/** Points per pixel that the line is made of. */
const POINTS_PER_PIXEL = 4;

/** Weights of a uniform line through the centre of a square of 2·margin + 1 pixels; they sum to 1. Row by row. */
export function lineKernel(length: number, angle: number, margin: number): Float64Array {
  const side = 2 * margin + 1;
  const kernel = new Float64Array(side * side);
  const points = Math.max(2, Math.ceil(length * POINTS_PER_PIXEL));
  for (let point = 0; point < points; point++) {
    const along = ((point + 0.5) / points - 0.5) * length;
    const x = margin + along * Math.cos(angle);
    const y = margin + along * Math.sin(angle);
    splat(kernel, side, x, y, 1 / points);
  }
  return kernel;
}

/** Shares a weight between the four pixels round a point, bilinearly. */
function splat(kernel: Float64Array, side: number, x: number, y: number, weight: number): void {
  const left = Math.floor(x);
  const top = Math.floor(y);
  for (let row = top; row <= top + 1; row++) {
    for (let column = left; column <= left + 1; column++) {
      const share = (1 - Math.abs(x - column)) * (1 - Math.abs(y - row));
      if (share > 0) kernel[row * side + column] = (kernel[row * side + column] as number) + weight * share;
    }
  }
}

/** Blurs planes of one size along a line with reflecting borders. The line can be turned; buffers are kept. */
export class LineBlur {
  readonly #height: number;
  readonly #width: number;
  readonly #length: number;
  readonly #margin: number;
  readonly #padded: PaddedPlane;
  readonly #line: Float64Array;
  #kernel: Float64Array;

  constructor({ height, width }: Pick<ImageGeometry, "height" | "width">, length: number) {
    this.#height = height;
    this.#width = width;
    this.#length = length;
    this.#margin = Math.ceil(length / 2) + 1;
    this.#padded = new PaddedPlane(height, width, this.#margin, this.#margin);
    this.#line = new Float64Array(width);
    this.#kernel = lineKernel(length, 0, this.#margin);
  }

  turn(angle: number): void {
    this.#kernel = lineKernel(this.#length, angle, this.#margin);
  }

  apply(source: Float32Array, target: Float32Array): void {
    this.#padded.fill(source);
    for (let row = 0; row < this.#height; row++) {
      this.#line.fill(0);
      this.#addTaps(row);
      target.set(this.#line, row * this.#width);
    }
  }

  #addTaps(row: number): void {
    const { data, stride } = this.#padded;
    const line = this.#line;
    const side = 2 * this.#margin + 1;
    for (let tap = 0; tap < this.#kernel.length; tap++) {
      const weight = this.#kernel[tap] as number;
      if (weight === 0) continue;
      const from = (row + Math.floor(tap / side)) * stride + (tap % side);
      for (let x = 0; x < this.#width; x++) line[x] = (line[x] as number) + weight * (data[from + x] as number);
    }
  }
}
