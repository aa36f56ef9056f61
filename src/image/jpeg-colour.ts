import type { Plane } from "./jpeg.js";

/**
 * JPEG's colour: the transform between RGB and YCbCr (JFIF 1.02) and the halving of chroma, in libjpeg's integer
 * arithmetic (jccolor.c, jcsample.c, jdsample.c, jdcolor.c).
 */
export type ChromaSampling = "4:2:0" | "4:4:4";

const SCALE_BITS = 16;
const HALF = 1 << (SCALE_BITS - 1);
const CENTRE = 128 << SCALE_BITS;

/** R, G, B to Y, Cb, Cr, in place. */
export function rgbToYcc(first: Int32Array, second: Int32Array, third: Int32Array): void {
  for (let pixel = 0; pixel < first.length; pixel++) {
    const red = first[pixel] as number;
    const green = second[pixel] as number;
    const blue = third[pixel] as number;
    first[pixel] = (19595 * red + 38470 * green + 7471 * blue + HALF) >> SCALE_BITS;
    second[pixel] = (-11059 * red - 21709 * green + 32768 * blue + CENTRE + HALF - 1) >> SCALE_BITS;
    third[pixel] = (32768 * red - 27439 * green - 5329 * blue + CENTRE + HALF - 1) >> SCALE_BITS;
  }
}

/** Y, Cb, Cr to R, G, B, in place. */
export function yccToRgb(first: Int32Array, second: Int32Array, third: Int32Array): void {
  for (let pixel = 0; pixel < first.length; pixel++) {
    const luma = first[pixel] as number;
    const cb = (second[pixel] as number) - 128;
    const cr = (third[pixel] as number) - 128;
    first[pixel] = clip(luma + ((91881 * cr + HALF) >> SCALE_BITS));
    second[pixel] = clip(luma + ((-22554 * cb - 46802 * cr + HALF) >> SCALE_BITS));
    third[pixel] = clip(luma + ((116130 * cb + HALF) >> SCALE_BITS));
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
  for (let y = 0; y < height; y++) {
    const upper = 2 * y * full.width;
    const lower = Math.min(2 * y + 1, full.height - 1) * full.width;
    for (let x = 0; x < width; x++) {
      const left = Math.min(2 * x, full.width - 1);
      const right = Math.min(2 * x + 1, full.width - 1);
      const sum =
        (full.data[upper + left] as number) +
        (full.data[upper + right] as number) +
        (full.data[lower + left] as number) +
        (full.data[lower + right] as number);
      data[y * width + x] = (sum + 1 + (x & 1)) >> 2;
    }
  }
  return { data, width, height };
}

/** Doubles a plane into `full`: by triangle interpolation ("fancy upsampling"), or by repetition where it is narrow. */
export function upsampleChroma(half: Plane, full: Plane): void {
  const columns = Math.ceil(full.width / 2);
  const repeat = columns <= 2;
  for (let row = 0; row < full.height; row++) {
    const near = row >> 1;
    const far = Math.min(half.height - 1, Math.max(0, row % 2 === 0 ? near - 1 : near + 1));
    if (repeat) {
      for (let x = 0; x < full.width; x++)
        full.data[row * full.width + x] = half.data[near * half.width + (x >> 1)] as number;
    } else upsampleRow(half, near * half.width, far * half.width, columns, full, row * full.width);
  }
}

/** Three quarters of the nearer row and one of the farther, then the same along the row. */
function upsampleRow(half: Plane, near: number, far: number, columns: number, full: Plane, to: number): void {
  const { data } = half;
  const sumAt = (x: number): number => 3 * (data[near + x] as number) + (data[far + x] as number);
  let before = sumAt(0);
  let here = before;
  for (let x = 0; x < columns; x++) {
    const after = x + 1 < columns ? sumAt(x + 1) : here;
    full.data[to + 2 * x] = (3 * here + before + 8) >> 4;
    if (2 * x + 1 < full.width) full.data[to + 2 * x + 1] = (3 * here + after + 7) >> 4;
    before = here;
    here = after;
  }
}

function clip(value: number): number {
  return Math.min(255, Math.max(0, value));
}
