import { borderIndices, mirrored } from "./borders.js";

/** Weights below e^−5 count as none, as in scikit-image. */
const CUTOFF = 5;

/** Steps of the table of e^−x per unit of x; between two, the straight line errs by less than 2e-7. */
const TABLE_STEPS = 1024;

/** e^−x for x in [0, CUTOFF], and one entry more for the straight line's end. */
const EXPONENTIALS = Float64Array.from({ length: CUTOFF * TABLE_STEPS + 2 }, (_, step) =>
  Math.exp(-step / TABLE_STEPS),
);

/** How the average is taken. Values, h and σ have the same unit. */
export interface Averaging {
  /** Rows and columns of a patch before and after its centre. */
  readonly before: number;
  readonly after: number;
  /** Patches are sought within this many rows and columns. */
  readonly distance: number;
  /** Decay of the weights, above 0. */
  readonly h: number;
  /** Standard deviation of the noise. */
  readonly sigma: number;
  /** What squared patch differences are divided by: the patch's pixels. */
  readonly area: number;
}

/**
 * Non-local means of images of one size. A pixel becomes the mean of all pixels within `distance`, weighted by
 * exp(−max(0, d²(P, Q) − 2σ²) / h²), where d² is the mean squared difference of the patches round the two, over all
 * channels together (Buades, Coll and Morel 2011, with patches of equal weights): two patches that differ by noise alone
 * are 2σ² apart.
 *
 * One integral image per shift gives the distance of every pair of patches with that shift in four look-ups (Darbon et
 * al. 2008), and a pair serves both its pixels, so that half of the shifts suffice. Beyond its borders the image is
 * mirrored.
 */
export class NonLocalMeans {
  readonly #pad: number;
  readonly #stride: number;
  readonly #rows: Int32Array;
  readonly #columns: Int32Array;
  readonly #padded: readonly Float64Array[];
  readonly #sums: readonly Float64Array[];
  readonly #weights: Float64Array;
  readonly #integral: Float64Array;

  /** @param reach the largest `distance` plus the longer arm of a patch */
  constructor(
    readonly channels: number,
    readonly height: number,
    readonly width: number,
    reach: number,
  ) {
    this.#pad = reach + 1;
    this.#rows = borderIndices(height, this.#pad, this.#pad, mirrored);
    this.#columns = borderIndices(width, this.#pad, this.#pad, mirrored);
    this.#stride = this.#columns.length;
    const size = this.#rows.length * this.#stride;
    this.#padded = Array.from({ length: channels }, () => new Float64Array(size));
    this.#sums = Array.from({ length: channels }, () => new Float64Array(size));
    this.#weights = new Float64Array(size);
    this.#integral = new Float64Array(size);
  }

  /** Averages `image` (C×H×W) into `out`. */
  apply(image: Float32Array, averaging: Averaging, out: Float32Array): void {
    const { distance } = averaging;
    this.#begin(image);
    for (let down = -distance; down <= distance; down++) {
      // A shift and its opposite are the same pairs: those to the right are taken, and of the vertical ones those below.
      for (let right = down > 0 ? 0 : 1; right <= distance; right++) {
        this.#integrate(down, right, averaging);
        this.#accumulate(down, right, averaging);
      }
    }
    this.#finish(out);
  }

  /** Pads the image; each pixel begins with itself, at weight 1. */
  #begin(image: Float32Array): void {
    const { height, width } = this;
    for (const [channel, padded] of this.#padded.entries()) {
      let at = 0;
      for (const row of this.#rows) {
        const from = (channel * height + row) * width;
        for (let k = 0; k < this.#stride; k++) {
          padded[at++] = image[from + (this.#columns[k] as number)] as number;
        }
      }
      this.#sums[channel]?.set(padded);
    }
    this.#weights.fill(1);
  }

  /** The centres x for which x or x + shift is a pixel of the image, in padded rows and columns (ends excluded). */
  #centres(down: number, right: number): { top: number; bottom: number; left: number; end: number } {
    const pad = this.#pad;
    return {
      top: pad + Math.min(0, -down),
      bottom: pad + this.height + Math.max(0, -down),
      left: pad - right,
      end: pad + this.width,
    };
  }

  /** The integral image of Σ_c (x − x shifted)² − 2σ², over all patches of this shift and no further. */
  #integrate(down: number, right: number, { before, after, sigma }: Averaging): void {
    const [integral, stride] = [this.#integral, this.#stride];
    const centres = this.#centres(down, right);
    const [top, bottom] = [centres.top - before, centres.bottom + after];
    const [left, end] = [centres.left - before, centres.end + after];
    const shift = down * stride + right;
    const expected = 2 * sigma * sigma * this.channels;
    integral.fill(0, (top - 1) * stride + left - 1, (top - 1) * stride + end);
    const [first, second, third] = this.#padded as readonly [Float64Array, Float64Array?, Float64Array?];
    for (let row = top; row < bottom; row++) {
      let sum = 0;
      integral[row * stride + left - 1] = 0;
      for (let at = row * stride + left, last = row * stride + end; at < last; at++) {
        const a = (first[at] as number) - (first[at + shift] as number);
        sum += a * a - expected;
        if (second !== undefined && third !== undefined) {
          const b = (second[at] as number) - (second[at + shift] as number);
          const c = (third[at] as number) - (third[at + shift] as number);
          sum += b * b + c * c;
        }
        integral[at] = (integral[at - stride] as number) + sum;
      }
    }
  }

  /** Gives each pixel of a pair its share of the other. */
  #accumulate(down: number, right: number, { before, after, h, area }: Averaging): void {
    const [integral, weights, stride] = [this.#integral, this.#weights, this.#stride];
    const { top, bottom, left, end } = this.#centres(down, right);
    const shift = down * stride + right;
    const scale = 1 / (area * this.channels * h * h);
    const upper = -(before + 1) * stride;
    const lower = after * stride;
    for (let row = top; row < bottom; row++) {
      for (let at = row * stride + left, last = row * stride + end; at < last; at++) {
        const difference =
          (integral[at + lower + after] as number) -
          (integral[at + lower - before - 1] as number) -
          (integral[at + upper + after] as number) +
          (integral[at + upper - before - 1] as number);
        const exponent = difference * scale;
        if (exponent > CUTOFF) continue;
        const weight = exponent <= 0 ? 1 : exponential(exponent);
        const other = at + shift;
        weights[at] = (weights[at] as number) + weight;
        weights[other] = (weights[other] as number) + weight;
        for (let channel = 0; channel < this.channels; channel++) {
          const padded = this.#padded[channel] as Float64Array;
          const sums = this.#sums[channel] as Float64Array;
          sums[at] = (sums[at] as number) + weight * (padded[other] as number);
          sums[other] = (sums[other] as number) + weight * (padded[at] as number);
        }
      }
    }
  }

  #finish(out: Float32Array): void {
    const { height, width } = this;
    for (const [channel, sums] of this.#sums.entries()) {
      for (let row = 0; row < height; row++) {
        const from = (this.#pad + row) * this.#stride + this.#pad;
        const to = (channel * height + row) * width;
        for (let k = 0; k < width; k++) out[to + k] = (sums[from + k] as number) / (this.#weights[from + k] as number);
      }
    }
  }
}

/** e^−x for x in [0, CUTOFF], from the table. */
function exponential(x: number): number {
  const position = x * TABLE_STEPS;
  const step = position | 0;
  const from = EXPONENTIALS[step] as number;
  return from + (position - step) * ((EXPONENTIALS[step + 1] as number) - from);
}
