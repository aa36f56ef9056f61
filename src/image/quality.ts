import type { ImageGeometry } from "../core/pixels.js";

/** How far an image is from another of the same geometry. Arrays are CHW, in stored values. */

type Values = ArrayLike<number>;

/** Mean squared error, in stored values squared. */
export function meanSquaredError(one: Values, other: Values): number {
  if (one.length !== other.length) throw new RangeError(`images of ${one.length} and ${other.length} values`);
  let sum = 0;
  for (let index = 0; index < one.length; index++) sum += ((one[index] as number) - (other[index] as number)) ** 2;
  return sum / one.length;
}

/** Peak signal-to-noise ratio in dB, the peak being the display window; Infinity for equal images. */
export function psnr(one: Values, other: Values, maxValue: number): number {
  return 10 * Math.log10(maxValue ** 2 / meanSquaredError(one, other));
}

/** The window of Wang et al.: an 11×11 Gaussian with σ = 1.5. */
const RADIUS = 5;
/** The shortest side of an image that SSIM can be taken of. */
export const SSIM_WINDOW = 2 * RADIUS + 1;
const SIGMA = 1.5;
const K1 = 0.01;
const K2 = 0.03;
const WINDOW = gaussianWindow();

/**
 * Structural similarity, 1 for equal images: the mean over all pixels whose window lies inside the image, and over
 * channels (Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error visibility to
 * structural similarity", IEEE Trans. Image Processing 13(4), 2004). Population covariances, as in the paper.
 * @throws RangeError where a side is shorter than the window's 11 pixels
 */
export function ssim(one: Values, other: Values, geometry: ImageGeometry): number {
  const { channels, height, width, maxValue } = geometry;
  if (Math.min(height, width) <= 2 * RADIUS) {
    throw new RangeError(
      `SSIM needs images of at least ${2 * RADIUS + 1} pixels a side, received ${width} × ${height}`,
    );
  }
  const area = height * width;
  let sum = 0;
  for (let channel = 0; channel < channels; channel++) {
    sum += channelSsim(plane(one, channel * area, area), plane(other, channel * area, area), width, height, maxValue);
  }
  return sum / channels;
}

function channelSsim(x: Float64Array, y: Float64Array, width: number, height: number, maxValue: number): number {
  const c1 = (K1 * maxValue) ** 2;
  const c2 = (K2 * maxValue) ** 2;
  const meanX = blur(x, width, height);
  const meanY = blur(y, width, height);
  const squareX = blur(product(x, x), width, height);
  const squareY = blur(product(y, y), width, height);
  const cross = blur(product(x, y), width, height);
  let sum = 0;
  for (let index = 0; index < meanX.length; index++) {
    const mx = meanX[index] as number;
    const my = meanY[index] as number;
    const varianceX = (squareX[index] as number) - mx * mx;
    const varianceY = (squareY[index] as number) - my * my;
    const covariance = (cross[index] as number) - mx * my;
    sum += ((2 * mx * my + c1) * (2 * covariance + c2)) / ((mx * mx + my * my + c1) * (varianceX + varianceY + c2));
  }
  return sum / meanX.length;
}

/** Weighted means of all windows that lie inside the image: (width - 10) × (height - 10) values. */
function blur(values: Float64Array, width: number, height: number): Float64Array {
  const inner = width - 2 * RADIUS;
  const rows = new Float64Array(height * inner);
  for (let y = 0, out = 0; y < height; y++) {
    for (let x = 0; x < inner; x++, out++) rows[out] = weighted(values, y * width + x, 1);
  }
  const result = new Float64Array((height - 2 * RADIUS) * inner);
  for (let index = 0; index < result.length; index++) result[index] = weighted(rows, index, inner);
  return result;
}

function weighted(values: Float64Array, from: number, stride: number): number {
  let sum = 0;
  for (let index = 0; index < WINDOW.length; index++) {
    sum += (WINDOW[index] as number) * (values[from + index * stride] as number);
  }
  return sum;
}

function gaussianWindow(): Float64Array {
  const weights = Float64Array.from({ length: 2 * RADIUS + 1 }, (_, index) =>
    Math.exp(-((index - RADIUS) ** 2) / (2 * SIGMA ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function plane(values: Values, from: number, length: number): Float64Array {
  return Float64Array.from({ length }, (_, index) => values[from + index] as number);
}

function product(x: Float64Array, y: Float64Array): Float64Array {
  return x.map((value, index) => value * (y[index] as number));
}
