import { readFileSync } from "node:fs";
import { randomFrom } from "../../src/core/random.js";
import { energy, wavedec2, waverec2 } from "../../src/wavelet/dwt2d.js";
import { filterBank } from "../../src/wavelet/filters.js";
import { bayesShrink, bayesThreshold, noiseLevel, softThreshold } from "../../src/wavelet/shrink.js";

const { thresholds } = JSON.parse(
  readFileSync(new URL("../reference/wavelets-periodization.json", import.meta.url), "utf8"),
) as { thresholds: { input: number[]; value: number; soft: number[] } };

function normals(count: number, scale: number): Float64Array {
  const random = randomFrom("shrink", count);
  return Float64Array.from({ length: count }, () => scale * random.normal());
}

test("soft thresholding equals PyWavelets'", () => {
  const values = Float64Array.from(thresholds.input);
  softThreshold(values, thresholds.value);
  thresholds.soft.forEach((expected, i) => {
    expect(values[i]).toBeCloseTo(expected, 15);
  });
});

test("the noise level of normal noise is its standard deviation", () => {
  expect(noiseLevel(normals(40_000, 7)) / 7).toBeCloseTo(1, 1);
  expect(noiseLevel(Float64Array.of(-2, 1, 5, -4))).toBeCloseTo(3 / 0.6744897501960817, 12);
  expect(noiseLevel(new Float64Array(0))).toBe(0);
});

test("the BayesShrink threshold is σ²/σ_x", () => {
  // Mean square 25, noise variance 16: the signal's standard deviation is 3.
  expect(bayesThreshold(Float64Array.of(5, -5, 5, 5), 4)).toBeCloseTo(16 / 3, 12);
  expect(bayesThreshold(Float64Array.of(1, -1), 2)).toBe(Number.POSITIVE_INFINITY);
  expect(bayesThreshold(Float64Array.of(1, -1), 0)).toBe(0);
});

test("an image without noise comes back, a noisy one nearer to the clean one", () => {
  const [rows, columns] = [64, 64];
  const bank = filterBank("db4");
  const clean = Float64Array.from({ length: rows * columns }, (_, i) => (i % columns > 20 ? 150 : 40));
  const noise = normals(rows * columns, 10);
  const denoise = (image: Float64Array) => {
    const coefficients = wavedec2(image, rows, columns, bank, 3);
    bayesShrink(coefficients);
    return waverec2(coefficients, rows, columns, bank);
  };
  const error = (image: Float64Array) => energy(image.map((value, i) => value - (clean[i] as number)));
  expect(error(denoise(clean))).toBeLessThan(1e-12);
  expect(error(denoise(clean.map((value, i) => value + (noise[i] as number))))).toBeLessThan(0.3 * energy(noise));
});
