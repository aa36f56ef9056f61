import type { DecodedImage } from "../core/data.js";
import type { ResizeRule } from "../core/model.js";
import { type Kernel, kernelWeights } from "./kernels.js";
import { type Planes, resampleBytes, type WholeWeights } from "./resize-bytes.js";
import { emptyLike } from "./storage.js";

/**
 * Resizing as Pillow does it (Pillow 9.4, src/libImaging/Resample.c and Geometry.c), because that is what most models'
 * training did.
 *
 * All kernels but `nearest` are antialiased: when an image shrinks, the filter widens by the scale, so that every input
 * pixel counts. Rows first, then columns. Eight-bit images follow Pillow's fixed-point arithmetic to the last bit: weights as
 * integers with 22 bits behind the point, rounded to whole values after each pass. Other depths are computed in float64
 * without rounding between the passes and rounded once at the end. `bicubic` and `lanczos` overshoot at edges: results are
 * kept within 0 … `white`. `nearest` takes the pixel under the centre.
 *
 * Eight-bit images go through WebAssembly (resize-bytes.ts) where this machine has its vectors and the image is not too large for
 * it; the same sums are made here otherwise.
 *
 * Only `lanczos` needs more than +, −, × and ÷: its sines differ between machines in the last of 53 bits at most, of which 22
 * are used at 8 bits.
 */
export type { ResizeRule } from "../core/model.js";

/** A part of the resized image; the rest is not computed. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface ResizeOptions {
  /** Default: all of it. */
  readonly region?: Region;
  /** The greatest value that there may be, of images deeper than 8 bits; default: the image's maxValue. */
  readonly white?: number;
}

/** Pillow's PRECISION_BITS: 32 bits less 8 of the pixel and 2 of headroom. */
const PRECISION_BITS = 32 - 8 - 2;

const KERNELS: Readonly<Record<Exclude<ResizeRule, "nearest">, Kernel>> = {
  bilinear: "bilinear",
  bicubic: "bicubic",
  lanczos: "lanczos",
  area: "box",
};

/** Resizes to width × height; the result has the same kind of data, channels and maxValue. */
export function resizeImage(
  image: DecodedImage,
  width: number,
  height: number,
  rule: ResizeRule,
  { region = { left: 0, top: 0, width, height }, white = image.maxValue }: ResizeOptions = {},
): DecodedImage {
  const wide = { from: image.width, to: width, begin: region.left, end: region.left + region.width };
  const tall = { from: image.height, to: height, begin: region.top, end: region.top + region.height };
  if (isIdentity(wide) && isIdentity(tall)) return image;
  return rule === "nearest" ? resizeNearest(image, wide, tall) : resample(image, wide, tall, KERNELS[rule], white);
}

/** Lines `begin` to `end` (exclusive) of the `to` lines that `from` lines become. */
interface Axis {
  readonly from: number;
  readonly to: number;
  readonly begin: number;
  readonly end: number;
}

function isIdentity({ begin, end, from, to }: Axis): boolean {
  return from === to && begin === 0 && end === to;
}

function resizeNearest(image: DecodedImage, wide: Axis, tall: Axis): DecodedImage {
  const columns = nearestIndices(wide);
  const rows = nearestIndices(tall);
  const [width, height] = [columns.length, rows.length];
  const data = emptyLike(image.data, image.channels * width * height);
  let out = 0;
  for (let channel = 0; channel < image.channels; channel++) {
    for (const row of rows) {
      const from = (channel * image.height + row) * image.width;
      for (const column of columns) data[out++] = image.data[from + column] ?? 0;
    }
  }
  return { ...image, data, width, height };
}

/** The input pixel under each output pixel's centre; the position is accumulated, as Pillow does, for the same ties. */
function nearestIndices({ begin, end, from, to }: Axis): Int32Array {
  const scale = from / to;
  const indices = new Int32Array(end - begin);
  for (let index = 0, position = scale * 0.5; index < end; index++, position += scale) {
    if (index >= begin) indices[index - begin] = Math.min(from - 1, Math.trunc(position));
  }
  return indices;
}

function resample(image: DecodedImage, wide: Axis, tall: Axis, kernel: Kernel, white: number): DecodedImage {
  const [width, height] = [wide.end - wide.begin, tall.end - tall.begin];
  const down = weightsOf(kernel, tall);
  // Rows that no row of the result is made of need no first pass.
  const top = down.first[0] as number;
  const bottom = down.first.reduce((most, first, out) => Math.max(most, first + (down.size[out] as number)), 0);
  const planes = { count: image.channels, height: image.height, width: image.width, top, bottom };
  const [between, skipped] = isIdentity(wide) ? [planes, 0] : [{ ...planes, height: bottom - top, width }, top];
  if (image.data instanceof Uint8Array) {
    const weights = { wide: isIdentity(wide) ? null : weightsOf(kernel, wide), tall: isIdentity(tall) ? null : down };
    const fast = resampleBytes(image.data, planes, weights);
    if (fast !== null) return { ...image, data: fast, width, height };
    const rows = isIdentity(wide) ? image.data : acrossBytes(image.data, planes, weightsOf(kernel, wide));
    if (isIdentity(tall)) return { ...image, data: rows, width, height };
    return { ...image, data: downBytes(rows, between, skipped, down), width, height };
  }
  const rows = isIdentity(wide) ? image.data : acrossFloats(image.data, planes, weightsOf(kernel, wide));
  const exact = isIdentity(tall) ? rows : downFloats(rows, between, skipped, down);
  const data = emptyLike(image.data, exact.length);
  const whole = !(data instanceof Float32Array);
  for (let index = 0; index < exact.length; index++) {
    const value = Math.min(white, Math.max(0, exact[index] as number));
    data[index] = whole ? Math.round(value) : value;
  }
  return { ...image, data, width, height };
}

/** Weights along one axis: exact, and as Pillow's integers. */
interface AxisWeights extends WholeWeights {
  readonly exact: Float64Array;
}

/** The weights of the last few resizes: the images of a study mostly have one size. */
const cache = new Map<string, AxisWeights>();
const MOST_CACHED = 32;

function weightsOf(kernel: Kernel, { begin, end, from, to }: Axis): AxisWeights {
  const key = `${kernel} ${from} ${to} ${begin} ${end}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const { first, size, stride, values } = kernelWeights(kernel, from, to, true, { begin, end });
  const whole = Int32Array.from(values, (value) => Math.trunc(value * 2 ** PRECISION_BITS + (value < 0 ? -0.5 : 0.5)));
  const made = { first, size, stride, exact: values, whole };
  if (cache.size >= MOST_CACHED) cache.clear();
  cache.set(key, made);
  return made;
}

/** The pass along rows: four of them at a time, so that each weight is fetched once for four. */
function acrossBytes(
  data: Uint8Array,
  { bottom, count, height, top, width }: Planes,
  weights: AxisWeights,
): Uint8Array {
  const to = weights.first.length;
  const rows = bottom - top;
  const result = new Uint8ClampedArray(count * rows * to);
  for (let plane = 0; plane < count; plane++) {
    let row = 0;
    for (; row + 4 <= rows; row += 4) {
      fourRows(data, (plane * height + top + row) * width, width, weights, result, (plane * rows + row) * to);
    }
    for (; row < rows; row++) {
      oneRow(data, (plane * height + top + row) * width, weights, result, (plane * rows + row) * to);
    }
  }
  return new Uint8Array(result.buffer);
}

function fourRows(
  data: Uint8Array,
  line: number,
  width: number,
  { first, size, stride, whole }: AxisWeights,
  result: Uint8ClampedArray,
  begin: number,
): void {
  const to = first.length;
  for (let out = 0; out < to; out++) {
    let at0 = line + (first[out] as number);
    let at1 = at0 + width;
    let at2 = at1 + width;
    let at3 = at2 + width;
    let sum0 = 1 << (PRECISION_BITS - 1);
    let sum1 = sum0;
    let sum2 = sum0;
    let sum3 = sum0;
    for (let k = out * stride, end = k + (size[out] as number); k < end; k++) {
      const weight = whole[k] as number;
      sum0 = (sum0 + Math.imul(data[at0++] as number, weight)) | 0;
      sum1 = (sum1 + Math.imul(data[at1++] as number, weight)) | 0;
      sum2 = (sum2 + Math.imul(data[at2++] as number, weight)) | 0;
      sum3 = (sum3 + Math.imul(data[at3++] as number, weight)) | 0;
    }
    result[begin + out] = sum0 >> PRECISION_BITS;
    result[begin + to + out] = sum1 >> PRECISION_BITS;
    result[begin + 2 * to + out] = sum2 >> PRECISION_BITS;
    result[begin + 3 * to + out] = sum3 >> PRECISION_BITS;
  }
}

function oneRow(
  data: Uint8Array,
  line: number,
  { first, size, stride, whole }: AxisWeights,
  result: Uint8ClampedArray,
  begin: number,
): void {
  for (let out = 0; out < first.length; out++) {
    let at = line + (first[out] as number);
    let sum = 1 << (PRECISION_BITS - 1);
    for (let k = out * stride, end = k + (size[out] as number); k < end; k++) {
      sum = (sum + Math.imul(data[at++] as number, whole[k] as number)) | 0;
    }
    result[begin + out] = sum >> PRECISION_BITS;
  }
}

/** The pass along columns, of planes whose first row is row `skipped` of the image. */
function downBytes(
  data: Uint8Array,
  { count, height, width }: Planes,
  skipped: number,
  { first, size, stride, whole }: AxisWeights,
): Uint8Array {
  const to = first.length;
  const result = new Uint8ClampedArray(count * to * width);
  const sums = new Int32Array(width);
  for (let plane = 0; plane < count; plane++) {
    for (let out = 0; out < to; out++) {
      const from = (plane * height + (first[out] as number) - skipped) * width;
      const line = (plane * to + out) * width;
      const taps = size[out] as number;
      if (taps <= 4) {
        fewRows(data, from, width, whole, out * stride, taps, result, line);
        continue;
      }
      sums.fill(1 << (PRECISION_BITS - 1));
      let at = from;
      // A whole row at a time: memory is read in the order in which it lies.
      for (let k = out * stride, end = k + taps; k < end; k++) {
        const weight = whole[k] as number;
        for (let x = 0; x < width; x++, at++) {
          sums[x] = ((sums[x] as number) + Math.imul(data[at] as number, weight)) | 0;
        }
      }
      for (let x = 0; x < width; x++) result[line + x] = (sums[x] as number) >> PRECISION_BITS;
    }
  }
  return new Uint8Array(result.buffer);
}

/** A row made of one to four others, without a sum kept in memory. Of rows that are not there the first is taken, by nothing. */
function fewRows(
  data: Uint8Array,
  from: number,
  width: number,
  whole: Int32Array,
  k: number,
  taps: number,
  result: Uint8ClampedArray,
  line: number,
): void {
  const weight0 = whole[k] as number;
  const weight1 = taps > 1 ? (whole[k + 1] as number) : 0;
  const weight2 = taps > 2 ? (whole[k + 2] as number) : 0;
  const weight3 = taps > 3 ? (whole[k + 3] as number) : 0;
  const row1 = taps > 1 ? width : 0;
  const row2 = taps > 2 ? 2 * width : 0;
  const row3 = taps > 3 ? 3 * width : 0;
  for (let x = 0, at = from; x < width; x++, at++) {
    const sum =
      (1 << (PRECISION_BITS - 1)) +
      Math.imul(data[at] as number, weight0) +
      Math.imul(data[at + row1] as number, weight1) +
      Math.imul(data[at + row2] as number, weight2) +
      Math.imul(data[at + row3] as number, weight3);
    result[line + x] = (sum | 0) >> PRECISION_BITS;
  }
}

function acrossFloats(
  data: ArrayLike<number>,
  { bottom, count, height, top, width }: Planes,
  { exact, first, size, stride }: AxisWeights,
): Float64Array {
  const to = first.length;
  const result = new Float64Array(count * (bottom - top) * to);
  let row = 0;
  for (let plane = 0; plane < count; plane++) {
    for (let y = top; y < bottom; y++, row++) {
      const line = (plane * height + y) * width;
      for (let out = 0; out < to; out++) {
        const from = line + (first[out] as number);
        const end = from + (size[out] as number);
        let sum = 0;
        for (let at = from, k = out * stride; at < end; at++, k++) sum += (data[at] as number) * (exact[k] as number);
        result[row * to + out] = sum;
      }
    }
  }
  return result;
}

function downFloats(
  data: ArrayLike<number>,
  { count, height, width }: Planes,
  skipped: number,
  { exact, first, size, stride }: AxisWeights,
): Float64Array {
  const to = first.length;
  const result = new Float64Array(count * to * width);
  for (let plane = 0; plane < count; plane++) {
    for (let out = 0; out < to; out++) {
      const line = (plane * to + out) * width;
      let at = (plane * height + (first[out] as number) - skipped) * width;
      for (let k = out * stride, end = k + (size[out] as number); k < end; k++) {
        const weight = exact[k] as number;
        for (let x = 0; x < width; x++, at++) {
          result[line + x] = (result[line + x] as number) + (data[at] as number) * weight;
        }
      }
    }
  }
  return result;
}
