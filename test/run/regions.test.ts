import type { DecodedImage, SourceTable } from "../../src/core/data.js";
import type { Encoder } from "../../src/core/model.js";
import { CentreEncoder } from "../../src/run/centre-encoder.js";
import { cropped, withRegions } from "../../src/run/region-source.js";

/** Two channels of 4 × 3, value = 100 channel + 10 row + column. */
const image: DecodedImage = {
  data: Uint8Array.from(
    { length: 24 },
    (_, at) => 100 * Math.floor(at / 12) + 10 * (Math.floor(at / 4) % 3) + (at % 4),
  ),
  channels: 2,
  height: 3,
  width: 4,
  maxValue: 255,
};

test("a box is cut from every channel, and beyond the image it is black", () => {
  expect([...cropped(image, { x: 1, y: 1, width: 2, height: 2 }).data]).toEqual([11, 12, 21, 22, 111, 112, 121, 122]);
  const beyond = cropped(image, { x: 3, y: -1, width: 3, height: 2 });
  expect([...beyond.data]).toEqual([0, 0, 0, 3, 0, 0, 0, 0, 0, 103, 0, 0]);
  expect([beyond.height, beyond.width]).toEqual([2, 3]);
});

function source(boxes: readonly (readonly number[])[]): SourceTable {
  const names = ["x", "y", "w", "h"];
  return {
    count: boxes.length,
    columns: new Map(),
    numbers: new Map(
      names.map((name, side) => [
        name,
        { values: Float64Array.from(boxes, (box) => box[side] as number), texts: new Map() },
      ]),
    ),
    rowName: (row) => `line ${row + 2}`,
    loadImage: async () => ({ image, sha256: "file" }),
    files: {},
  };
}
const columns = { x: "x", y: "y", width: "w", height: "h" };

test("regions of one file are images of their own, with as much around them as was asked for", async () => {
  const table = withRegions(
    source([
      [1, 1, 2, 2],
      [0, 0, 2, 2],
    ]),
    { ...columns, context: 0.5 },
  );
  const [first, second] = [await table.loadImage?.(0), await table.loadImage?.(1)];
  expect([first?.image.width, first?.image.height]).toEqual([4, 4]);
  expect([...(first?.image.data ?? [])].slice(0, 8)).toEqual([0, 1, 2, 3, 10, 11, 12, 13]);
  expect(first?.sha256).not.toBe(second?.sha256);
  const again = withRegions(source([[1, 1, 2, 2]]), { ...columns, context: 0 });
  expect((await again.loadImage?.(0))?.sha256).toBe(first?.sha256);
});

test("what is no box of the image is named with its line", async () => {
  expect(() =>
    withRegions(
      source([
        [0, 0, 2, 2],
        [0, 0, 0, 2],
      ]),
      { ...columns, context: 0 },
    ),
  ).toThrow(/column "w" must hold a number of at least 1/);
  expect(() => withRegions(source([[-1, 0, 2, 2]]), { ...columns, context: 0 })).toThrow(/column "x"/);
  const table = withRegions(source([[3, 0, 2, 2]]), { ...columns, context: 0 });
  await expect(table.loadImage?.(0)).rejects.toThrow(/2 × 2 at \(3, 0\) reaches beyond the image of 4 × 3/);
});

test("an encoder sees the middle of what it is given", async () => {
  const input = { channels: 1, height: 4, width: 2, resize: "bilinear" } as const;
  const identity: Encoder = {
    meta: { adapter: "fake", input, files: {}, runtime: "none" },
    concurrency: 1,
    embed: async ({ count, data, height, width }) => ({ count, width: height * width, values: data }),
    close: async () => {},
  };
  const encoder = new CentreEncoder(identity, 0.5);
  expect(encoder.meta.input).toMatchObject({ height: 8, width: 4 });
  const data = Float32Array.from({ length: 64 }, (_, at) => at);
  const { values, width } = await encoder.embed({ data, count: 2, channels: 1, height: 8, width: 4, maxValue: 255 });
  expect(width).toBe(8);
  expect([...values]).toEqual([9, 10, 13, 14, 17, 18, 21, 22, 41, 42, 45, 46, 49, 50, 53, 54]);
  expect(
    () => new CentreEncoder({ ...identity, meta: { ...identity.meta, input: { ...input, resize: "none" } } }, 0.2),
  ).toThrow(/resized to the model's size/);
});
