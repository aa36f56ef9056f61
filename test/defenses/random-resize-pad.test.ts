import defense from "../../defenses/random-resize-pad.js";
import { createBatch, type PixelBatch } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { resizeImage } from "../../src/image/resize.js";
import { defenseContext } from "../support/contexts.js";
import { defended, referenceBatch } from "../support/filters.js";

function white(channels: number, height: number, width: number, count: number): PixelBatch {
  const batch = createBatch({ channels, height, width, maxValue: 255 }, count);
  batch.data.fill(255);
  return batch;
}

/** Rows and columns that hold anything but 0: [top, height, left, width]. */
function frame(data: Float32Array, height: number, width: number): [number, number, number, number] {
  const rows = Array.from({ length: height }, (_, row) => row).filter((row) =>
    data.subarray(row * width, (row + 1) * width).some((value) => value !== 0),
  );
  const columns = Array.from({ length: width }, (_, column) => column).filter((column) =>
    rows.some((row) => data[row * width + column] !== 0),
  );
  return [rows[0] ?? -1, rows.length, columns[0] ?? -1, columns.length];
}

test("sizes are uniform within the scale, and every place that holds the image is as likely", async () => {
  const [height, width, draws] = [40, 20, 1600];
  const out = await defended(defense, white(1, height, width, draws), { scale: [0.8, 1] });
  const sizes = new Map<number, number>();
  const places = new Map<number, number>();
  for (let draw = 0; draw < draws; draw++) {
    const one = out.subarray(draw * height * width, (draw + 1) * height * width);
    const [top, rows, left, columns] = frame(one, height, width);
    expect(Math.abs(columns - rows / 2)).toBeLessThanOrEqual(0.5);
    expect(one.reduce((sum, value) => sum + value, 0)).toBe(255 * rows * columns);
    expect(left).toBeGreaterThanOrEqual(0);
    sizes.set(rows, (sizes.get(rows) ?? 0) + 1);
    if (rows === 36) places.set(top, (places.get(top) ?? 0) + 1);
  }
  // Scales of 32 to 40 rows: nine sizes, the two at the ends half as likely. 200 or 100 expected; five standard errors.
  expect([...sizes.keys()].sort((a, b) => a - b)).toEqual([32, 33, 34, 35, 36, 37, 38, 39, 40]);
  for (const [rows, count] of sizes) {
    expect(Math.abs(count - (rows === 32 || rows === 40 ? draws / 16 : draws / 8))).toBeLessThan(70);
  }
  expect([...places.keys()].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
  for (const count of places.values()) expect(Math.abs(count - 40)).toBeLessThan(32);
});

test("the image inside is the resized image, in every channel", async () => {
  const image = referenceBatch("colour");
  const { channels, height, width, maxValue, data } = image;
  const out = await defended(defense, image, { scale: [0.75, 0.75] });
  const small = resizeImage({ data, channels, height, width, maxValue }, 15, 18, "bilinear").data;
  const random = defenseContext(defense).randomOf(0);
  random.uniform();
  const [top, left] = [random.integer(height - 18 + 1), random.integer(width - 15 + 1)];
  for (let channel = 0; channel < 3; channel++) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const [y, x] = [row - top, column - left];
        const inside = y >= 0 && y < 18 && x >= 0 && x < 15;
        const expected = inside ? small[(channel * 18 + y) * 15 + x] : 0;
        expect(out[(channel * height + row) * width + column]).toBe(expected);
      }
    }
  }
});

test("edge filling leaves a flat image as it was; at full scale any image", async () => {
  const flat = white(3, 24, 30, 4);
  expect(await defended(defense, flat, { scale: [0.5, 0.9], fill: "edge" })).toEqual(flat.data);
  const image = referenceBatch("gray");
  expect(await defended(defense, image, { scale: [1, 1] })).toEqual(image.data);
});

test("nearest invents no values", async () => {
  const image = referenceBatch("gray");
  const known = new Set([0, ...image.data]);
  const out = await defended(defense, image, { scale: [0.7, 0.7], interpolation: "nearest" });
  expect(out.every((value) => known.has(value))).toBe(true);
});

test("draws differ between streams", async () => {
  const image = referenceBatch("gray");
  const draws = await Promise.all(
    [1, 2, 3, 4, 5].map((seed) => defense.apply(image, defenseContext(defense, { randomOf: () => randomFrom(seed) }))),
  );
  expect(new Set(draws.map(({ data }) => data.join())).size).toBeGreaterThan(2);
});

test("a scale with its ends exchanged is refused", () => {
  expect(defense.meta.parameters.safeParse({ scale: [1, 0.9] }).success).toBe(false);
});
