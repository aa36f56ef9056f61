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

/** One component's samples, 0 … 255, row by row. */
export interface Plane {
  readonly data: Int32Array;
  readonly width: number;
  readonly height: number;
}

/** The quantiser's steps, and what its arithmetic needs of them, in the order of a block's rows. */
interface QuantisationTable {
  readonly steps: Int32Array;
  /** Half a divisor and half a unit: see `requantise`. */
  readonly offsets: Float64Array;
  readonly reciprocals: Float64Array;
}

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
  return {
    steps,
    offsets: Float64Array.from(steps, (step) => 4 * step + 0.5),
    reciprocals: Float64Array.from(steps, (step) => 1 / (8 * step)),
  };
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
  for (let index = 0; index < data.length; index++) data[index] = (data[index] as number) - 128;
  for (let top = 0; top < height; top += 8) {
    for (let left = 0; left < width; left += 8) {
      const at = top * width + left;
      forwardDct(data, at, width);
      requantise(data, at, width, table);
      inverseDct(data, at, width);
    }
  }
  for (let row = 0, out = 0; row < plane.height; row++) {
    for (let at = row * width; out < (row + 1) * plane.width; at++, out++) {
      plane.data[out] = Math.min(255, Math.max(0, (data[at] as number) + 128));
    }
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
 * restored. libjpeg's integer division ⌊(|c| + d/2) / d⌋ is done by a product; the half unit in `offsets` keeps the
 * quotient far enough from whole numbers for that to be exact. No branch on the sign: it is as good as random.
 */
function requantise(data: Int32Array, at: number, width: number, table: QuantisationTable): void {
  const { steps, offsets, reciprocals } = table;
  for (let row = 0, entry = 0; row < 8; row++) {
    for (let index = at + row * width; entry < 8 * (row + 1); index++, entry++) {
      const value = data[index] as number;
      const sign = value >> 31;
      const size = (value ^ sign) - sign;
      const level = ((size + (offsets[entry] as number)) * (reciprocals[entry] as number)) | 0;
      data[index] = (Math.imul(level, steps[entry] as number) ^ sign) - sign;
    }
  }
}

/** One plane of the batch, from index `from` on, as 8-bit samples. */
function load(plane: Int32Array, batch: PixelBatch, from: number): void {
  const values = batch.data.subarray(from, from + plane.length);
  const scale = 255 / batch.maxValue;
  for (let index = 0; index < plane.length; index++) plane[index] = (values[index] as number) * scale + 0.5;
}

/** The way back: samples to stored values of the batch's depth. */
function store(plane: Int32Array, batch: PixelBatch, from: number): void {
  const values = batch.data.subarray(from, from + plane.length);
  const scale = batch.maxValue / 255;
  for (let index = 0; index < plane.length; index++) values[index] = Math.floor((plane[index] as number) * scale + 0.5);
}
