import gaussian from "../../attacks/gaussian-noise.js";
import sign from "../../attacks/random-sign.js";
import type { Attack, Strength } from "../../src/core/attack.js";
import type { Norm } from "../../src/core/condition.js";
import { createBatch, type PixelBatch } from "../../src/core/pixels.js";
import { perturbationSizes, projectCandidates } from "../../src/image/budget.js";
import { applyContext } from "../support/contexts.js";

const grey = createBatch({ channels: 1, height: 40, width: 50, maxValue: 255 }, 2);
grey.data.fill(128);

const epsilonOf = (epsilon: number, norm: Norm): Strength => ({
  kind: "epsilon",
  norm,
  epsilon,
  stored: epsilon * 255,
});

async function perturb(attack: Attack, strength: Strength): Promise<PixelBatch> {
  const context = applyContext(attack, grey, strength);
  return projectCandidates(grey, await attack.apply(grey, context), strength, createBatch(grey, 2));
}

function differences(batch: PixelBatch): Float64Array {
  return Float64Array.from(batch.data, (value, i) => value - (grey.data[i] as number));
}

function deviation(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

test("random signs are ±ε in every pixel, half of them up, and differ between images", async () => {
  const moved = differences(await perturb(sign, epsilonOf(4 / 255, "linf")));
  expect(moved.every((value) => Math.abs(value) === 4)).toBe(true);
  expect(moved.filter((value) => value > 0).length / moved.length).toBeCloseTo(0.5, 1);
  expect(moved.subarray(0, 2000)).not.toEqual(moved.subarray(2000));
});

test.each([0.1, 0.35, 1, 2.5])("random signs use an L2 budget of %d to the last grey level", async (epsilon) => {
  const { l2 } = perturbationSizes(grey, await perturb(sign, epsilonOf(epsilon, "l2")));
  for (const size of l2) {
    expect(size).toBeLessThanOrEqual(epsilon + 1e-12);
    expect(size).toBeGreaterThan(0.97 * epsilon);
  }
});

test("Gaussian noise of an L∞ budget is normal with half of it as standard deviation, cut off at ε", async () => {
  const moved = differences(await perturb(gaussian, epsilonOf(16 / 255, "linf")));
  expect(Math.max(...moved)).toBe(16);
  expect(Math.min(...moved)).toBe(-16);
  // The standard deviation of a normal variable clipped at two of its own is 0.9596 of it.
  expect(deviation(moved) / 8).toBeCloseTo(0.96, 1);
});

test("Gaussian noise of an L2 budget fills it", async () => {
  const { l2 } = perturbationSizes(grey, await perturb(gaussian, epsilonOf(1, "l2")));
  for (const size of l2) {
    expect(size).toBeLessThanOrEqual(1);
    expect(size).toBeGreaterThan(0.99);
  }
});

test("severities are the standard deviations of CIFAR-10-C", async () => {
  const published = [0.04, 0.06, 0.08, 0.09, 0.1];
  for (const [index, expected] of published.entries()) {
    const moved = differences(await perturb(gaussian, { kind: "severity", level: index + 1 }));
    expect(deviation(moved) / 255 / expected).toBeCloseTo(1, 1);
  }
});
