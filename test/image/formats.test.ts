import type { PixelOptions } from "../../src/core/data.js";
import { AS_STORED } from "../../src/core/data.js";
import { StepwedgeError } from "../../src/core/errors.js";
import { decodeImage } from "../../src/image/decode.js";
import { reference } from "../support/reference.js";
import { buildTiff, type TiffParts } from "../support/tiff.js";

interface Case {
  readonly name: string;
  readonly mode: string;
  readonly file: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: readonly number[];
}
const { cases } = reference<{ readonly cases: readonly Case[] }>("formats-pillow.json");
const deep = (one: Case) => one.mode === "F" || one.mode === "I";
const bytesOf = (one: Case) => Buffer.from(one.file, "base64");
const named = (name: string) => cases.find((one) => one.name === name) as Case;

async function refusal(bytes: Buffer, options?: PixelOptions): Promise<string> {
  const error = await decodeImage(bytes, "row 2", options).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StepwedgeError)) throw new Error(`expected a refusal, received ${String(error)}`);
  expect(error.where).toBe("row 2");
  expect(error.remedy).toBeDefined();
  return error.message;
}

describe("files of Pillow decode to what Pillow reads", () => {
  test.each(cases.filter((one) => !deep(one)))("$name", async (one) => {
    const { channels, data, height, mode, width } = one;
    const image = await decodeImage(bytesOf(one), "x");
    expect(image).toMatchObject({ channels, height, width, maxValue: mode === "I;16" ? 65535 : 255 });
    expect([...image.data]).toEqual(data);
    const asFile = await decodeImage(bytesOf(one), "x", { ...AS_STORED, window: { kind: "file" } });
    expect(asFile).toEqual(image);
  });

  test.each(cases.filter(deep))("$name, through a window", async (one) => {
    const [lower, upper] = [-100, 300];
    const options: PixelOptions = { ...AS_STORED, window: { kind: "range", lower, upper } };
    const image = await decodeImage(bytesOf(one), "x", options);
    expect(image).toMatchObject({ channels: 1, height: one.height, width: one.width, maxValue: 65535 });
    expect([...image.data]).toEqual(
      one.data.map((value) => Math.floor(Math.min(1, Math.max(0, (value - lower) / (upper - lower))) * 65535 + 0.5)),
    );
    expect(await refusal(bytesOf(one))).toMatch("32 bits per value");
    expect(await refusal(bytesOf(one), { ...AS_STORED, window: { kind: "file" } })).toMatch("names no window");
  });

  test.each(cases)("$name, cut at any byte, is refused", async (one) => {
    const whole = bytesOf(one);
    const window = deep(one) ? ({ kind: "full" } as const) : AS_STORED.window;
    for (let length = 1; length < whole.length; length++) {
      await refusal(whole.subarray(0, length), { ...AS_STORED, window });
    }
  });
});

describe("TIFF", () => {
  const base = { width: 5, height: 4 } as const;
  const ramp = (count: number, step: number) => Array.from({ length: count }, (_, index) => index * step);

  test.each([true, false])("either byte order (little: %s), strips, tiles and planes", async (little) => {
    for (const bits of [8, 16] as const) {
      const gray = ramp(20, bits === 8 ? 12 : 3277);
      for (const parts of [{}, { rowsPerStrip: 3 }, { tile: 16 }] as const) {
        const file = buildTiff([{ ...base, bits, samples: gray, ...parts }], little);
        expect([...(await decodeImage(file, "x")).data]).toEqual(gray);
      }
      const planar = ramp(60, bits === 8 ? 4 : 1000);
      const interleaved = planar.map((_, at) => planar[(at % 3) * 20 + Math.floor(at / 3)] as number);
      const colour = { ...base, bits, photometric: 2, channels: 3 } as const;
      for (const rowsPerStrip of [4, 3]) {
        const chunky = buildTiff([{ ...colour, samples: interleaved, rowsPerStrip }], little);
        expect([...(await decodeImage(chunky, "x")).data]).toEqual(planar);
        const apart = buildTiff([{ ...colour, samples: planar, planar: true, rowsPerStrip }], little);
        expect([...(await decodeImage(apart, "x")).data]).toEqual(planar);
      }
    }
  });

  test("white that is least is turned round at 8 and 16 bits", async () => {
    for (const bits of [8, 16] as const) {
      const samples = ramp(20, 10);
      const image = await decodeImage(buildTiff([{ ...base, bits, photometric: 0, samples }]), "x");
      expect([...image.data]).toEqual(samples.map((value) => 2 ** bits - 1 - value));
    }
  });

  test.each([1, 2, 4] as const)("%d bits are spread over 0 … 255", async (bits) => {
    const samples = ramp(20, 1).map((value) => value % 2 ** bits);
    const spread = samples.map((value) => (value * 255) / (2 ** bits - 1));
    const image = await decodeImage(buildTiff([{ ...base, bits, samples }]), "x");
    expect([...image.data]).toEqual(spread);
    const inverted = await decodeImage(buildTiff([{ ...base, bits, photometric: 0, samples }]), "x");
    expect([...inverted.data]).toEqual(spread.map((value) => 255 - value));
  });

  test.each([
    [8, "signed", -128, 127],
    [16, "signed", -32768, 32767],
    [32, "signed", -(2 ** 31), 2 ** 31 - 1],
    [32, "unsigned", 0, 2 ** 32 - 1],
    [32, "float", -1.5, 2.5],
  ] as const)("%d bits, %s, come through a window", async (bits, numbers, least, most) => {
    const samples = [least, most, ...ramp(18, 1)];
    const file = buildTiff([{ ...base, bits, numbers, samples }], bits !== 16);
    const window = { kind: "range", lower: least, upper: most } as const;
    const { data } = await decodeImage(file, "x", { ...AS_STORED, window, bits: 16 });
    expect([...data]).toEqual(
      samples.map((value) => Math.floor(Math.min(1, Math.max(0, (value - least) / (most - least))) * 65535 + 0.5)),
    );
    expect(await refusal(file)).toMatch(bits > 16 ? `${bits} bits per value` : "holds the value -");
  });

  describe("pages", () => {
    const page = (value: number): TiffParts => ({ ...base, bits: 8, samples: new Array(20).fill(value) });
    const frames = (choice: PixelOptions["frames"]): PixelOptions => ({ ...AS_STORED, frames: choice });
    const file = buildTiff([page(1), page(2), page(3)]);

    test("are frames", async () => {
      expect(await refusal(file)).toMatch("holds 3 frames");
      expect((await decodeImage(file, "x", frames({ take: "middle" }))).data[0]).toBe(2);
      expect((await decodeImage(file, "x", frames({ take: "index", index: 2 }))).data[7]).toBe(3);
      expect(await refusal(file, frames({ take: "index", index: 3 }))).toMatch("no frame or slice 3");
      const all = await decodeImage(file, "x", frames({ take: "all" }));
      expect(all).toMatchObject({ channels: 3, height: 4, width: 5 });
      expect([...all.data]).toEqual([1, 2, 3].flatMap((value) => new Array(20).fill(value)));
    });

    test("that are reduced copies or masks do not count", async () => {
      const withCopies = buildTiff([{ ...page(9), subfile: 1 }, page(5), { ...page(7), subfile: 4 }]);
      expect([...new Set((await decodeImage(withCopies, "x")).data)]).toEqual([5]);
    });

    test("that differ, or have colours, make no stack", async () => {
      const other = buildTiff([page(1), { ...page(2), width: 4, height: 5 }]);
      expect(await refusal(other, frames({ take: "all" }))).toMatch("the pages differ");
      const colour = { ...base, bits: 8, photometric: 2, channels: 3, samples: ramp(60, 1) } as const;
      expect(await refusal(buildTiff([colour, colour]), frames({ take: "all" }))).toMatch("cannot be stacked");
    });

    test("in a circle are refused", async () => {
      const circle = Buffer.from(buildTiff([page(1)]));
      const directory = circle.readUInt32LE(4);
      circle.writeUInt32LE(directory, directory + 2 + 12 * circle.readUInt16LE(directory));
      expect(await refusal(circle)).toMatch("in a circle");
    });
  });

  test("kinds without a plain reading are refused with a reason", async () => {
    const samples = ramp(20, 1);
    const gray = { ...base, bits: 8, samples } as const;
    expect(await refusal(buildTiff([{ ...gray, compression: 7 }]))).toMatch("is packed by JPEG");
    expect(await refusal(buildTiff([{ ...gray, compression: 12345 }]))).toMatch("method 12345");
    expect(await refusal(buildTiff([{ ...gray, bits: 64, numbers: "float" }]))).toMatch("floats of 64 bits");
    expect(await refusal(buildTiff([{ ...gray, photometric: 6 }]))).toMatch("colours of kind 6");
    expect(await refusal(buildTiff([{ ...gray, bits: 32, numbers: "float", photometric: 0 }]))).toMatch("least value");
    expect(await refusal(buildTiff([{ ...gray, width: 70_000, height: 70_000 }]))).toMatch("70000 × 70000 pixels");
    expect(await refusal(buildTiff([{ ...gray, width: 9_000, height: 9_000, compression: 5 }]))).toMatch("cannot hold");
    expect(await refusal(Buffer.from("II+\0\x08\0\0\0"))).toMatch("a BigTIFF image");
  });

  test("libtiff is not needed to see that a strip is not all there", async () => {
    for (const name of ["tiff gray 8 raw", "tiff gray 16 tiff_lzw", "tiff rgb 8 packbits"]) {
      expect(await refusal(bytesOf(named(name)).subarray(0, -1))).toBe("the TIFF file is truncated");
    }
    const short = buildTiff([{ ...base, bits: 8, samples: ramp(20, 1) }]);
    const directory = short.readUInt32LE(4);
    for (let entry = directory + 2; ; entry += 12) {
      if (short.readUInt16LE(entry) !== 279) continue;
      short.writeUInt32LE(19, entry + 8);
      break;
    }
    expect(await refusal(short)).toBe("the TIFF file is truncated");
  });

  test("a strip that unpacks to too little is refused", async () => {
    const gray = named("tiff gray 8 tiff_lzw");
    const file = bytesOf(gray);
    // The strip's byte count lies in its directory entry.
    const directory = file.readUInt32LE(4);
    for (let entry = directory + 2; ; entry += 12) {
      if (file.readUInt16LE(entry) !== 279) continue;
      file.writeUInt32LE(20, entry + 8);
      break;
    }
    expect(await refusal(file)).toMatch("truncated or damaged");
  });
});

describe("WebP", () => {
  test("an animation, transparency and a size that its bytes cannot hold are refused", async () => {
    const sharp = (await import("sharp")).default;
    const raw = { width: 4, height: 2, channels: 4 } as const;
    const frames = { raw: { ...raw, height: 4, pageHeight: 2 } };
    const animation = await sharp(Buffer.alloc(64, 255).fill(7, 0, 20), frames)
      .webp({ lossless: true })
      .toBuffer();
    expect(await refusal(animation)).toMatch("an animation");
    const clear = await sharp(Buffer.alloc(32, 100), { raw }).webp({ lossless: true }).toBuffer();
    expect(await refusal(clear)).toMatch("transparent");
    const bomb = bytesOf(named("webp lossless"));
    // 14 bits each of width − 1 and height − 1.
    bomb.writeUInt32LE(0x0fffffff, 21);
    expect(await refusal(bomb)).toMatch("cannot hold 16384 × 16384 pixels");
  });
});

describe("BMP", () => {
  const file = bytesOf(named("bmp rgb"));

  test("rows may run from the top", async () => {
    const turned = Buffer.from(file);
    turned.writeInt32LE(-9, 22);
    const [up, down] = [await decodeImage(file, "x"), await decodeImage(turned, "x")];
    const rows = (data: ArrayLike<number>) =>
      Array.from({ length: 27 }, (_, row) => Array.from(data).slice(row * 7, row * 7 + 7));
    const flipped = [0, 1, 2].flatMap((channel) =>
      rows(up.data)
        .slice(channel * 9, channel * 9 + 9)
        .toReversed(),
    );
    expect(rows(down.data)).toEqual(flipped);
  });

  test("jimp reads the same", async () => {
    const { Jimp } = await import("jimp");
    for (const one of cases.filter(({ name }) => name.startsWith("bmp"))) {
      const { data } = (await Jimp.fromBuffer(bytesOf(one))).bitmap;
      const area = one.height * one.width;
      expect(one.data).toEqual(one.data.map((_, at) => data[(at % area) * 4 + Math.floor(at / area)]));
    }
  });

  test("compression, other depths and pixels beyond the palette are refused", async () => {
    const packed = Buffer.from(file);
    packed.writeUInt32LE(1, 30);
    expect(await refusal(packed)).toMatch("24 bits per pixel and compression 1");
    const sixteen = Buffer.from(file);
    sixteen.writeUInt16LE(16, 28);
    expect(await refusal(sixteen)).toMatch("16 bits per pixel");
    const gray = bytesOf(named("bmp gray"));
    gray.writeUInt32LE(3, 46);
    expect(await refusal(gray)).toMatch("not in its palette");
  });

  test("a table that begins with BM is no bitmap", async () => {
    expect(await refusal(Buffer.from("BMI,id,path\n21,1,a.png\n"))).toMatch("begins with");
  });
});

test("the protocol's window applies to whole values, too", async () => {
  const options: PixelOptions = { ...AS_STORED, window: { kind: "range", lower: 50, upper: 150 } };
  const one = named("bmp gray");
  const { data } = await decodeImage(bytesOf(one), "x", options);
  expect([...data]).toEqual(
    one.data.map((value) => Math.floor(Math.min(1, Math.max(0, (value - 50) / 100)) * 255 + 0.5)),
  );
});
