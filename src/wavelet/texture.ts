import type { ImageGeometry } from "../core/pixels.js";
import { type Coefficients2d, ORIENTATIONS, Wavelet2d } from "./dwt2d.js";
import type { FilterBank } from "./filters.js";

/**
 * The textures that live in wavelet details alone. In every detail band of every level and channel a small block of
 * coefficients is tiled over the whole band; the approximation is zero. The image repeats every `tile · 2^levels`
 * pixels both ways, and the approximation of whatever it is added to stays as it was (exactly so where the image's
 * sides are multiples of that period).
 *
 * A texture is a vector of amplitudes, one per channel, level, orientation and place in the block. They are scaled so
 * that amplitudes of ±1 give an image of root mean square 1, to which every band contributes alike.
 */
export class TextureSpace {
  /** Number of amplitudes. */
  readonly dimension: number;
  readonly #geometry: ImageGeometry;
  readonly #period: number;
  /** One period of the image, and its coefficients. */
  readonly #plan: Wavelet2d;
  readonly #coefficients: Coefficients2d;
  readonly #block: Float64Array;

  constructor(geometry: ImageGeometry, levels: number, tile: number, bank: FilterBank) {
    this.#geometry = geometry;
    this.#period = tile * 2 ** levels;
    this.#plan = new Wavelet2d(this.#period, this.#period, levels, bank);
    this.#coefficients = this.#plan.createCoefficients();
    this.#block = new Float64Array(this.#period ** 2);
    this.dimension = geometry.channels * (this.#period ** 2 - tile ** 2);
  }

  /** Writes `gain` times the texture into `image` (C×H×W) and returns it. */
  synthesise(amplitudes: Float64Array, gain: number, image: Float32Array): Float32Array {
    const { channels, height, width } = this.#geometry;
    const perChannel = this.dimension / channels;
    for (let channel = 0; channel < channels; channel++) {
      this.#fillBands(amplitudes.subarray(channel * perChannel, (channel + 1) * perChannel), gain);
      this.#plan.inverse(this.#coefficients, this.#block);
      this.#repeatBlock(image.subarray(channel * height * width, (channel + 1) * height * width));
    }
    return image;
  }

  #fillBands(amplitudes: Float64Array, gain: number): void {
    const { levels } = this.#plan;
    let next = 0;
    this.#coefficients.details.forEach((bands, fromCoarsest) => {
      // A band of coefficients ±c of level l has a root mean square of c / 2^l in the image.
      const scale = (gain * 2 ** (levels - fromCoarsest)) / Math.sqrt(ORIENTATIONS.length * levels);
      for (const orientation of ORIENTATIONS) {
        const { values } = bands[orientation];
        for (let i = 0; i < values.length; i++) values[i] = scale * (amplitudes[next++] as number);
      }
    });
  }

  #repeatBlock(plane: Float32Array): void {
    const { width } = this.#geometry;
    const period = this.#period;
    for (let i = 0; i < plane.length; i += width) {
      const row = ((i / width) % period) * period;
      for (let column = 0; column < width; column++) plane[i + column] = this.#block[row + (column % period)] as number;
    }
  }
}
