import type { PixelOptions, Window } from "../../src/core/data.js";
import { AS_STORED } from "../../src/core/data.js";
import { applyWindow, chosenFrames, type DeepImage } from "../../src/image/window.js";

const base: Omit<DeepImage, "data"> = {
  channels: 1,
  height: 1,
  width: 5,
  slope: 1,
  intercept: 0,
  storedBits: 16,
  fileWindow: null,
  inverted: false,
};

function windowed(data: readonly number[], window: Window, more: Partial<DeepImage & PixelOptions> = {}) {
  const { bits = 8, ...deep } = more;
  return applyWindow({ ...base, data, ...deep }, { ...AS_STORED, window, bits }, "x");
}

const voi = (shape: "linear" | "linear-exact" | "sigmoid", center: number, width: number): Window => ({
  kind: "voi",
  center,
  width,
  shape,
});

describe("VOI windows, DICOM PS3.3 C.11.2.1.2", () => {
  // The note under C.11.2.1.2.1: centre 2048 and width 4096 spread 0 … 4095 over the whole output range.
  test("linear: centre 2048, width 4096 is the identity of 12 bits", () => {
    const values = [0, 1, 1000, 2048, 4095];
    expect([...windowed(values, voi("linear", 2048, 4096), { bits: 12 }).data]).toEqual(values);
  });

  // The note's further examples: centre 0, width 100: −50 is black, 49 is white; centre 0, width 1: below 0 black, else white.
  test("linear: the ends of the standard's examples", () => {
    expect([...windowed([-51, -50, -49.6, 48.9, 49], voi("linear", 0, 100)).data]).toEqual([0, 0, 1, 255, 255]);
    expect([...windowed([-2, -1, 0, 1, 2], voi("linear", 0, 1)).data]).toEqual([0, 0, 255, 255, 255]);
  });

  test("linear-exact: half a width to either side of the centre", () => {
    expect([...windowed([-60, -50, 0, 50, 60], voi("linear-exact", 0, 100)).data]).toEqual([0, 0, 128, 255, 255]);
  });

  test("sigmoid: a half at the centre, 1 / (1 + e⁻²) half a width above it", () => {
    const expected = [-50, 0, 25, 50, 500].map((value) => Math.round(255 / (1 + Math.exp((-4 * value) / 100))));
    expect([...windowed([-50, 0, 25, 50, 500], voi("sigmoid", 0, 100)).data]).toEqual(expected);
  });
});

test("slope and intercept come before the window", () => {
  const window: Window = { kind: "range", lower: -1000, upper: 1000 };
  expect([...windowed([0, 12, 512, 1000, 2024], window, { slope: 2, intercept: -1024 }).data]).toEqual([
    0, 0, 128, 252, 255,
  ]);
});

test("full and percentiles are of the image's own values", () => {
  expect([...windowed([10, 20, 30, 40, 50], { kind: "full" }).data]).toEqual([0, 64, 128, 191, 255]);
  const values = Array.from({ length: 101 }, (_, index) => index);
  const { data } = windowed(values, { kind: "percentiles", lower: 10, upper: 90 });
  expect([data[9], data[10], data[50], data[90], data[100]]).toEqual([0, 0, 128, 255, 255]);
});

test("an image of one value is black, not broken", () => {
  expect([...windowed([7, 7, 7, 7, 7], { kind: "full" }).data]).toEqual([0, 0, 0, 0, 0]);
});

test("MONOCHROME1 is turned round, windowed or stored", () => {
  expect([...windowed([0, 100, 200], { kind: "range", lower: 0, upper: 200 }, { inverted: true }).data]).toEqual([
    255, 128, 0,
  ]);
  expect([...windowed([0, 1, 4095], { kind: "stored" }, { inverted: true, storedBits: 12 }).data]).toEqual([
    4095, 4094, 0,
  ]);
});

test("stored values stay as they are; few bits are spread over 0 … 255", () => {
  expect(windowed([0, 5, 4095], { kind: "stored" }, { storedBits: 12 })).toMatchObject({
    maxValue: 4095,
    data: Uint16Array.of(0, 5, 4095),
  });
  expect([...windowed([0, 1, 1], { kind: "stored" }, { storedBits: 1 }).data]).toEqual([0, 255, 255]);
});

test.each([
  ["negative values", [-1, 0], { kind: "stored" }, {}, "value -1"],
  ["fractions", [0.5, 0], { kind: "stored" }, {}, "value 0.5"],
  ["more than 16 bits", [0, 0], { kind: "stored" }, { storedBits: 32 }, "32 bits"],
  ["no number", [Number.NaN, 0], { kind: "full" }, {}, "not a number"],
  ["no number in a given window", [Number.NaN, 0], { kind: "range", lower: 0, upper: 1 }, {}, "not a number"],
  ["no window of its own", [1, 0], { kind: "file" }, {}, "no window of its own"],
] as [string, number[], Window, Partial<DeepImage>, string][])("refuses %s", (_, data, window, more, message) => {
  expect(() => windowed(data, window, more)).toThrow(message);
});

describe("frames", () => {
  const take = (frames: PixelOptions["frames"], count: number) => chosenFrames(count, { ...AS_STORED, frames }, "x");

  test("are chosen by place", () => {
    expect(take({ take: "only" }, 1)).toEqual([0]);
    expect(take({ take: "middle" }, 5)).toEqual([2]);
    expect(take({ take: "middle" }, 4)).toEqual([2]);
    expect(take({ take: "index", index: 3 }, 4)).toEqual([3]);
    expect(take({ take: "stack", count: 3 }, 5)).toEqual([1, 2, 3]);
    expect(take({ take: "stack", count: 4 }, 4)).toEqual([0, 1, 2, 3]);
    expect(take({ take: "all" }, 3)).toEqual([0, 1, 2]);
  });

  test("are refused where nobody said which, or where there are too few", () => {
    expect(() => take({ take: "only" }, 2)).toThrow("2 frames or slices");
    expect(() => take({ take: "index", index: 4 }, 4)).toThrow("no frame or slice 4");
    expect(() => take({ take: "stack", count: 5 }, 4)).toThrow("stack of 5");
  });
});
