import fc from "fast-check";
import { imageSize } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { ApproximationShare } from "../../src/wavelet/approximation-share.js";
import { energy } from "../../src/wavelet/dwt2d.js";
import { filterBank, ORTHONORMAL_WAVELETS } from "../../src/wavelet/filters.js";
import { TextureSpace } from "../../src/wavelet/texture.js";

function signs(count: number, seed: number): Float64Array {
  const random = randomFrom(seed, "signs");
  return Float64Array.from({ length: count }, () => random.sign());
}

test("a texture of any orthonormal wavelet, size and channel count leaves the approximation untouched and has the size of its gain", () => {
  const small = fc.integer({ min: 1, max: 3 });
  fc.assert(
    fc.property(
      fc.constantFrom(...ORTHONORMAL_WAVELETS),
      fc.integer({ min: 1, max: 3 }),
      small,
      small,
      small,
      fc.constantFrom(1, 3),
      fc.nat(),
      (name, levels, tile, down, across, channels, seed) => {
        const period = tile * 2 ** levels;
        const geometry = { channels, height: down * period, width: across * period, maxValue: 255 };
        const space = new TextureSpace(geometry, levels, tile, filterBank(name));
        const image = space.synthesise(signs(space.dimension, seed), 4, new Float32Array(imageSize(geometry)));
        expect(new ApproximationShare(geometry, name, levels).of(image)).toBeLessThan(1e-12);
        expect(Math.sqrt(energy(image) / image.length)).toBeCloseTo(4, 4);
      },
    ),
    { numRuns: 40 },
  );
});

test("with haar and one tile the space holds every zero-mean block: its dimension is period² − 1 per channel", () => {
  const geometry = { channels: 3, height: 32, width: 32, maxValue: 255 };
  expect(new TextureSpace(geometry, 3, 1, filterBank("haar")).dimension).toBe(3 * 63);
});

test("the texture repeats, and is cut off where the image is no multiple of the period", () => {
  const geometry = { channels: 1, height: 11, width: 13, maxValue: 255 };
  const space = new TextureSpace(geometry, 2, 1, filterBank("db2"));
  const image = space.synthesise(signs(space.dimension, 2), 1, new Float32Array(11 * 13));
  for (let row = 4; row < 11; row++) {
    for (let column = 4; column < 13; column++) {
      expect(image[row * 13 + column]).toBe(image[(row - 4) * 13 + column - 4]);
    }
  }
});
