import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeImage } from "../../src/image/decode.js";
import { resizeImage } from "../../src/image/resize.js";
import { reference } from "../support/reference.js";
import { sharedData } from "../support/shared-data.js";

interface Case {
  readonly height: number;
  readonly width: number;
  readonly toHeight: number;
  readonly toWidth: number;
  readonly data: number[];
  readonly bilinear: number[];
  readonly nearest: number[];
  readonly float: number[];
}
const { cases } = reference<{ readonly cases: readonly Case[] }>("resize-pillow.json");

function gray(one: Case) {
  return { data: Uint8Array.from(one.data), channels: 1, height: one.height, width: one.width, maxValue: 255 };
}

describe.each(cases)("$width×$height to $toWidth×$toHeight, against Pillow 9.4", (one) => {
  test("8-bit bilinear is equal to the last bit", () => {
    const resized = resizeImage(gray(one), one.toWidth, one.toHeight, "bilinear");
    expect([...resized.data]).toEqual(one.bilinear);
    expect(resized).toMatchObject({ width: one.toWidth, height: one.toHeight, channels: 1, maxValue: 255 });
  });

  test("nearest is equal", () => {
    expect([...resizeImage(gray(one), one.toWidth, one.toHeight, "nearest").data]).toEqual(one.nearest);
  });

  test("16-bit bilinear is Pillow's float result, rounded once", () => {
    const deep = { ...gray(one), data: Uint16Array.from(one.data, (value) => value * 257), maxValue: 65535 };
    const resized = resizeImage(deep, one.toWidth, one.toHeight, "bilinear");
    expect(resized.data).toBeInstanceOf(Uint16Array);
    // Pillow's F mode rounds each pass to float32.
    for (const [index, value] of resized.data.entries())
      expect(Math.abs(value - (one.float[index] ?? 0))).toBeLessThan(0.51);
  });
});

test("channels are resized apart: each plane as if it were alone", () => {
  const [one, other] = cases.slice(0, 2).map((entry) => Uint8Array.from(entry.data).subarray(0, 63));
  const planes = new Uint8Array(126);
  planes.set(one ?? [], 0);
  planes.set(other ?? [], 63);
  const whole = resizeImage({ data: planes, channels: 2, height: 9, width: 7, maxValue: 255 }, 4, 5, "bilinear");
  const alone = [one, other].flatMap((data) => [
    ...resizeImage(
      { data: data ?? new Uint8Array(), channels: 1, height: 9, width: 7, maxValue: 255 },
      4,
      5,
      "bilinear",
    ).data,
  ]);
  expect([...whole.data]).toEqual(alone);
});

test("a constant stays constant at every depth, and an image of the right size is handed back", () => {
  for (const data of [new Uint8Array(35).fill(201), new Uint16Array(35).fill(40321), new Float32Array(35).fill(0.3)]) {
    const image = { data, channels: 1, height: 5, width: 7, maxValue: 65535 };
    const resized = resizeImage(image, 13, 3, "bilinear");
    expect(Math.max(...resized.data)).toBeCloseTo(data[0] ?? 0, 5);
    expect(Math.min(...resized.data)).toBeCloseTo(data[0] ?? 0, 5);
    expect(resizeImage(image, 7, 5, "bilinear")).toBe(image);
  }
});

const withData = sharedData === null ? test.skip : test;
withData("1024-pixel chest X-rays come close to their published 160-pixel versions", async () => {
  for (const id of ["00000211_013", "00001250_001", "00001992_015"]) {
    const [large, small] = await Promise.all(
      ["cxr-nih-1024", "cxr-nih-160"].map((folder) =>
        decodeImage(readFileSync(join(sharedData ?? "", folder, "images", `${id}.png`)), id),
      ),
    );
    if (large === undefined || small === undefined) throw new Error("unreachable");
    expect(large.width).toBe(1024);
    const resized = resizeImage(large, 160, 160, "bilinear");
    const differences = Array.from(resized.data, (value, index) => Math.abs(value - (small.data[index] ?? 0)));
    // The published files were made from other copies of the originals: Pillow itself differs from them by as much.
    expect(differences.reduce((sum, value) => sum + value, 0) / differences.length).toBeLessThan(0.35);
  }
});
