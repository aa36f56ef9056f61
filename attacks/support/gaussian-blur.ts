import type { ImageGeometry } from "../../src/core/pixels.js";
import { reflected } from "./padding.js";

/** Where the kernel ends, in standard deviations: what lies beyond weighs 6e-5. */
const TRUNCATE = 4;

/** Half a Gaussian kernel, centre first: w₀ + 2·Σ wₖ = 1. */
export function gaussianKernel(sigma: number): Float64Array {
  const radius = Math.max(1, Math.ceil(TRUNCATE * sigma));
  const weights = Float64Array.from({ length: radius + 1 }, (_, k) => Math.exp((-k * k) / (2 * sigma * sigma)));
  const sum = weights.reduce((total, weight, k) => total + (k === 0 ? weight : 2 * weight), 0);
  return weights.map((weight) => weight / sum);
}

/** A separable Gaussian blur of planes of one size with reflecting borders. Its buffers serve all planes. */
export class GaussianBlur {
  readonly #kernel: Float64Array;
  readonly #height: number;
  readonly #width: number;
  /** The plane after the pass over columns. */
  readonly #half: Float32Array;
  readonly #line: Float64Array;

  constructor({ height, width }: Pick<ImageGeometry, "height" | "width">, sigma: number) {
    this.#kernel = gaussianKernel(sigma);
    this.#height = height;
    this.#width = width;
    this.#half = new Float32Array(height * width);
    this.#line = new Float64Array(width + 2 * (this.#kernel.length - 1));
  }

  /** What the standard deviation of white noise is multiplied by: √Σw² over the kernel in both directions, so Σw². */
  get noiseGain(): number {
    return this.#kernel.reduce((sum, weight, k) => sum + (k === 0 ? 1 : 2) * weight * weight, 0);
  }

  /** `target` may be `source`. */
  apply(source: Float32Array, target: Float32Array): void {
    this.#blurColumns(source);
    for (let row = 0; row < this.#height; row++) this.#blurRow(row * this.#width, target);
  }

  /** Along columns, a whole row at a time: memory is read in its order. */
  #blurColumns(source: Float32Array): void {
    const width = this.#width;
    const half = this.#half;
    const centre = this.#kernel[0] as number;
    for (let row = 0; row < this.#height; row++) {
      const to = row * width;
      for (let x = 0; x < width; x++) half[to + x] = centre * (source[to + x] as number);
      for (let k = 1; k < this.#kernel.length; k++) {
        const weight = this.#kernel[k] as number;
        const above = reflected(row - k, this.#height) * width;
        const below = reflected(row + k, this.#height) * width;
        for (let x = 0; x < width; x++) {
          half[to + x] =
            (half[to + x] as number) + weight * ((source[above + x] as number) + (source[below + x] as number));
        }
      }
    }
  }

  #blurRow(from: number, target: Float32Array): void {
    const width = this.#width;
    const kernel = this.#kernel;
    const radius = kernel.length - 1;
    const line = this.#line;
    for (let x = 0; x < radius; x++) {
      line[x] = this.#half[from + reflected(x - radius, width)] as number;
      line[radius + width + x] = this.#half[from + reflected(width + x, width)] as number;
    }
    for (let x = 0; x < width; x++) line[radius + x] = this.#half[from + x] as number;
    const centre = kernel[0] as number;
    for (let x = 0; x < width; x++) {
      const at = radius + x;
      let sum = centre * (line[at] as number);
      for (let k = 1; k <= radius; k++) {
        sum += (kernel[k] as number) * ((line[at - k] as number) + (line[at + k] as number));
      }
      target[from + x] = sum;
    }
  }
}
