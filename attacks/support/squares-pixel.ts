import type { ImageGeometry } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";
import { drawPlace, type Place, type SquareMoves } from "./squares.js";

/**
 * Squares of ±ε, one sign per channel (L∞; algorithm 2 of the paper). It starts from vertical stripes one pixel wide.
 * δ is kept inside the display window, so that a square which clipping would undo counts as none.
 */
export class PixelSquares implements SquareMoves {
  readonly length: number;
  #place: Place = { row: 0, column: 0, side: 1 };
  readonly #signs: Int8Array;

  constructor(
    readonly original: Float32Array,
    readonly geometry: ImageGeometry,
    readonly bound: number,
    readonly random: Random,
  ) {
    this.length = original.length;
    this.#signs = new Int8Array(geometry.channels);
  }

  start(delta: Float32Array): void {
    const { channels, height, width } = this.geometry;
    for (let channel = 0; channel < channels; channel++) {
      for (let column = 0; column < width; column++) {
        const value = this.random.sign() * this.bound;
        for (let row = 0; row < height; row++) this.#put(delta, (channel * height + row) * width + column, value);
      }
    }
  }

  draw(side: number): void {
    this.#place = drawPlace(this.random, this.geometry.height, this.geometry.width, side);
    for (let channel = 0; channel < this.#signs.length; channel++) this.#signs[channel] = this.random.sign();
  }

  set(delta: Float32Array, turn: 1 | -1): number {
    const { channels, height, width } = this.geometry;
    const { row, column, side } = this.#place;
    let changed = 0;
    for (let channel = 0; channel < channels; channel++) {
      const value = turn * (this.#signs[channel] as number) * this.bound;
      for (let r = row; r < row + side; r++) {
        const from = (channel * height + r) * width + column;
        for (let i = from; i < from + side; i++) if (this.#put(delta, i, value)) changed++;
      }
    }
    return changed / (channels * side * side);
  }

  render(delta: Float32Array, out: Float32Array): void {
    for (let i = 0; i < out.length; i++) out[i] = (this.original[i] as number) + (delta[i] as number);
  }

  #put(delta: Float32Array, at: number, value: number): boolean {
    const before = delta[at];
    const original = this.original[at] as number;
    delta[at] = Math.max(-original, Math.min(this.geometry.maxValue - original, value));
    return delta[at] !== before;
  }
}
