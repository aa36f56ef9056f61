import rotation from "../../attacks/rotation.js";
import scaling from "../../attacks/scaling.js";
import translation from "../../attacks/translation.js";
import { warpImages } from "../../attacks/support/warp.js";
import type { PixelBatch } from "../../src/core/pixels.js";
import { constantImages, corrupt, paint } from "../support/corrupt.js";
import { toyImages } from "../support/toy-target.js";

const SHAPE = { channels: 1, height: 101, width: 121, maxValue: 4095 };
const [CENTRE_X, CENTRE_Y] = [60, 50];

/** A round spot at a place relative to the centre. */
function spot(dx: number, dy: number): PixelBatch {
  return paint(SHAPE, (x, y) => 3000 * Math.exp(-((x - CENTRE_X - dx) ** 2 + (y - CENTRE_Y - dy) ** 2) / 8));
}

/** Centre of mass, relative to the centre, and mass. */
function mass({ data, width }: PixelBatch): { x: number; y: number; sum: number } {
  const total = { x: 0, y: 0, sum: 0 };
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    total.sum += value;
    total.x += value * ((i % width) - CENTRE_X);
    total.y += value * (Math.floor(i / width) - CENTRE_Y);
  }
  return { x: total.x / total.sum, y: total.y / total.sum, sum: total.sum };
}

test.each([
  [1, 3],
  [3, 10],
  [5, 20],
])("rotation at severity %d turns a spot by %d degrees, clockwise as seen", async (level, degrees) => {
  const angle = (degrees * Math.PI) / 180;
  // A spot to the right of the centre moves down when turned clockwise; rows count downwards.
  const clockwise = mass(await corrupt(rotation, spot(30, 0), level, { direction: "clockwise" }));
  expect(clockwise.x).toBeCloseTo(30 * Math.cos(angle), 1);
  expect(clockwise.y).toBeCloseTo(30 * Math.sin(angle), 1);
  const back = mass(await corrupt(rotation, spot(30, 0), level, { direction: "anticlockwise" }));
  expect(back.y).toBeCloseTo(-30 * Math.sin(angle), 1);
});

test("at random, images turn both ways, by the same angle", async () => {
  const one = spot(30, 0);
  const many = { ...one, count: 12, data: new Float32Array(12 * one.data.length) };
  for (let image = 0; image < 12; image++) many.data.set(one.data, image * one.data.length);
  const out = await corrupt(rotation, many, 5);
  const downwards = Array.from(
    { length: 12 },
    (_, image) => mass({ ...one, data: out.data.subarray(image * one.data.length, (image + 1) * one.data.length) }).y,
  );
  for (const y of downwards) expect(Math.abs(y)).toBeCloseTo(30 * Math.sin(Math.PI / 9), 1);
  expect(new Set(downwards.map(Math.sign)).size).toBe(2);
});

test.each([
  [1, 0.03],
  [5, 0.2],
])("translation at severity %d moves a spot by %d of the sides", async (level, distance) => {
  const { x, y, sum } = mass(await corrupt(translation, spot(0, 0), level));
  expect(Math.hypot(x / 121, y / 101)).toBeCloseTo(distance, 3);
  expect(sum / mass(spot(0, 0)).sum).toBeCloseTo(1, 3);
});

test("translation keeps its direction over severities", async () => {
  const angles = await Promise.all(
    [2, 3, 4, 5].map(async (level) => {
      const { x, y } = mass(await corrupt(translation, spot(0, 0), level));
      return Math.atan2(y / 101, x / 121);
    }),
  );
  for (const angle of angles) expect(angle).toBeCloseTo(angles[0] as number, 2);
});

test.each([
  ["out", 1, 0.95],
  ["out", 5, 0.7],
  ["in", 5, 1 / 0.7],
])("scaling %s at severity %d multiplies lengths by %d, and areas by its square", async (direction, level, factor) => {
  const before = mass(spot(20, -15));
  const after = mass(await corrupt(scaling, spot(20, -15), level, { direction }));
  expect(after.x).toBeCloseTo(20 * factor, 1);
  expect(after.y).toBeCloseTo(-15 * factor, 1);
  expect(Math.abs(after.sum / before.sum / factor ** 2 - 1)).toBeLessThan(0.01);
});

test("black surrounds the original, or its border pixels do", async () => {
  const white = constantImages(SHAPE, 1, 4000);
  for (const attack of [rotation, translation, scaling]) {
    const black = await corrupt(attack, white, 5);
    expect(Math.min(...black.data)).toBe(0);
    expect(Math.max(...black.data)).toBeCloseTo(4000, 2);
    const edge = await corrupt(attack, white, 5, { fill: "edge" });
    for (const value of edge.data) expect(value).toBeCloseTo(4000, 2);
  }
});

test("scaled to 70 %, black takes 51 % of the frame", async () => {
  const { data } = await corrupt(scaling, constantImages(SHAPE, 1, 4000), 5);
  const shown = data.reduce((sum, value) => sum + value / 4000, 0) / data.length;
  expect(shown).toBeCloseTo(0.49, 2);
});

test("the identity changes nothing, and whole shifts move pixels exactly, in every channel", () => {
  const original = toyImages({ channels: 3, height: 13, width: 21, maxValue: 4095 }, 2, 3);
  const identity = { xx: 1, xy: 0, x0: 0, yx: 0, yy: 1, y0: 0 };
  expect(warpImages(original, "black", () => identity).data).toEqual(original.data);
  const moved = warpImages(original, "black", () => ({ ...identity, x0: -2, y0: 1 }));
  for (let plane = 0; plane < 6; plane++) {
    for (let y = 0; y < 13; y++) {
      for (let x = 0; x < 21; x++) {
        const expected = x >= 2 && y < 12 ? original.data[plane * 273 + (y + 1) * 21 + x - 2] : 0;
        expect(moved.data[plane * 273 + y * 21 + x]).toBe(expected);
      }
    }
  }
});
