import type { DecodedImage } from "../core/data.js";
import { kernelWeights } from "./kernels.js";
import { emptyLike } from "./storage.js";

/**
 * Resizing as Pillow does it (Pillow 9.4, src/libImaging/Resample.c and Geometry.c), because that is what most models'
 * training did.
 *
 * `bilinear` is antialiased: when an image shrinks, the triangle filter widens by the scale, so that every input pixel
 * counts. Rows first, then columns. Eight-bit images follow Pillow's fixed-point arithmetic to the last bit: weights as
 * integers with 22 bits behind the point, rounded to whole values after each pass. Other depths are computed in float64
 * without rounding between the passes and rounded once at the end. `nearest` takes the pixel under the centre.
 */
export type ResizeRule = "bilinear" | "nearest";

/** Pillow's PRECISION_BITS: 32 bits less 8 of the pixel and 2 of headroom. */
const PRECISION_BITS = 32 - 8 - 2;

/** Resizes to width × height; the result has the same kind of data, channels and maxValue. */
export function resizeImage(image: DecodedImage, width: number, height: number, rule: ResizeRule): DecodedImage {
  if (image.width === width && image.height === height) return image;
  return rule === "nearest" ? resizeNearest(image, width, height) : resizeBilinear(image, width, height);
}

function resizeNearest(image: DecodedImage, width: number, height: number): DecodedImage {
  const columns = nearestIndices(image.width, width);
  const rows = nearestIndices(image.height, height);
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
function nearestIndices(from: number, to: number): Int32Array {
  const scale = from / to;
  const indices = new Int32Array(to);
  for (let index = 0, position = scale * 0.5; index < to; index++, position += scale) {
    indices[index] = Math.min(from - 1, Math.trunc(position));
  }
  return indices;
}

function resizeBilinear(image: DecodedImage, width: number, height: number): DecodedImage {
  const { channels } = image;
  const wide = { count: channels * image.height, inner: 1, from: image.width, to: width };
  const tall = { count: channels, inner: width, from: image.height, to: height };
  if (image.data instanceof Uint8Array) {
    const rows = wide.from === wide.to ? image.data : resampleBytes(image.data, wide);
    return { ...image, data: tall.from === tall.to ? rows : resampleBytes(rows, tall), width, height };
  }
  const rows = wide.from === wide.to ? Float64Array.from(image.data) : resampleFloats(image.data, wide);
  const exact = tall.from === tall.to ? rows : resampleFloats(rows, tall);
  const data = emptyLike(image.data, exact.length);
  if (data instanceof Float32Array) data.set(exact);
  else for (let index = 0; index < exact.length; index++) data[index] = Math.round(exact[index] ?? 0);
  return { ...image, data, width, height };
}

/** One pass along one axis: `count` blocks of `from` lines of `inner` values become blocks of `to` lines. */
interface Pass {
  readonly count: number;
  readonly inner: number;
  readonly from: number;
  readonly to: number;
}

function resampleBytes(data: Uint8Array, pass: Pass): Uint8Array {
  const { first, size, values, stride } = kernelWeights("bilinear", pass.from, pass.to);
  const whole = Int32Array.from(values, (value) => Math.trunc(value * 2 ** PRECISION_BITS + 0.5));
  const { count, inner, from, to } = pass;
  const result = new Uint8ClampedArray(count * to * inner);
  for (let block = 0; block < count; block++) {
    for (let out = 0; out < to; out++) {
      const start = (block * from + (first[out] as number)) * inner;
      const end = size[out] as number;
      for (let k = 0; k < inner; k++) {
        let sum = 2 ** (PRECISION_BITS - 1);
        for (let index = 0, at = start + k; index < end; index++, at += inner) {
          sum += (data[at] as number) * (whole[out * stride + index] as number);
        }
        result[(block * to + out) * inner + k] = sum >> PRECISION_BITS;
      }
    }
  }
  return new Uint8Array(result.buffer);
}

function resampleFloats(data: ArrayLike<number>, pass: Pass): Float64Array {
  const { first, size, values, stride } = kernelWeights("bilinear", pass.from, pass.to);
  const { count, inner, from, to } = pass;
  const result = new Float64Array(count * to * inner);
  for (let block = 0; block < count; block++) {
    for (let out = 0; out < to; out++) {
      const start = (block * from + (first[out] as number)) * inner;
      const end = size[out] as number;
      for (let k = 0; k < inner; k++) {
        let sum = 0;
        for (let index = 0, at = start + k; index < end; index++, at += inner) {
          sum += (data[at] as number) * (values[out * stride + index] as number);
        }
        result[(block * to + out) * inner + k] = sum;
      }
    }
  }
  return result;
}
