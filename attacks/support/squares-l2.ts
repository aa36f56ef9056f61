import type { ImageGeometry } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";
import { drawPlace, type Place, type SquareMoves } from "./squares.js";

const TINY = 1e-10;
/** The first δ is a grid of so many bumps along the shorter side. */
const GRID = 5;
const LEAST_SIDE = 3;

/**
 * Squares under an L2 budget (algorithm 3 of the paper): the energy of one window, and what is unused of ε, goes into a
 * centred bump η in another window. δ always has the norm ε before the display window cuts it.
 */
export class EnergySquares implements SquareMoves {
  readonly length: number;
  #to: Place = { row: 0, column: 0, side: 1 };
  #from: Place = { row: 0, column: 0, side: 1 };
  #bump: Float32Array = new Float32Array(1);
  readonly #signs: Int8Array;

  constructor(
    readonly original: Float32Array,
    readonly geometry: ImageGeometry,
    readonly radius: number,
    readonly random: Random,
  ) {
    this.length = original.length;
    this.#signs = new Int8Array(geometry.channels);
  }

  start(delta: Float32Array): void {
    const { channels, height, width } = this.geometry;
    const side = Math.max(1, Math.floor(Math.min(height, width) / GRID));
    for (let row = 0; row + side <= height; row += side) {
      for (let column = 0; column + side <= width; column += side) {
        const bump = this.#orient(centredBump(side), side);
        for (let channel = 0; channel < channels; channel++) {
          const sign = this.random.sign();
          eachOf({ row, column, side }, channel, this.geometry, (i, k) => {
            delta[i] = sign * (bump[k] as number);
          });
        }
      }
    }
    this.#fit(delta);
  }

  draw(side: number): void {
    const { height, width } = this.geometry;
    const odd = Math.max(LEAST_SIDE, side) | 1;
    this.#to = drawPlace(this.random, height, width, odd);
    this.#from = drawPlace(this.random, height, width, odd);
    this.#bump = this.#orient(centredBump(this.#to.side), this.#to.side);
    for (let channel = 0; channel < this.#signs.length; channel++) this.#signs[channel] = this.random.sign();
  }

  set(delta: Float32Array, turn: 1 | -1): number {
    const { channels } = this.geometry;
    const unused = Math.max(0, this.radius ** 2 - energyOf(delta)) / channels;
    for (let channel = 0; channel < channels; channel++) {
      const within = Math.sqrt(this.#energy(delta, this.#to, channel));
      let spare = within ** 2 + unused;
      eachOf(this.#from, channel, this.geometry, (i) => {
        if (this.#covers(this.#to, i)) return;
        spare += (delta[i] as number) ** 2;
        delta[i] = 0;
      });
      let squares = 0;
      eachOf(this.#to, channel, this.geometry, (i, k) => {
        const value =
          turn * (this.#signs[channel] as number) * (this.#bump[k] as number) + (delta[i] as number) / (within + TINY);
        delta[i] = value;
        squares += value ** 2;
      });
      const scale = Math.sqrt(spare / (squares + TINY));
      eachOf(this.#to, channel, this.geometry, (i) => {
        delta[i] = (delta[i] as number) * scale;
      });
    }
    this.#fit(delta);
    return 1;
  }

  render(delta: Float32Array, out: Float32Array): void {
    for (let i = 0; i < out.length; i++) out[i] = (this.original[i] as number) + (delta[i] as number);
  }

  /** Onto the ball's surface, then into the display window. */
  #fit(delta: Float32Array): void {
    const scale = this.radius / (Math.sqrt(energyOf(delta)) + TINY);
    for (let i = 0; i < delta.length; i++) {
      const original = this.original[i] as number;
      const value = (delta[i] as number) * scale;
      delta[i] = Math.max(-original, Math.min(this.geometry.maxValue - original, value));
    }
  }

  #energy(delta: Float32Array, place: Place, channel: number): number {
    let sum = 0;
    eachOf(place, channel, this.geometry, (i) => {
      sum += (delta[i] as number) ** 2;
    });
    return sum;
  }

  #covers({ row, column, side }: Place, index: number): boolean {
    const { height, width } = this.geometry;
    const r = Math.floor(index / width) % height;
    const c = index % width;
    return r >= row && r < row + side && c >= column && c < column + side;
  }

  #orient(bump: Float32Array, side: number): Float32Array {
    if (this.random.sign() > 0) return bump;
    return bump.map((_, k) => bump[(k % side) * side + Math.floor(k / side)] as number);
  }
}

/**
 * η of the paper, of norm 1: two centred bumps side by side, one up and one down. A bump's value at Chebyshev distance d
 * from its centre is Σ_{k ≥ d} 1/(k + 1)².
 */
export function centredBump(side: number): Float32Array {
  const bump = new Float32Array(side * side);
  const half = Math.floor(side / 2);
  for (const [from, rows, sign] of [
    [0, half, 1],
    [half, side - half, -1],
  ] as const) {
    const rings = Math.max(Math.floor(rows / 2), Math.floor(side / 2)) + 1;
    let squares = 0;
    const ring = (r: number, c: number): number => {
      const distance = Math.max(Math.abs(r - Math.floor(rows / 2)), Math.abs(c - Math.floor(side / 2)));
      let value = 0;
      for (let k = distance; k < rings; k++) value += 1 / (k + 1) ** 2;
      return value;
    };
    for (let r = 0; r < rows; r++) for (let c = 0; c < side; c++) squares += ring(r, c) ** 2;
    const scale = sign / Math.sqrt(squares * (half === 0 ? 1 : 2));
    for (let r = 0; r < rows; r++) for (let c = 0; c < side; c++) bump[(from + r) * side + c] = scale * ring(r, c);
  }
  return bump;
}

function energyOf(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  return sum;
}

/** Calls back with the index in the image and in the square. */
function eachOf(
  { row, column, side }: Place,
  channel: number,
  { height, width }: ImageGeometry,
  call: (index: number, inSquare: number) => void,
): void {
  for (let r = 0; r < side; r++) {
    const from = (channel * height + row + r) * width + column;
    for (let c = 0; c < side; c++) call(from + c, r * side + c);
  }
}
