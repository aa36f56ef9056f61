import simba from "../../attacks/simba-dct.js";
import { createBatch, imageSize } from "../../src/core/pixels.js";
import { assertWithin, projectCandidates } from "../../src/image/budget.js";
import { CosineBasis } from "../../src/image/cosine-basis.js";
import { applyContext, epsilonStrength } from "../support/contexts.js";
import { leastDistance, linearClassifier, toyOracle } from "../support/toy-oracle.js";

const geometry = { channels: 1, height: 16, width: 12, maxValue: 255 };
const size = imageSize(geometry);
const SLOPE = 51;
const LEVELS = 2.5;
const BUDGET = 200;
const bias = (SLOPE * LEVELS) / 255;

/** A basis image as a model's weights: SLOPE is the sum of their absolute values, so that L∞ reaches as far as brightness. */
function wave(vertical: number, horizontal: number): Float32Array {
  const image = new Float32Array(size);
  new CosineBasis(16, 12).fill(vertical, horizontal, image);
  const sum = image.reduce((total, value) => total + Math.abs(value), 0);
  return image.map((value) => (value * SLOPE) / sum);
}

async function attacked(weights: Float32Array, stored: number, norm: "linf" | "l2", parameters = {}) {
  const originals = createBatch(geometry, 2);
  originals.data.fill(128);
  const strength = epsilonStrength(stored / 255, geometry, norm);
  const oracle = await toyOracle(linearClassifier(weights, bias), simba, originals, strength, { budget: BUDGET });
  const candidates = await simba.apply(originals, applyContext(simba, geometry, strength, { parameters, oracle }));
  const moved = projectCandidates(originals, candidates, strength, createBatch(originals, 2));
  assertWithin(originals, moved, strength);
  return oracle;
}

test("the cosine basis is orthonormal, and its first image is flat", () => {
  const basis = new CosineBasis(5, 4);
  const images = Array.from({ length: 20 }, (_, index) => {
    const image = new Float64Array(20);
    basis.fill(Math.floor(index / 4), index % 4, image);
    return image;
  });
  for (const [a, one] of images.entries()) {
    for (const [b, other] of images.entries()) {
      const product = one.reduce((sum, value, i) => sum + value * (other[i] as number), 0);
      expect(product).toBeCloseTo(a === b ? 1 : 0, 12);
    }
  }
  expect(images[0]?.every((value) => Math.abs(value - 1 / Math.sqrt(20)) < 1e-12)).toBe(true);
});

test("L2: a model of one wave falls to that wave, at twice the least distance", async () => {
  const weights = wave(1, 1);
  const least = leastDistance(bias, weights, geometry, "l2");
  const near = await attacked(weights, 2 * least, "l2", { frequencies: 0.2, step: 1 });
  const short = await attacked(weights, 0.95 * least, "l2", { frequencies: 0.2, step: 1 });
  for (const image of [0, 1]) {
    // 3 × 2 directions, two queries each at most, and the image itself.
    expect(near.flips(image)).toHaveLength(1);
    expect(near.queriesUsed(image)).toBeLessThanOrEqual(13);
    expect(near.flips(image)[0]?.queries).toBe(near.queriesUsed(image));
    expect(short.flips(image)).toEqual([]);
    expect(short.queriesUsed(image)).toBeLessThanOrEqual(13);
  }
});

test("L∞: no flip below the least distance, a flip at twice of it", async () => {
  const weights = wave(2, 0);
  expect(leastDistance(bias, weights, geometry, "linf")).toBeCloseTo(LEVELS, 4);
  const short = await attacked(weights, 2, "linf", { frequencies: 0.25, step: 1 });
  const near = await attacked(weights, 5, "linf", { frequencies: 0.25, step: 1 });
  for (const image of [0, 1]) {
    expect(short.flips(image)).toEqual([]);
    expect(near.flips(image)).toHaveLength(1);
  }
});

test("pixels: each is moved the right way with two queries at most", async () => {
  // Three pixels carry the decision; each alone by ε moves it a third of the way.
  const weights = new Float32Array(size);
  for (const at of [0, 1, 2]) weights[at] = 255;
  const originals = createBatch(geometry, 1);
  originals.data.fill(128);
  const strength = epsilonStrength(4 / 255, geometry);
  // logit at 128: 3 · 0.5; every grey level of a pixel is 1. Just above the threshold by 10 of the 12 that ε allows.
  const oracle = await toyOracle(linearClassifier(weights, 8.5), simba, originals, strength, { budget: 2 * size + 1 });
  await simba.apply(
    originals,
    applyContext(simba, geometry, strength, { parameters: { basis: "pixel", step: 1 }, oracle }),
  );
  expect(oracle.flips(0)).toHaveLength(1);
  expect(oracle.queriesUsed(0)).toBeLessThanOrEqual(2 * size + 1);
});
