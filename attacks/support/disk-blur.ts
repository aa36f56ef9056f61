import type { ImageGeometry } from "../../src/core/pixels.js";
import { PaddedPlane } from "./padding.js";

/**
 * One row of the disk: the pixels up to `full` to both sides of the centre count whole, the next one to each side counts
 * `edge`. Where the row is less than a pixel wide, `full` is 0, `edge` 0 and the centre counts `centre`.
 */
interface Chord {
  readonly offset: number;
  readonly full: number;
  readonly edge: number;
  readonly centre: number;
}

/**
 * The disk as one chord per row of pixels, of the length that gives the row the disk's exact area there:
 * 2·∫√(r² − t²) dt over the row. Weights sum to πr².
 */
export function diskChords(radius: number): Chord[] {
  const chords: Chord[] = [];
  const last = Math.ceil(radius - 0.5);
  for (let offset = -last; offset <= last; offset++) {
    const halfLength = segment(offset + 0.5, radius) - segment(offset - 0.5, radius);
    const full = Math.max(0, Math.floor(halfLength - 0.5));
    const edge = Math.max(0, halfLength - 0.5 - full);
    chords.push({ offset, full, edge, centre: Math.min(1, 2 * halfLength) });
  }
  return chords;
}

/** Antiderivative of √(r² − t²), constant outside the disk. */
function segment(t: number, radius: number): number {
  const inside = Math.max(-radius, Math.min(radius, t));
  const chord = Math.sqrt(Math.max(0, radius * radius - inside * inside));
  return (inside * chord + radius * radius * Math.asin(inside / radius)) / 2;
}

/**
 * Blurs planes of one size with a disk, with reflecting borders. A chord is a difference of two running sums of its row,
 * so that a pixel costs a few additions per row of the disk.
 */
export class DiskBlur {
  readonly #height: number;
  readonly #width: number;
  readonly #chords: readonly Chord[];
  readonly #area: number;
  readonly #margin: number;
  readonly #padded: PaddedPlane;
  /** Sum of all pixels of a padded row before each of them. */
  readonly #sums: Float64Array;
  readonly #line: Float64Array;

  constructor({ height, width }: Pick<ImageGeometry, "height" | "width">, radius: number) {
    this.#height = height;
    this.#width = width;
    this.#chords = diskChords(radius);
    this.#area = Math.PI * radius * radius;
    this.#margin = Math.ceil(radius) + 1;
    this.#padded = new PaddedPlane(height, width, this.#margin, this.#margin);
    this.#sums = new Float64Array(this.#padded.data.length + 1);
    this.#line = new Float64Array(width);
  }

  apply(source: Float32Array, target: Float32Array): void {
    const { data } = this.#padded;
    this.#padded.fill(source);
    let sum = 0;
    for (let i = 0; i < data.length; i++) {
      sum += data[i] as number;
      this.#sums[i + 1] = sum;
    }
    for (let row = 0; row < this.#height; row++) {
      this.#line.fill(0);
      for (const chord of this.#chords) this.#add(chord, (row + this.#margin + chord.offset) * this.#padded.stride);
      for (let x = 0; x < this.#width; x++) {
        target[row * this.#width + x] = (this.#line[x] as number) / this.#area;
      }
    }
  }

  #add({ full, edge, centre }: Chord, row: number): void {
    const { data } = this.#padded;
    const sums = this.#sums;
    const line = this.#line;
    for (let x = 0, at = row + this.#margin; x < this.#width; x++, at++) {
      const whole = (sums[at + full + 1] as number) - (sums[at - full] as number);
      const ends = (data[at - full - 1] as number) + (data[at + full + 1] as number);
      line[x] = (line[x] as number) + centre * whole + edge * ends;
    }
  }
}
