import type { Strength } from "../core/attack.js";
import { imageSize, type PixelBatch } from "../core/pixels.js";

/*
 * The threat model's budget, kept by the base and never by an attack's author. Perturbed images are integers in
 * [0, maxValue], as the device would save them, and differ from the original by no more than ε in the norm asked for:
 *   linf  every |δ| ≤ ε · maxValue; since δ is a whole number of grey levels, ⌊ε · maxValue⌋ of them.
 *   l2    ‖δ‖₂ ≤ ε · maxValue over one image, all channels together.
 * Clipping to the display window only ever makes |δ| smaller, so it comes last and breaks nothing.
 */

// Looked up once, not once a pixel: a sandbox (jest's) makes every look at a global dear.
const { abs, floor, max, min } = Math;

/** Lets 4/255 · 255 = 3.9999999999999996 count as 4. Far below one grey level. */
const ROUNDING_SLACK = 1e-9;

/** How close to the L2 ball's surface rounding must end, as a fraction of the radius, and the steps it may take. */
const RADIUS_TOLERANCE = 1e-3;
const RADIUS_STEPS = 20;

/** The largest whole number of grey levels that a linf budget allows. */
export function greyLevels(stored: number): number {
  return Math.floor(stored + ROUNDING_SLACK);
}

/**
 * Projects a universal perturbation (stored values, C×H×W) onto the ε ball and rounds it to whole grey levels without
 * leaving the ball. For severities there is no ball and it is only rounded. `out` may be `perturbation`.
 */
export function quantiseUniversal(perturbation: Float32Array, strength: Strength, out: Float32Array): Float32Array {
  if (strength.kind === "epsilon" && strength.norm === "l2")
    return quantiseToRadius(perturbation, strength.stored, out);
  const bound = strength.kind === "epsilon" ? greyLevels(strength.stored) : Number.POSITIVE_INFINITY;
  for (let i = 0; i < perturbation.length; i++) {
    out[i] = clamp(nearest(perturbation[i] as number), -bound, bound);
  }
  return out;
}

/** x' = clip(x + δ) for every image of the batch, δ of one image's shape and whole grey levels. `out` may be `batch`. */
export function addUniversal(batch: PixelBatch, perturbation: Float32Array, out: PixelBatch): PixelBatch {
  const size = imageSize(batch);
  const { data: source, maxValue } = batch;
  const target = out.data;
  for (let start = 0; start < batch.count * size; start += size) {
    for (let i = 0; i < size; i++) {
      target[start + i] = clamp((source[start + i] as number) + (perturbation[i] as number), 0, maxValue);
    }
  }
  return out;
}

/**
 * Brings each candidate into the ε ball round its original, rounds it to whole grey levels and clips it to the display
 * window. For severities it is only rounded and clipped. `out` may be `candidates`.
 */
export function projectCandidates(
  originals: PixelBatch,
  candidates: PixelBatch,
  strength: Strength,
  out: PixelBatch,
): PixelBatch {
  if (strength.kind === "severity" || strength.norm === "linf") {
    const bound = strength.kind === "severity" ? Number.POSITIVE_INFINITY : greyLevels(strength.stored);
    return clampCandidates(originals, candidates, bound, out);
  }
  const size = imageSize(originals);
  const difference = new Float32Array(size);
  for (let start = 0; start < originals.count * size; start += size) {
    const original = originals.data.subarray(start, start + size);
    const candidate = candidates.data.subarray(start, start + size);
    for (let i = 0; i < size; i++) difference[i] = (candidate[i] as number) - (original[i] as number);
    quantiseToRadius(difference, strength.stored, difference);
    for (let i = 0; i < size; i++) {
      out.data[start + i] = clamp((original[i] as number) + (difference[i] as number), 0, originals.maxValue);
    }
  }
  return out;
}

/** Each pixel by itself: rounded, within `bound` of the original and within the display window. */
function clampCandidates(originals: PixelBatch, candidates: PixelBatch, bound: number, out: PixelBatch): PixelBatch {
  const { data, maxValue } = originals;
  const values = originals.count * imageSize(originals);
  for (let i = 0; i < values; i++) {
    const original = data[i] as number;
    const lowest = max(original - bound, 0);
    const highest = min(original + bound, maxValue);
    // Candidates leave the ball about as often as not, so that branches would be guessed wrong: min and max have none.
    out.data[i] = min(max(nearest(candidates.data[i] as number), lowest), highest);
  }
  return out;
}

/**
 * Whole stored values within the display window, as the image would be saved. `out` may be `images`.
 * @throws Error where a value is NaN: a fault of whoever made the image
 */
export function quantiseImages({ data }: PixelBatch, out: PixelBatch): PixelBatch {
  for (let index = 0; index < data.length; index++) {
    const value = Math.round(data[index] as number);
    if (Number.isNaN(value)) throw new Error("a plug-in returned NaN");
    out.data[index] = Math.max(0, Math.min(value, out.maxValue));
  }
  return out;
}

/** How far each perturbed image is from its original, as fractions of the display window. */
export interface PerturbationSizes {
  readonly linf: Float64Array;
  readonly l2: Float64Array;
}

/** Measures every image's perturbation. Both batches hold finite values (`assertWithin` checks that). */
export function perturbationSizes(originals: PixelBatch, perturbed: PixelBatch): PerturbationSizes {
  const size = imageSize(originals);
  const linf = new Float64Array(originals.count);
  const l2 = new Float64Array(originals.count);
  for (let image = 0; image < originals.count; image++) {
    let largest = 0;
    let squares = 0;
    for (let i = image * size; i < (image + 1) * size; i++) {
      const difference = abs((perturbed.data[i] as number) - (originals.data[i] as number));
      if (difference > largest) largest = difference;
      squares += difference * difference;
    }
    linf[image] = largest / originals.maxValue;
    l2[image] = Math.sqrt(squares) / originals.maxValue;
  }
  return { linf, l2 };
}

/**
 * The base's last check before an image is scored or saved. Returns how far each image was moved.
 * @throws Error (a fault of ours, not the user's) where a value is no whole number within the display window, or an
 * image lies outside the ε ball.
 */
export function assertWithin(originals: PixelBatch, perturbed: PixelBatch, strength: Strength): PerturbationSizes {
  const values = originals.count * imageSize(originals);
  for (let i = 0; i < values; i++) {
    const value = perturbed.data[i] as number;
    if (!(value === floor(value) && value >= 0 && value <= originals.maxValue)) {
      throw new Error(`a perturbed pixel is ${value}, not a whole number from 0 to ${originals.maxValue}`);
    }
  }
  const sizes = perturbationSizes(originals, perturbed);
  if (strength.kind === "severity") return sizes;
  const limit = strength.stored * (1 + 1e-12) + ROUNDING_SLACK;
  sizes[strength.norm].forEach((size, image) => {
    const stored = size * originals.maxValue;
    if (stored > limit) {
      throw new Error(`image ${image} was moved by ${stored} in ${strength.norm}, more than ${strength.stored}`);
    }
  });
  return sizes;
}

/**
 * Rounds s·δ to the nearest grey levels with the largest scale s ≤ 1 (to a tolerance) that stays in the ball. Rounding
 * towards zero would be simpler, but would throw away a large part of a budget of few grey levels per pixel.
 * ‖nearest(s·δ)‖ never falls as s grows, so bisection finds it.
 */
function quantiseToRadius(perturbation: Float32Array, radius: number, out: Float32Array): Float32Array {
  let low = 0;
  let high = Math.min(1, radius / Math.sqrt(roundedEnergy(perturbation, null)));
  if (roundedEnergy(perturbation, high) <= radius * radius) low = high;
  for (let step = 0; step < RADIUS_STEPS && low < high; step++) {
    const middle = (low + high) / 2;
    const energy = roundedEnergy(perturbation, middle);
    if (energy > radius * radius) high = middle;
    else low = middle;
    if (energy <= radius * radius && energy >= (radius * (1 - RADIUS_TOLERANCE)) ** 2) break;
  }
  for (let i = 0; i < perturbation.length; i++) out[i] = nearest(low * (perturbation[i] as number));
  return out;
}

/** ‖nearest(scale · δ)‖₂², or ‖δ‖₂² where the scale is null. */
function roundedEnergy(perturbation: Float32Array, scale: number | null): number {
  let sum = 0;
  for (let i = 0; i < perturbation.length; i++) {
    const value = perturbation[i] as number;
    const rounded = scale === null ? value : nearest(scale * value);
    sum += rounded * rounded;
  }
  return sum;
}

/** The nearest whole number, halves upwards: Math.round's answer in a tenth of its time. */
function nearest(value: number): number {
  return floor(value + 0.5);
}

function clamp(value: number, lowest: number, highest: number): number {
  if (value < lowest) return lowest;
  if (value > highest) return highest;
  return value;
}
