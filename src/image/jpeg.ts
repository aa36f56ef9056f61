import { createBatch, imageSize, type PixelBatch } from "../core/pixels.js";
import { forwardDct, inverseDct } from "./dct.js";
import { type ChromaSampling, halveChroma, rgbToYcc, upsampleChroma, yccToRgb } from "./jpeg-colour.js";

/**
 * What JPEG does to an image, without the file: colour transform, chroma subsampling, DCT, quantisation, and all of it
 * backwards. The entropy coder between the two halves loses nothing, so it is left out; what comes back is bit for bit
 * what libjpeg-turbo (and so Pillow and sharp) would have written and read (ITU-T T.81; tables of its Annex K scaled by
 * the Independent JPEG Group's quality rule). No native code, no files, and an image's result never depends on its
 * neighbours: it stands in attackers' query loops. docs/decisions/0001-image-codecs.md compares it with codecs.
 */
export interface JpegOptions {
  /** 1 (worst) to 100, as libjpeg counts. */
  readonly quality: number;
  /** Colour only: "4:2:0" halves chroma in both directions, as most files do; "4:4:4" keeps it. */
  readonly chroma: ChromaSampling;
}

/** ITU-T T.81, table K.1. */
const LUMINANCE = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
  87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103, 99,
];

/** ITU-T T.81, table K.2. */
const CHROMINANCE = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99,
];

/** Bits that hold every coefficient at 8 times its size, and half a divisor besides. */
const COEFFICIENT_BITS = 15;

const { imul } = Math;

/** One component's samples, 0 … 255, row by row. */
export interface Plane {
  readonly data: Int32Array;
  readonly width: number;
  readonly height: number;
}

/** The quantiser's steps, and what its arithmetic needs of them (see `requantise`), in the order of a block's rows. */
interface QuantisationTable {
  readonly steps: Int32Array;
  readonly reciprocals: Int32Array;
  readonly shifts: Int32Array;
}

/** What the level shift of 128 adds to a block's first coefficient: at 8 times its size going in, at its size coming out. */
const SHIFT_IN = 128 * 64;
const SHIFT_OUT = 128 * 8;

/**
 * Every image of the batch after a JPEG round trip. One channel is coded as gray, three as colour. Depths beyond 8 bits
 * are brought to 8 bits and back, because that is what saving them as JPEG does.
 */
export function jpegRoundTrip(batch: PixelBatch, options: JpegOptions): PixelBatch {
  const { channels, height, width } = batch;
  if (channels !== 1 && channels !== 3) throw new RangeError(`JPEG takes 1 or 3 channels, received ${channels}`);
  const luminance = quantisationTable(LUMINANCE, options.quality);
  const chrominance = quantisationTable(CHROMINANCE, options.quality);
  const area = width * height;
  const result = createBatch(batch, batch.count);
  const planes = Array.from({ length: channels }, () => ({ data: new Int32Array(area), width, height }));
  for (let image = 0; image < batch.count; image++) {
    const from = image * imageSize(batch);
    for (const [channel, plane] of planes.entries()) load(plane.data, batch, from + channel * area);
    codeImage(planes, luminance, chrominance, options.chroma);
    for (const [channel, plane] of planes.entries()) store(plane.data, result, from + channel * area);
  }
  return result;
}

/** One image in place: gray where it has one plane, else R, G, B. */
function codeImage(
  planes: readonly Plane[],
  luminance: QuantisationTable,
  chrominance: QuantisationTable,
  chroma: ChromaSampling,
): void {
  const [first, second, third] = planes;
  if (first === undefined) return;
  if (second === undefined || third === undefined) {
    codePlane(first, luminance);
    return;
  }
  rgbToYcc(first.data, second.data, third.data);
  codePlane(first, luminance);
  codeChroma(second, chrominance, chroma);
  codeChroma(third, chrominance, chroma);
  yccToRgb(first.data, second.data, third.data);
}

/** The steps at a quality (libjpeg's jpeg_quality_scaling and jpeg_add_quant_table, baseline). */
export function quantisationSteps(base: readonly number[], quality: number): Int32Array {
  const scale = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  return Int32Array.from(base, (step) => Math.min(255, Math.max(1, Math.floor((step * scale + 50) / 100))));
}

function quantisationTable(base: readonly number[], quality: number): QuantisationTable {
  const steps = quantisationSteps(base, quality);
  const shifts = steps.map((step) => COEFFICIENT_BITS + Math.ceil(Math.log2(8 * step)));
  const reciprocals = steps.map((step, entry) => Math.ceil(2 ** (shifts[entry] ?? 0) / (8 * step)));
  return { steps, reciprocals, shifts };
}

function codeChroma(plane: Plane, table: QuantisationTable, chroma: ChromaSampling): void {
  if (chroma === "4:4:4") {
    codePlane(plane, table);
    return;
  }
  const half = halveChroma(plane);
  codePlane(half, table);
  upsampleChroma(half, plane);
}

/** Transforms, quantises and restores a plane in place. */
function codePlane(plane: Plane, table: QuantisationTable): void {
  const padded = padToBlocks(plane);
  const { data, width, height } = padded;
  for (let top = 0; top < height; top += 8) {
    for (let left = 0; left < width; left += 8) {
      const at = top * width + left;
      forwardDct(data, at, width);
      requantise(data, at, width, table);
      inverseDct(data, at, width);
    }
  }
  if (padded !== plane) {
    for (let row = 0; row < plane.height; row++) {
      plane.data.set(data.subarray(row * width, row * width + plane.width), row * plane.width);
    }
  }
  clip(plane.data);
}

/** Few samples overshoot, so that most are only looked at. */
function clip(data: Int32Array): void {
  for (let index = 0; index < data.length; index++) {
    const value = data[index] as number;
    if (value < 0) data[index] = 0;
    else if (value > 255) data[index] = 255;
  }
}

/** The plane itself where it consists of whole blocks; else a copy in which the last column and row are repeated. */
function padToBlocks(plane: Plane): Plane {
  const width = 8 * Math.ceil(plane.width / 8);
  const height = 8 * Math.ceil(plane.height / 8);
  if (width === plane.width && height === plane.height) return plane;
  const data = new Int32Array(width * height);
  for (let row = 0, out = 0; row < height; row++) {
    const from = Math.min(row, plane.height - 1) * plane.width;
    for (let column = 0; column < width; column++, out++) {
      data[out] = plane.data[from + Math.min(column, plane.width - 1)] as number;
    }
  }
  return { data, width, height };
}

/**
 * Rounds a block's coefficients, 8 times too large, to multiples of their step, half away from zero: quantised and
 * restored. The division ⌊(|c| + d/2) / d⌋ is done by a product and a shift, exact for all dividends below 2^15
 * (T. Granlund and P. Montgomery, "Division by invariant integers using multiplication", PLDI 1994, theorem 4.2).
 * No branch on the sign: it is as good as random.
 */
function requantise(data: Int32Array, at: number, width: number, table: QuantisationTable): void {
  const { steps, reciprocals, shifts } = table;
  data[at] = (data[at] as number) - SHIFT_IN;
  for (let row = 0, entry = 0; row < 8; row++) {
    for (let index = at + row * width; entry < 8 * (row + 1); index++, entry++) {
      const value = data[index] as number;
      const step = steps[entry] as number;
      const sign = value >> 31;
      const dividend = (value ^ sign) - sign + (step << 2);
      const level = imul(dividend, reciprocals[entry] as number) >>> (shifts[entry] as number);
      data[index] = (imul(level, step) ^ sign) - sign;
    }
  }
  data[at] = (data[at] as number) + SHIFT_OUT;
}

/** One plane of the batch, from index `from` on, as 8-bit samples. */
function load(plane: Int32Array, batch: PixelBatch, from: number): void {
  const values = batch.data.subarray(from, from + plane.length);
  const scale = 255 / batch.maxValue;
  if (scale === 1) plane.set(values);
  else for (let index = 0; index < plane.length; index++) plane[index] = Math.round((values[index] as number) * scale);
}

/** The way back: samples to stored values of the batch's depth. */
function store(plane: Int32Array, batch: PixelBatch, from: number): void {
  const values = batch.data.subarray(from, from + plane.length);
  const scale = batch.maxValue / 255;
  if (scale === 1) values.set(plane);
  else for (let index = 0; index < plane.length; index++) values[index] = Math.round((plane[index] as number) * scale);
}
