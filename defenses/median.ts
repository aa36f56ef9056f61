/**
 * Median filter: every pixel becomes the median of the square window round it, channel by channel. It is the local
 * smoothing of feature squeezing.
 *
 * References: J. W. Tukey, Exploratory Data Analysis, 1977 (running medians); W. Xu, D. Evans, Y. Qi, "Feature squeezing",
 * NDSS 2018, arXiv:1704.01155, section 3.2 (as a defense); T. S. Huang, G. J. Yang, G. Y. Tang, "A fast two-dimensional
 * median filtering algorithm", IEEE Transactions on Acoustics, Speech, and Signal Processing 27(1), 1979 (the histogram).
 *
 * Threat model: undoes perturbations of few pixels altogether and fine noise in part; edges stay. A perturbation that
 * is smooth over the window passes unchanged, and an attacker who knows of the filter makes such a one.
 *
 * Cost: no queries. A side of 3 takes a sorting network shared by the window's columns; other sides a histogram that
 * slides with the window, 2 · side updates a pixel. Structures thinner than half the window vanish.
 *
 * Borders and even sides are scipy.ndimage.median_filter's: the image is reflected with its border sample repeated, the
 * window of an even side reaches one further up and left, and the upper of the two middle values is taken.
 */
import { z } from "zod";
import { defineDefense } from "../src/core/defense.js";
import { createBatch } from "../src/core/pixels.js";
import { borderIndices, reflected } from "./support/borders.js";

// Looked up once, not once a pixel.
const { max, min } = Math;

export default defineDefense({
  meta: {
    id: "median",
    title: "Median filter",
    summary:
      "Replaces every pixel by the median of its neighbourhood, which removes specks and fine noise and keeps edges.",
    random: false,
    parameters: z.strictObject({
      size: z.int().min(2).max(31).default(3).describe("Side of the square window, in pixels."),
    }),
    references: [
      "Tukey, Exploratory Data Analysis, 1977",
      "Xu, Evans and Qi, Feature squeezing, NDSS 2018, arXiv:1704.01155",
      "Huang, Yang and Tang, A fast two-dimensional median filtering algorithm, IEEE Transactions on Acoustics, Speech, and Signal Processing 27(1), 1979",
    ],
  },

  apply(batch, { parameters: { size } }) {
    const { height, width, maxValue } = batch;
    const window = new ReflectedPlane(height, width, size);
    const filter = size === 3 ? medianOfNine : histogramFilter(size, maxValue);
    const out = createBatch(batch, batch.count);
    for (let from = 0; from < batch.data.length; from += height * width) {
      window.fill(batch.data.subarray(from, from + height * width));
      filter(window, out.data.subarray(from, from + height * width));
    }
    return out;
  },
});

type Filter = (plane: ReflectedPlane, out: Float32Array) => void;

/** One channel with its borders, as whole stored values: the histogram counts them. */
class ReflectedPlane {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  readonly values: Uint16Array;
  /** Values per row, borders included. */
  readonly stride: number;

  constructor(
    readonly height: number,
    readonly width: number,
    size: number,
  ) {
    const before = size >> 1;
    this.rows = borderIndices(height, before, size - 1 - before, reflected);
    this.columns = borderIndices(width, before, size - 1 - before, reflected);
    this.stride = this.columns.length;
    this.values = new Uint16Array(this.rows.length * this.stride);
  }

  fill(plane: Float32Array): void {
    let at = 0;
    for (const row of this.rows) {
      for (let k = 0; k < this.stride; k++) {
        this.values[at++] = (plane[row * this.width + (this.columns[k] as number)] as number) + 0.5;
      }
    }
  }
}

/**
 * Sorts each column of three once for the three windows that it is part of. The median of nine is then the median of
 * the largest minimum, the median median and the smallest maximum.
 */
function medianOfNine({ height, width, stride, values }: ReflectedPlane, out: Float32Array): void {
  const low = new Int32Array(stride);
  const middle = new Int32Array(stride);
  const high = new Int32Array(stride);
  for (let row = 0; row < height; row++) {
    const from = row * stride;
    for (let k = 0; k < stride; k++) {
      const a = values[from + k] as number;
      const b = values[from + k + stride] as number;
      const c = values[from + k + 2 * stride] as number;
      const smaller = min(a, b);
      const larger = max(a, b);
      low[k] = min(smaller, c);
      middle[k] = max(smaller, min(larger, c));
      high[k] = max(larger, c);
    }
    for (let k = 0; k < width; k++) {
      const largestLow = max(low[k] as number, low[k + 1] as number, low[k + 2] as number);
      const medianMiddle = median(middle[k] as number, middle[k + 1] as number, middle[k + 2] as number);
      const smallestHigh = min(high[k] as number, high[k + 1] as number, high[k + 2] as number);
      out[row * width + k] = median(largestLow, medianMiddle, smallestHigh);
    }
  }
}

function median(a: number, b: number, c: number): number {
  return max(min(a, b), min(max(a, b), c));
}

/**
 * The rank filter of any window. Its histogram has two tiers, the upper and the lower half of a value's bits, so that
 * even at 16 bits a rank is found in at most 2 · 256 steps.
 */
function histogramFilter(size: number, maxValue: number): Filter {
  const shift = Math.ceil(Math.log2(maxValue + 1) / 2);
  const coarse = new Int32Array((maxValue >> shift) + 1);
  const fine = new Int32Array(coarse.length << shift);
  const rank = (size * size) >> 1;

  return ({ height, width, stride, values }, out) => {
    /** Adds a column of the window to the histogram `times` times. */
    const addColumn = (top: number, times: number): void => {
      for (let at = top, end = top + size * stride; at < end; at += stride) {
        const value = values[at] as number;
        coarse[value >> shift] = (coarse[value >> shift] as number) + times;
        fine[value] = (fine[value] as number) + times;
      }
    };
    for (let row = 0; row < height; row++) {
      const from = row * stride;
      for (let k = 0; k < size - 1; k++) addColumn(from + k, 1);
      for (let k = 0; k < width; k++) {
        addColumn(from + k + size - 1, 1);
        out[row * width + k] = valueOfRank(coarse, fine, shift, rank);
        addColumn(from + k, -1);
      }
      for (let k = 0; k < size - 1; k++) addColumn(from + width + k, -1);
    }
  };
}

/** The value that `rank` others in the window precede. */
function valueOfRank(coarse: Int32Array, fine: Int32Array, shift: number, rank: number): number {
  let left = rank;
  let bin = 0;
  for (let held = coarse[0] as number; held <= left; held = coarse[++bin] as number) left -= held;
  let value = bin << shift;
  for (let held = fine[value] as number; held <= left; held = fine[++value] as number) left -= held;
  return value;
}
