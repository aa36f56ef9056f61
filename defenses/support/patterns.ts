import type { ImageGeometry } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";
import { filterBank } from "../../src/wavelet/filters.js";
import { TextureSpace } from "../../src/wavelet/texture.js";
import type { Perturb } from "./guide.js";

const LEVELS = 3;

/**
 * Perturbations that a denoiser should know: signs drawn for every pixel, or a random texture in the wavelet details that
 * repeats over the image, as universal attacks make them: from soft ones to such whose every pixel is at the limit. Of a
 * random size up to `largest` (L∞, fractions of the window).
 */
export function noiseAndTextures(geometry: ImageGeometry, largest: number): Perturb {
  const space = new TextureSpace(geometry, LEVELS, 1, filterBank("haar"));
  const amplitudes = new Float64Array(space.dimension);
  return (random, out) => {
    const size = largest * random.uniform();
    if (random.sign() > 0) {
      for (let i = 0; i < out.length; i++) out[i] = size * random.sign();
      return;
    }
    const spread = 1 + 2 * random.uniform();
    for (let i = 0; i < amplitudes.length; i++) amplitudes[i] = spread * random.normal();
    space.synthesise(amplitudes, size, out);
    for (let i = 0; i < out.length; i++) out[i] = Math.max(-size, Math.min(size, out[i] as number));
  };
}

/** A stream's standard normal numbers. */
export function fillNormal(out: Float32Array, random: Random, deviation: number): void {
  for (let i = 0; i < out.length; i++) out[i] = deviation * random.normal();
}
