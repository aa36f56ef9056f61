/**
 * The interpolation kernels of image resizing and their weights along one axis, as Pillow computes them (Pillow 9.4,
 * src/libImaging/Resample.c, precompute_coeffs).
 */
export type Kernel = "nearest" | "box" | "bilinear" | "bicubic" | "lanczos";

/** A line of `to` values as weighted sums of a line of `from`. */
export interface Weights {
  /** First input line of each output line. */
  readonly first: Int32Array;
  /** How many input lines count for each output line. */
  readonly size: Int32Array;
  /** Their weights, `stride` per output line; they sum to 1. */
  readonly values: Float64Array;
  readonly stride: number;
}

/** Half the width of each kernel at scale 1, and its value at a distance. */
const KERNELS: Readonly<Record<Exclude<Kernel, "nearest">, { support: number; weight: (x: number) => number }>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: keys },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Keys's cubic convolution with a = −1/2. */
function keys(x: number): number {
  const a = -0.5;
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/**
 * The weights of a resize from `from` to `to` lines. With `antialias` (as Pillow always does) the kernel widens by the
 * scale where the image shrinks, so that every input line counts; without (as OpenCV and most frameworks did by default)
 * it keeps its width and lines between its feet are skipped. `nearest` takes the line under the centre, always.
 * @param part the output lines that are wanted, `begin` to `end` (exclusive) of the `to`; without it all of them
 */
export function kernelWeights(
  kernel: Kernel,
  from: number,
  to: number,
  antialias = true,
  part: { readonly begin: number; readonly end: number } = { begin: 0, end: to },
): Weights {
  if (kernel === "nearest") return nearestWeights(from, to, part);
  const { support: support1, weight } = KERNELS[kernel];
  const scale = from / to;
  const filterScale = antialias ? Math.max(scale, 1) : 1;
  const support = support1 * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const count = part.end - part.begin;
  const first = new Int32Array(count);
  const size = new Int32Array(count);
  const values = new Float64Array(count * stride);
  for (let out = 0; out < count; out++) {
    const centre = (part.begin + out + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5));
    const high = Math.min(from, Math.trunc(centre + support + 0.5));
    let sum = 0;
    for (let input = low; input < high; input++) {
      const value = weight((input - centre + 0.5) * (1 / filterScale));
      values[out * stride + input - low] = value;
      sum += value;
    }
    for (let index = 0; index < high - low; index++) {
      values[out * stride + index] = (values[out * stride + index] as number) / sum;
    }
    first[out] = low;
    size[out] = high - low;
  }
  return { first, size, values, stride };
}

function nearestWeights(from: number, to: number, part: { readonly begin: number; readonly end: number }): Weights {
  const count = part.end - part.begin;
  const first = Int32Array.from({ length: count }, (_, out) =>
    Math.min(from - 1, Math.floor(((part.begin + out + 0.5) * from) / to)),
  );
  return { first, size: new Int32Array(count).fill(1), values: new Float64Array(count).fill(1), stride: 1 };
}

/** The weights of one resize after another as those of a single step: `outer` of the lines that `inner` makes. */
export function composeWeights(outer: Weights, inner: Weights): Weights {
  const to = outer.first.length;
  const first = new Int32Array(to);
  const size = new Int32Array(to);
  for (let out = 0; out < to; out++) {
    const from = outer.first[out] as number;
    let low = Number.POSITIVE_INFINITY;
    let high = 0;
    for (let middle = from; middle < from + (outer.size[out] as number); middle++) {
      low = Math.min(low, inner.first[middle] as number);
      high = Math.max(high, (inner.first[middle] as number) + (inner.size[middle] as number));
    }
    first[out] = low;
    size[out] = high - low;
  }
  const stride = size.reduce((most, count) => Math.max(most, count), 0);
  const values = new Float64Array(to * stride);
  for (let out = 0; out < to; out++) {
    for (let k = 0; k < (outer.size[out] as number); k++) {
      const middle = (outer.first[out] as number) + k;
      const weight = outer.values[out * outer.stride + k] as number;
      const shift = out * stride + (inner.first[middle] as number) - (first[out] as number);
      for (let index = 0; index < (inner.size[middle] as number); index++) {
        const value = inner.values[middle * inner.stride + index] as number;
        values[shift + index] = (values[shift + index] as number) + weight * value;
      }
    }
  }
  return { first, size, values, stride };
}

/** A plane whose every column is resampled: `from` rows of `width` values become as many rows as there are weights. */
export function resampleRows(source: Float32Array, target: Float32Array, width: number, weights: Weights): void {
  const { first, size, values, stride } = weights;
  target.fill(0);
  for (let out = 0; out < first.length; out++) {
    for (let k = 0; k < (size[out] as number); k++) {
      const weight = values[out * stride + k] as number;
      if (weight === 0) continue;
      const from = ((first[out] as number) + k) * width;
      const to = out * width;
      for (let x = 0; x < width; x++) {
        target[to + x] = (target[to + x] as number) + weight * (source[from + x] as number);
      }
    }
  }
}

/** A plane whose every row is resampled: rows of `from` values become rows of as many as there are weights. */
export function resampleColumns(source: Float32Array, target: Float32Array, from: number, weights: Weights): void {
  const { first, size, values, stride } = weights;
  const to = first.length;
  for (let row = 0, out = 0; out < target.length; row++) {
    for (let column = 0; column < to; column++, out++) {
      const start = row * from + (first[column] as number);
      let sum = 0;
      for (let k = 0; k < (size[column] as number); k++) {
        sum += (values[column * stride + k] as number) * (source[start + k] as number);
      }
      target[out] = sum;
    }
  }
}
