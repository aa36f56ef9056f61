import { addCosine, ringOrder } from "../../attacks/support/cosine-basis.js";
import attack from "../../attacks/u-simba.js";
import type { Strength } from "../../src/core/attack.js";
import type { Fitted } from "../../src/core/fitted.js";
import { type ImageGeometry, imageSize } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { epsilonStrength, noFile } from "../support/contexts.js";
import { linearModel, type Predict, ToyTarget, toyImages } from "../support/toy-target.js";

const geometry: ImageGeometry = { channels: 1, height: 8, width: 12, maxValue: 255 };
const size = imageSize(geometry);

interface Setting {
  readonly model: Predict;
  readonly queries: number;
  readonly count?: number;
  readonly strength?: Strength;
  readonly parameters?: Record<string, unknown>;
}

async function search({
  model,
  queries,
  count = 6,
  strength = epsilonStrength(4 / 255, geometry),
  parameters = {},
}: Setting) {
  const target = new ToyTarget(model, strength, queries);
  const fitted = (await attack.fit?.(
    {
      images: toyImages(geometry, count, 3),
      labels: Uint8Array.from({ length: count }, (_, image) => image % 2),
      patients: Int32Array.from({ length: count }, (_, image) => image),
      classIndex: 0,
      threshold: 0.5,
    },
    {
      parameters: attack.meta.parameters.parse(parameters),
      strength,
      objective: null,
      geometry,
      target,
      random: randomFrom(1, "search"),
      progress: () => {},
      file: noFile,
    },
  )) as Fitted;
  return { fitted, target, perturbation: fitted.arrays.perturbation?.data ?? new Float32Array() };
}

/** Small logits of one sign for every image: nobody's decision is near the threshold. */
const oneSided = (weights: Float32Array): Predict => {
  const linear = linearModel(weights);
  return async (images) => {
    const outputs = await linear(images);
    return { ...outputs, values: outputs.values.map((p) => 1 / (1 + Math.exp(-3 - Math.log(p / (1 - p))))) };
  };
};

test("on a linear model every pixel that has been tried is at −ε · sign(w), and a pixel without weight is refused", async () => {
  const random = randomFrom("weights");
  const weights = Float32Array.from({ length: size }, (_, i) => (i % 3 === 0 ? 0 : 0.05 * random.sign()));
  // One pass over the basis: 6 clean queries, then two passes of 6 for each of the 96 pixels.
  const { fitted, perturbation, target } = await search({
    model: oneSided(weights),
    queries: 6 + 2 * 6 * size,
    parameters: { basis: "pixel" },
  });
  const expected = weights.map((weight) => (weight === 0 ? 0 : -4 * Math.sign(weight)));
  expect([...perturbation]).toEqual([...expected].map((value) => value + 0));
  expect(target.queriesUsed).toBe(6 + 2 * 6 * size);
  expect(fitted.numbers["directions-tried"]).toBe(size);
  expect(fitted.numbers["directions-accepted"]).toBe(weights.filter((weight) => weight !== 0).length);
  expect(fitted.numbers["score-after"] as number).toBeLessThan(fitted.numbers["score-before"] as number);
});

test("it pushes against the decisions of the clean images, not the labels", async () => {
  // All decisions are positive, half the labels are not: the logit of every image is to fall.
  const weights = new Float32Array(size).fill(0.05);
  const { perturbation } = await search({ model: oneSided(weights), queries: 300, parameters: { basis: "pixel" } });
  expect(Math.min(...perturbation)).toBe(-4);
  expect(Math.max(...perturbation)).toBe(0);
});

test("each direction costs two passes, a direction that there is no budget for is not begun", async () => {
  const model = oneSided(new Float32Array(size).fill(0.01));
  for (const queries of [18, 29, 30, 41]) {
    const { target, fitted } = await search({ model, queries });
    const tried = Math.floor((queries - 6) / 12);
    expect(fitted.numbers["directions-tried"]).toBe(tried);
    expect(target.queriesUsed).toBe(6 + 12 * tried);
  }
  await expect(search({ model, queries: 17 })).rejects.toThrow("at least 18 queries");
});

test("what it carries on is projected: a pixel at the edge of the ball turns round at once", async () => {
  // The model's taste reverses after one pass over the basis, and its logits fall further than ever before.
  let asked = 0;
  const model: Predict = async (images) => {
    const first = asked++ < 1 + 2 * size;
    const untouched = toyImages(geometry, 6, 3).data;
    const values = Float64Array.from({ length: images.count }, (_, image) => {
      let sum = 0;
      for (let i = image * size; i < (image + 1) * size; i++)
        sum += (images.data[i] as number) - (untouched[i] as number);
      return 1 / (1 + Math.exp(first ? 0.01 * sum - 6 : -1.5 - 0.001 * sum));
    });
    return { count: images.count, classes: ["toy"], values };
  };
  const { perturbation } = await search({ model, queries: 6 + 4 * 6 * size, parameters: { basis: "pixel" } });
  expect([...perturbation]).toEqual(new Array(size).fill(-4));
});

test("it stops where the calibration images are fooled, and needs no more queries", async () => {
  // Logits far below a grey level's worth: the first step that is accepted flips every decision.
  const model: Predict = async (images) => ({
    count: images.count,
    classes: ["toy"],
    values: Float64Array.from({ length: images.count }, (_, image) => {
      const untouched = toyImages(geometry, 6, 3).data;
      const moved = images.data
        .subarray(image * size, (image + 1) * size)
        .some((v, i) => v < (untouched[image * size + i] as number));
      return moved ? 0.4 : 0.6;
    }),
  });
  const { fitted, target } = await search({ model, queries: 5000, parameters: { basis: "pixel" } });
  expect(fitted.numbers["calibration-fooled"]).toBe(1);
  expect(target.queriesUsed).toBe(6 + 12);
});

test.each(["linf", "l2"] as const)("what it keeps is in the %s ball and was asked about", async (norm) => {
  const strength = norm === "linf" ? epsilonStrength(3 / 255, geometry) : epsilonStrength(0.1, geometry, "l2");
  const random = randomFrom("weights");
  const weights = Float32Array.from({ length: size }, () => 0.05 * random.normal());
  const { perturbation, target } = await search({ model: oneSided(weights), queries: 800, strength });
  expect(perturbation.every(Number.isInteger)).toBe(true);
  if (norm === "linf") expect(Math.max(...perturbation.map(Math.abs))).toBeLessThanOrEqual(3);
  else expect(Math.hypot(...perturbation)).toBeLessThanOrEqual(25.5);
  expect(Math.hypot(...perturbation)).toBeGreaterThan(0);
  expect(target.asked.some((asked) => asked.every((value, i) => value === perturbation[i]))).toBe(true);
});

test("the cosines are an orthonormal basis", () => {
  const small: ImageGeometry = { channels: 2, height: 3, width: 4, maxValue: 255 };
  const vectors = Array.from({ length: 24 }, (_, direction) => {
    const image = new Float32Array(24);
    addCosine(image, direction, 1, small);
    return image;
  });
  for (const [a, left] of vectors.entries()) {
    for (const [b, right] of vectors.entries()) {
      const product = left.reduce((sum, value, i) => sum + value * (right[i] as number), 0);
      expect(product).toBeCloseTo(a === b ? 1 : 0, 5);
    }
  }
});

test("cosines come in rings of rising frequency, every one once", () => {
  const square: ImageGeometry = { channels: 3, height: 10, width: 10, maxValue: 255 };
  const order = [...ringOrder(square, 0.3, randomFrom(1))];
  expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, i) => i));
  const rings = order.map((index) => Math.max(Math.floor(index / 10) % 10, index % 10));
  expect(Math.max(...rings.slice(0, 27))).toBe(2);
  expect(rings.slice(27)).toEqual(rings.slice(27).toSorted((a, b) => a - b));
});

test("along the shorter side a ring is narrower in proportion", () => {
  const flat: ImageGeometry = { channels: 1, height: 4, width: 8, maxValue: 255 };
  const first = [...ringOrder(flat, 0.5, randomFrom(1))].slice(0, 8);
  // The innermost ring is the lower half of both axes: 2 × 4 frequencies.
  expect(
    first
      .map((index) => [Math.floor(index / 8), index % 8])
      .every(([row, column]) => (row as number) < 2 && (column as number) < 4),
  ).toBe(true);
});
