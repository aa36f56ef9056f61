import type { Random } from "../../core/random.js";

const { max, min, round, sqrt } = Math; // see anatomy.ts

export type Scanner = "A" | "B" | "C";

interface ScannerTraits {
  /** Share of each pixel that leaks to each of its four neighbours' axes: the blur of the detector. */
  readonly blur: number;
  /** Standard deviation of the noise at full exposure, in display values. */
  readonly noise: number;
  /** Passes of a 3×3 binomial filter over the noise: 0 leaves it white, more make it grainy. */
  readonly grain: number;
  /** Contrast of the display curve. */
  readonly contrast: number;
}

/**
 * Three detectors. A is sharp with white noise, B blurs a little and its noise is correlated between neighbours, and
 * C, the odd one out, has coarse noise whose grains are as large as small nodules.
 */
const TRAITS: Readonly<Record<Scanner, ScannerTraits>> = {
  A: { blur: 0.08, noise: 0.018, grain: 0, contrast: 1 },
  B: { blur: 0.14, noise: 0.014, grain: 1, contrast: 0.95 },
  C: { blur: 0.1, noise: 0.033, grain: 4, contrast: 1 },
};

/**
 * Turns densities (side × side, 0 to 1) into stored values 0 … 255: blur, noise (stronger where little radiation
 * passes), display curve, rounding.
 */
export function acquire(density: Float32Array, side: number, scanner: Scanner, random: Random): Uint8Array {
  const { blur, noise, grain, contrast } = TRAITS[scanner];
  const sharp = smooth(density, side, blur);
  const texture = noiseTexture(side, grain, random);
  const pixels = new Uint8Array(density.length);
  for (let pixel = 0; pixel < pixels.length; pixel++) {
    const value = sharp[pixel] ?? 0;
    const noisy = value + noise * (0.6 + 0.8 * value) * (texture[pixel] ?? 0);
    pixels[pixel] = round(255 * min(1, max(0, 0.5 + contrast * (noisy - 0.5))));
  }
  return pixels;
}

/** Noise of unit variance; `grain` passes of a smoothing filter make its grains larger. */
function noiseTexture(side: number, grain: number, random: Random): Float32Array {
  let texture = new Float32Array(side * side);
  for (let pixel = 0; pixel < texture.length; pixel++) texture[pixel] = random.normal();
  for (let pass = 0; pass < grain; pass++) texture = smooth(texture, side, 0.25);
  if (grain === 0) return texture;
  let energy = 0;
  for (const value of texture) energy += value * value;
  const scale = 1 / sqrt(energy / texture.length);
  return texture.map((value) => value * scale);
}

/** A separable three-point filter (weight, 1 - 2 weight, weight) along rows, then columns; edges repeat. */
function smooth(image: Float32Array, side: number, weight: number): Float32Array<ArrayBuffer> {
  const rows = new Float32Array(image.length);
  const both = new Float32Array(image.length);
  const centre = 1 - 2 * weight;
  for (let row = 0; row < side; row++) {
    const start = row * side;
    for (let column = 0; column < side; column++) {
      const left = image[start + max(0, column - 1)] ?? 0;
      const right = image[start + min(side - 1, column + 1)] ?? 0;
      rows[start + column] = centre * (image[start + column] ?? 0) + weight * (left + right);
    }
  }
  for (let row = 0; row < side; row++) {
    const above = max(0, row - 1) * side;
    const below = min(side - 1, row + 1) * side;
    for (let column = 0; column < side; column++) {
      const pixel = row * side + column;
      both[pixel] = centre * (rows[pixel] ?? 0) + weight * ((rows[above + column] ?? 0) + (rows[below + column] ?? 0));
    }
  }
  return both;
}
