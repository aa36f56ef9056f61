import defense from "../../defenses/non-local-means.js";
import { borderIndices, mirrored, reflected } from "../../defenses/support/borders.js";
import { type Averaging, NonLocalMeans } from "../../defenses/support/non-local-means.js";
import type { PixelBatch } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { meanSquaredError } from "../../src/image/quality.js";
import { wavedec2 } from "../../src/wavelet/dwt2d.js";
import { filterBank } from "../../src/wavelet/filters.js";
import { noiseLevel } from "../../src/wavelet/shrink.js";
import { defended, filterReference, largestDifference, referenceBatch } from "../support/filters.js";

/** scikit-image's exponential errs by some percent; what is left of that in the means. */
const SKIMAGE_TOLERANCE = 2e-3;

/** The definition, in plain loops: every pixel, every shift, every pixel of the patch. */
function byDefinition({ data, channels, height, width }: PixelBatch, averaging: Averaging): Float64Array {
  const { before, after, distance, h, sigma } = averaging;
  const at = (channel: number, row: number, column: number) =>
    data[(channel * height + mirrored(row, height)) * width + mirrored(column, width)] as number;
  const out = new Float64Array(data.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const sums = new Float64Array(channels);
      let weights = 0;
      for (let down = -distance; down <= distance; down++) {
        for (let right = -distance; right <= distance; right++) {
          let squares = 0;
          for (let channel = 0; channel < channels; channel++) {
            for (let y = row - before; y <= row + after; y++) {
              for (let x = column - before; x <= column + after; x++) {
                squares += (at(channel, y, x) - at(channel, y + down, x + right)) ** 2 - 2 * sigma ** 2;
              }
            }
          }
          const exponent = Math.max(0, squares / (channels * averaging.area * h * h));
          const weight = exponent > 5 ? 0 : Math.exp(-exponent);
          weights += weight;
          for (let channel = 0; channel < channels; channel++) {
            sums[channel] = (sums[channel] as number) + weight * at(channel, row + down, column + right);
          }
        }
      }
      for (let channel = 0; channel < channels; channel++) {
        out[(channel * height + row) * width + column] = (sums[channel] as number) / weights;
      }
    }
  }
  return out;
}

function average(batch: PixelBatch, averaging: Averaging): Float32Array {
  const reach = averaging.distance + Math.max(averaging.before, averaging.after);
  const out = new Float32Array(batch.data.length);
  new NonLocalMeans(batch.channels, batch.height, batch.width, reach).apply(batch.data, averaging, out);
  return out;
}

/** scikit-image sums over one row and one column less than its patch has, below and to the right of the others. */
function skimagePatch(patch: number): Pick<Averaging, "before" | "after" | "area"> {
  return { before: (patch >> 1) - 1, after: patch >> 1, area: patch ** 2 };
}

test.each(filterReference.nonLocalMeans.gray)(
  "patch $patch, distance $distance, strength $strength: scikit-image's fast mode",
  ({ patch, distance, strength, values }) => {
    const sigma = 255 * filterReference.nonLocalMeans.sigma;
    const averaging = { ...skimagePatch(patch), distance, h: strength * sigma, sigma };
    const out = average(referenceBatch("gray"), averaging);
    expect(
      largestDifference(
        out.map((value) => value / 255),
        values,
      ),
    ).toBeLessThan(SKIMAGE_TOLERANCE);
  },
);

test("colour: the channels share their weights, as in scikit-image", () => {
  const { patch, distance, h, sigma, values } = filterReference.nonLocalMeans.colour;
  const averaging = { ...skimagePatch(patch), distance, h: 255 * h, sigma: 255 * sigma };
  const out = average(referenceBatch("colour"), averaging);
  expect(
    largestDifference(
      out.map((value) => value / 255),
      values,
    ),
  ).toBeLessThan(SKIMAGE_TOLERANCE);
});

test.each(["gray", "colour", "deep"] as const)("the integral images give the definition's means: %s", (name) => {
  const batch = referenceBatch(name);
  for (const [arm, distance] of [
    [0, 1],
    [1, 3],
    [2, 14],
  ] as const) {
    const noise = 0.06 * batch.maxValue;
    const averaging = { before: arm, after: arm, area: (2 * arm + 1) ** 2, distance, h: noise, sigma: noise };
    const difference = largestDifference(average(batch, averaging), byDefinition(batch, averaging));
    expect(difference / batch.maxValue).toBeLessThan(1e-6);
  }
});

test("the defense takes the decay from the image's own noise", async () => {
  const batch = referenceBatch("gray");
  const { height, width } = batch;
  const finest = wavedec2(batch.data, height, width, filterBank("db2"), 1).details[0];
  const sigma = noiseLevel(finest?.diagonal.values ?? new Float64Array());
  expect(sigma / 255).toBeCloseTo(filterReference.nonLocalMeans.sigma, 9);
  const expected = byDefinition(batch, { before: 2, after: 2, area: 25, distance: 6, h: 0.8 * sigma, sigma });
  expect(largestDifference(await defended(defense, batch), expected)).toBeLessThan(255e-6);
});

test("an image without noise comes back, a noisy one much nearer to the clean one", async () => {
  const clean = { ...referenceBatch("gray"), height: 48, width: 48, data: new Float32Array(48 * 48) };
  clean.data.forEach((_, i) => {
    clean.data[i] = i % 48 < 20 ? 60 : 180;
  });
  const random = randomFrom("nlm");
  const noisy = { ...clean, data: clean.data.map((value) => Math.round(value + 10 * random.normal())) };
  expect(largestDifference(await defended(defense, clean), clean.data)).toBeLessThan(1e-3);
  expect(meanSquaredError(await defended(defense, noisy), clean.data)).toBeLessThan(0.15 * 100);
});

test("borders: scipy's reflect repeats the border's sample, its mirror does not", () => {
  expect([...borderIndices(3, 5, 4, reflected)]).toEqual([1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
  expect([...borderIndices(3, 5, 4, mirrored)]).toEqual([1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]);
  expect([...borderIndices(1, 2, 2, mirrored)]).toEqual([0, 0, 0, 0, 0]);
});
