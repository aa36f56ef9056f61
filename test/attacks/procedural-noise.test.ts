import attack from "../../attacks/procedural-noise.js";
import type { Strength } from "../../src/core/attack.js";
import type { Fitted } from "../../src/core/fitted.js";
import { type ImageGeometry, imageSize } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { epsilonStrength, noFile } from "../support/contexts.js";
import { linearModel, ToyTarget, toyImages } from "../support/toy-target.js";

const geometry: ImageGeometry = { channels: 3, height: 16, width: 20, maxValue: 255 };
const weights = Float32Array.from({ length: imageSize(geometry) }, (_, i) => 0.02 * Math.sin(i / 3));

async function search(
  parameters: Record<string, unknown>,
  queries = 400,
  strength: Strength = epsilonStrength(4 / 255, geometry),
  labels: readonly number[] = Array.from({ length: 12 }, (_, image) => (image % 3 === 0 ? 1 : 0)),
  objective = "operating-point",
) {
  const target = new ToyTarget(linearModel(weights), strength, queries);
  const fitted = (await attack.fit?.(
    {
      images: toyImages(geometry, labels.length, 3),
      labels: Uint8Array.from(labels),
      patients: Int32Array.from(labels, (_, image) => image),
      classIndex: 0,
      threshold: 0.5,
    },
    {
      parameters: attack.meta.parameters.parse(parameters),
      strength,
      objective,
      geometry,
      target,
      random: randomFrom(1, "search"),
      progress: () => {},
      file: noFile,
    },
  )) as Fitted;
  return { fitted, target, perturbation: fitted.arrays.perturbation?.data ?? new Float32Array() };
}

test.each(["perlin", "gabor"])("%s: in L∞ every pixel moves by ε, the same in all channels", async (noise) => {
  const { perturbation, target, fitted } = await search({ noise });
  const plane = 16 * 20;
  perturbation.forEach((value, i) => {
    expect(Math.abs(value)).toBeLessThanOrEqual(4);
    expect(value).toBe(perturbation[i % plane]);
  });
  expect(perturbation.filter((value) => Math.abs(value) === 4).length).toBeGreaterThan(0.98 * perturbation.length);
  expect(target.queriesUsed).toBeLessThanOrEqual(400);
  expect(target.asked.some((asked) => asked.every((value, i) => value === perturbation[i]))).toBe(true);
  expect(fitted.numbers["objective-after"] as number).toBeLessThan(fitted.numbers["objective-before"] as number);
  expect(fitted.numbers.textures as number).toBeGreaterThan(40);
});

test.each(["perlin", "gabor"])("%s: in L2 it fills the ball, with whole grey levels", async (noise) => {
  const { perturbation } = await search({ noise }, 400, epsilonStrength(0.4, geometry, "l2"));
  expect(perturbation.every(Number.isInteger)).toBe(true);
  const length = Math.sqrt(perturbation.reduce((sum, value) => sum + value * value, 0));
  expect(length).toBeLessThanOrEqual(0.4 * 255);
  expect(length).toBeGreaterThan(0.9 * 0.4 * 255);
});

test("more queries judge more textures, and never end worse on the images that judged", async () => {
  const values = [];
  for (const queries of [120, 500, 2000]) {
    const { fitted } = await search({}, queries);
    values.push(fitted.numbers["objective-after"] as number);
  }
  // The first brackets are the same draws, as long as a bracket of 16 is affordable.
  expect(values[1] as number).toBeLessThanOrEqual(values[0] as number);
  expect(values[2] as number).toBeLessThanOrEqual(values[1] as number);
});

test("one candidate is the untuned baseline: one texture, asked about once", async () => {
  const { fitted, target } = await search({ candidates: 1 }, 1000);
  expect(fitted.numbers.textures).toBe(1);
  expect(target.queriesUsed).toBe(24);
});

test("with few queries brackets are smaller, and with too few it says so", async () => {
  const { fitted, target } = await search({}, 24);
  expect(fitted.numbers.textures).toBe(1);
  expect(target.queriesUsed).toBe(24);
  await expect(search({}, 23)).rejects.toThrow("at least 24 queries");
  const ones = [1, 1, 1];
  await expect(search({}, 400, epsilonStrength(4 / 255, geometry), ones, "ranking")).rejects.toThrow("3 positive of 3");
});

test("where classes are compared every round has both, however rare one is", async () => {
  const labels = Array.from({ length: 30 }, (_, image) => (image === 17 ? 1 : 0));
  const { fitted } = await search({}, 600, epsilonStrength(4 / 255, geometry), labels, "ranking");
  expect(Number.isFinite(fitted.numbers["objective-after"])).toBe(true);
});
