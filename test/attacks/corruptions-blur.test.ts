import defocus from "../../attacks/defocus-blur.js";
import gaussian from "../../attacks/gaussian-blur.js";
import motion from "../../attacks/motion-blur.js";
import pixelate from "../../attacks/pixelate.js";
import resizeKernel from "../../attacks/resize-kernel.js";
import { diskChords } from "../../attacks/support/disk-blur.js";
import { gaussianKernel } from "../../attacks/support/gaussian-blur.js";
import { lineKernel } from "../../attacks/support/line-blur.js";
import { reflected } from "../../attacks/support/padding.js";
import type { PixelBatch } from "../../src/core/pixels.js";
import { constantImages, corrupt, mean, paint } from "../support/corrupt.js";
import { toyImages } from "../support/toy-target.js";

const SQUARE = { channels: 1, height: 161, width: 161, maxValue: 65535 };
const PEAK = 60_000;
const point = paint(SQUARE, (x, y) => (x === 80 && y === 80 ? PEAK : 0));
/** Pixels of these images for one of ImageNet-C's 224. */
const SCALE = 161 / 224;

/** Mass, and second central moments along and across, of an image read as a distribution. */
function moments({ data, width }: PixelBatch): { mass: number; xx: number; yy: number; xy: number } {
  const sums = { mass: 0, xx: 0, yy: 0, xy: 0 };
  for (let i = 0; i < data.length; i++) {
    const weight = (data[i] as number) / PEAK;
    const [x, y] = [(i % width) - 80, Math.floor(i / width) - 80];
    sums.mass += weight;
    sums.xx += weight * x * x;
    sums.yy += weight * y * y;
    sums.xy += weight * x * y;
  }
  return sums;
}

test("reflection repeats the border pixel, however far outside", () => {
  expect([-7, -4, -3, -2, -1, 0, 2, 3, 4, 6, 9].map((index) => reflected(index, 3))).toEqual([
    0, 2, 2, 1, 0, 0, 2, 2, 1, 0, 2,
  ]);
});

test.each([gaussian, defocus, motion])(
  "$meta.id leaves a constant as it is, and the sum of any image nearly",
  async (attack) => {
    for (const geometry of [
      { channels: 3, height: 13, width: 21, maxValue: 4095 },
      { channels: 1, height: 8, width: 40, maxValue: 65535 },
      { channels: 1, height: 1, width: 5, maxValue: 255 },
    ]) {
      for (const level of [1, 5]) {
        const { data } = await corrupt(attack, constantImages(geometry, 2, 200), level);
        for (const value of data) expect(value).toBeCloseTo(200, 3);
      }
    }
    const original = toyImages(SQUARE, 1, 7);
    const { data } = await corrupt(attack, original, 5);
    expect(Math.abs(mean(data) / mean(original.data) - 1)).toBeLessThan(1e-4);
  },
);

test.each([
  [1, 1],
  [3, 3],
  [5, 6],
])("a point under Gaussian blur of severity %d has variance σ² both ways", async (level, sigma) => {
  const { mass, xx, yy, xy } = moments(await corrupt(gaussian, point, level));
  expect(mass).toBeCloseTo(1, 5);
  expect(xx / (sigma * SCALE) ** 2).toBeCloseTo(1, 2);
  expect(yy).toBeCloseTo(xx, 4);
  expect(xy).toBeCloseTo(0, 4);
});

test("Gaussian kernels sum to one", () => {
  for (const sigma of [0.3, 0.57, 1, 4.4]) {
    const kernel = gaussianKernel(sigma);
    expect(2 * mean(kernel) * kernel.length - (kernel[0] as number)).toBeCloseTo(1, 12);
  }
});

test.each([0.3, 0.7, 1.7, 2.5, 7.14])("the chords of a disk of radius %d have its area", (radius) => {
  let area = 0;
  for (const { full, edge, centre } of diskChords(radius)) area += centre * (2 * full + 1) + 2 * edge;
  expect(area).toBeCloseTo(Math.PI * radius * radius, 10);
});

test.each([
  [1, 3],
  [5, 10],
])(
  "a point under defocus of severity %d is a flat disk: variance r²/4 both ways, height 1/πr²",
  async (level, radius) => {
    const blurred = await corrupt(defocus, point, level);
    const r = radius * SCALE;
    const { mass, xx, yy, xy } = moments(blurred);
    expect(mass).toBeCloseTo(1, 5);
    // The pixels' own extent adds 1/12 a direction.
    expect(Math.abs(yy - (r * r) / 4 - 1 / 12)).toBeLessThan(0.05 * r);
    expect(Math.abs(xx - (r * r) / 4 - 1 / 12)).toBeLessThan(0.1 * r);
    expect(xy).toBeCloseTo(0, 6);
    expect((blurred.data[80 * 161 + 80] as number) / PEAK).toBeCloseTo(1 / (Math.PI * r * r), 6);
  },
);

test("a point under motion blur is a line: variance L²/12 along it, nearly none across", async () => {
  const { mass, xx, yy, xy } = moments(await corrupt(motion, point, 5));
  expect(mass).toBeCloseTo(1, 5);
  const spread = Math.hypot((xx - yy) / 2, xy);
  const along = (xx + yy) / 2 + spread;
  const across = (xx + yy) / 2 - spread;
  const length = 20 * SCALE;
  // Bilinear sharing adds at most 1/4 a direction.
  expect(Math.abs(along - length ** 2 / 12)).toBeLessThan(0.3);
  expect(across).toBeLessThan(0.3);
});

test("motion kernels sum to one and point where they are told", () => {
  for (const angle of [0, 0.4, Math.PI / 2, 2.9]) expect(mean(lineKernel(5.7, angle, 4)) * 81).toBeCloseTo(1, 12);
  const upright = lineKernel(5, Math.PI / 2, 4);
  upright.forEach((weight, i) => {
    if (i % 9 !== 4) expect(weight).toBeCloseTo(0, 12);
  });
});

test("pixelate: at 25 % every pixel shows the mean of its 4 × 4 block", async () => {
  const original = toyImages({ channels: 3, height: 24, width: 32, maxValue: 255 }, 1, 4);
  const { data } = await corrupt(pixelate, original, 5);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [i % 32, Math.floor(i / 32) % 24];
    const first = i - (y % 4) * 32 - (x % 4);
    let sum = 0;
    for (let k = 0; k < 16; k++) sum += original.data[first + Math.floor(k / 4) * 32 + (k % 4)] as number;
    expect(data[i]).toBeCloseTo(sum / 16, 4);
  }
});

test("pixelate keeps the mean, and shows no more values than blocks, at odd sizes too", async () => {
  const original = toyImages({ channels: 1, height: 13, width: 21, maxValue: 65535 }, 1, 4);
  for (const [index, fraction] of [0.7, 0.5, 0.4, 0.3, 0.25].entries()) {
    const { data } = await corrupt(pixelate, original, index + 1);
    expect(new Set(data).size).toBeLessThanOrEqual(Math.round(13 * fraction) * Math.round(21 * fraction));
    expect(mean(data)).toBeCloseTo(mean(original.data), 1);
  }
});

describe("resize-kernel", () => {
  const ramp = paint({ channels: 1, height: 40, width: 60, maxValue: 4095 }, (x, y) => 20 * x + 30 * y + 100);

  test("linear kernels with antialiasing leave a ramp as it is, away from the borders", async () => {
    const kernels = { reduce: "bilinear", antialias: true, enlarge: "bilinear" };
    const { data } = await corrupt(resizeKernel, ramp, 3, kernels);
    for (let y = 10; y < 30; y++) {
      for (let x = 10; x < 50; x++)
        expect(Math.abs((data[y * 60 + x] as number) - (20 * x + 30 * y + 100))).toBeLessThan(8);
    }
  });

  test("nearest and nearest only shows values that were there", async () => {
    const { data } = await corrupt(resizeKernel, ramp, 5, { reduce: "nearest", enlarge: "nearest" });
    const original = new Set(ramp.data);
    expect(data.every((value) => original.has(value))).toBe(true);
    expect(new Set(data).size).toBeLessThanOrEqual(11 * 16);
  });

  test("every pair of kernels keeps a constant", async () => {
    const flat = constantImages({ channels: 1, height: 13, width: 21, maxValue: 4095 }, 1, 1234);
    for (const reduce of ["nearest", "box", "bilinear", "bicubic", "lanczos"]) {
      for (const enlarge of ["nearest", "box", "bilinear", "bicubic", "lanczos"]) {
        for (const antialias of [true, false]) {
          const { data } = await corrupt(resizeKernel, flat, 4, { reduce, enlarge, antialias });
          for (const value of data) expect(value).toBeCloseTo(1234, 2);
        }
      }
    }
  });
});
