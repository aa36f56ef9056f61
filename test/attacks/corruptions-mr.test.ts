import ghosting from "../../attacks/ghosting.js";
import spike from "../../attacks/kspace-spike.js";
import type { PixelBatch } from "../../src/core/pixels.js";
import { Fft } from "../../src/image/fft.js";
import { constantImages, corrupt, paint } from "../support/corrupt.js";

/** The two-dimensional spectrum of a plane, over its pixels: a wave A·cos(…) shows as A/2 at two places. */
function spectrum(plane: Float32Array, height: number, width: number): Float64Array {
  const re = Float64Array.from(plane);
  const im = new Float64Array(plane.length);
  const rows = new Fft(width);
  for (let y = 0; y < height; y++) {
    rows.forward(re.subarray(y * width, (y + 1) * width), im.subarray(y * width, (y + 1) * width));
  }
  const columns = new Fft(height);
  for (let x = 0; x < width; x++) {
    const a = Float64Array.from({ length: height }, (_, y) => re[y * width + x] as number);
    const b = Float64Array.from({ length: height }, (_, y) => im[y * width + x] as number);
    columns.forward(a, b);
    for (let y = 0; y < height; y++) {
      re[y * width + x] = a[y] as number;
      im[y * width + x] = b[y] as number;
    }
  }
  return re.map((value, i) => Math.hypot(value, im[i] as number) / plane.length);
}

describe("ghosting", () => {
  const SHAPE = { channels: 1, height: 48, width: 20, maxValue: 4095 };
  const square = paint(SHAPE, (x, y) => (x >= 8 && x < 12 && y >= 4 && y < 8 ? 2000 : 0));
  const at = (batch: PixelBatch, x: number, y: number): number => batch.data[y * batch.width + x] as number;

  test.each([
    [1, 15],
    [5, 60],
  ])(
    "with every second line, at severity %d the ghost lies at N/2 with sin(φ/2) of the signal, the rest with cos(φ/2)",
    async (level, degrees) => {
      const ghosted = await corrupt(ghosting, square, level, { every: 2 });
      const half = (degrees * Math.PI) / 360;
      for (let y = 0; y < 48; y++) {
        for (let x = 0; x < 20; x++) {
          const there = at(square, x, y);
          const displaced = at(square, x, (y + 24) % 48);
          expect(at(ghosted, x, y)).toBeCloseTo(Math.hypot(there * Math.cos(half), displaced * Math.sin(half)), 2);
        }
      }
    },
  );

  test("every fourth line gives ghosts at N/4, N/2 and 3N/4, of 2 sin(φ/2) / 4 each", async () => {
    const ghosted = await corrupt(ghosting, square, 5);
    for (const shift of [12, 24, 36])
      expect(at(ghosted, 9, 5 + shift)).toBeCloseTo((2000 * Math.sin(Math.PI / 6)) / 2, 1);
    expect(at(ghosted, 9, 10)).toBeCloseTo(0, 3);
    expect(at(ghosted, 2, 5)).toBeCloseTo(0, 3);
  });

  test("along the other axis it is the transposed image's", async () => {
    const turned = paint({ ...SHAPE, height: 20, width: 48 }, (x, y) => at(square, y, x));
    const one = await corrupt(ghosting, square, 3);
    const other = await corrupt(ghosting, turned, 3, { axis: "horizontal" });
    for (let y = 0; y < 48; y++) for (let x = 0; x < 20; x++) expect(at(other, y, x)).toBeCloseTo(at(one, x, y), 2);
  });

  test("a line's ghosts are its own, at lengths that the lines do not divide, too", async () => {
    const shape = { channels: 1, height: 13, width: 5, maxValue: 4095 };
    const whole = paint(shape, (x, y) => 500 + 300 * Math.sin(x + 2 * y) + 90 * x);
    const ghosted = await corrupt(ghosting, whole, 5);
    for (let x = 0; x < 5; x++) {
      const alone = await corrupt(
        ghosting,
        paint({ ...shape, width: 1 }, (_, y) => at(whole, x, y)),
        5,
      );
      for (let y = 0; y < 13; y++) expect(at(ghosted, x, y)).toBeCloseTo(at(alone, 0, y), 2);
    }
  });

  test("a phase costs no energy", async () => {
    const odd = paint({ channels: 1, height: 13, width: 21, maxValue: 4095 }, (x, y) => 1000 + 400 * Math.sin(x * y));
    const energy = ({ data }: PixelBatch): number => data.reduce((sum, value) => sum + value * value, 0);
    for (const every of [2, 3, 4, 5]) {
      expect(energy(await corrupt(ghosting, odd, 5, { every })) / energy(odd)).toBeCloseTo(1, 6);
    }
  });
});

describe("kspace-spike", () => {
  test.each([
    [1, 0.04],
    [5, 0.2],
  ])("at severity %d one wave of %d of the window is added, at two mirrored frequencies", async (level, amplitude) => {
    const shape = { channels: 1, height: 40, width: 56, maxValue: 65535 };
    const { data } = await corrupt(spike, constantImages(shape, 3, 30_000), level);
    const places = new Set<number>();
    for (let image = 0; image < 3; image++) {
      const wave = data.slice(image * 2240, (image + 1) * 2240).map((value) => (value - 30_000) / 65535);
      const found = [...spectrum(wave, 40, 56).entries()].filter(([, size]) => size > 1e-6);
      expect(found).toHaveLength(2);
      const [[first, one], [second, other]] = found as [[number, number], [number, number]];
      expect(one).toBeCloseTo(amplitude / 2, 6);
      expect(other).toBeCloseTo(amplitude / 2, 6);
      const [u, v] = [Math.floor(first / 56), first % 56];
      expect(second).toBe(((40 - u) % 40) * 56 + ((56 - v) % 56));
      const cycles = Math.hypot(Math.min(u, 40 - u) / 40, Math.min(v, 56 - v) / 56);
      expect(cycles).toBeGreaterThan(0.03);
      expect(cycles).toBeLessThan(0.37);
      places.add(first);
    }
    expect(places.size).toBeGreaterThan(1);
  });

  test("three spikes are three waves, and all channels share them", async () => {
    const shape = { channels: 3, height: 64, width: 64, maxValue: 255 };
    const { data } = await corrupt(spike, constantImages(shape, 1, 100), 5, { spikes: 3 });
    expect(data.subarray(0, 4096)).toEqual(data.subarray(8192));
    const wave = data.slice(0, 4096).map((value) => value - 100);
    expect(spectrum(wave, 64, 64).filter((size) => size > 0.01)).toHaveLength(6);
  });

  test("there is a wave on the smallest images", async () => {
    for (const [height, width] of [
      [1, 8],
      [2, 3],
      [8, 1],
    ] as const) {
      const { data } = await corrupt(spike, constantImages({ channels: 1, height, width, maxValue: 255 }, 1, 100), 5);
      expect(Math.max(...data.map((value) => Math.abs(value - 100)))).toBeGreaterThan(5);
    }
  });
});
