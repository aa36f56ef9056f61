import { cropSides, drawCrops } from "../../../defenses/support/crops.js";
import { createBatch, imageSize, type PixelBatch } from "../../../src/core/pixels.js";
import { randomFrom } from "../../../src/core/random.js";

/** Every stored value says where it stands: image, channel, row and column in base 32. */
function numbered(count: number, channels: number, height: number, width: number): PixelBatch {
  const batch = createBatch({ channels, height, width, maxValue: 32 ** 4 }, count);
  batch.data.forEach((_, i) => {
    const [column, row] = [i % width, Math.floor(i / width) % height];
    const [channel, image] = [Math.floor(i / (width * height)) % channels, Math.floor(i / imageSize(batch))];
    batch.data[i] = ((image * 32 + channel) * 32 + row) * 32 + column;
  });
  return batch;
}

/** Where the pixels of each crop come from: [image, channel, row, column]. */
function sources(crops: Float32Array): number[][] {
  return Array.from(crops, (value) => {
    const place = Math.round(value * 32 ** 4);
    return [Math.floor(place / 32 ** 3), Math.floor(place / 32 ** 2) % 32, Math.floor(place / 32) % 32, place % 32];
  });
}

test("windows are multiples of 4, no larger than asked", () => {
  expect(cropSides({ height: 1, width: 13 }, 160)).toEqual([4, 16]);
  expect(cropSides({ height: 160, width: 1024 }, 160)).toEqual([160, 160]);
});

test("a window shows one image, pixel by pixel, as it is or mirrored", () => {
  const images = numbered(5, 2, 20, 30);
  const [height, width] = [8, 12];
  const crops = new Float32Array(150 * 2 * height * width);
  drawCrops(images, [1, 3], [height, width], randomFrom("crops"), crops);
  const all = sources(crops);
  const seen = { images: new Set<number>(), steps: new Set<number>(), tops: new Set<number>() };
  for (let crop = 0; crop < 150; crop++) {
    const own = all.slice(crop * 2 * height * width, (crop + 1) * 2 * height * width);
    const [image, , top, left] = own[0] as [number, number, number, number];
    const step = (own[1]?.[3] as number) - left;
    expect(Math.abs(step)).toBe(1);
    const expected = own.map((_, i) => {
      const row = Math.floor(i / width) % height;
      return [image, Math.floor(i / (width * height)), top + row, left + step * (i % width)];
    });
    expect(own).toEqual(expected);
    seen.images.add(image);
    seen.steps.add(step);
    seen.tops.add(top);
  }
  expect([...seen.images].sort()).toEqual([1, 3]);
  expect(seen.steps.size).toBe(2);
  expect([Math.min(...seen.tops), Math.max(...seen.tops)]).toEqual([0, 12]);
});

test("beyond the edge of a small image its edge goes on", () => {
  const images = numbered(1, 1, 3, 5);
  const crops = new Float32Array(10 * 4 * 8);
  drawCrops(images, [0], [4, 8], randomFrom("small"), crops);
  const seen = new Set<string>();
  for (let crop = 0; crop < 10; crop++) {
    const own = sources(crops.subarray(crop * 32, (crop + 1) * 32));
    expect(own.map(([, , row]) => row)).toEqual(own.map((_, i) => Math.min(Math.floor(i / 8), 2)));
    const columns = own.slice(0, 8).map(([, , , column]) => column);
    seen.add(columns.join());
    own.forEach(([, , , column], i) => void expect(column).toBe(columns[i % 8]));
  }
  expect([...seen].sort()).toEqual(["0,1,2,3,4,4,4,4", "4,4,4,4,3,2,1,0"]);
});
