import type { AttackTarget, Calibration, Strength } from "../../src/core/attack.js";
import type { Outputs } from "../../src/core/model.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch, sliceBatch } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";
import { quantiseImages } from "../../src/image/budget.js";
import { ORIENTATIONS, Wavelet2d } from "../../src/wavelet/dwt2d.js";
import type { FilterBank } from "../../src/wavelet/filters.js";
import { halved } from "./generator.js";

/** Images are kept at 8 or 16 bits and at the surrogate's size; no more of them than fit into this. */
const POOL_BYTES = 192 * 2 ** 20;
/** Images per question to the target. */
const CHUNK = 32;
/** Images per varied image: itself, and with this many less one perturbations. */
export const GROUP = 4;
/** Margins beyond ±8 say no more: a float32 probability is all but 0 or 1 there. */
const LARGEST_MARGIN = 8;

/** How an image is varied before the target is asked about it. */
const LARGEST_SHIFT = 0.04;
const LARGEST_GAIN = 0.15;
const LARGEST_OFFSET = 0.05;
const LEAST_PERTURBATION = 0.5;
/** Chance that an image stays as it is before it is perturbed. */
const UNVARIED = 0.25;

/** Logits of every class less the logit of its threshold: the attacked class's own, 0.5 for the others. N×K. */
export function marginsOf(outputs: Outputs, { classIndex, threshold }: Calibration): Float32Array {
  const classes = outputs.classes.length;
  const border = logit(threshold ?? 0.5);
  return Float32Array.from(outputs.values, (probability, i) => {
    const margin = logit(probability) - (i % classes === classIndex ? border : 0);
    return Math.max(-LARGEST_MARGIN, Math.min(margin, LARGEST_MARGIN));
  });
}

function logit(probability: number): number {
  const p = Math.min(Math.max(probability, 1e-9), 1 - 1e-9);
  return Math.log(p / (1 - p));
}

/** Whether every image's probabilities add up to 1. */
export function areExclusive({ count, classes, values }: Outputs): boolean {
  if (classes.length < 2) return false;
  for (let image = 0; image < count; image++) {
    const row = values.subarray(image * classes.length, (image + 1) * classes.length);
    if (Math.abs(row.reduce((sum, p) => sum + p, 0) - 1) > 1e-3) return false;
  }
  return true;
}

/**
 * Images that the target was asked about, as it saw them but at the surrogate's size, with the margins it answered.
 * Every perturbed image is kept with its clean one, so that the surrogate can learn what the perturbation changed.
 */
export class Pool {
  readonly capacity: number;
  readonly height: number;
  readonly width: number;
  /** Entries without a perturbation. */
  readonly clean: number[] = [];
  /** Entries with one, and the entry that each was made from. */
  readonly perturbed: number[] = [];
  readonly origins: number[] = [];
  count = 0;
  readonly #white: number;
  readonly #pixels: Uint8Array | Uint16Array;
  readonly #margins: Float32Array;
  readonly #size: number;

  constructor(
    readonly geometry: ImageGeometry,
    readonly halvings: number,
    readonly classes: number,
    wanted: number,
  ) {
    this.height = halved(geometry.height, halvings);
    this.width = halved(geometry.width, halvings);
    this.#size = geometry.channels * this.height * this.width;
    const wide = geometry.maxValue > 255 || halvings > 0;
    this.capacity = Math.min(wanted, Math.floor(POOL_BYTES / ((wide ? 2 : 1) * this.#size)));
    this.#pixels = new (wide ? Uint16Array : Uint8Array)(this.capacity * this.#size);
    this.#white = wide ? 65535 : geometry.maxValue;
    this.#margins = new Float32Array(this.capacity * classes);
  }

  /** Asks the target about images and keeps question and answer. Every GROUP-th image, from the first, is a clean one. */
  async ask(target: AttackTarget, images: PixelBatch, calibration: Calibration): Promise<void> {
    quantiseImages(images, images);
    const margins = marginsOf(await target.predictImages(images), calibration);
    const { channels, height, width, maxValue } = this.geometry;
    for (let plane = 0; plane < images.count * channels; plane++) {
      shrinkPlane(
        images.data.subarray(plane * height * width, (plane + 1) * height * width),
        this.geometry,
        this.halvings,
        this.#white / maxValue,
        this.#pixels.subarray(this.count * this.#size + plane * this.height * this.width),
      );
    }
    this.#margins.set(margins, this.count * this.classes);
    for (let image = 0; image < images.count; image++) {
      const entry = this.count + image;
      if (image % GROUP === 0) this.clean.push(entry);
      else {
        this.perturbed.push(entry);
        this.origins.push(entry - (image % GROUP));
      }
    }
    this.count += images.count;
  }

  /** Copies entries into arrays of a training step: images in [0, 1], and margins. */
  gather(entries: ArrayLike<number>, images: Float32Array, margins: Float32Array): void {
    for (let k = 0; k < entries.length; k++) {
      const from = (entries[k] as number) * this.#size;
      for (let i = 0; i < this.#size; i++)
        images[k * this.#size + i] = (this.#pixels[from + i] as number) / this.#white;
      const row = (entries[k] as number) * this.classes;
      margins.set(this.#margins.subarray(row, row + this.classes), k * this.classes);
    }
  }
}

function shrinkPlane(
  plane: Float32Array,
  { height, width }: ImageGeometry,
  halvings: number,
  scale: number,
  out: Uint8Array | Uint16Array,
): void {
  const block = 2 ** halvings;
  let next = 0;
  for (let top = 0; top < height; top += block) {
    for (let left = 0; left < width; left += block) {
      let sum = 0;
      let pixels = 0;
      for (let row = top; row < Math.min(top + block, height); row++) {
        for (let column = left; column < Math.min(left + block, width); column++) {
          sum += plane[row * width + column] as number;
          pixels++;
        }
      }
      out[next++] = Math.round((scale * sum) / pixels);
    }
  }
}

/** Perturbations as large as ε for the surrogate to learn the target's sensitivity from. */
export type Perturb = (image: Float32Array, random: Random, out: Float32Array) => Promise<void>;

/**
 * Fills the pool up to `end` with learning images, most of them varied (mirrored, shifted, other contrast): each clean
 * and with a few perturbations of random size up to ε.
 */
export async function extendPool(
  pool: Pool,
  end: number,
  calibration: Calibration,
  learning: Uint32Array,
  target: AttackTarget,
  perturb: Perturb,
  random: Random,
): Promise<void> {
  const chunk = createBatch(pool.geometry, CHUNK);
  const size = imageSize(pool.geometry);
  const delta = new Float32Array(size);
  while (pool.count < end) {
    const images = sliceBatch(chunk, 0, Math.min(CHUNK, end - pool.count));
    for (let place = 0; place < images.count; place++) {
      const out = images.data.subarray(place * size, (place + 1) * size);
      const origin = place - (place % GROUP);
      if (place === origin) {
        const source = learning[random.integer(learning.length)] as number;
        const image = calibration.images.data.subarray(source * size, (source + 1) * size);
        if (random.uniform() < UNVARIED) out.set(image);
        else vary(image, pool.geometry, random, out);
        continue;
      }
      const clean = images.data.subarray(origin * size, (origin + 1) * size);
      await perturb(clean, random, delta);
      const share = LEAST_PERTURBATION + (1 - LEAST_PERTURBATION) * random.uniform();
      for (let i = 0; i < size; i++) out[i] = (clean[i] as number) + share * (delta[i] as number);
    }
    await pool.ask(target, images, calibration);
  }
}

/** Mirrors, shifts and re-contrasts one image (C×H×W). */
function vary(image: Float32Array, geometry: ImageGeometry, random: Random, out: Float32Array): void {
  const { channels, height, width, maxValue } = geometry;
  const mirrored = random.sign() > 0;
  const move = (length: number) => Math.round(LARGEST_SHIFT * length * (2 * random.uniform() - 1));
  const [down, right] = [move(height), move(width)];
  const gain = 1 + LARGEST_GAIN * (2 * random.uniform() - 1);
  const offset = maxValue * ((1 - gain) / 2 + LARGEST_OFFSET * (2 * random.uniform() - 1));
  let next = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let row = 0; row < height; row++) {
      const line = (channel * height + clamp(row - down, height)) * width;
      for (let column = 0; column < width; column++) {
        const from = clamp(column - right, width);
        out[next++] = offset + gain * (image[line + (mirrored ? width - 1 - from : from)] as number);
      }
    }
  }
}

function clamp(index: number, length: number): number {
  return Math.max(0, Math.min(index, length - 1));
}

/**
 * Random textures and noise in random bands: every detail band and the approximation take part or not, with signs that
 * are drawn anew for every coefficient or repeat in a small block. A tanh brings the values closer to one size, and the
 * whole is scaled to ε.
 */
export function randomBands(geometry: ImageGeometry, bank: FilterBank, levels: number, strength: Strength): Perturb {
  const { channels, height, width } = geometry;
  const plan = new Wavelet2d(height, width, levels, bank);
  const coefficients = plan.createCoefficients();
  return async (_, random, out) => {
    const block = random.integer(4); // 0: no repetition
    const alike = random.sign() > 0;
    const key = random.uniform();
    const active = Array.from({ length: 3 * levels + 1 }, () => random.sign() > 0);
    if (!active.includes(true)) active[random.integer(active.length)] = true;
    for (let channel = 0; channel < channels; channel++) {
      const signs = random.fork("signs", key, alike ? 0 : channel);
      const bands = coefficients.details.flatMap((level) => ORIENTATIONS.map((orientation) => level[orientation]));
      for (const [index, { rows, columns, values }] of [...bands, coefficients.approximation].entries()) {
        // Coefficients of coarser levels are spread over more pixels.
        const size = active[index] === true ? Math.sqrt((height * width) / (rows * columns)) : 0;
        for (let i = 0; i < values.length; i++) {
          const [row, column] = [Math.floor(i / columns), i % columns];
          const first = (row % block) * columns + (column % block);
          values[i] = block > 0 && first < i ? (values[first] as number) : size * signs.sign();
        }
      }
      plan.inverse(coefficients, out.subarray(channel * height * width, (channel + 1) * height * width));
    }
    flatten(out);
    scaleToStrength(out, strength);
  };
}

function flatten(values: Float32Array): void {
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length) || 1;
  for (let i = 0; i < values.length; i++) values[i] = Math.tanh((2 * (values[i] as number)) / deviation);
}

/** Scales to norm ε, in stored values. */
export function scaleToStrength(values: Float32Array, strength: Strength): void {
  if (strength.kind !== "epsilon") throw new Error("a generator goes by epsilon");
  let size = 0;
  for (const value of values) size = strength.norm === "linf" ? Math.max(size, Math.abs(value)) : size + value * value;
  if (strength.norm === "l2") size = Math.sqrt(size);
  if (size === 0) return;
  for (let i = 0; i < values.length; i++) values[i] = ((values[i] as number) * strength.stored) / size;
}
