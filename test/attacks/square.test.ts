import square from "../../attacks/square.js";
import { squareShare } from "../../attacks/support/squares.js";
import { centredBump } from "../../attacks/support/squares-l2.js";
import { DetailCanvas } from "../../attacks/support/squares-wavelet.js";
import { createBatch, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { assertWithin, projectCandidates } from "../../src/image/budget.js";
import { decisionOf } from "../../src/run/margins.js";
import type { MeteredOracle } from "../../src/run/oracle.js";
import { energy, wavedec2 } from "../../src/wavelet/dwt2d.js";
import { filterBank } from "../../src/wavelet/filters.js";
import { applyContext, epsilonStrength } from "../support/contexts.js";
import { leastDistance, linearClassifier, toyOracle } from "../support/toy-oracle.js";

const geometry = { channels: 1, height: 16, width: 16, maxValue: 255 };
const size = imageSize(geometry);
const SLOPE = 51;
/** Grey levels by which every pixel must move the right way before the decision flips, for the two images below. */
const LEVELS = 2.5;
const BUDGET = 400;

/** Flat images, one LEVELS above the threshold of a model whose weights add up to SLOPE and one below it. */
function flat(): PixelBatch {
  const batch = createBatch(geometry, 2);
  batch.data.fill(130, 0, size);
  batch.data.fill(125, size);
  return batch;
}

/** Upper half of the image counts for, lower half against; so that no single brightness change flips. */
const halves = Float32Array.from({ length: size }, (_, i) => (i < size / 2 ? SLOPE : -SLOPE) / size);
const brightness = new Float32Array(size).fill(SLOPE / size);

async function attacked(
  weights: Float32Array,
  bias: number,
  originals: PixelBatch,
  epsilon: number,
  norm: "linf" | "l2",
  parameters: Record<string, unknown>,
) {
  const model = linearClassifier(weights, bias);
  const strength = epsilonStrength(epsilon / 255, geometry, norm);
  const oracle = await toyOracle(model, square, originals, strength, { budget: BUDGET });
  const asked: number[][] = Array.from({ length: originals.count }, () => []);
  const watched = new Proxy(oracle, {
    get(target: MeteredOracle, key: keyof MeteredOracle) {
      if (key === "margins") {
        return async (images: readonly number[], candidates: PixelBatch) => {
          const margins = await target.margins(images, candidates);
          images.forEach((image, k) => {
            asked[image]?.push(margins[k] as number);
          });
          return margins;
        };
      }
      const value = target[key];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const candidates = await square.apply(
    originals,
    applyContext(square, geometry, strength, { parameters, oracle: watched }),
  );
  const moved = projectCandidates(originals, candidates, strength, createBatch(originals, originals.count));
  assertWithin(originals, moved, strength);
  const flipped = decisionOf(await model.predict(moved), 0, 0.5).map((decision, image) =>
    decision === oracle.cleanDecisions[image] ? 0 : 1,
  );
  const finals = await (await toyOracle(model, square, originals, strength, { budget: 1 })).margins([0, 1], moved);
  return { oracle, asked, flipped, finals };
}

const cases = [
  { name: "brightness", weights: brightness, bias: 0 },
  // The flat images have logit 0 here; the biases below put the clean decision LEVELS away.
  { name: "halves", weights: halves, bias: (SLOPE * LEVELS) / 255 },
];

describe.each(cases)("linear model of $name", ({ weights, bias }) => {
  const margin = (SLOPE * LEVELS) / 255;
  test("L∞: flips every image a grey level above the least distance, and stops there", async () => {
    expect(leastDistance(margin, weights, geometry, "linf")).toBeCloseTo(LEVELS, 4);
    const { asked, flipped, oracle } = await attacked(weights, bias, flat(), 4, "linf", {});
    expect([...flipped]).toEqual([1, 1]);
    for (const image of [0, 1]) {
      expect(oracle.queriesUsed(image)).toBeLessThan(BUDGET);
      expect(oracle.flips(image)[0]?.queries).toBe(oracle.queriesUsed(image));
      expect(asked[image]).toHaveLength(oracle.queriesUsed(image));
    }
  });

  test.each(["pixel", "wavelet"])(
    "L∞ below the least distance, %s: no flip, the whole budget, the best kept",
    async (space) => {
      const { asked, finals, flipped, oracle } = await attacked(weights, bias, flat(), 2, "linf", { space });
      expect([...flipped]).toEqual([0, 0]);
      for (const image of [0, 1]) {
        expect(oracle.flips(image)).toEqual([]);
        expect(oracle.queriesUsed(image)).toBe(BUDGET);
        const margins = (asked[image] as number[]).map(Math.abs);
        expect(Math.abs(finals[image] as number)).toBeCloseTo(Math.min(...margins), 12);
        if (space === "pixel") expect(Math.min(...margins)).toBeLessThan(margins[0] as number);
      }
    },
  );

  test("L2: no flip below the least distance", async () => {
    const least = leastDistance(margin, weights, geometry, "l2");
    expect(least).toBeCloseTo(LEVELS * 16, 3);
    const { flipped } = await attacked(weights, bias, flat(), 0.95 * least, "l2", {});
    expect([...flipped]).toEqual([0, 0]);
  });
});

test("L2: flips at four times the least distance", async () => {
  const { flipped, oracle } = await attacked(halves, (SLOPE * LEVELS) / 255, flat(), 4 * LEVELS * 16, "l2", {});
  expect([...flipped]).toEqual([1, 1]);
  expect(oracle.queriesUsed(0)).toBeLessThan(BUDGET);
});

test.each(["linf", "l2"] as const)("wavelet form, %s: flips a model of one detail band", async (norm) => {
  // Pairs of columns against each other: the vertical band of the second level.
  const pairs = Float32Array.from({ length: size }, (_, i) => (i % 4 < 2 ? SLOPE : -SLOPE) / size);
  const epsilon = norm === "linf" ? 4 * LEVELS : 3 * LEVELS * 16;
  const { flipped } = await attacked(pairs, (SLOPE * LEVELS) / 255, flat(), epsilon, norm, { space: "wavelet" });
  expect([...flipped]).toEqual([1, 1]);
});

test("less than a grey level moves nothing and asks nothing", async () => {
  const { flipped, oracle } = await attacked(brightness, 0, flat(), 0.5, "linf", {});
  expect([...flipped]).toEqual([0, 0]);
  expect(oracle.queriesUsed(0)).toBe(0);
});

test("the area of squares follows the paper's schedule, rescaled to the budget", () => {
  const at = (query: number, budget: number) => squareShare(0.8, query, budget) / 0.8;
  expect([10, 11, 50, 51, 200, 201, 1000, 1001].map((query) => at(query, 10_000))).toEqual([
    1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.0625,
  ]);
  expect([8001, 10_000].map((query) => at(query, 10_000))).toEqual([1 / 256, 1 / 256]);
  expect(at(401, 500)).toBe(1 / 256);
});

test("the L2 update is two opposite bumps of norm 1 together, highest at their centres", () => {
  for (const side of [1, 3, 5, 8, 15]) {
    expect(centredBump(side).reduce((sum, value) => sum + value ** 2, 0)).toBeCloseTo(1, 6);
  }
  const bump = centredBump(8);
  expect(bump.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 6);
  expect(bump.indexOf(Math.max(...bump))).toBe(2 * 8 + 4);
  // One ring out of the centre the sum lacks its first term, 1.
  const ring = (bump[2 * 8 + 5] as number) / (bump[2 * 8 + 4] as number);
  const terms = [1, 1 / 4, 1 / 9, 1 / 16, 1 / 25];
  const sum = (from: number) => terms.slice(from).reduce((total, term) => total + term, 0);
  expect(ring).toBeCloseTo(sum(1) / sum(0), 6);
});

test("details are synthesised with their energy and without an approximation", () => {
  const random = randomFrom("details");
  const canvas = new DetailCanvas(geometry, 3, filterBank("db2"));
  const details = Float32Array.from({ length: canvas.length }, () => random.normal());
  const image = new Float32Array(size);
  canvas.synthesise(details, image);
  expect(energy(image)).toBeCloseTo(energy(details), 2);
  const { approximation } = wavedec2(image, 16, 16, filterBank("db2"), 3);
  expect(energy(approximation.values)).toBeLessThan(1e-9);
});
