import type { Fit, ResizeRule } from "../../src/core/model.js";
import { fitImage } from "../../src/image/fit.js";
import { resizeImage } from "../../src/image/resize.js";
import { reference } from "../support/reference.js";

interface Case {
  readonly height: number;
  readonly width: number;
  readonly toHeight: number;
  readonly toWidth: number;
  readonly shortSide: number;
  readonly data: readonly number[];
  readonly stretch: Readonly<Record<ResizeRule, readonly number[]>>;
  readonly crop: Readonly<Record<ResizeRule, readonly number[]>>;
  readonly letterbox: Readonly<Record<ResizeRule, readonly number[]>>;
}
const { cases } = reference<{ readonly cases: readonly Case[] }>("fit-pillow.json");
const rules: readonly ResizeRule[] = ["bilinear", "bicubic", "lanczos", "area", "nearest"];

describe.each(cases)("$width×$height to $toWidth×$toHeight, against Pillow 9.4", (one) => {
  const { height, width } = one;
  const image = { data: Uint8Array.from(one.data), channels: 1, height, width, maxValue: 255 };
  const target = { height: one.toHeight, width: one.toWidth };
  const fits: readonly Fit[] = [
    { kind: "stretch" },
    { kind: "crop", shortSide: one.shortSide },
    { kind: "letterbox", padding: 0.2 },
  ];

  test.each(rules)("%s is equal to the last bit, whatever the fit", (rule) => {
    for (const fit of fits) {
      const fitted = fitImage(image, { ...target, fit }, rule);
      expect(fitted).toMatchObject({ ...target, channels: 1, maxValue: 255 });
      expect([...fitted.data]).toEqual(one[fit.kind][rule]);
    }
  });

  test.each(["bilinear", "area", "nearest"] as const)("%s at 16 bits is within a rounding of the 8 bits", (rule) => {
    const deep = { ...image, data: Uint16Array.from(one.data, (value) => value * 257), maxValue: 65535 };
    for (const fit of fits) {
      const fitted = fitImage(deep, { ...target, fit }, rule);
      // Half a level for each of the passes. (Kernels that overshoot are cut off after each of them at 8 bits.)
      for (const [index, value] of fitted.data.entries())
        expect(Math.abs(value / 257 - (one[fit.kind][rule][index] as number))).toBeLessThan(1.01);
    }
  });

  test("three channels are fitted as one is", () => {
    const data = Uint8Array.from([...one.data, ...one.data.map((value) => 255 - value), ...one.data]);
    for (const fit of fits) {
      const whole = fitImage({ ...image, data, channels: 3 }, { ...target, fit }, "bicubic").data;
      const area = target.height * target.width;
      expect([...whole.subarray(0, area)]).toEqual(one[fit.kind].bicubic);
      expect([...whole.subarray(2 * area)]).toEqual(one[fit.kind].bicubic);
      const middle = { ...image, data: data.subarray(height * width, 2 * height * width) };
      expect([...whole.subarray(area, 2 * area)]).toEqual([...fitImage(middle, { ...target, fit }, "bicubic").data]);
    }
  });
});

test("a part of the resized image is that part of it, at every depth", () => {
  const region = { left: 3, top: 2, width: 5, height: 4 };
  const values = Array.from({ length: 77 }, (_, index) => (index * 37) % 256);
  for (const data of [Uint8Array.from(values), Uint16Array.from(values), Float32Array.from(values)]) {
    const image = { data, channels: 1, height: 7, width: 11, maxValue: 255 };
    for (const rule of rules) {
      for (const [width, height] of [
        [11, 7],
        [16, 9],
        [11, 9],
        [16, 7],
        [8, 6],
      ] as const) {
        const whole = resizeImage(image, width, height, rule);
        const part = resizeImage(image, width, height, rule, { region });
        const expected = Array.from(
          { length: 20 },
          (_, at) => whole.data[(2 + Math.floor(at / 5)) * width + 3 + (at % 5)],
        );
        expect([...part.data]).toEqual(expected);
      }
    }
  }
});

test("kernels that overshoot stay within the study's depth", () => {
  const step = Uint16Array.from({ length: 64 }, (_, i) => (i % 8 < 4 ? 0 : 4095));
  const image = { data: step, channels: 1, height: 8, width: 8, maxValue: 65535 };
  for (const rule of ["bicubic", "lanczos"] as const) {
    const free = fitImage(image, { height: 20, width: 20 }, rule);
    expect(Math.max(...free.data)).toBeGreaterThan(4095);
    const kept = fitImage(image, { height: 20, width: 20 }, rule, 4095);
    expect([Math.min(...kept.data), Math.max(...kept.data)]).toEqual([0, 4095]);
  }
});

test("of a strip that would be a billion pixels wide only the middle is made", () => {
  const image = { data: new Uint8Array(60_000).fill(9), channels: 1, height: 1, width: 60_000, maxValue: 255 };
  const fitted = fitImage(image, { height: 224, width: 224, fit: { kind: "crop", shortSide: 16_384 } }, "lanczos");
  expect(new Set(fitted.data)).toEqual(new Set([9]));
  expect(fitted.data).toHaveLength(224 * 224);
});

test("padding is a share of the display window", () => {
  const image = { data: new Uint16Array(4).fill(7), channels: 1, height: 1, width: 4, maxValue: 65535 };
  const fitted = fitImage(image, { height: 4, width: 4, fit: { kind: "letterbox", padding: 1 } }, "area", 4095);
  expect([...fitted.data]).toEqual([
    4095, 4095, 4095, 4095, 4095, 4095, 4095, 4095, 7, 7, 7, 7, 4095, 4095, 4095, 4095,
  ]);
});
