import fc from "fast-check";
import sharp from "sharp";
import type { DecodedImage } from "../../src/core/data.js";
import { randomFrom } from "../../src/core/random.js";
import { drawPopulation } from "../../src/data/phantom/population.js";
import { decodeImage } from "../../src/image/decode.js";
import { nearPairs } from "../../src/image/near-pairs.js";
import { differingBits, type PerceptualHash, perceptualHash } from "../../src/image/perceptual-hash.js";

const SIDE = 128;
const phantoms = drawPopulation({ seed: 3, name: "hash", patients: 30, prevalence: 0.5, contrast: 1, planted: false });
const images = phantoms.map((phantom) => phantom.render(SIDE));
const gray = (data: DecodedImage["data"], width = SIDE, height = SIDE): DecodedImage => {
  return { data, channels: 1, height, width, maxValue: 255 };
};
const hashOf = (image: DecodedImage) => perceptualHash(image) as PerceptualHash;
const apart = (a: PerceptualHash, b: PerceptualHash): [outlines: number, detail: number] => [
  differingBits(a[0], a[1], b[0], b[1]),
  differingBits(a[2], a[3], b[2], b[3]),
];
const png = (data: Uint8Array) => sharp(data, { raw: { width: SIDE, height: SIDE, channels: 1 } });

test.each([
  ["half the size", (image: ReturnType<typeof png>) => image.resize(SIDE / 2).png()],
  ["twice the size", (image: ReturnType<typeof png>) => image.resize(2 * SIDE).png()],
  ["JPEG of quality 75", (image: ReturnType<typeof png>) => image.jpeg({ quality: 75 })],
  ["10 % more contrast", (image: ReturnType<typeof png>) => image.linear(1.1, -10).png()],
])("an image and the same at %s look alike", async (_, change) => {
  for (const data of images.slice(0, 12)) {
    const changed = await decodeImage(await change(png(data)).toColourspace("b-w").toBuffer(), "changed");
    const [outlines, detail] = apart(hashOf(gray(data)), hashOf({ ...changed, channels: 1 }));
    expect(outlines).toBeLessThanOrEqual(6);
    expect(detail).toBeLessThanOrEqual(12);
  }
});

test("brightness and contrast without clipping change nothing at all", () => {
  for (const data of images.slice(0, 5)) {
    const halved = Float32Array.from(data, (value) => value / 2 + 30);
    expect(apart(hashOf(gray(data)), hashOf(gray(halved)))).toEqual([0, 0]);
  }
});

test("half of the bits of a block are set, and a negative has the opposite ones", () => {
  for (const data of images.slice(0, 5)) {
    const hash = hashOf(gray(data));
    expect(apart(hash, [0, 0, 0, 0])).toEqual([32, 32]);
    expect(apart(hash, hashOf(gray(data.map((value) => 255 - value))))).toEqual([64, 64]);
  }
});

test("one cosine of the lowest frequency is the one coefficient above the others", () => {
  const wave = Float32Array.from({ length: 64 * 64 }, (_, index) => {
    const [y, x] = [Math.floor(index / 64), index % 64];
    return 128 + 100 * Math.cos((Math.PI * (2 * x + 1)) / 128) * Math.cos((Math.PI * (2 * y + 1)) / 128);
  });
  expect((hashOf(gray(wave, 64, 64))[0] & 1) === 1).toBe(true);
});

test("a flat image has no hash; equal planes hash as their gray does", () => {
  expect(perceptualHash(gray(new Uint8Array(SIDE * SIDE).fill(77)))).toBeNull();
  const data = images[0] as Uint8Array;
  const planes = new Uint8Array(3 * data.length);
  for (const plane of [0, 1, 2]) planes.set(data, plane * data.length);
  expect(apart(hashOf({ ...gray(planes), channels: 3 }), hashOf(gray(data)))).toEqual([0, 0]);
});

test("images of different noise do not look alike", () => {
  const random = randomFrom("noise");
  const noise = () =>
    hashOf(
      gray(
        Float32Array.from({ length: 1024 }, () => 255 * random.uniform()),
        32,
        32,
      ),
    );
  const hashes = Array.from({ length: 60 }, noise);
  const distances = hashes.flatMap((a, i) => hashes.slice(i + 1).map((b) => apart(a, b)));
  expect(Math.min(...distances.map(([outlines]) => outlines))).toBeGreaterThan(8);
  expect(distances.reduce((sum, [outlines]) => sum + outlines, 0) / distances.length).toBeCloseTo(32, 0);
});

test("near pairs are all pairs within the distance, each once", () => {
  // Hashes in clusters of a few flipped bits, so that all distances occur.
  const flips = fc.array(fc.integer({ min: 0, max: 63 }), { maxLength: 6 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), flips), { maxLength: 30 }),
      fc.integer({ min: 0, max: 8 }),
      (entries, distance) => {
        const high = Uint32Array.from(entries, () => 0);
        const low = Uint32Array.from(entries, () => 0);
        entries.forEach(([cluster, bits], index) => {
          const words: [number, number] = [0x9e3779b9 * (cluster + 1), 0x85ebca6b * (cluster + 1)];
          for (const bit of bits) words[bit < 32 ? 0 : 1] ^= 1 << (bit % 32);
          [high[index], low[index]] = words;
        });
        const found: string[] = [];
        nearPairs(high, low, distance, (a, b, bits) => found.push(`${a} ${b} ${bits}`));
        const expected: string[] = [];
        for (let a = 0; a < high.length; a++) {
          for (let b = a + 1; b < high.length; b++) {
            const text = (half: Uint32Array) => (half[a] as number).toString(2).padStart(32, "0");
            const other = (half: Uint32Array) => (half[b] as number).toString(2).padStart(32, "0");
            const bits = [high, low].reduce(
              (sum, half) => sum + [...text(half)].filter((digit, place) => digit !== other(half)[place]).length,
              0,
            );
            if (bits <= distance) expected.push(`${a} ${b} ${bits}`);
          }
        }
        expect(found.sort()).toEqual(expected.sort());
      },
    ),
    { numRuns: 200, seed: 3 },
  );
});
