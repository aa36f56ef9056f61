import text from "../../attacks/burned-in-text.js";
import hair from "../../attacks/hair.js";
import occlusion from "../../attacks/occlusion.js";
import ruler from "../../attacks/ruler-marks.js";
import { Mask } from "../../attacks/support/drawing.js";
import { coverText, textColumns } from "../../attacks/support/font.js";
import type { Attack } from "../../src/core/attack.js";
import type { PixelBatch } from "../../src/core/pixels.js";
import { constantImages, corrupt, mean } from "../support/corrupt.js";

const GRAY = { channels: 1, height: 160, width: 200, maxValue: 255 };
const COLOUR = { channels: 3, height: 128, width: 128, maxValue: 255 };

/** What part of the image was replaced, where 100 became `value`. */
function share(batch: PixelBatch, value: number): number {
  return mean(batch.data.map((shown) => (shown - 100) / (value - 100)));
}

test("a rectangle covers each pixel by the area that it has of it, and no more at the border", () => {
  const mask = new Mask(4, 5);
  mask.addRectangle(0.5, 1.25, 3, 3);
  expect([...mask.coverage]).toEqual([0, 0, 0, 0, 0, 0.375, 0.75, 0.75, 0, 0, 0.5, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
  mask.clear();
  mask.addRectangle(-3, -3, 50, 50);
  expect(mask.coverage.every((value) => value === 1)).toBe(true);
});

test("a disc covers its area, wherever its centre is", () => {
  for (const [x, y] of [
    [20, 20],
    [20.5, 20.25],
    [19.3, 20.9],
  ] as const) {
    const mask = new Mask(40, 40);
    mask.coverDisc(x, y, 7);
    expect(mask.coverage.reduce((sum, value) => sum + value, 0) / (49 * Math.PI)).toBeCloseTo(1, 1);
  }
});

test("the dot matrix draws an L, and texts are as wide as they say", () => {
  const mask = new Mask(7, 5);
  coverText(mask, "L", 0, 0, 1);
  const rows = Array.from({ length: 7 }, (_, y) => [...mask.coverage.subarray(5 * y, 5 * y + 5)].join(""));
  expect(rows).toEqual(["10000", "10000", "10000", "10000", "10000", "10000", "11111"]);
  expect(textColumns("ICU 3")).toBe(29);
  const wide = new Mask(7, 40);
  coverText(wide, "ICU 3", 0, 0, 1);
  const covered = [...wide.coverage.keys()].filter((i) => wide.coverage[i] === 1).map((i) => i % 40);
  expect(Math.max(...covered)).toBe(28);
  expect(() => coverText(wide, "é", 0, 0, 1)).toThrow('"é"');
});

test.each([1, 2, 3, 4, 5])(
  "occlusion at severity %d covers its share of the area, in black or white",
  async (level) => {
    const area = [0.02, 0.05, 0.09, 0.14, 0.2][level - 1] as number;
    for (const geometry of [GRAY, COLOUR, { channels: 1, height: 8, width: 40, maxValue: 4095 }]) {
      const flat = constantImages(geometry, 3, 100);
      expect(share(await corrupt(occlusion, flat, level), 0)).toBeCloseTo(area, 5);
      const white = await corrupt(occlusion, flat, level, { shade: "white" });
      expect(share(white, geometry.maxValue)).toBeCloseTo(area, 5);
    }
  },
);

test("occlusion differs from image to image", async () => {
  const { data } = await corrupt(occlusion, constantImages(GRAY, 2, 100), 3);
  expect(data.subarray(0, 32_000)).not.toEqual(data.subarray(32_000));
});

test("text is white, the same in all channels, and lies at the border", async () => {
  const { data } = await corrupt(text, constantImages(COLOUR, 1, 100), 5);
  expect(data.subarray(0, 16_384)).toEqual(data.subarray(32_768));
  expect(Math.max(...data)).toBeCloseTo(255, 3);
  expect(Math.min(...data)).toBeCloseTo(100, 3);
  const middle = data.subarray(20 * 128, 90 * 128);
  expect(middle.every((value) => value === 100)).toBe(true);
});

test("five texts never touch: the column between the corners stays dark, and so do the rows above the lower ones", async () => {
  const { data } = await corrupt(text, constantImages({ ...GRAY, width: 160 }, 20, 100), 5);
  const touched = [...data.keys()].filter((i) => {
    const [x, y] = [i % 160, Math.floor(i / 160) % 160];
    const between = (x === 80 && (y < 100 || y > 140)) || y === 141;
    return between && data[i] !== 100;
  });
  expect(touched).toHaveLength(0);
});

test("hair is dark brown in colour, dark in gray, and covers ever more", async () => {
  const flat = constantImages(COLOUR, 4, 200);
  const { data } = await corrupt(hair, flat, 5);
  const darkest = [0, 1, 2].map((channel) => Math.min(...data.subarray(channel * 16_384, (channel + 1) * 16_384)));
  expect(darkest[0]).toBeGreaterThan(darkest[1] as number);
  expect(darkest[1]).toBeGreaterThan(darkest[2] as number);
  // 90 % of the hair's colour and 10 % of the skin's.
  expect(darkest[2]).toBeCloseTo(0.9 * 0.08 * 255 + 20, 0);
  const gray = await corrupt(hair, constantImages(GRAY, 2, 200), 5);
  expect(Math.min(...gray.data)).toBeCloseTo(0.9 * 0.11 * 255 + 20, 0);
});

test("ruler marks: 24 ticks to the longer side, every fifth longer, growing from the stated side", async () => {
  const flat = constantImages({ channels: 1, height: 120, width: 240, maxValue: 255 }, 1, 200);
  const { data } = await corrupt(ruler, flat, 5, { side: "bottom" });
  const ticksAt = (row: number): number => {
    let ticks = 0;
    for (let x = 1; x < 240; x++) {
      if ((data[row * 240 + x] as number) < 100 && (data[row * 240 + x - 1] as number) >= 100) ticks++;
    }
    return ticks;
  };
  expect(ticksAt(119)).toBe(24);
  expect(ticksAt(120 - 16)).toBe(24);
  // 14 % of 120 is 16.8 rows, long ticks 26.9.
  expect(ticksAt(120 - 19)).toBe(5);
  expect(ticksAt(120 - 29)).toBe(0);
  expect(Math.min(...data)).toBeCloseTo(20, 3);
  const left = await corrupt(ruler, flat, 5, { side: "left" });
  expect(Math.min(...left.data.filter((_, i) => i % 240 > 60))).toBe(200);
});

test.each([text, hair, occlusion, ruler] as Attack[])(
  "$meta.id: every pixel only moves further with severity",
  async (attack) => {
    for (const geometry of [GRAY, COLOUR, { channels: 1, height: 8, width: 40, maxValue: 65535 }]) {
      const flat = constantImages(geometry, 3, 100);
      let before = flat.data;
      for (const level of [1, 2, 3, 4, 5]) {
        const { data } = await corrupt(attack, flat, level);
        const returned = data.filter(
          (value, i) => Math.abs(value - 100) < Math.abs((before[i] as number) - 100) - 1e-3,
        );
        expect(returned).toHaveLength(0);
        before = data;
      }
    }
  },
);
