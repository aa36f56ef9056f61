import { meanSquaredError, psnr, ssim } from "../../src/image/quality.js";
import { expectClose, reference } from "../support/reference.js";

interface Case {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly maxValue: number;
  readonly one: number[];
  readonly other: number[];
  readonly mse: number;
  readonly psnr: number;
  readonly ssim: number;
}
const { cases } = reference<{ readonly cases: readonly Case[] }>("quality-skimage.json");

test.each(cases)("$channels×$height×$width at window $maxValue, against scikit-image", (one) => {
  expectClose(meanSquaredError(one.one, one.other), one.mse);
  expectClose(psnr(one.one, one.other, one.maxValue), one.psnr);
  expectClose(ssim(one.one, one.other, one), one.ssim);
});

test("equal images: PSNR is infinite and SSIM is 1", () => {
  const [first] = cases;
  if (first === undefined) throw new Error("no cases");
  expect(psnr(first.one, first.one, 255)).toBe(Number.POSITIVE_INFINITY);
  expectClose(ssim(first.one, first.one, first), 1);
});

test("PSNR of a constant error has a closed form", () => {
  expectClose(psnr([10, 20, 30], [11, 21, 31], 255), 20 * Math.log10(255));
});

test("images that do not fit are refused", () => {
  expect(() => meanSquaredError([1, 2], [1])).toThrow("2 and 1");
  expect(() => ssim([1], [1], { channels: 1, height: 1, width: 1, maxValue: 255 })).toThrow("at least 11 pixels");
});
