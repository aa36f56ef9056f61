import attack from "../../attacks/wavelet-universal.js";
import type { Strength } from "../../src/core/attack.js";
import type { Fitted } from "../../src/core/fitted.js";
import { createBatch, type ImageGeometry, imageSize } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { linearModel, ToyTarget, toyImages } from "../support/toy-target.js";
import { applyContext, noFile } from "../support/contexts.js";

const geometry: ImageGeometry = { channels: 1, height: 16, width: 24, maxValue: 255 };
const size = imageSize(geometry);
const epsilon = (levels: number): Strength => ({
  kind: "epsilon",
  norm: "linf",
  epsilon: levels / 255,
  stored: levels,
});

interface Setting {
  readonly weights: Float32Array;
  readonly labels: readonly number[];
  readonly objective?: string;
  readonly strength?: Strength;
  readonly queries?: number;
  readonly seed?: number;
}

function search({
  weights,
  labels,
  objective = "operating-point",
  strength = epsilon(4),
  queries = 1500,
  seed = 1,
}: Setting) {
  const target = new ToyTarget(linearModel(weights), strength, queries);
  const fit = attack.fit?.(
    {
      images: toyImages(geometry, labels.length, 3),
      labels: Uint8Array.from(labels),
      patients: Int32Array.from(labels, (_, image) => image),
      classIndex: 0,
      threshold: 0.5,
    },
    {
      parameters: attack.meta.parameters.parse({}),
      strength,
      objective,
      geometry,
      target,
      random: randomFrom(seed, "search"),
      progress: () => {},
      file: noFile,
    },
  );
  return { fit: fit as Promise<Fitted>, target };
}

function perturbationOf(fitted: Fitted): Float32Array {
  const { perturbation } = fitted.arrays;
  if (perturbation === undefined) throw new Error("no perturbation");
  expect(perturbation.shape).toEqual([geometry.channels, geometry.height, geometry.width]);
  return perturbation.data;
}

/** What a linear model's logit gains from a perturbation. */
function gain(weights: Float32Array, perturbation: Float32Array): number {
  return perturbation.reduce((sum, value, i) => sum + ((weights[i] as number) * value) / geometry.maxValue, 0);
}

/** A texture of period 8 with zero mean in every block of 8×8: it lies wholly in the details. */
function blockWeights(scale: number): Float32Array {
  const signs = randomFrom("block").permutation(64);
  return Float32Array.from({ length: size }, (_, i) => {
    const row = Math.floor(i / geometry.width) % 8;
    return (signs[row * 8 + (i % 8)] as number) < 32 ? scale : -scale;
  });
}

test("on a linear model whose weights are a texture it finds the best perturbation there is: −ε · sign(w)", async () => {
  const weights = blockWeights(0.1);
  const { fit } = search({ weights, labels: new Array(12).fill(1), queries: 3000 });
  const fitted = await fit;
  const best = -weights.reduce((sum, w) => sum + (Math.abs(w) * 4) / geometry.maxValue, 0);
  expect(gain(weights, perturbationOf(fitted)) / best).toBeGreaterThan(0.9);
  expect(fitted.numbers["objective-after"]).toBeLessThan(fitted.numbers["objective-before"] as number);
});

test("on a model that is the image mean, all it does is what clipping leaks into the approximation", async () => {
  const weights = new Float32Array(size).fill(0.1);
  const { fit } = search({ weights, labels: new Array(12).fill(1) });
  const fitted = await fit;
  expect(fitted.numbers["low-band-energy-before-clipping"]).toBeLessThan(1e-12);
  const perturbation = perturbationOf(fitted);
  const mean = perturbation.reduce((sum, value) => sum + value, 0) / size;
  const meanSquare = perturbation.reduce((sum, value) => sum + value * value, 0) / size;
  // The texture repeats with the approximation's grid, so that its whole approximation is its mean.
  expect(fitted.numbers["low-band-energy"]).toBeCloseTo(mean ** 2 / meanSquare, 6);
  // A brightness shift would move the mean by 4.
  expect(Math.abs(mean)).toBeLessThan(2.5);
});

test("a model that answers to the same texture everywhere keeps its ranking, whatever is added", async () => {
  const labels = Array.from({ length: 12 }, (_, i) => i % 2);
  const { fit } = search({ weights: blockWeights(0.02), labels, objective: "ranking" });
  const { numbers } = await fit;
  // One shift of all logits; only clipping to the display window can change an order, and these images are mid-grey.
  expect(numbers["objective-after"] as number).toBeCloseTo(numbers["objective-before"] as number, 1);
});

test("what it returns is in the ball, at whole grey levels, and one that was asked about as a whole", async () => {
  for (const norm of ["linf", "l2"] as const) {
    const strength: Strength = norm === "linf" ? epsilon(2) : { kind: "epsilon", norm, epsilon: 0.3, stored: 76.5 };
    const { fit, target } = search({ weights: blockWeights(0.1), labels: [1, 0, 1, 1], strength, queries: 300 });
    const perturbation = perturbationOf(await fit);
    expect(perturbation.every(Number.isInteger)).toBe(true);
    const largest = Math.max(...perturbation.map(Math.abs));
    const length = Math.sqrt(perturbation.reduce((sum, value) => sum + value * value, 0));
    if (norm === "linf") expect(largest).toBe(2);
    else expect(length).toBeLessThanOrEqual(76.5);
    expect(target.asked.some((asked) => asked.every((value, i) => value === perturbation[i]))).toBe(true);
  }
});

test("it spends no more than its queries, and another seed is another search", async () => {
  const labels = [1, 0, 1, 0, 1, 0];
  const first = search({ weights: blockWeights(0.1), labels, queries: 333 });
  const second = search({ weights: blockWeights(0.1), labels, queries: 333, seed: 2 });
  expect(perturbationOf(await first.fit)).not.toEqual(perturbationOf(await second.fit));
  expect(first.target.queriesUsed).toBeLessThanOrEqual(333);
  expect(first.target.queriesUsed).toBeGreaterThan(333 - 12 - 6);
});

test.each([
  [{ labels: [1, 0, 1, 0], queries: 10 }, "needs at least 12 queries"],
  [{ labels: [1, 1, 1], objective: "ranking" }, "3 positive of 3"],
])("it refuses %j", async (setting, message) => {
  await expect(search({ weights: blockWeights(0.1), ...setting }).fit).rejects.toThrow(message);
});

test("it adds the same perturbation to every image", async () => {
  const fitted = await search({ weights: blockWeights(0.1), labels: [1, 0], queries: 100 }).fit;
  const perturbation = perturbationOf(fitted);
  const grey = createBatch(geometry, 2);
  grey.data.fill(100);
  const strength = epsilon(4);
  const out = await attack.apply(grey, applyContext(attack, geometry, strength, { fitted }));
  for (let i = 0; i < out.data.length; i++) expect(out.data[i]).toBe(100 + (perturbation[i % size] as number));
});
