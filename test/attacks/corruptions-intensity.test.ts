import bias from "../../attacks/bias-field.js";
import bitDepth from "../../attacks/bit-depth-reduction.js";
import brightness from "../../attacks/brightness.js";
import contrast from "../../attacks/contrast.js";
import gamma from "../../attacks/gamma.js";
import huOffset from "../../attacks/hu-offset.js";
import jpeg from "../../attacks/jpeg-compression.js";
import { legendre } from "../../attacks/support/legendre.js";
import windowShift from "../../attacks/window-shift.js";
import { jpegRoundTrip } from "../../src/image/jpeg.js";
import { constantImages, corrupt, corruptAndStore, mean, paint, variance } from "../support/corrupt.js";
import { toyImages } from "../support/toy-target.js";

const TWELVE = { channels: 1, height: 64, width: 64, maxValue: 4095 };
/** Every stored value of 12 bits once. */
const ramp = paint(TWELVE, (x, y) => 64 * y + x);
const fractions = Float64Array.from(ramp.data, (value) => value / 4095);

/** Largest difference between an image, as fractions of the window, and a curve of its originals. */
function worst(data: Float32Array, curve: (x: number) => number): number {
  return fractions.reduce(
    (most, x, i) => Math.max(most, Math.abs((data[i] as number) / 4095 - Math.max(0, Math.min(1, curve(x))))),
    0,
  );
}
const HALF_STEP = 0.501 / 4095;

test.each([
  ["darker", 1, 1.2],
  ["darker", 5, 2.2],
  ["brighter", 1, 1 / 1.2],
  ["brighter", 5, 1 / 2.2],
])("gamma %s at severity %d is x^%d", async (direction, level, exponent) => {
  const { data } = await corruptAndStore(gamma, ramp, level, { direction });
  expect(worst(data, (x) => x ** exponent)).toBeLessThan(HALF_STEP);
});

test.each([
  ["brighter", 1, 0.05],
  ["darker", 5, -0.3],
])("brightness %s at severity %d shifts by %d", async (direction, level, shift) => {
  const { data } = await corruptAndStore(brightness, ramp, level, { direction });
  expect(worst(data, (x) => x + shift)).toBeLessThan(HALF_STEP);
});

test("contrast keeps each channel's mean and the stated part of its deviation", async () => {
  const original = paint({ channels: 3, height: 20, width: 30, maxValue: 255 }, (x, y, c) => 40 + c * 50 + x + 2 * y);
  for (const [level, remaining] of [
    [1, 0.75],
    [5, 0.3],
  ] as const) {
    const { data } = await corrupt(contrast, original, level);
    for (let channel = 0; channel < 3; channel++) {
      const [before, after] = [original, { data }].map((image) =>
        image.data.subarray(channel * 600, channel * 600 + 600),
      );
      if (before === undefined || after === undefined) throw new Error("two images were given");
      expect(mean(after)).toBeCloseTo(mean(before), 3);
      expect(Math.sqrt(variance(after) / variance(before))).toBeCloseTo(remaining, 4);
    }
  }
});

describe("window-shift", () => {
  test("the default shows the window of the stated width and level", async () => {
    // Severity 5: width 1/1.5 of the right one, level off by 0.5/(2·1.5) = 1/6 of it.
    const { data } = await corruptAndStore(windowShift, ramp, 5);
    const [width, level] = [1 / 1.5, 1 / 6];
    expect(worst(data, (x) => (x - 0.5 - level) / width + 0.5)).toBeLessThan(HALF_STEP);
  });

  test.each([
    ["higher", "wider", (x: number) => 0.9 * (x - 0.5) + 0.5 - 0.05],
    ["lower", "right", (x: number) => x + 0.05],
    ["right", "narrower", (x: number) => 1.1 * (x - 0.5) + 0.5],
    ["right", "right", (x: number) => x],
  ])("level %s and width %s at severity 1", async (level, width, curve) => {
    const { data } = await corruptAndStore(windowShift, ramp, 1, { level, width });
    expect(worst(data, curve)).toBeLessThan(HALF_STEP);
  });
});

test.each([
  [400, "higher", 1, 7 / 400],
  [400, "lower", 5, -60 / 400],
  [1500, "higher", 3, 25 / 1500],
])(
  "hu-offset: in a window of %d HU, %s at severity %d is a shift by %d",
  async (windowWidth, direction, level, shift) => {
    const { data } = await corruptAndStore(huOffset, ramp, level, { windowWidth, direction });
    expect(worst(data, (x) => x + shift)).toBeLessThan(HALF_STEP);
  },
);

test("bit depth reduction leaves the stated number of levels, evenly from black to white, each value at its nearest", async () => {
  for (const [index, levels] of [32, 20, 13, 9, 6].entries()) {
    const { data } = await corruptAndStore(bitDepth, ramp, index + 1);
    const shown = [...new Set(data)].sort((a, b) => a - b);
    expect(shown).toEqual(Array.from({ length: levels }, (_, k) => Math.round((4095 * k) / (levels - 1))));
    const step = 1 / (levels - 1);
    fractions.forEach((x, i) => {
      expect(Math.abs((data[i] as number) / 4095 - x)).toBeLessThan(step / 2 + HALF_STEP);
    });
  }
});

test("jpeg-compression is the JPEG round trip at the stated quality", async () => {
  const original = toyImages({ channels: 3, height: 24, width: 40, maxValue: 255 }, 2, 9);
  for (const [index, quality] of [75, 50, 30, 18, 10].entries()) {
    const expected = jpegRoundTrip(original, { quality, chroma: "4:4:4" });
    expect((await corrupt(jpeg, original, index + 1, { chroma: "4:4:4" })).data).toEqual(expected.data);
  }
});

describe("bias-field", () => {
  test("Legendre polynomials: P₂, P₃, their orthogonality, and 1 at the right end", () => {
    const [p0, p1, p2, p3] = legendre(2001, 3);
    if (!p0 || !p1 || !p2 || !p3) throw new Error("four polynomials were asked for");
    p1.forEach((x, k) => {
      expect(p2[k]).toBeCloseTo((3 * x * x - 1) / 2, 12);
      expect(p3[k]).toBeCloseTo((5 * x ** 3 - 3 * x) / 2, 12);
    });
    const inner = (a: Float64Array, b: Float64Array): number => mean(a.map((value, k) => value * (b[k] as number)));
    expect(inner(p1, p3)).toBeCloseTo(0, 2);
    expect(inner(p2, p2)).toBeCloseTo(1 / 5, 2);
    for (const p of [p0, p1, p2, p3]) expect(p[2000]).toBeCloseTo(1, 12);
  });

  test.each([
    [1, 0.1],
    [5, 0.5],
  ])("at severity %d the largest departure from 1 is %d, in all channels alike", async (level, departure) => {
    const flat = constantImages({ channels: 3, height: 30, width: 50, maxValue: 65535 }, 2, 20_000);
    const { data } = await corrupt(bias, flat, level);
    const field = data.map((value) => value / 20_000 - 1);
    for (let image = 0; image < 2; image++) {
      const [red, blue] = [0, 2].map((c) => field.subarray((3 * image + c) * 1500, (3 * image + c + 1) * 1500));
      expect(red).toEqual(blue);
      expect(Math.max(...(red ?? []).map(Math.abs))).toBeCloseTo(departure, 5);
    }
    expect(field.subarray(0, 1500)).not.toEqual(field.subarray(4500, 6000));
  });

  test("of order 1 the field is a plane: its second differences vanish", async () => {
    const flat = constantImages({ channels: 1, height: 20, width: 30, maxValue: 65535 }, 1, 20_000);
    const { data } = await corrupt(bias, flat, 5, { order: 1 });
    for (let y = 0; y < 20; y++) {
      for (let x = 1; x < 29; x++) {
        const at = y * 30 + x;
        expect(Math.abs((data[at - 1] as number) - 2 * (data[at] as number) + (data[at + 1] as number))).toBeLessThan(
          0.02,
        );
      }
    }
  });
});
