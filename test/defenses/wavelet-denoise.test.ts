import defense from "../../defenses/wavelet-denoise.js";
import { createBatch, type PixelBatch } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { meanSquaredError } from "../../src/image/quality.js";
import { defenseContext } from "../support/contexts.js";

const geometry = { channels: 3, height: 48, width: 64, maxValue: 255 };
const plane = geometry.height * geometry.width;
const context = defenseContext(defense);

/** Three flat-topped ramps, one per channel. */
function ramps(): PixelBatch {
  const batch = createBatch(geometry, 1);
  batch.data.forEach((_, i) => {
    batch.data[i] = 60 + 20 * Math.floor(i / plane) + (i % geometry.width);
  });
  return batch;
}

test("it takes most of the white noise away, and leaves a smooth image as it was", async () => {
  const clean = ramps();
  const random = randomFrom("noise");
  const noisy = { ...clean, data: clean.data.map((value) => value + 8 * random.normal()) };
  expect(meanSquaredError((await defense.apply(clean, context)).data, clean.data)).toBeLessThan(0.5);
  expect(meanSquaredError((await defense.apply(noisy, context)).data, clean.data)).toBeLessThan(0.35 * 64);
});

test("channels are treated one by one: noise in one does not smooth another", async () => {
  const random = randomFrom("one channel");
  const one = ramps();
  for (let i = 0; i < plane; i++) one.data[i] = (one.data[i] as number) + 30 * random.normal();
  const alone = await defense.apply(ramps(), context);
  const beside = await defense.apply(one, context);
  expect(beside.data.subarray(plane)).toEqual(alone.data.subarray(plane));
  expect(beside.data.subarray(0, plane)).not.toEqual(one.data.subarray(0, plane));
});
