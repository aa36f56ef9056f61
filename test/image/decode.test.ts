import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { StepwedgeError } from "../../src/core/errors.js";
import { randomFrom } from "../../src/core/random.js";
import { toChannels } from "../../src/image/channels.js";
import { decodeImage } from "../../src/image/decode.js";
import { decodeWithJimp } from "../../src/image/decode-jimp.js";
import { encodePng } from "../../src/image/encode.js";
import { readHeader } from "../../src/image/header.js";
import { buildPng } from "../support/png.js";
import { sharedData } from "../support/shared-data.js";

const WIDTH = 7;
const HEIGHT = 5;
const AREA = WIDTH * HEIGHT;

function samples(count: number, limit: number): number[] {
  const random = randomFrom(5, count, limit);
  return Array.from({ length: count }, () => random.integer(limit + 1));
}

/** Interleaved samples to planes. */
function planar(values: readonly number[], channels: number): number[] {
  return Array.from({ length: values.length }, (_, i) => values[(i % AREA) * channels + Math.floor(i / AREA)] ?? 0);
}

const base = { width: WIDTH, height: HEIGHT };
const gray8 = samples(AREA, 255);
const gray16 = samples(AREA, 65535);
const rgb8 = samples(3 * AREA, 255);
const rgb16 = samples(3 * AREA, 65535);
const withAlpha = (values: readonly number[], channels: number, alpha: number): number[] =>
  values.flatMap((value, index) => (index % channels === channels - 1 ? [value, alpha] : [value]));

/** A linear gamma, primaries far from sRGB, and a wide physical size: nothing that may touch a stored value. */
const viewing = [
  ["gAMA", Buffer.from([0, 1, 0x86, 0xa0])],
  ["pHYs", Buffer.from([0, 0, 0, 9, 0, 0, 0, 9, 0])],
] as const;

describe("stored values come out as they went in", () => {
  test.each([
    ["8-bit gray", 8, 0, gray8, 1],
    ["16-bit gray", 16, 0, gray16, 1],
    ["8-bit RGB", 8, 2, rgb8, 3],
    ["16-bit RGB", 16, 2, rgb16, 3],
  ] as const)("%s, also under a gamma chunk", async (_, bits, colourType, values, channels) => {
    for (const chunks of [[], viewing]) {
      const image = await decodeImage(buildPng({ ...base, bits, colourType, samples: values, chunks }), "x");
      expect(image).toMatchObject({ channels, ...base, maxValue: 2 ** bits - 1 });
      expect(image.data).toBeInstanceOf(bits === 16 ? Uint16Array : Uint8Array);
      expect([...image.data]).toEqual(planar(values, channels));
    }
  });

  test("opaque alpha is dropped", async () => {
    for (const [bits, colourType, values, channels] of [
      [8, 4, gray8, 1],
      [16, 4, gray16, 1],
      [8, 6, rgb8, 3],
      [16, 6, rgb16, 3],
    ] as const) {
      const file = buildPng({ ...base, bits, colourType, samples: withAlpha(values, channels, 2 ** bits - 1) });
      expect([...(await decodeImage(file, "x")).data]).toEqual(planar(values, channels));
    }
  });

  test.each([1, 2, 4] as const)("%d-bit gray is spread over 0 … 255", async (bits) => {
    const values = samples(AREA, 2 ** bits - 1);
    const image = await decodeImage(buildPng({ ...base, bits, colourType: 0, samples: values }), "x");
    expect([...image.data]).toEqual(values.map((value) => (value * 255) / (2 ** bits - 1)));
  });

  test("a palette becomes RGB", async () => {
    const palette = [10, 20, 30, 200, 100, 0, 255, 255, 254];
    const values = samples(AREA, 2);
    const chunks = [["PLTE", Buffer.from(palette)]] as const;
    const image = await decodeImage(buildPng({ ...base, bits: 8, colourType: 3, samples: values, chunks }), "x");
    expect([...image.data]).toEqual(
      planar(
        values.flatMap((entry) => palette.slice(3 * entry, 3 * entry + 3)),
        3,
      ),
    );
  });

  test("an embedded colour profile changes nothing", async () => {
    const raw = { raw: { ...base, channels: 3 as const } };
    const file = await sharp(Buffer.from(rgb8), raw).withIccProfile("p3").png().toBuffer();
    const withProfile = (await sharp(file).metadata()).icc;
    expect(withProfile).toBeDefined();
    const stored = await sharp(file, { ignoreIcc: true }).raw().toBuffer();
    expect([...(await decodeImage(file, "x")).data]).toEqual(planar([...stored], 3));
  });

  test("EXIF orientation does not rotate", async () => {
    const raw = { raw: { ...base, channels: 1 as const } };
    const plain = await sharp(Buffer.from(gray8), raw).toColourspace("b-w").jpeg({ quality: 100 }).toBuffer();
    const turned = await sharp(plain)
      .toColourspace("b-w")
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100 })
      .toBuffer();
    expect((await sharp(turned).metadata()).orientation).toBe(6);
    expect(await decodeImage(turned, "x")).toMatchObject(base);
  });

  test("a gray JPEG has one channel, a colour JPEG three", async () => {
    for (const [channels, space] of [
      [1, "b-w"],
      [3, "srgb"],
    ] as const) {
      const pixels = Buffer.alloc(AREA * channels, 90);
      const file = await sharp(pixels, { raw: { ...base, channels } })
        .toColourspace(space)
        .jpeg()
        .toBuffer();
      const image = await decodeImage(file, "x");
      expect(image).toMatchObject({ channels, ...base, maxValue: 255 });
      expect(new Set(image.data)).toEqual(new Set([90]));
    }
  });
});

describe("encodePng", () => {
  test("round trips 8 and 16 bits, gray and RGB", async () => {
    for (const [data, channels, maxValue] of [
      [Uint8Array.from(gray8), 1, 255],
      [Uint16Array.from(gray16), 1, 65535],
      [Uint8Array.from(rgb8), 3, 255],
      [Float32Array.from(rgb16), 3, 65535],
    ] as const) {
      const image = { data, channels, ...base, maxValue };
      const back = await decodeImage(encodePng(image), "x");
      expect({ ...back, data: [...back.data] }).toEqual({ ...image, data: [...data] });
    }
  });

  test("refuses what a PNG cannot hold", () => {
    const image = { channels: 1, width: 1, height: 1, maxValue: 255 };
    for (const value of [256, -1, 0.5, Number.NaN]) {
      expect(() => encodePng({ ...image, data: Float32Array.of(value) })).toThrow("cannot hold");
    }
    expect(() => encodePng({ ...image, channels: 2, data: new Uint8Array(2) })).toThrow("1 or 3 channels");
  });
});

describe("what is no whole, plain image is refused", () => {
  const png = encodePng({ data: Uint8Array.from(gray8), channels: 1, ...base, maxValue: 255 });

  async function refusal(bytes: Buffer): Promise<string> {
    const error = await decodeImage(bytes, "manifest.csv, line 2").then(
      () => null,
      (reason: unknown) => reason,
    );
    if (!(error instanceof StepwedgeError)) throw new Error(`expected a refusal, received ${String(error)}`);
    expect(error.where).toBe("manifest.csv, line 2");
    expect(error.remedy).toBeDefined();
    return error.message;
  }

  test("a PNG cut at any byte", async () => {
    for (let length = 1; length < png.length; length++) await refusal(png.subarray(0, length));
    expect(await refusal(png.subarray(0, -1))).toBe("the PNG file is truncated");
    expect(await refusal(png.subarray(0, -20))).toBe("the PNG file is truncated");
  });

  test("a JPEG cut at any byte", async () => {
    const jpeg = await sharp(Buffer.from(rgb8), { raw: { ...base, channels: 3 } })
      .jpeg({ progressive: true })
      .toBuffer();
    for (let length = 3; length < jpeg.length; length += 3)
      expect(await refusal(jpeg.subarray(0, length))).toMatch("truncated");
  });

  test("a PNG with a flipped bit in its pixels", async () => {
    const damaged = Buffer.from(png);
    damaged[60] = (damaged[60] ?? 0) ^ 0x10;
    expect(await refusal(damaged)).toMatch("truncated or damaged");
  });

  test("other files, whatever their name", async () => {
    expect(await refusal(Buffer.from("id,path\n1,a.png\n"))).toMatch(
      /no PNG, JPEG, TIFF, WebP, BMP, DICOM or NIfTI image; it begins with "id,path/,
    );
    expect(await refusal(Buffer.alloc(0))).toBe("the file is empty");
    // Its mark makes it DICOM, and it is held against what DICOM demands.
    expect(await refusal(Buffer.concat([Buffer.alloc(128), Buffer.from("DICM")]))).toMatch("the DICOM file");
    expect(await refusal(Buffer.from("GIF89a..."))).toMatch("a GIF image");
    expect(await refusal(Buffer.from("RIFF....WEBPVP8 "))).toMatch("the WebP file is truncated");
  });

  test("transparent pixels, 8 and 16 bits", async () => {
    for (const [bits, colourType, channels, values] of [
      [8, 4, 1, gray8],
      [8, 6, 3, rgb8],
      [16, 4, 1, gray16],
      [16, 6, 3, rgb16],
    ] as const) {
      const translucent = withAlpha(values, channels, 2 ** bits - 1);
      translucent[translucent.length - 1] = 2 ** bits - 2;
      expect(await refusal(buildPng({ ...base, bits, colourType, samples: translucent }))).toMatch("transparent");
    }
  });

  test("a decompression bomb, by its header alone", async () => {
    const bomb = Buffer.from(png);
    bomb.writeUInt32BE(2 ** 15, 16);
    bomb.writeUInt32BE(2 ** 14, 20);
    expect(await refusal(bomb)).toMatch("32768 × 16384 pixels");
  });

  test("CMYK and 12-bit JPEG", async () => {
    const jpeg = await sharp(Buffer.from(rgb8), { raw: { ...base, channels: 3 } })
      .toColourspace("cmyk")
      .jpeg()
      .toBuffer();
    expect(await refusal(jpeg)).toMatch("4 colour components (CMYK)");
    const twelve = await sharp(Buffer.from(gray8), { raw: { ...base, channels: 1 } })
      .jpeg()
      .toBuffer();
    twelve[twelve.indexOf(Buffer.from([0xff, 0xc0])) + 4] = 12;
    expect(await refusal(twelve)).toMatch("12 bits per channel");
  });
});

describe("without sharp, jimp decodes 8 bits alike", () => {
  const decode = async (file: Buffer) => [...(await decodeWithJimp(file, readHeader(file, "x"), "x")).data];
  const first = (values: readonly number[], stride: number) => values.filter((_, index) => index % stride === 0);

  test("PNG", async () => {
    const gray = buildPng({ ...base, bits: 8, colourType: 0, samples: gray8 });
    expect(first(await decode(gray), 4)).toEqual(gray8);
    const rgb = buildPng({ ...base, bits: 8, colourType: 2, samples: rgb8 });
    expect((await decode(rgb)).filter((_, index) => index % 4 !== 3)).toEqual(rgb8);
  });

  test("gray JPEG, within a level, and not rotated by EXIF", async () => {
    const raw = { raw: { ...base, channels: 1 as const } };
    const file = await sharp(Buffer.from(gray8), raw)
      .toColourspace("b-w")
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 95 })
      .toBuffer();
    const expected = (await decodeImage(file, "x")).data;
    const received = first(await decode(file), 4);
    expect(received).toHaveLength(AREA);
    for (const [index, value] of received.entries())
      expect(Math.abs(value - (expected[index] ?? 0))).toBeLessThanOrEqual(1);
  });

  test("16 bits are refused and a truncated file too", async () => {
    const deep = buildPng({ ...base, bits: 16, colourType: 0, samples: gray16 });
    await expect(decode(deep)).rejects.toThrow("16-bit images need the package sharp");
    const jpeg = await sharp(Buffer.from(gray8), { raw: { ...base, channels: 1 } })
      .jpeg()
      .toBuffer();
    const header = readHeader(jpeg, "x");
    await expect(decodeWithJimp(jpeg.subarray(0, -30), header, "x")).rejects.toThrow("truncated or damaged");
  });
});

describe("toChannels", () => {
  const gray = { data: Uint8Array.from(gray8), channels: 1, ...base, maxValue: 255 };

  test("gray is repeated, and equal planes become gray again", () => {
    const colour = toChannels(gray, 3, "x");
    expect([...colour.data]).toEqual([...gray8, ...gray8, ...gray8]);
    expect(toChannels(colour, 1, "x")).toEqual(gray);
    expect(toChannels(gray, 1, "x")).toBe(gray);
  });

  test("real colours are not turned gray, nor other numbers of channels guessed", () => {
    const colour = { ...gray, data: Uint8Array.from(rgb8), channels: 3 };
    expect(() => toChannels(colour, 1, "row 3")).toThrow("the image has colours");
    expect(() => toChannels(colour, 4, "row 3")).toThrow("3 channels, the model takes 4");
  });
});

(sharedData === null ? test.skip : test)("a chest X-ray of the real material decodes to 160×160 gray", async () => {
  const file = readFileSync(join(sharedData ?? "", "cxr-nih-160/images/00001280_004.png"));
  expect(await decodeImage(file, "x")).toMatchObject({ channels: 1, width: 160, height: 160, maxValue: 255 });
});
