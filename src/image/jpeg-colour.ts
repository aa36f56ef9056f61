import type { Plane } from "./jpeg.js";

/**
 * JPEG's colour: the transform between RGB and YCbCr (JFIF 1.02) and the halving of chroma, in libjpeg's integer
 * arithmetic (jccolor.c, jcsample.c, jdsample.c, jdcolor.c).
 */
export type ChromaSampling = "4:2:0" | "4:4:4";

const SCALE_BITS = 16;
const HALF = 1 << (SCALE_BITS - 1);
const CENTRE = 128 << SCALE_BITS;

const { imul } = Math;

/** R, G, B to Y, Cb, Cr, in place. */
export function rgbToYcc(first: Int32Array, second: Int32Array, third: Int32Array): void {
  for (let pixel = 0; pixel < first.length; pixel++) {
    const red = first[pixel] as number;
    const green = second[pixel] as number;
    const blue = third[pixel] as number;
    first[pixel] = (imul(red, 19595) + imul(green, 38470) + imul(blue, 7471) + HALF) >> SCALE_BITS;
    second[pixel] = (imul(blue, 32768) - imul(red, 11059) - imul(green, 21709) + CENTRE + HALF - 1) >> SCALE_BITS;
    third[pixel] = (imul(red, 32768) - imul(green, 27439) - imul(blue, 5329) + CENTRE + HALF - 1) >> SCALE_BITS;
  }
}

/** Y, Cb, Cr to R, G, B, in place. */
export function yccToRgb(first: Int32Array, second: Int32Array, third: Int32Array): void {
  for (let pixel = 0; pixel < first.length; pixel++) {
    const luma = first[pixel] as number;
    const cb = (second[pixel] as number) - 128;
    const cr = (third[pixel] as number) - 128;
    first[pixel] = clip(luma + ((imul(cr, 91881) + HALF) >> SCALE_BITS));
    second[pixel] = clip(luma + ((HALF - imul(cb, 22554) - imul(cr, 46802)) >> SCALE_BITS));
    third[pixel] = clip(luma + ((imul(cb, 116130) + HALF) >> SCALE_BITS));
  }
}

/**
 * Means of 2×2 pixels, rounded down and up in turn. As in libjpeg, the result is as wide as whole blocks: columns
 * beyond the edge are means of the repeated last pixel, not repeated means.
 */
export function halveChroma(full: Plane): Plane {
  const height = Math.ceil(full.height / 2);
  const width = 8 * Math.ceil(full.width / 16);
  const data = new Int32Array(width * height);
  const columns = Int32Array.from({ length: 2 * width }, (_, column) => Math.min(column, full.width - 1));
  for (let y = 0; y < height; y++) {
    const upper = full.data.subarray(2 * y * full.width);
    const lower = full.data.subarray(Math.min(2 * y + 1, full.height - 1) * full.width);
    for (let x = 0; x < width; x++) {
      const left = columns[2 * x] as number;
      const right = columns[2 * x + 1] as number;
      const above = (upper[left] as number) + (upper[right] as number);
      const below = (lower[left] as number) + (lower[right] as number);
      data[y * width + x] = (above + below + 1 + (x & 1)) >> 2;
    }
  }
  return { data, width, height };
}

/** Doubles a plane into `full`: by triangle interpolation ("fancy upsampling"), or by repetition where it is narrow. */
export function upsampleChroma(half: Plane, full: Plane): void {
  const columns = Math.ceil(full.width / 2);
  const sums = new Int32Array(columns);
  for (let row = 0; row < full.height; row++) {
    const target = full.data.subarray(row * full.width, (row + 1) * full.width);
    const near = half.data.subarray((row >> 1) * half.width);
    if (columns <= 2) {
      for (let x = 0; x < target.length; x++) target[x] = near[x >> 1] as number;
      continue;
    }
    const neighbour = (row >> 1) + (row % 2 === 0 ? -1 : 1);
    const far = half.data.subarray(Math.min(half.height - 1, Math.max(0, neighbour)) * half.width);
    for (let x = 0; x < columns; x++) sums[x] = 3 * (near[x] as number) + (far[x] as number);
    doubleRow(sums, target);
  }
}

/** Each output is three quarters of the nearer sum and one of the farther; the sums are four times the samples. */
function doubleRow(sums: Int32Array, target: Int32Array): void {
  let before = sums[0] as number;
  let here = before;
  for (let x = 0; x < sums.length; x++) {
    const after = x + 1 < sums.length ? (sums[x + 1] as number) : here;
    target[2 * x] = (3 * here + before + 8) >> 4;
    // Beyond an odd width the last assignment falls outside the array, which ignores it.
    target[2 * x + 1] = (3 * here + after + 7) >> 4;
    before = here;
    here = after;
  }
}

function clip(value: number): number {
  return Math.min(255, Math.max(0, value));
}
