import defense from "../../defenses/bit-depth.js";
import { quantiseImages } from "../../src/image/budget.js";
import { defended, grayImage, referenceBatch } from "../support/filters.js";

/** Every value that an image of this depth can hold. */
function allValues(maxValue: number) {
  return grayImage([Array.from({ length: maxValue + 1 }, (_, value) => value)], maxValue);
}

test.each([1, 2, 3, 5, 7])("at %i bits, 2^bits levels are left, both ends among them, spread evenly", async (bits) => {
  const levels = [...new Set(await defended(defense, allValues(4095), { bits }))];
  expect(levels.length).toBe(2 ** bits);
  expect(levels[0]).toBe(0);
  levels.forEach((level, index) => {
    expect(level).toBeCloseTo((4095 * index) / (2 ** bits - 1), 3);
  });
});

test("no value moves by more than half a level, and squeezing twice is squeezing once", async () => {
  for (const maxValue of [255, 4095, 65535]) {
    const values = allValues(maxValue);
    const once = await defended(defense, values, { bits: 4 });
    const half = maxValue / 15 / 2;
    expect(once.every((value, i) => Math.abs(value - i) <= half + 1e-3)).toBe(true);
    expect(await defended(defense, { ...values, data: once }, { bits: 4 })).toEqual(once);
  }
});

test("the published example: one bit is a black-and-white image, cut in the middle of the window", async () => {
  const out = await defended(defense, allValues(255), { bits: 1 });
  expect([out[0], out[127], out[128], out[255]]).toEqual([0, 0, 255, 255]);
});

test("with as many levels as the image has, or more, nothing changes", async () => {
  expect(await defended(defense, allValues(255), { bits: 8 })).toEqual(allValues(255).data);
  expect(await defended(defense, allValues(4095), { bits: 16 })).toEqual(allValues(4095).data);
});

test("a perturbation of a third of a level vanishes from an image on the levels", async () => {
  const image = referenceBatch("gray");
  const clean = { ...image, data: (await defended(defense, image, { bits: 3 })).slice() };
  const perturbed = { ...clean, data: clean.data.map((value, i) => value + (i % 2 === 0 ? 12 : -12)) };
  const batch = quantiseImages(perturbed, { ...perturbed, data: perturbed.data.slice() });
  expect(await defended(defense, batch, { bits: 3 })).toEqual(clean.data);
});
