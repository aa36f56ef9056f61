import { jest } from "@jest/globals";
import { encodePng } from "../../src/image/encode.js";
import { buildPng } from "../support/png.js";

// As on a machine where sharp's native library is missing.
jest.unstable_mockModule("../../src/image/sharp.js", () => ({ loadSharp: () => Promise.resolve(null) }));
const { decodeImage } = await import("../../src/image/decode.js");

const gray = { data: Uint8Array.of(0, 50, 100, 150, 200, 255), channels: 1, height: 2, width: 3, maxValue: 255 };

test("8-bit PNG, gray and colour, decodes to the same values", async () => {
  expect(await decodeImage(encodePng(gray), "x")).toEqual(gray);
  const colour = { ...gray, data: Uint8Array.from({ length: 18 }, (_, index) => 14 * index), channels: 3 };
  expect(await decodeImage(encodePng(colour), "x")).toEqual(colour);
});

test("1-bit gray is spread, opaque alpha dropped and transparency refused, as sharp's path does", async () => {
  const bits = buildPng({ width: 3, height: 2, bits: 1, colourType: 0, samples: [0, 1, 1, 0, 1, 0] });
  expect([...(await decodeImage(bits, "x")).data]).toEqual([0, 255, 255, 0, 255, 0]);
  const alpha = (last: number): Buffer =>
    buildPng({ width: 2, height: 1, bits: 8, colourType: 4, samples: [7, 255, 9, last] });
  expect([...(await decodeImage(alpha(255), "x")).data]).toEqual([7, 9]);
  await expect(decodeImage(alpha(254), "x")).rejects.toThrow("transparent");
});

test("16 bits are read where they are plain, and else refused with the way out", async () => {
  const deep = encodePng({ ...gray, data: Uint16Array.from(gray.data), maxValue: 65535 });
  expect([...(await decodeImage(deep, "x")).data]).toEqual([...gray.data]);
  // A colour that stands for transparency makes it a matter for sharp.
  const transparency = [["tRNS", Buffer.from([0, 1])]] as const;
  const samples = [...gray.data];
  const keyed = buildPng({ width: 3, height: 2, bits: 16, colourType: 0, samples, chunks: transparency });
  await expect(decodeImage(keyed, "x")).rejects.toMatchObject({
    message: expect.stringContaining("16-bit images need the package sharp"),
    remedy: expect.stringContaining("Install sharp"),
  });
});
