import { type ImageGeometry, imageSize } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";

/**
 * Coefficients by rings of rising frequency, in random order within a ring and across channels. The innermost holds the
 * share of low frequencies. The longer side counts the rings; along the shorter one a ring is narrower in proportion.
 */
export function ringOrder(geometry: ImageGeometry, lowShare: number, random: Random): Uint32Array {
  const { height, width } = geometry;
  const side = Math.max(height, width);
  const innermost = Math.max(1, Math.round(lowShare * side));
  const ring = (index: number) => {
    const row = Math.floor(index / width) % height;
    const outermost = Math.max(Math.floor((row * side) / height), Math.floor(((index % width) * side) / width));
    return Math.max(innermost - 1, outermost);
  };
  return random.permutation(imageSize(geometry)).sort((a, b) => ring(a) - ring(b));
}

/** Adds `length` times one vector of the orthonormal two-dimensional DCT-II basis of a channel. */
export function addCosine(image: Float32Array, direction: number, length: number, geometry: ImageGeometry): void {
  const { height, width } = geometry;
  const rowWave = cosine(Math.floor(direction / width) % height, height);
  const columnWave = cosine(direction % width, width);
  const start = Math.floor(direction / (height * width)) * height * width;
  for (let row = 0; row < height; row++) {
    const factor = length * (rowWave[row] as number);
    const at = start + row * width;
    for (let column = 0; column < width; column++) {
      image[at + column] = (image[at + column] as number) + factor * (columnWave[column] as number);
    }
  }
}

/** The unit vector cos(π (2i + 1) k / 2n). */
function cosine(frequency: number, length: number): Float64Array {
  const scale = Math.sqrt((frequency === 0 ? 1 : 2) / length);
  return Float64Array.from({ length }, (_, i) => scale * Math.cos((Math.PI * (2 * i + 1) * frequency) / (2 * length)));
}
