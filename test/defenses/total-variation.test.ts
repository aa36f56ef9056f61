import defense from "../../defenses/total-variation.js";
import type { PixelBatch } from "../../src/core/pixels.js";
import { defended, filterReference, grayImage, largestDifference, referenceBatch } from "../support/filters.js";

/** float32 keeps 24 bits, and the reference is given to 7 digits behind the point. */
const TOLERANCE = 1e-6;

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

test.each(filterReference.totalVariation)(
  "weight $weight, $iterations iterations, tolerance $tolerance: scikit-image's denoise_tv_chambolle",
  async ({ values, ...parameters }) => {
    const out = await defended(defense, referenceBatch("gray"), parameters);
    expect(
      largestDifference(
        out.map((value) => value / 255),
        values,
      ),
    ).toBeLessThan(TOLERANCE);
  },
);

test("the energy falls with every further iteration, and no other image tried has less than the limit", async () => {
  const image = referenceBatch("gray");
  const weight = 0.1;
  const energies: number[] = [];
  for (const iterations of [1, 2, 3, 5, 10, 20, 50, 200, 2000]) {
    energies.push(energy(await defended(defense, image, { weight, iterations, tolerance: 0 }), image, weight));
  }
  expect(energies[0]).toBeCloseTo(energy(image.data, image, weight), 6);
  for (let k = 1; k < energies.length; k++) expect(energies[k]).toBeLessThan(energies[k - 1] as number);

  const minimiser = await defended(defense, image, { weight, iterations: 10_000, tolerance: 0 });
  const least = energy(minimiser, image, weight);
  for (const other of filterReference.totalVariation.slice(0, 3)) {
    expect(
      energy(
        Float32Array.from(other.values, (value) => value * 255),
        image,
        weight,
      ),
    ).toBeGreaterThan(least);
  }
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
  const out = await defended(defense, image, { weight, iterations: 10_000, tolerance: 0 });
  expect(out[0]).toBeCloseTo(51 + (255 * weight) / 8, 2);
  expect(out[7]).toBeCloseTo(51 + (255 * weight) / 8, 2);
  expect(out[8]).toBeCloseTo(204 - (255 * weight) / 12, 2);
  expect(out[19]).toBeCloseTo(204 - (255 * weight) / 12, 2);
});

test("the mean is kept, and a large weight leaves nothing else", async () => {
  const image = referenceBatch("gray");
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(mean(await defended(defense, image))).toBeCloseTo(mean(image.data), 3);
  const flat = await defended(defense, image, { weight: 10, iterations: 10_000, tolerance: 0 });
  expect(
    largestDifference(
      flat,
      flat.map(() => mean(image.data)),
    ),
  ).toBeLessThan(0.5);
});
