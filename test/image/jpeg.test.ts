import sharp from "sharp";
import { createBatch, imageSize, type PixelBatch, sliceBatch } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { type JpegOptions, jpegRoundTrip, quantisationSteps } from "../../src/image/jpeg.js";

/** Noise on a gradient: edges, flat parts, and blocks that overshoot 0 and 255. */
function picture(channels: number, height: number, width: number, key: string, count = 1): PixelBatch {
  const random = randomFrom(11, key);
  const batch = createBatch({ channels, height, width, maxValue: 255 }, count);
  for (let index = 0; index < batch.data.length; index++) {
    const x = index % width;
    const y = Math.floor(index / width) % height;
    const value = 128 + 110 * Math.sin(x / 5 + index / 1e4) * Math.cos(y / 7) + 40 * random.normal();
    batch.data[index] = Math.min(255, Math.max(0, Math.round(value)));
  }
  return batch;
}

/** The same through a real file: libjpeg by way of sharp. */
async function throughFile(batch: PixelBatch, { quality, chroma }: JpegOptions): Promise<number[]> {
  const { channels, height, width } = batch;
  const area = width * height;
  const pixels = Buffer.alloc(imageSize(batch));
  for (let index = 0; index < pixels.length; index++) {
    pixels[index] = batch.data[(index % channels) * area + Math.floor(index / channels)] ?? 0;
  }
  const file = await sharp(pixels, { raw: { width, height, channels: channels as 1 | 3 } })
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .jpeg({ quality, chromaSubsampling: chroma })
    .toBuffer();
  const back = await sharp(file)
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .raw()
    .toBuffer();
  return Array.from(
    { length: back.length },
    (_, index) => back[(index % area) * channels + Math.floor(index / area)] ?? 0,
  );
}

const sizes = [
  [160, 160],
  [16, 16],
  [8, 8],
  [17, 31],
  [33, 18],
  [9, 3],
  [1, 5],
  [5, 1],
] as const;

describe("equal to the last bit to libjpeg through sharp", () => {
  describe.each([1, 5, 25, 49, 50, 75, 90, 100])("quality %d", (quality) => {
    test.each(sizes)("%d×%d", async (height, width) => {
      for (const [channels, chroma] of [
        [1, "4:4:4"],
        [3, "4:4:4"],
        [3, "4:2:0"],
      ] as const) {
        const batch = picture(channels, height, width, `${quality} ${height} ${width}`);
        const options = { quality, chroma };
        const expected = await throughFile(batch, options);
        const { data } = jpegRoundTrip(batch, options);
        const differing = expected.filter((value, index) => value !== data[index]).length;
        expect({ channels, chroma, length: data.length, differing }).toEqual({
          channels,
          chroma,
          length: expected.length,
          differing: 0,
        });
      }
    });
  });
});

test("an image's result does not depend on its neighbours in the batch", () => {
  const batch = picture(3, 20, 28, "batch", 5);
  const options = { quality: 60, chroma: "4:2:0" } as const;
  const whole = jpegRoundTrip(batch, options);
  for (let image = 0; image < 5; image++) {
    const alone = jpegRoundTrip(sliceBatch(batch, image, image + 1), options);
    expect(sliceBatch(whole, image, image + 1).data).toEqual(alone.data);
  }
});

test("16 bits go through 8 bits and back", () => {
  const eight = picture(1, 24, 24, "deep");
  const deep = { ...eight, maxValue: 65535, data: eight.data.map((value) => value * 257) };
  const options = { quality: 75, chroma: "4:2:0" } as const;
  expect([...jpegRoundTrip(deep, options).data]).toEqual(
    [...jpegRoundTrip(eight, options).data].map((value) => value * 257),
  );
});

test("the input is left alone, and other numbers of channels are refused", () => {
  const batch = picture(1, 8, 8, "kept");
  const before = batch.data.slice();
  jpegRoundTrip(batch, { quality: 10, chroma: "4:2:0" });
  expect(batch.data).toEqual(before);
  expect(() => jpegRoundTrip(picture(2, 8, 8, "two"), { quality: 10, chroma: "4:2:0" })).toThrow("1 or 3 channels");
});

test("quantisation tables: the annex at quality 50, all ones at 100", () => {
  expect([...quantisationSteps([16, 11, 255], 50)]).toEqual([16, 11, 255]);
  expect([...quantisationSteps([16, 11, 255], 100)]).toEqual([1, 1, 1]);
  expect([...quantisationSteps([16, 11, 99], 75)]).toEqual([8, 6, 50]);
});
