import type { DecodedImage } from "../core/data.js";
import { loadKernels, MOST_BYTES } from "./wasm/kernels.js";

/**
 * A perceptual hash of 128 bits: nearly the same for an image that was resized, compressed, or made brighter. After the DCT
 * hash of C. Zauner, Implementation and benchmarking of perceptual image hash functions (thesis, Hagenberg 2010), which
 * takes the lowest frequencies alone. Radiographs of one view are all alike in these, so *ours* has as many bits of finer
 * detail beside them; and the reduction is by exact area means. It finds candidates, which somebody must look at; a crop
 * or a flip of an image it does not find.
 */

/** Side of the reduced image. */
const SIDE = 32;
/** Side of a block of coefficients. */
const BLOCK = 8;
/** The blocks begin at so many half waves in each direction: outlines, then detail. The constant term is in none. */
const STARTS = [1, 9] as const;

/** Channels are weighted as ITU-R BT.601 weights red, green and blue. */
const LUMA = [0.299, 0.587, 0.114];

/** For each block: cosines[k * SIDE + n] = cos(π (2n + 1) (start + k) / 2 SIDE), k = 0 … BLOCK − 1. */
const COSINES = STARTS.map((start) =>
  Float64Array.from({ length: BLOCK * SIDE }, (_, index) => {
    const n = index % SIDE;
    return Math.cos((Math.PI * (2 * n + 1) * (start + Math.floor(index / SIDE))) / (2 * SIDE));
  }),
);

/** Outline coefficients below this share of the image's range count as nil: rounding of a flat image. */
const FLAT = 1e-6;

/** Four words of 32 bits: two of outlines, two of detail. Null is the hash of an image without outlines to hash. */
export type PerceptualHash = readonly [number, number, number, number];

/** The hash of a decoded image: a bit is set where a coefficient is above the median of its block. */
export function perceptualHash(image: DecodedImage): PerceptualHash | null {
  const small = reduced(image);
  const [outlines, detail] = COSINES.map((cosines) => coefficients(small, cosines)) as [Float64Array, Float64Array];
  let largest = 0;
  for (let at = 0; at < outlines.length; at++) largest = Math.max(largest, Math.abs(outlines[at] as number));
  if (!(largest > FLAT * image.maxValue * SIDE * SIDE)) return null;
  return [...aboveMedian(outlines), ...aboveMedian(detail)];
}

/** One bit per coefficient, in two words. */
function aboveMedian(values: Float64Array): [number, number] {
  const sorted = values.slice().sort();
  const middle = sorted.length / 2;
  const median = ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
  let [low, high] = [0, 0];
  for (let bit = 0; bit < 32; bit++) {
    if ((values[bit] as number) > median) low |= 1 << bit;
    if ((values[bit + 32] as number) > median) high |= 1 << bit;
  }
  return [low >>> 0, high >>> 0];
}

/** The image's luminance as SIDE × SIDE means over equal areas; pixels on an edge count by the part that lies inside. */
function reduced({ channels, data, height, width }: DecodedImage): Float64Array {
  const area = height * width;
  const rows = new Float64Array(height * SIDE);
  const weights = channels === 3 ? LUMA : Array.from({ length: channels }, () => 1 / channels);
  const columns = binsOf(width);
  weights.forEach((weight, channel) => {
    const top = channel * area;
    const sums = data instanceof Uint8Array ? byteSums(data, top, width, height, columns) : null;
    if (sums !== null) {
      addByteMeans(sums, columns.length, weight, rows);
      return;
    }
    let y = 0;
    for (; y + 4 <= height; y += 4) addFourMeans(data, top + y * width, width, columns, weight, rows, y * SIDE);
    for (; y < height; y++) addMeans(data, top + y * width, columns, weight, rows, y * SIDE);
  });
  return downMeans(rows, binsOf(height));
}

/** The means of every part down the columns. */
function downMeans(rows: Float64Array, { first, length, shares, start }: Bins): Float64Array {
  const out = new Float64Array(SIDE * SIDE);
  for (let bin = 0; bin < SIDE; bin++) {
    const line = SIDE * bin;
    let from = SIDE * (first[bin] as number);
    for (let k = start[bin] as number, end = start[bin + 1] as number; k < end; k++, from += SIDE) {
      const share = shares[k] as number;
      for (let x = 0; x < SIDE; x++) out[line + x] = (out[line + x] as number) + share * (rows[from + x] as number);
    }
    const all = length[bin] as number;
    for (let x = 0; x < SIDE; x++) out[line + x] = (out[line + x] as number) / all;
  }
  return out;
}

/** Adds the weighted means to which the sums of `byteSums` belong. */
function addByteMeans(sums: Int32Array, lengths: Float64Array, weight: number, rows: Float64Array): void {
  for (let line = 0; line < rows.length; line += SIDE) {
    for (let x = 0; x < SIDE; x++) {
      const mean = ((sums[line + x] as number) * (1 / SIDE)) / (lengths[x] as number);
      rows[line + x] = (rows[line + x] as number) + weight * mean;
    }
  }
}

/** SIDE equal parts of a line: which pixels lie in each, and how much of each of them. */
interface Bins {
  /** Pixel `first[bin]` and those behind it have the shares from `start[bin]` up to `start[bin + 1]`. */
  readonly first: Int32Array;
  readonly start: Int32Array;
  readonly shares: Float64Array;
  /** Pixels per part. */
  readonly length: Float64Array;
  /** Shares times SIDE, `taps` of them for each part, a multiple of eight. */
  readonly taps: number;
  readonly whole: Int16Array;
}

const knownBins = new Map<number, Bins>();

function binsOf(size: number): Bins {
  const known = knownBins.get(size);
  if (known !== undefined) return known;
  const [first, start] = [new Int32Array(SIDE), new Int32Array(SIDE + 1)];
  const length = new Float64Array(SIDE);
  const shares: number[] = [];
  for (let bin = 0; bin < SIDE; bin++) {
    const [from, to] = [(bin * size) / SIDE, ((bin + 1) * size) / SIDE];
    first[bin] = Math.floor(from);
    length[bin] = to - from;
    for (let pixel = Math.floor(from); pixel < to; pixel++) {
      shares.push(Math.min(to, pixel + 1) - Math.max(from, pixel));
    }
    start[bin + 1] = shares.length;
  }
  const bins = { first, start, shares: Float64Array.from(shares), length, ...wholeShares(start, shares) };
  if (knownBins.size >= 16) knownBins.clear();
  knownBins.set(size, bins);
  return bins;
}

/**
 * For every row of a plane of bytes the sums of its parts, times SIDE: shares are whole multiples of 1 / SIDE, so that all sums
 * are exact in whatever order, here and in float64. Null where WebAssembly cannot do it.
 */
function byteSums(
  data: Uint8Array,
  top: number,
  width: number,
  height: number,
  { first, taps, whole }: Bins,
): Int32Array | null {
  const kernels = loadKernels();
  if (kernels === null) return null;
  const sourceBytes = (height + 4) * width + taps;
  const targetBytes = 4 * SIDE * (height + 4);
  // The last bound keeps a sum within 32 bits.
  if (sourceBytes + targetBytes + whole.byteLength > MOST_BYTES || taps > 2 ** 17) return null;
  const [source, target, firsts, weights] = kernels.areas(sourceBytes, targetBytes, 4 * SIDE, whole.byteLength) as [
    number,
    number,
    number,
    number,
  ];
  const memory = kernels.bytes();
  memory.set(data.subarray(top, top + width * height), source);
  new Int32Array(memory.buffer, firsts, SIDE).set(first);
  new Int16Array(memory.buffer, weights, whole.length).set(whole);
  kernels.weighted(source, target, height, width, SIDE, firsts, taps / 8, weights);
  return new Int32Array(memory.buffer, target, SIDE * height);
}

function wholeShares(start: Int32Array, shares: readonly number[]): Pick<Bins, "taps" | "whole"> {
  let most = 1;
  for (let bin = 0; bin < SIDE; bin++) most = Math.max(most, (start[bin + 1] as number) - (start[bin] as number));
  const taps = 8 * Math.ceil(most / 8);
  const whole = new Int16Array(SIDE * taps);
  for (let bin = 0; bin < SIDE; bin++) {
    const [begin, end] = [start[bin] as number, start[bin + 1] as number];
    for (let k = begin; k < end; k++) whole[bin * taps + k - begin] = SIDE * (shares[k] as number);
  }
  return { taps, whole };
}

/** Adds the weighted mean of every part of the line that begins at `line` to `out`. */
function addMeans(
  values: DecodedImage["data"] | Float64Array,
  line: number,
  { first, length, shares, start }: Bins,
  weight: number,
  out: Float64Array,
  to: number,
): void {
  for (let bin = 0; bin < SIDE; bin++) {
    let at = line + (first[bin] as number);
    let sum = 0;
    for (let k = start[bin] as number, end = start[bin + 1] as number; k < end; k++, at++) {
      sum += (shares[k] as number) * (values[at] as number);
    }
    out[to + bin] = (out[to + bin] as number) + weight * (sum / (length[bin] as number));
  }
}

/** The same for four lines, `width` apart: four sums that do not wait for one another. */
function addFourMeans(
  values: DecodedImage["data"],
  line: number,
  width: number,
  { first, length, shares, start }: Bins,
  weight: number,
  out: Float64Array,
  to: number,
): void {
  for (let bin = 0; bin < SIDE; bin++) {
    let at0 = line + (first[bin] as number);
    let at1 = at0 + width;
    let at2 = at1 + width;
    let at3 = at2 + width;
    let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
    for (let k = start[bin] as number, end = start[bin + 1] as number; k < end; k++) {
      const share = shares[k] as number;
      sum0 += share * (values[at0++] as number);
      sum1 += share * (values[at1++] as number);
      sum2 += share * (values[at2++] as number);
      sum3 += share * (values[at3++] as number);
    }
    const all = length[bin] as number;
    const place = to + bin;
    out[place] = (out[place] as number) + weight * (sum0 / all);
    out[place + SIDE] = (out[place + SIDE] as number) + weight * (sum1 / all);
    out[place + 2 * SIDE] = (out[place + 2 * SIDE] as number) + weight * (sum2 / all);
    out[place + 3 * SIDE] = (out[place + 3 * SIDE] as number) + weight * (sum3 / all);
  }
}

/** The DCT-II coefficients of one block, row by row; unscaled. */
function coefficients(image: Float64Array, cosines: Float64Array): Float64Array {
  const along = new Float64Array(BLOCK * SIDE);
  for (let y = 0; y < SIDE; y++) project(image, y * SIDE, cosines, along, y, SIDE);
  const out = new Float64Array(BLOCK * BLOCK);
  for (let k = 0; k < BLOCK; k++) project(along, k * SIDE, cosines, out, k, BLOCK);
  return out;
}

/** The products of a line with the block's eight waves: eight sums at a time, which do not wait for one another. */
function project(
  line: Float64Array,
  from: number,
  cosines: Float64Array,
  out: Float64Array,
  to: number,
  stride: number,
): void {
  let [s0, s1, s2, s3, s4, s5, s6, s7] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let n = 0; n < SIDE; n++) {
    const value = line[from + n] as number;
    s0 += value * (cosines[n] as number);
    s1 += value * (cosines[SIDE + n] as number);
    s2 += value * (cosines[2 * SIDE + n] as number);
    s3 += value * (cosines[3 * SIDE + n] as number);
    s4 += value * (cosines[4 * SIDE + n] as number);
    s5 += value * (cosines[5 * SIDE + n] as number);
    s6 += value * (cosines[6 * SIDE + n] as number);
    s7 += value * (cosines[7 * SIDE + n] as number);
  }
  out[to] = s0;
  out[to + stride] = s1;
  out[to + 2 * stride] = s2;
  out[to + 3 * stride] = s3;
  out[to + 4 * stride] = s4;
  out[to + 5 * stride] = s5;
  out[to + 6 * stride] = s6;
  out[to + 7 * stride] = s7;
}

/** How many bits of two pairs of words differ. */
export function differingBits(a0: number, a1: number, b0: number, b1: number): number {
  return bitsSet(a0 ^ b0) + bitsSet(a1 ^ b1);
}

function bitsSet(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
