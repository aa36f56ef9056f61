import defense from "../../defenses/comdefend.js";
import { binaryCode, compress, passThroughCode, reconstruct } from "../../defenses/support/compression.js";
import { weightsOf } from "../../defenses/support/filter-network.js";
import type { Fitted } from "../../src/core/fitted.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { chooseBackend } from "../../src/training/backend.js";
import { defenseContext, epsilonStrength, noFile } from "../support/contexts.js";
import { linearModel, ToyTarget } from "../support/toy-target.js";

/** Smooth images: a plane and a wave, different in every image and channel. */
function smoothImages(geometry: ImageGeometry, count: number): PixelBatch {
  const batch = createBatch(geometry, count);
  const { height, width, maxValue } = geometry;
  const random = randomFrom("smooth");
  for (let plane = 0; plane < count * geometry.channels; plane++) {
    const [level, slope, phase] = [0.3 + 0.4 * random.uniform(), random.uniform() - 0.5, 6 * random.uniform()];
    for (let i = 0; i < height * width; i++) {
      const [x, y] = [(i % width) / width, Math.floor(i / width) / height];
      const value = level + 0.4 * slope * x + 0.1 * Math.sin(9 * y + 4 * x + phase);
      batch.data[plane * height * width + i] = Math.round(value * maxValue);
    }
  }
  return batch;
}

/** Trains on eight smooth images, without a query. */
async function train(geometry: ImageGeometry, steps: number, seed = "a"): Promise<Fitted> {
  const images = smoothImages(geometry, 8);
  const none = linearModel(new Float32Array(imageSize(geometry)));
  const fitted = await defense.fit?.(
    {
      images,
      labels: new Uint8Array(8),
      patients: Int32Array.from({ length: 8 }, (_, i) => i),
      classIndex: 0,
      threshold: null,
    },
    {
      parameters: defense.meta.parameters.parse({ steps }),
      geometry,
      target: new ToyTarget(none, epsilonStrength(4 / 255, geometry), 0),
      random: randomFrom(seed),
      progress: () => {},
      file: noFile,
    },
  );
  if (fitted === undefined) throw new Error("comdefend learns nothing");
  return fitted;
}

const GRAY: ImageGeometry = { channels: 1, height: 20, width: 24, maxValue: 255 };
const COLOUR: ImageGeometry = { channels: 3, height: 8, width: 12, maxValue: 255 };

test("a short training draws smooth images to within a root mean square of 8 grey levels", async () => {
  const fitted = await train(GRAY, 500);
  const images = smoothImages(GRAY, 8);
  const drawn = await defense.apply(images, defenseContext(defense, { fitted }));
  const square = drawn.data.reduce((sum, value, i) => sum + (value - (images.data[i] as number)) ** 2, 0);
  expect(Math.sqrt(square / drawn.data.length)).toBeLessThan(8);
  expect(fitted.numbers["loss-after"]).toBeLessThan(0.1 * (fitted.numbers["loss-before"] ?? 0));
});

test("the image is drawn from four bits a pixel and channel, and from nothing else", async () => {
  const fitted = await train(COLOUR, 10);
  const { channels, height, width, maxValue } = COLOUR;
  const [shape, networks] = [[1, channels, height, width], { bits: 4, width: 16 }] as const;
  const backend = await chooseBackend();
  const runner = await backend.runner((ops) => {
    const image = ops.input("image", shape);
    return { code: binaryCode(ops, compress(ops, image, networks)), drawn: passThroughCode(ops, image, networks) };
  }, weightsOf(fitted));
  const decoder = await backend.runner(
    (ops) => ({ drawn: reconstruct(ops, ops.input("code", [1, 12, height, width]), channels, networks) }),
    weightsOf(fitted),
  );
  const images = smoothImages(COLOUR, 1);
  const { code, drawn } = await runner.run({ image: { shape, data: images.data.map((value) => value / maxValue) } });
  expect(code?.length).toBe(12 * height * width);
  expect(new Set(code)).toEqual(new Set([0, 1]));

  const bits = { shape: [1, 12, height, width], data: code ?? new Float32Array(0) };
  expect((await decoder.run({ code: bits })).drawn).toEqual(drawn);
  const applied = await defense.apply(images, defenseContext(defense, { fitted }));
  applied.data.forEach((value, i) => void expect(value).toBeCloseTo(maxValue * (drawn?.[i] ?? 0), 3));
  await Promise.all([runner.close(), decoder.close()]);
});

test("a code of zero is a bit of 0, as its sigmoid is not above 0.5", async () => {
  const backend = await chooseBackend();
  const runner = await backend.runner((ops) => ({ bits: binaryCode(ops, ops.input("code", [1, 1, 1, 4])) }), new Map());
  const { bits } = await runner.run({ code: { shape: [1, 1, 1, 4], data: Float32Array.of(-20, 0, 1e-6, 20) } });
  expect([...(bits ?? [])]).toEqual([0, 0, 1, 1]);
  await runner.close();
});

test("the training is a function of the seed", async () => {
  const first = await train(GRAY, 5);
  expect(await train(GRAY, 5)).toEqual(first);
  expect((await train(GRAY, 5, "b")).arrays).not.toEqual(first.arrays);
});
