import fc from "fast-check";
import type { Encoder } from "../../src/core/model.js";
import type { PixelBatch } from "../../src/core/pixels.js";
import { aggregated, SliceEncoder } from "../../src/run/slice-encoder.js";

/** An encoder whose embedding is (mean, largest value) of each image. */
function encoderOf(channels: number, seen: PixelBatch[] = []): Encoder {
  return {
    meta: {
      adapter: "fake",
      input: { channels, height: 2, width: 2, resize: "none" },
      files: {},
      runtime: "none",
    },
    concurrency: 1,
    async embed(batch) {
      seen.push(batch);
      const size = batch.channels * batch.height * batch.width;
      const values = Array.from({ length: batch.count }, (_, image) => {
        const own = batch.data.subarray(image * size, (image + 1) * size);
        return [own.reduce((sum, value) => sum + value, 0) / size, Math.max(...own)];
      });
      return { count: batch.count, width: 2, values: Float32Array.from(values.flat()) };
    },
    close: async () => {},
  };
}

const volumes: PixelBatch = {
  data: Float32Array.from({ length: 24 }, (_, at) => at),
  count: 2,
  channels: 3,
  height: 2,
  width: 2,
  maxValue: 255,
};

test.each([1, 3])("every slice is asked about by itself, by an encoder of %s channels", async (channels) => {
  const seen: PixelBatch[] = [];
  const encoder = new SliceEncoder(encoderOf(channels, seen), { slices: 3, by: "mean", temperature: 0.1 });
  expect(encoder.meta.input.channels).toBe(3);
  const { count, values, width } = await encoder.embed(volumes);
  expect(seen[0]).toMatchObject({ count: 6, channels, height: 2, width: 2 });
  expect([count, width]).toEqual([2, 2]);
  // Slices are 0–3, 4–7, 8–11 and 12–15, 16–19, 20–23.
  expect([...values]).toEqual([5.5, 7, 17.5, 19]);
});

test("the largest of each dimension, and what is no number is not hidden", () => {
  const by = { slices: 3, by: "max", temperature: 1 } as const;
  expect([...aggregated(Float32Array.of(1, -5, 3, -7, 2, -6), 2, by)]).toEqual([3, -5]);
  expect(aggregated(Float32Array.of(1, Number.NaN, 3, 4), 2, by)[1]).toBeNaN();
});

test("by similarity a slice that is unlike the others counts for less, and at a high temperature all count alike", () => {
  const slices = Float32Array.of(1, 0, 1, 0.1, 1, -0.1, 0, 1);
  const of = (temperature: number) =>
    [...aggregated(slices, 2, { slices: 4, by: "similarity", temperature })] as [number, number];
  const mean = [...aggregated(slices, 2, { slices: 4, by: "mean", temperature: 1 })] as [number, number];
  const [share, odd] = [of(0.1), of(1e6)];
  expect(share[1]).toBeLessThan(mean[1] / 4);
  expect(share[0]).toBeGreaterThan(mean[0]);
  expect(odd[0]).toBeCloseTo(mean[0], 5);
  // exp(cos / t) by hand, at t = 1.
  const cosines = [0, 1, 2, 3].map((slice) => {
    const [x, y] = [slices[2 * slice] as number, slices[2 * slice + 1] as number];
    return (x * mean[0] + y * mean[1]) / Math.hypot(x, y) / Math.hypot(...mean);
  });
  const weights = cosines.map(Math.exp);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const wanted = weights.reduce((sum, weight, slice) => sum + (weight / total) * (slices[2 * slice + 1] as number), 0);
  expect(of(1)[1]).toBeCloseTo(wanted, 6);
});

test("the order of slices does not matter, nor does a slice that is there twice change the largest", () => {
  const vectors = fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })), {
    minLength: 2,
    maxLength: 9,
  });
  fc.assert(
    fc.property(vectors, fc.constantFrom("mean" as const, "max" as const, "similarity" as const), (slices, by) => {
      const of = (list: readonly (readonly number[])[]) =>
        aggregated(Float32Array.from(list.flat()), 2, { slices: list.length, by, temperature: 0.5 });
      const turned = of([...slices].reverse());
      of(slices).forEach((value, d) => {
        expect(turned[d]).toBeCloseTo(value, 4);
      });
      if (by === "max") expect(of([...slices, slices[0] as readonly number[]])).toEqual(of(slices));
    }),
  );
});

test("an encoder of volumes is not given slices", () => {
  expect(() => new SliceEncoder(encoderOf(8), { slices: 3, by: "mean", temperature: 1 })).toThrow(
    /images of 8 channels/,
  );
});
