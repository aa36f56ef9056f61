import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { randomFrom } from "../../src/core/random.js";
import { decodeImage } from "../../src/image/decode.js";
import { decodeWithSharp } from "../../src/image/decode-sharp.js";
import { readHeader } from "../../src/image/header.js";
import { toPlanes } from "../../src/image/interleaved.js";
import { decodePlainJpeg } from "../../src/image/jpeg-plain.js";
import { sharedData } from "../support/shared-data.js";

/** What sharp (libjpeg-turbo) makes of the file. */
async function reference(file: Buffer): Promise<Uint8Array> {
  const header = readHeader(file, "test");
  return Uint8Array.from(toPlanes(await decodeWithSharp(sharp, file, header, "test"), header.channels));
}

const plain = (file: Buffer) => decodePlainJpeg(file, readHeader(file, "test"))?.data ?? null;

type Content = "noise" | "waves" | "edges";

/** Values of one image, interleaved. */
function picture(width: number, height: number, channels: 1 | 3, content: Content) {
  const random = randomFrom("jpeg", width, height, channels, content);
  const data = Uint8Array.from({ length: width * height * channels }, (_, index) => {
    const [x, y] = [Math.floor(index / channels) % width, Math.floor(index / channels / width)];
    if (content === "noise") return random.integer(256);
    if (content === "edges") return ((x >> 2) + (y >> 2) + (index % channels)) % 2 === 0 ? 0 : 255;
    return Math.round(128 + 100 * Math.sin(x / 7 + (index % channels)) * Math.cos(y / 11) + 20 * random.uniform());
  });
  return sharp(data, { raw: { width, height, channels } }).toColourspace(channels === 1 ? "b-w" : "srgb");
}

const SIZES = [
  [1, 1],
  [8, 8],
  [9, 7],
  [16, 16],
  [17, 33],
  [40, 5],
  [63, 64],
  [130, 71],
] as const;

describe.each([1, 5, 30, 75, 90, 100])("quality %d", (quality) => {
  test.each(["noise", "waves", "edges"] as const)(
    "%s: the values are libjpeg-turbo's, bit for bit",
    async (content) => {
      let read = 0;
      for (const [width, height] of SIZES) {
        for (const channels of [1, 3] as const) {
          for (const chromaSubsampling of ["4:4:4", "4:2:0"]) {
            for (const optimiseCoding of [true, false]) {
              const options = { quality, chromaSubsampling, optimiseCoding };
              const file = await picture(width, height, channels, content).jpeg(options).toBuffer();
              const own = plain(file);
              if (own === null) continue;
              read++;
              expect(own).toEqual(await reference(file));
            }
          }
        }
      }
      // Left to sharp: narrow chroma, and noise beyond what 16 bits are sure to hold.
      expect(read).toBeGreaterThan(content === "waves" ? 55 : 20);
    },
  );
});

test("files of 4:2:2 by another writer", async () => {
  const text = readFileSync(join("test", "reference", "jpeg-422-pillow.json"), "utf8");
  const { cases } = JSON.parse(text) as { readonly cases: readonly { readonly file: string; readonly rgb: string }[] };
  expect(cases.length).toBeGreaterThan(3);
  for (const { file, rgb } of cases) {
    const bytes = Buffer.from(file, "base64");
    const interleaved = Buffer.from(rgb, "base64");
    const own = plain(bytes);
    expect(own).not.toBeNull();
    expect(own).toEqual(Uint8Array.from(toPlanes({ data: interleaved, stride: 3 }, 3)));
    expect(own).toEqual(await reference(bytes));
  }
});

test.each([
  ["progressive", (image: Sharp) => image.jpeg({ progressive: true })],
  ["with trellis quantisation", (image: Sharp) => image.jpeg({ mozjpeg: true })],
])("%s files are left to sharp, and read all the same", async (_, write) => {
  const file = await write(picture(50, 40, 3, "waves")).toBuffer();
  expect(plain(file)).toBeNull();
  expect((await decodeImage(file, "test")).data).toEqual(await reference(file));
});

test("a gray image saved in three components is gray to a model of one channel", async () => {
  const gray = await picture(64, 48, 1, "waves").jpeg({ quality: 90 }).toBuffer();
  const file = await sharp(gray).toColourspace("srgb").jpeg({ quality: 95 }).toBuffer();
  const { channels, data } = await decodeImage(file, "test");
  expect(channels).toBe(3);
  const area = 64 * 48;
  expect(data.slice(area, 2 * area)).toEqual(data.slice(0, area));
  expect(data.slice(2 * area)).toEqual(data.slice(0, area));
});

test("no part of a file passes for the whole, and what follows its end mark changes nothing", async () => {
  for (const channels of [1, 3] as const) {
    const file = await picture(40, 33, channels, "waves").jpeg().toBuffer();
    for (let length = 0; length < file.length; length++) {
      const part = file.subarray(0, length);
      await expect(decodeImage(part, "test")).rejects.toMatchObject({ exitCode: 2 });
    }
    const longer = Buffer.concat([file, Buffer.from("more than it takes")]);
    expect(plain(longer)).toEqual(plain(file));
  }
});

test("whatever byte is changed: it is read as sharp reads it, or left to sharp", async () => {
  const random = randomFrom("jpeg bytes");
  const files = [
    await picture(40, 33, 1, "waves").jpeg({ quality: 80 }).toBuffer(),
    await picture(40, 33, 3, "waves").jpeg({ quality: 60, optimiseCoding: false }).toBuffer(),
  ];
  let read = 0;
  for (let attempt = 0; attempt < 1500; attempt++) {
    const file = Buffer.from(files[attempt % 2] as Buffer);
    file[2 + random.integer(file.length - 2)] = random.integer(256);
    let own: Uint8Array | null = null;
    try {
      own = plain(file) as Uint8Array | null;
    } catch {
      // A header that is refused.
    }
    if (own === null) continue;
    read++;
    // Also that sharp, which refuses whatever libjpeg warns of, takes it.
    expect(own).toEqual(await reference(file));
  }
  expect(read).toBeGreaterThan(100);
});

(sharedData === null ? test.skip : test)("radiographs and photographs as JPEG, at several qualities", async () => {
  const root = sharedData as string;
  for (const [folder, channels] of [
    ["cxr-nih-1024", 1],
    ["cxr-nih-160", 1],
    ["skin-ham-128", 3],
  ] as const) {
    const images = join(root, folder, "images");
    for (const [index, name] of readdirSync(images).sort().slice(0, 24).entries()) {
      const quality = [50, 75, 90, 95][index % 4] as number;
      const image = sharp(join(images, name)).toColourspace(channels === 1 ? "b-w" : "srgb");
      const chromaSubsampling = index % 3 === 0 ? "4:4:4" : "4:2:0";
      const file = await image.jpeg({ quality, chromaSubsampling }).toBuffer();
      const own = plain(file);
      expect(own).not.toBeNull();
      expect(Buffer.compare(own as Uint8Array, await reference(file))).toBe(0);
    }
  }
});
