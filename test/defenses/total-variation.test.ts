import defense from "../../defenses/total-variation.js";
import type { PixelBatch } from "../../src/core/pixels.js";
import { defended, filterReference, grayImage, largestDifference, referenceBatch } from "../support/filters.js";

/** How far scikit-image's own iterations are from the minimiser after 100,000 of them, and the digits given. */
const TOLERANCE = 2e-5;

/** ½‖u − f‖² + weight · Σ|∇u| with the window as unit: what is minimised. */
function energy(u: Float32Array, f: PixelBatch, weight: number): number {
  const { height, width, maxValue } = f;
  let sum = 0;
  for (let i = 0; i < u.length; i++) {
    const value = u[i] as number;
    const dx = (i + 1) % width === 0 ? 0 : (u[i + 1] as number) - value;
    const dy = i + width >= height * width ? 0 : (u[i + width] as number) - value;
    sum += ((value - (f.data[i] as number)) / maxValue) ** 2 / 2 + (weight * Math.hypot(dx, dy)) / maxValue;
  }
  return sum;
}

const EXACT = { tolerance: 1e-7, iterations: 20_000 };

function rootMeanSquare(a: Float32Array, b: readonly number[]): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value / 255 - (b[i] as number)) ** 2, 0) / a.length);
}

test.each(filterReference.totalVariation)(
  "weight $weight: what scikit-image's denoise_tv_chambolle converges to",
  async ({ weight, values }) => {
    const out = await defended(defense, referenceBatch("gray"), { weight, ...EXACT });
    const scaled = out.map((value) => value / 255);
    expect(largestDifference(scaled, values)).toBeLessThan(TOLERANCE);
  },
);

test.each(filterReference.totalVariation)(
  "weight $weight: the image is at least as near to the minimiser as the tolerance says",
  async ({ weight, values }) => {
    for (const tolerance of [0.02, 0.004, 5e-4]) {
      const out = await defended(defense, referenceBatch("gray"), { weight, tolerance, iterations: 20_000 });
      expect(rootMeanSquare(out, values)).toBeLessThan(tolerance);
      // The bound is not idle: an image as it came is farther away.
      expect(rootMeanSquare(referenceBatch("gray").data, values)).toBeGreaterThan(0.02);
    }
  },
);

test("the energy falls with further iterations, and the limit has the least of all images tried", async () => {
  const image = referenceBatch("gray");
  const weight = 0.1;
  const energies: number[] = [energy(image.data, image, weight)];
  for (const iterations of [1, 2, 5, 10, 20, 50, 100]) {
    energies.push(energy(await defended(defense, image, { weight, iterations, tolerance: 0 }), image, weight));
  }
  for (let k = 1; k < energies.length; k++) expect(energies[k]).toBeLessThan(energies[k - 1] as number);

  const minimiser = await defended(defense, image, { weight, ...EXACT });
  const least = energy(minimiser, image, weight);
  expect(energies.at(-1)).toBeGreaterThan(least);
  // Convex: a step from the minimiser in any direction costs.
  for (const step of [0.5, -0.5]) {
    const moved = minimiser.map((value, i) => value + step * Math.sin(i));
    expect(energy(moved, image, weight)).toBeGreaterThan(least);
  }
});

test("a step keeps its place and each side moves by weight / width: the closed form in one dimension", async () => {
  // min ½Σ(u − f)² + w·|jump|: the optimality condition on a side of n samples is n·(f − u) = ±w.
  const image = grayImage([[...Array<number>(8).fill(51), ...Array<number>(12).fill(204)]]);
  const weight = 0.4;
  const out = await defended(defense, image, { weight, ...EXACT });
  expect(out[0]).toBeCloseTo(51 + (255 * weight) / 8, 2);
  expect(out[7]).toBeCloseTo(51 + (255 * weight) / 8, 2);
  expect(out[8]).toBeCloseTo(204 - (255 * weight) / 12, 2);
  expect(out[19]).toBeCloseTo(204 - (255 * weight) / 12, 2);
});

test("the mean is kept, and a large weight leaves nothing else", async () => {
  const image = referenceBatch("gray");
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(mean(await defended(defense, image))).toBeCloseTo(mean(image.data), 3);
  const flat = await defended(defense, image, { weight: 10, ...EXACT });
  expect(
    largestDifference(
      flat,
      flat.map(() => mean(image.data)),
    ),
  ).toBeLessThan(0.5);
});
