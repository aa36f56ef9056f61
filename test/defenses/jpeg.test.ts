import jpeg from "../../defenses/jpeg.js";
import { createBatch, type PixelBatch, sliceBatch } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { meanSquaredError } from "../../src/image/quality.js";
import { defenseContext } from "../support/contexts.js";

const random = randomFrom(2, "jpeg-defense");

function defend(batch: PixelBatch, parameters: Record<string, unknown> = {}): PixelBatch {
  const result = jpeg.apply(batch, defenseContext(jpeg, { parameters }));
  if (result instanceof Promise) throw new Error("the JPEG defense is synchronous");
  return result;
}

/** A smooth picture whose values depend on image, channel and position. */
function smooth(channels: number, count: number, maxValue = 255): PixelBatch {
  const batch = createBatch({ channels, height: 32, width: 40, maxValue }, count);
  for (let index = 0; index < batch.data.length; index++) {
    const x = index % 40;
    const y = Math.floor(index / 40);
    batch.data[index] = Math.round(maxValue * (0.5 + 0.3 * Math.sin(x / 9) * Math.cos(y / 11)));
  }
  return batch;
}

test("a checkerboard of two gray levels, as a fine perturbation is, vanishes from a flat image", () => {
  const batch = createBatch({ channels: 1, height: 32, width: 40, maxValue: 255 }, 1);
  for (let index = 0; index < batch.data.length; index++) {
    batch.data[index] = 128 + ((index + Math.floor(index / 40)) % 2 === 0 ? 2 : -2);
  }
  expect(new Set(defend(batch).data)).toEqual(new Set([128]));
  expect(new Set(defend(batch, { quality: 100 }).data).size).toBeGreaterThan(1);
});

test("a higher quality changes less", () => {
  const batch = smooth(3, 1);
  for (let index = 0; index < batch.data.length; index++) {
    batch.data[index] = Math.min(255, Math.max(0, (batch.data[index] ?? 0) + Math.round(8 * random.normal())));
  }
  const errors = [5, 25, 50, 75, 95].map((quality) => meanSquaredError(defend(batch, { quality }).data, batch.data));
  expect(errors).toEqual(errors.toSorted((a, b) => b - a));
  expect(errors[4]).toBeLessThan(errors[0] ?? 0);
});

test("shape, window and whole values are kept, at 8, 12 and 16 bits", () => {
  for (const maxValue of [255, 4095, 65535]) {
    const batch = smooth(1, 2, maxValue);
    const result = defend(batch);
    expect({ ...result, data: null }).toEqual({ ...batch, data: null });
    for (const value of result.data) expect(Number.isInteger(value) && value >= 0 && value <= maxValue).toBe(true);
    expect(Math.sqrt(meanSquaredError(result.data, batch.data))).toBeLessThan(maxValue / 50);
  }
});

test("batch-invariant: an image's result is the same alone and in company", () => {
  for (const channels of [1, 3]) {
    const batch = smooth(channels, 3);
    const whole = defend(batch);
    for (const image of [0, 1, 2]) {
      expect(sliceBatch(whole, image, image + 1).data).toEqual(defend(sliceBatch(batch, image, image + 1)).data);
    }
  }
});

test("the parameters have defaults and ranges", () => {
  expect(jpeg.meta.parameters.parse({})).toEqual({ quality: 75, chroma: "4:2:0" });
  for (const wrong of [{ quality: 0 }, { quality: 101 }, { quality: 7.5 }, { chroma: "4:1:1" }, { qality: 5 }]) {
    expect(jpeg.meta.parameters.safeParse(wrong).success).toBe(false);
  }
});
