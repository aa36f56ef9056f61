import { type ImageGeometry, imageSize } from "../../src/core/pixels.js";
import type { PerturbationSpace } from "./antithetic.js";

/** The zero-mean square blocks of one size, as a vector of amplitudes; ±1 in all gives a block of root mean square 1. */
export interface BlockBasis {
  /** Side of the block, in pixels. */
  readonly period: number;
  /** Amplitudes per block. */
  readonly dimension: number;
  synthesise(amplitudes: Float64Array, gain: number, block: Float64Array): void;
}

/** Textures that repeat one block over the image, a block of its own for every channel. */
export class TiledTexture implements PerturbationSpace {
  readonly dimension: number;
  readonly #block: Float64Array;

  constructor(
    readonly geometry: ImageGeometry,
    readonly basis: BlockBasis,
  ) {
    this.dimension = geometry.channels * basis.dimension;
    this.#block = new Float64Array(basis.period ** 2);
  }

  synthesise(amplitudes: Float64Array, gain: number, image: Float32Array): Float32Array {
    const { geometry, basis } = this;
    const { height, width } = geometry;
    const block = this.#block;
    for (let at = 0, row = 0; at < imageSize(geometry); at += width, row++) {
      if (row % height === 0) {
        const from = (row / height) * basis.dimension;
        basis.synthesise(amplitudes.subarray(from, from + basis.dimension), gain, block);
      }
      const start = ((row % height) % basis.period) * basis.period;
      for (let column = 0; column < width; column++)
        image[at + column] = block[start + (column % basis.period)] as number;
    }
    return image;
  }
}

/** One amplitude per pixel of the block; their mean is taken away, so that one of period² dimensions is idle. */
export function pixelBlocks(period: number): BlockBasis {
  const dimension = period ** 2;
  // Taking the mean away leaves (dimension − 1) / dimension of the energy of random signs.
  const scale = Math.sqrt(dimension / Math.max(1, dimension - 1));
  return {
    period,
    dimension,
    synthesise(amplitudes, gain, block) {
      let sum = 0;
      for (const amplitude of amplitudes) sum += amplitude;
      const mean = sum / dimension;
      for (let i = 0; i < dimension; i++) block[i] = gain * scale * ((amplitudes[i] as number) - mean);
    },
  };
}

/** How the cosines share the energy: every octave of frequencies alike, as the levels of wavelets do, or every cosine. */
export type Weighting = "octaves" | "flat";

/** One amplitude per cosine of the block's two-dimensional DCT-II, but the constant one. */
export function cosineBlocks(period: number, weighting: Weighting): BlockBasis {
  const waves = cosines(period);
  const scales = cosineScales(period, weighting);
  const rows = new Float64Array(period ** 2);
  return {
    period,
    dimension: period ** 2 - 1,
    synthesise(amplitudes, gain, block) {
      // rows[u, x] = Σ_v c[u, v] cos_v(x), then block[y, x] = Σ_u cos_u(y) rows[u, x].
      rows.fill(0);
      for (let index = 1; index < period ** 2; index++) {
        const [u, v] = [Math.floor(index / period), index % period];
        const coefficient = gain * (scales[index] as number) * (amplitudes[index - 1] as number);
        addScaled(rows, u * period, coefficient, waves, v * period, period);
      }
      block.fill(0);
      for (let y = 0; y < period; y++) {
        for (let u = 0; u < period; u++) {
          addScaled(block, y * period, waves[u * period + y] as number, rows, u * period, period);
        }
      }
    },
  };
}

function addScaled(
  to: Float64Array,
  at: number,
  scale: number,
  from: Float64Array,
  start: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) to[at + i] = (to[at + i] as number) + scale * (from[start + i] as number);
}

/** The orthonormal DCT-II basis of one axis, frequency by frequency. */
function cosines(period: number): Float64Array {
  return Float64Array.from({ length: period ** 2 }, (_, index) => {
    const [frequency, x] = [Math.floor(index / period), index % period];
    const norm = Math.sqrt((frequency === 0 ? 1 : 2) / period);
    return norm * Math.cos((Math.PI * (2 * x + 1) * frequency) / (2 * period));
  });
}

/**
 * What an amplitude of 1 is as a coefficient. An octave is all cosines whose larger frequency lies in [2^k, 2^(k+1)), the
 * counterpart of a level's three detail bands: for a period of a power of two they hold as many.
 */
function cosineScales(period: number, weighting: Weighting): Float64Array {
  const octave = (index: number) => Math.floor(Math.log2(Math.max(Math.floor(index / period), index % period)));
  const members = new Map<number, number>();
  for (let index = 1; index < period ** 2; index++) members.set(octave(index), (members.get(octave(index)) ?? 0) + 1);
  return Float64Array.from({ length: period ** 2 }, (_, index) => {
    if (index === 0) return 0;
    const share = members.size * (members.get(octave(index)) ?? 1);
    return period / Math.sqrt(weighting === "flat" ? period ** 2 - 1 : share);
  });
}
