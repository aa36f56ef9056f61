import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { randomFrom } from "../../src/core/random.js";
import { decodeImage } from "../../src/image/decode.js";
import { decodeWithSharp } from "../../src/image/decode-sharp.js";
import { readHeader } from "../../src/image/header.js";
import { decodePlainPng } from "../../src/image/png.js";
import { pngChunk } from "../support/png.js";

const [WIDTH, HEIGHT] = [9, 11];
const SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

/** Bytes filtered as section 9 of the PNG specification defines it, straight from its table. */
function filterRows(raw: Buffer, rowBytes: number, step: number, filterOf: (row: number) => number): Buffer {
  const at = (row: number, x: number) => (row < 0 || x < 0 ? 0 : (raw[row * rowBytes + x] as number));
  const rows = Array.from({ length: raw.length / rowBytes }, (_, row) => {
    const filter = filterOf(row);
    const bytes = Array.from({ length: rowBytes }, (_, x) => {
      const [a, b, c] = [at(row, x - step), at(row - 1, x), x < step ? 0 : at(row - 1, x - step)];
      const p = a + b - c;
      const distances = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
      const paeth = [a, b, c][distances.indexOf(Math.min(...distances))] as number;
      const guess = [0, a, b, Math.floor((a + b) / 2), paeth][filter] ?? 0;
      return (at(row, x) - guess) & 0xff;
    });
    return Buffer.from([filter, ...bytes]);
  });
  return Buffer.concat(rows);
}

interface Kind {
  readonly bits: 8 | 16;
  readonly colourType: 0 | 2 | 4 | 6;
  readonly samples: 1 | 2 | 3 | 4;
}
const KINDS: readonly Kind[] = ([8, 16] as const).flatMap((bits) => [
  { bits, colourType: 0, samples: 1 },
  { bits, colourType: 2, samples: 3 },
  { bits, colourType: 4, samples: 2 },
  { bits, colourType: 6, samples: 4 },
]);

/** Random bytes in the file; where there is alpha it is full. */
function pngOf({ bits, colourType, samples }: Kind, filterOf: (row: number) => number, parts = 1) {
  const random = randomFrom("png", bits, colourType);
  const step = (samples * bits) / 8;
  const raw = Buffer.from(Uint8Array.from({ length: WIDTH * HEIGHT * step }, () => random.integer(256)));
  if (samples % 2 === 0) for (let at = step - bits / 8; at < raw.length; at += step) raw.fill(255, at, at + bits / 8);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(WIDTH, 0);
  head.writeUInt32BE(HEIGHT, 4);
  head.set([bits, colourType], 8);
  const packed = deflateSync(filterRows(raw, WIDTH * step, step, filterOf));
  const each = Math.ceil(packed.length / parts);
  const data = Array.from({ length: parts }, (_, part) =>
    pngChunk("IDAT", packed.subarray(part * each, (part + 1) * each)),
  );
  return { raw, file: Buffer.concat([SIGNATURE, pngChunk("IHDR", head), ...data, pngChunk("IEND", Buffer.alloc(0))]) };
}

describe.each(KINDS)("$bits bits, colour type $colourType", (kind) => {
  test.each([
    ["each filter", (row: number) => row % 5],
    ["Sub", () => 1],
    ["Up", () => 2],
    ["Average", () => 3],
    ["Paeth", () => 4],
  ] as const)("%s is undone, as sharp does it", async (_, filterOf) => {
    for (const parts of [1, 3]) {
      const { file, raw } = pngOf(kind, filterOf, parts);
      const header = readHeader(file, "x");
      const plain = await decodePlainPng(file, header);
      const values =
        kind.bits === 8 ? [...raw] : Array.from({ length: raw.length / 2 }, (_, i) => raw.readUInt16BE(2 * i));
      expect(plain?.stride).toBe(kind.samples);
      expect([...(plain?.data ?? [])]).toEqual(values);
      const other = await decodeWithSharp(sharp, file, header, "x");
      // sharp makes three channels of gray with alpha.
      if (other.stride === kind.samples) expect([...other.data]).toEqual(values);
    }
  });
});

test("what is not plain, or damaged, is left to sharp", async () => {
  const raw = { raw: { width: 24, height: 24, channels: 3 as const } };
  const colour = sharp(Buffer.from(Uint8Array.from({ length: 1728 }, (_, i) => i)), raw);
  for (const file of [
    await colour.png({ progressive: true }).toBuffer(),
    await colour.png({ palette: true }).toBuffer(),
  ]) {
    expect(await decodePlainPng(file, readHeader(file, "x"))).toBeNull();
    expect(await decodeImage(file, "x")).toMatchObject({ channels: 3, width: 24, height: 24 });
  }
  const { file } = pngOf({ bits: 8, colourType: 0, samples: 1 }, (row) => row % 5);
  const broken = Buffer.from(file);
  broken[45] = (broken[45] as number) ^ 1;
  expect(await decodePlainPng(broken, readHeader(broken, "x"))).toBeNull();
  await expect(decodeImage(broken, "x")).rejects.toThrow("truncated or damaged");
  // A chunk of no possible type behind the header.
  const strange = Buffer.concat([file.subarray(0, 33), pngChunk("p\0\0\0", Buffer.alloc(9)), file.subarray(33)]);
  expect(await decodePlainPng(strange, readHeader(strange, "x"))).toBeNull();
  const harmless = Buffer.concat([file.subarray(0, 33), pngChunk("prIv", Buffer.alloc(9)), file.subarray(33)]);
  expect(await decodePlainPng(harmless, readHeader(harmless, "x"))).not.toBeNull();
});

test("a large image is unpacked aside, to the same values", async () => {
  const { data } = await sharp({
    create: {
      width: 700,
      height: 600,
      channels: 3,
      background: "#123456",
      noise: { type: "gaussian", mean: 99, sigma: 30 },
    },
  })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const file = await sharp(data, { raw: { width: 700, height: 600, channels: 3 } })
    .png({ adaptiveFiltering: true })
    .toBuffer();
  const plain = await decodePlainPng(file, readHeader(file, "x"));
  expect(Buffer.compare(Buffer.from(plain?.data ?? []), data)).toBe(0);
});
