import defense from "../../defenses/guided-denoiser.js";
import type { Fitted } from "../../src/core/fitted.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { defenseContext, epsilonStrength, noFile } from "../support/contexts.js";
import { linearModel, ToyTarget } from "../support/toy-target.js";

const GEOMETRY: ImageGeometry = { channels: 1, height: 16, width: 16, maxValue: 255 };
const SIZE = imageSize(GEOMETRY);
const ATTACK = 8;

/** +1 and −1 in turn. */
function checker(i: number): number {
  return ((i % GEOMETRY.width) + Math.floor(i / GEOMETRY.width)) % 2 === 0 ? 1 : -1;
}

/**
 * A model that looks at brightness, as it should, and at a checkerboard, as it should not: images 0.1 of the window brighter
 * than half of it have a logit of 2, and a checkerboard of 8 grey levels moves it by 4.
 */
const model = linearModel(
  Float32Array.from({ length: SIZE }, (_, i) => 20 / SIZE + (4 / (SIZE * (ATTACK / 255))) * checker(i)),
);

/** Smooth images, the even ones bright and the odd ones dark. */
function smoothImages(count: number, seed: string): PixelBatch {
  const batch = createBatch(GEOMETRY, count);
  for (let image = 0; image < count; image++) {
    const random = randomFrom(seed, image);
    const level = image % 2 === 0 ? 0.6 : 0.4;
    const [slope, phase] = [0.2 * (random.uniform() - 0.5), 6 * random.uniform()];
    for (let i = 0; i < SIZE; i++) {
      const [x, y] = [i % 16, Math.floor(i / 16)];
      const value = level + slope * (x / 15 - 0.5) + 0.05 * Math.sin((2 * Math.PI * (x + y)) / 16 + phase);
      batch.data[image * SIZE + i] = Math.round(value * 255);
    }
  }
  return batch;
}

/** The images with the checkerboard that speaks against the truth. */
function attacked(images: PixelBatch): PixelBatch {
  const data = images.data.map((value, i) => {
    const against = Math.floor(i / SIZE) % 2 === 0 ? -1 : 1;
    return value + against * ATTACK * checker(i % SIZE);
  });
  return { ...images, data };
}

async function shareWrong(images: PixelBatch): Promise<number> {
  const { values } = await model(images);
  return values.filter((value, image) => value >= 0.5 !== (image % 2 === 0)).length / images.count;
}

async function train(parameters: Record<string, number>, queries: number, seed = "a") {
  const target = new ToyTarget(model, epsilonStrength(8 / 255, GEOMETRY), queries);
  const fitted = await defense.fit?.(
    {
      images: smoothImages(16, "tuning"),
      labels: Uint8Array.from({ length: 16 }, (_, i) => 1 - (i % 2)),
      patients: Int32Array.from({ length: 16 }, (_, i) => i),
      classIndex: 0,
      threshold: 0.5,
    },
    {
      parameters: defense.meta.parameters.parse(parameters),
      geometry: GEOMETRY,
      target,
      random: randomFrom(seed),
      progress: () => {},
      file: noFile,
    },
  );
  if (fitted === undefined) throw new Error("guided-denoiser learns nothing");
  return { fitted, target };
}

const apply = async (images: PixelBatch, fitted: Fitted) => defense.apply(images, defenseContext(defense, { fitted }));

test("it takes a texture away that flips every decision, and leaves other images' decisions alone", async () => {
  const { fitted } = await train({ steps: 400, guideSteps: 1500 }, 1500);
  const images = smoothImages(40, "test");
  const wrong = attacked(images);
  expect(await shareWrong(images)).toBe(0);
  expect(await shareWrong(wrong)).toBe(1);
  expect(await shareWrong(await apply(wrong, fitted))).toBeLessThan(0.1);
  expect(await shareWrong(await apply(images, fitted))).toBeLessThan(0.05);
});

test("before it has learnt, it all but gives the image back", async () => {
  const { fitted } = await train({ steps: 1, guideSteps: 1 }, 10);
  const images = smoothImages(4, "test");
  const out = await apply(images, fitted);
  const largest = out.data.reduce((most, value, i) => Math.max(most, Math.abs(value - (images.data[i] as number))), 0);
  expect(largest).toBeLessThan(0.1 * 255);
  expect(largest).toBeGreaterThan(0);
});

test("it asks the model in pairs as often as it may, and its training is a function of the seed", async () => {
  const { fitted, target } = await train({ steps: 3, guideSteps: 3 }, 45);
  expect(target.queriesUsed).toBe(44);
  expect(fitted.numbers.queries).toBe(44);
  expect((await train({ steps: 3, guideSteps: 3 }, 45)).fitted).toEqual(fitted);
  expect((await train({ steps: 3, guideSteps: 3 }, 45, "b")).fitted.arrays).not.toEqual(fitted.arrays);
});
