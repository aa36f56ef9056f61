import type { Strength } from "../../src/core/attack.js";
import type { Random } from "../../src/core/random.js";
import type { Matrix, Operators } from "../../src/training/network.js";
import type { FilterBank } from "../../src/wavelet/filters.js";
import { Pyramid } from "./pyramid.js";

/** Where a generator may write: the paper's detail bands, or one of the spaces that they are held against. */
export const SPACES = ["details", "approximation", "all", "pixel"] as const;
export type Space = (typeof SPACES)[number];

export interface GeneratorOptions {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly space: Space;
  readonly bank: FilterBank;
  readonly levels: number;
  /** Feature maps of every layer. */
  readonly features: number;
  readonly strength: Strength;
  readonly maxValue: number;
  /** Images are halved this often before the generator sees them; its bands are that much coarser in the image. */
  readonly halvings: number;
}

/** Brings an image's details to about the size of its grey values. */
const DETAIL_GAIN = 4;
const SLOPE = 0.2;
/** How values are brought to one size before they are scaled to ε: tanh of so many standard deviations, so often. */
const FLATNESS = 2;
const FLATTENINGS = 2;
const TINY = 1e-12;

/**
 * The generator network G: a U-Net whose levels are those of the wavelet transform. It reads the detail coefficients of
 * every level and the approximation below them, and writes additions to the bands of its space; the inverse transform
 * of these is the perturbation δ. Before δ is added, a tanh brings its values closer to one size (an L∞
 * budget is lost on a few peaks) and what that puts into bands outside the space is taken out again, twice; then it is
 * scaled, not clamped, until its norm is ε. The whole is x′ = W⁻¹(a, d + G(a, d)), fully convolutional but for the
 * one scale.
 */
export class Generator {
  readonly #options: GeneratorOptions;
  /** The transform that the network reads, and the one that it writes, of the image in full. */
  readonly #read: Pyramid;
  readonly #write: Pyramid;
  readonly #shrink: { readonly rows: Matrix; readonly columns: Matrix } | null;

  constructor(options: GeneratorOptions) {
    const { height, width, levels, bank, halvings } = options;
    this.#options = options;
    const [rows, columns] = [height, width].map((length) => halved(length, halvings)) as [number, number];
    this.#read = new Pyramid(rows, columns, levels, bank);
    this.#write = halvings === 0 ? this.#read : new Pyramid(height, width, levels, bank, halvings);
    this.#shrink = halvings === 0 ? null : { rows: averaging(height, rows), columns: averaging(width, columns) };
  }

  /** The image-dependent form: δ (N×C×H×W, in fractions of the window) for images in [0, 1]. */
  perturbation<V>(ops: Operators<V>, images: V): V {
    const small = this.#shrink === null ? images : ops.sandwich(images, this.#shrink.rows, this.#shrink.columns);
    const { details, approximation } = this.#read.analyse(ops, small);
    const { levels } = this.#options;
    const inputs = details.map((bands, level) => ops.affine(bands, DETAIL_GAIN / 2 ** level, 0));
    // An approximation coefficient is 2^levels times a mean grey value.
    return this.#fromBands(ops, inputs, ops.affine(approximation, 2 / 2 ** levels, -1));
  }

  /** The universal form: one δ (1×C×H×W), from a latent array in place of an image's bands. */
  universal<V>(ops: Operators<V>, latent: Float32Array): V {
    const { channels, levels } = this.#options;
    let used = 0;
    const take = (count: number, level: number) => {
      const shape = [1, count, ...this.#read.sizeOf(level)];
      const length = shape.reduce((product, size) => product * size, 1);
      used += length;
      return ops.constant(shape, latent.subarray(used - length, used));
    };
    const inputs = Array.from({ length: levels }, (_, level) => take(3 * channels, level));
    return this.#fromBands(ops, inputs, take(channels, levels - 1));
  }

  /** A latent array: standard normal numbers, as many as an image has coefficients. */
  drawLatent(random: Random): Float32Array {
    const { channels, levels } = this.#options;
    const sizes = Array.from({ length: levels }, (_, level) => this.#read.sizeOf(level));
    const [height, width] = this.#read.sizeOf(levels - 1);
    const details = sizes.reduce((sum, [rows, columns]) => sum + 3 * rows * columns, 0);
    return Float32Array.from({ length: channels * (details + height * width) }, () => random.normal());
  }

  #fromBands<V>(ops: Operators<V>, details: readonly V[], approximation: V): V {
    return this.#scaled(ops, this.#flattened(ops, this.#written(ops, details, approximation)));
  }

  /** The U-Net: down the levels, up again, and from every level on the way up the additions to its bands. */
  #written<V>(ops: Operators<V>, details: readonly V[], approximation: V): V {
    const { channels, levels, features, space } = this.#options;
    const layer = (x: V, name: string, stride: 1 | 2 = 1) =>
      ops.leakyRelu(ops.conv2d(x, `generator.${name}`, features, 3, { stride }), SLOPE);
    const seen: V[] = [];
    let maps: V | null = null;
    for (const [level, bands] of details.entries()) {
      const coarsest = level === levels - 1 ? [approximation] : [];
      const above: V[] = maps === null ? [] : [layer(maps, `down${level}`, 2)];
      maps = layer(ops.concatenate(bands, ...coarsest, ...above), `read${level}`);
      seen.push(maps);
    }
    maps = layer(maps as V, "middle");

    const amplitude = (x: V, name: string, count: number, gain: number) =>
      ops.affine(ops.conv2d(x, `generator.${name}`, count, 3), gain, 0);
    // A band of coefficients ±c of level l (from 1) has a root mean square of c / 2^l in the image.
    const low = space === "approximation" || space === "all" ? amplitude(maps, "low", channels, 2 ** levels) : null;
    if (space === "approximation") return this.#write.synthesise(ops, { details: [], approximation: low });
    const additions: V[] = [];
    for (let level = levels - 1; level >= 0; level--) {
      if (level < levels - 1) {
        const larger = this.#enlarged(ops, maps, this.#read.sizeOf(level));
        maps = layer(ops.concatenate(larger, seen[level] as V), `up${level}`);
      }
      if (space === "details" || space === "all")
        additions.unshift(amplitude(maps, `details${level}`, 3 * channels, 2 ** (level + 1)));
    }
    if (space !== "pixel") return this.#write.synthesise(ops, { details: additions, approximation: low });
    const pixels = layer(this.#enlarged(ops, maps, [this.#read.height, this.#read.width]), "pixels");
    return this.#enlarged(ops, amplitude(pixels, "add", channels, 1), [this.#write.height, this.#write.width]);
  }

  #enlarged<V>(ops: Operators<V>, maps: V, [height, width]: readonly [number, number]): V {
    const [, , rows = 0, columns = 0] = ops.shapeOf(maps);
    return rows === height && columns === width
      ? maps
      : ops.sandwich(maps, repeating(rows, height), repeating(columns, width));
  }

  #flattened<V>(ops: Operators<V>, perturbation: V): V {
    const { channels, height, width, space } = this.#options;
    let flat = perturbation;
    for (let time = 0; time < FLATTENINGS; time++) {
      const squares = ops.sumPerImage(ops.multiply(flat, flat));
      const deviation = ops.sqrt(ops.affine(squares, 1 / (channels * height * width), 0), TINY);
      flat = ops.tanh(ops.affine(ops.divide(flat, deviation), FLATNESS, 0));
      if (space === "details") flat = ops.subtract(flat, this.#write.lowPart(ops, flat));
      if (space === "approximation") flat = this.#write.lowPart(ops, flat);
    }
    return flat;
  }

  #scaled<V>(ops: Operators<V>, perturbation: V): V {
    const { strength, maxValue } = this.#options;
    if (strength.kind !== "epsilon") throw new Error("a generator goes by epsilon");
    const size =
      strength.norm === "linf"
        ? ops.affine(ops.maxPerImage(ops.abs(perturbation)), 1, TINY)
        : ops.sqrt(ops.sumPerImage(ops.multiply(perturbation, perturbation)), TINY);
    return ops.affine(ops.divide(perturbation, size), strength.stored / maxValue, 0);
  }
}

/** A length after so many halvings, rounded up. */
export function halved(length: number, halvings: number): number {
  return Math.ceil(length / 2 ** halvings);
}

/** Rows that average `from` samples to `to`, in blocks; the last block may be shorter. */
export function averaging(from: number, to: number): Matrix {
  const block = Math.ceil(from / to);
  const data = new Float32Array(to * from);
  for (let row = 0; row < to; row++) {
    const end = Math.min((row + 1) * block, from);
    for (let i = row * block; i < end; i++) data[row * from + i] = 1 / (end - row * block);
  }
  return { rows: to, columns: from, data };
}

/** Rows that repeat every sample, so that `from` become `to`. */
function repeating(from: number, to: number): Matrix {
  const block = Math.ceil(to / from);
  const data = new Float32Array(to * from);
  for (let row = 0; row < to; row++) data[row * from + Math.floor(row / block)] = 1;
  return { rows: to, columns: from, data };
}
