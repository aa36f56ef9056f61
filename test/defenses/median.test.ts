import defense from "../../defenses/median.js";
import { createBatch } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { defended, filterReference, grayImage, referenceBatch } from "../support/filters.js";

test.each(filterReference.median)(
  "side $size, $image image: scipy's median_filter in every pixel",
  async (expected) => {
    const out = await defended(defense, referenceBatch(expected.image), { size: expected.size });
    expect([...out]).toEqual(expected.values);
  },
);

test("the median of nine is the fifth, whatever their order", async () => {
  const random = randomFrom("nine");
  for (let trial = 0; trial < 200; trial++) {
    // With ties: values repeat.
    const nine = Array.from({ length: 9 }, () => random.integer(6));
    const image = grayImage([nine.slice(0, 3), nine.slice(3, 6), nine.slice(6)]);
    const fifth = [...nine].sort((a, b) => a - b)[4];
    expect((await defended(defense, image))[4]).toBe(fifth);
  }
});

test.each([3, 5, 8])("side %i: single specks vanish, a straight edge stays", async (size) => {
  const image = createBatch({ channels: 1, height: 32, width: 32, maxValue: 65535 }, 1);
  image.data.forEach((_, i) => {
    image.data[i] = i % 32 < 15 ? 1000 : 60000;
  });
  const clean = image.data.slice();
  expect(await defended(defense, image, { size })).toEqual(clean);
  image.data[5 * 32 + 4] = 65535;
  image.data[20 * 32 + 28] = 0;
  expect(await defended(defense, image, { size })).toEqual(clean);
});

test("a median commutes with a monotone change of the grey scale", async () => {
  const image = referenceBatch("gray");
  const gamma = (value: number) => Math.round(value ** 2 + 3);
  const squared = { ...image, maxValue: 65535, data: image.data.map(gamma) };
  for (const size of [3, 5]) {
    expect(await defended(defense, squared, { size })).toEqual((await defended(defense, image, { size })).map(gamma));
  }
});
