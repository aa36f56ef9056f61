import { readFileSync } from "node:fs";
import { randomFrom } from "../../src/core/random.js";
import { energy, wavedec2, waverec2 } from "../../src/wavelet/dwt2d.js";
import { filterBank, type WaveletName } from "../../src/wavelet/filters.js";
import {
  applyThreshold,
  bayesThreshold,
  noiseLevel,
  type SHRINK_METHODS,
  shrink,
  THRESHOLD_RULES,
  universalThreshold,
} from "../../src/wavelet/shrink.js";
import { reference } from "../support/reference.js";

const { thresholds } = JSON.parse(
  readFileSync(new URL("../reference/wavelets-periodization.json", import.meta.url), "utf8"),
) as { thresholds: { input: number[]; value: number } & Record<(typeof THRESHOLD_RULES)[number], number[]> };

function normals(count: number, scale: number): Float64Array {
  const random = randomFrom("shrink", count);
  return Float64Array.from({ length: count }, () => scale * random.normal());
}

const python = reference<{
  gray: { rows: number; columns: number; values: number[] };
  waveletDenoise: {
    wavelet: WaveletName;
    levels: number;
    method: (typeof SHRINK_METHODS)[number];
    rule: (typeof THRESHOLD_RULES)[number];
    sigma: number;
    universal: number;
    values: number[];
  }[];
}>("defenses-python.json");

test.each(THRESHOLD_RULES)("%s thresholding equals PyWavelets'", (rule) => {
  const values = Float64Array.from(thresholds.input);
  applyThreshold(values, thresholds.value, rule);
  thresholds[rule].forEach((expected, i) => {
    expect(Math.abs((values[i] as number) - expected)).toBeLessThan(1e-12);
  });
});

test.each(THRESHOLD_RULES)("%s thresholding empties a band of noise alone and leaves one without noise", (rule) => {
  const band = Float64Array.of(3, -1, 0, 7);
  applyThreshold(band, 0, rule);
  expect([...band]).toEqual([3, -1, 0, 7]);
  applyThreshold(band, Number.POSITIVE_INFINITY, rule);
  expect(band.every((value) => value === 0)).toBe(true);
});

test.each(python.waveletDenoise)("$method, $rule: as scikit-image and PyWavelets have it", (expected) => {
  const { rows, columns } = python.gray;
  const bank = filterBank(expected.wavelet);
  const image = Float64Array.from(python.gray.values, (value) => value / 255);
  const coefficients = wavedec2(image, rows, columns, bank, expected.levels);
  const noise = noiseLevel(coefficients.details.at(-1)?.diagonal.values ?? new Float64Array());
  expect(noise).toBeCloseTo(expected.sigma, 12);
  expect(universalThreshold(rows * columns, noise)).toBeCloseTo(expected.universal, 12);
  shrink(coefficients, rows * columns, expected.method, expected.rule);
  waverec2(coefficients, rows, columns, bank).forEach((value, i) => {
    // The reference is given to 8 digits behind the point.
    expect(Math.abs(value - (expected.values[i] as number))).toBeLessThan(6e-9);
  });
});

test("the universal threshold exceeds almost all of that many normal variables, and not by far", () => {
  const values = normals(40_000, 7);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const threshold = universalThreshold(values.length, 7);
  expect(threshold).toBeCloseTo(7 * Math.sqrt(2 * Math.log(40_000)), 12);
  expect(largest / threshold).toBeGreaterThan(0.8);
  expect(values.filter((value) => Math.abs(value) > threshold).length).toBeLessThanOrEqual(3);
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

test.each([
  ["bayes-shrink", "soft", 0.3],
  ["visu-shrink", "hard", 0.35],
] as const)("%s, %s: an image without noise comes back, of noise less than %d is left", (method, rule, share) => {
  const [rows, columns] = [64, 64];
  const bank = filterBank("db4");
  const clean = Float64Array.from({ length: rows * columns }, (_, i) => (i % columns > 20 ? 150 : 40));
  const noise = normals(rows * columns, 10);
  const denoise = (image: Float64Array) => {
    const coefficients = wavedec2(image, rows, columns, bank, 3);
    shrink(coefficients, rows * columns, method, rule);
    return waverec2(coefficients, rows, columns, bank);
  };
  const error = (image: Float64Array) => energy(image.map((value, i) => value - (clean[i] as number)));
  expect(error(denoise(clean))).toBeLessThan(1e-12);
  expect(error(denoise(clean.map((value, i) => value + (noise[i] as number))))).toBeLessThan(share * energy(noise));
});
