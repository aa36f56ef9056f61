import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { DecodedImage } from "../../src/core/data.js";
import { randomFrom } from "../../src/core/random.js";
import { kernelWeights } from "../../src/image/kernels.js";
import { perceptualHash } from "../../src/image/perceptual-hash.js";
import { resizeImage } from "../../src/image/resize.js";
import { toFloats } from "../../src/image/storage.js";
import { loadKernels } from "../../src/image/wasm/kernels.js";
import { SOURCE } from "../../src/image/wasm/module.js";

test("the module is made from the sources that are here", () => {
  const hash = createHash("sha256");
  for (const file of readdirSync("assembly").sort()) hash.update(readFileSync(join("assembly", file)));
  // Else: node scripts/build-wasm.mjs.
  expect(SOURCE).toBe(hash.digest("hex"));
});

test("it runs on this machine, without which the rest here shows nothing", () => {
  expect(loadKernels()).not.toBeNull();
});

function bytes(width: number, height: number, channels: number, seed: number): DecodedImage & { data: Uint8Array } {
  const random = randomFrom("wasm", width, height, channels, seed);
  const data = Uint8Array.from({ length: width * height * channels }, () =>
    random.integer(4) === 0 ? 255 * random.integer(2) : random.integer(256),
  );
  return { data, width, height, channels, maxValue: 255 };
}

/** Pillow's fixed point, one pass, straight from its definition: whole weights of 22 bits, sums without any rounding. */
function pass(
  lines: (line: number, index: number) => number,
  count: number,
  from: number,
  to: number,
  kernel: "box" | "bilinear" | "bicubic" | "lanczos",
) {
  const { first, size, stride, values } = kernelWeights(kernel, from, to);
  const whole = Array.from(values, (value) => BigInt(Math.trunc(value * 2 ** 22 + (value < 0 ? -0.5 : 0.5))));
  return Array.from({ length: count }, (_, line) =>
    Array.from({ length: to }, (_, out) => {
      let sum = 1n << 21n;
      for (let k = 0; k < (size[out] as number); k++) {
        sum += (whole[out * stride + k] as bigint) * BigInt(lines(line, (first[out] as number) + k));
      }
      return Math.min(255, Math.max(0, Number(sum >> 22n)));
    }),
  );
}

const side = fc.integer({ min: 1, max: 90 });

test("resizing is Pillow's fixed point, whatever the sizes and the kernel", () => {
  const kernels = { area: "box", bilinear: "bilinear", bicubic: "bicubic", lanczos: "lanczos" } as const;
  const rules = fc.constantFrom(...(Object.keys(kernels) as (keyof typeof kernels)[]));
  fc.assert(
    fc.property(
      side,
      side,
      side,
      side,
      rules,
      fc.constantFrom(1, 3),
      (width, height, toWidth, toHeight, rule, channels) => {
        const image = bytes(width, height, channels, 1);
        const { data } = resizeImage(image, toWidth, toHeight, rule);
        for (let channel = 0; channel < channels; channel++) {
          const plane = (row: number, x: number) => image.data[(channel * height + row) * width + x] as number;
          const across =
            width === toWidth
              ? Array.from({ length: height }, (_, row) => Array.from({ length: width }, (_, x) => plane(row, x)))
              : pass(plane, height, width, toWidth, kernels[rule]);
          const down =
            height === toHeight
              ? null
              : pass((x, row) => (across[row] as number[])[x] as number, toWidth, height, toHeight, kernels[rule]);
          const expected = Array.from({ length: toHeight }, (_, y) =>
            Array.from({ length: toWidth }, (_, x) => (down === null ? across[y]?.[x] : down[x]?.[y])),
          ).flat();
          const area = toWidth * toHeight;
          expect(Array.from(data.subarray(channel * area, (channel + 1) * area))).toEqual(expected);
        }
      },
    ),
    { numRuns: 150 },
  );
});

test("an image of bytes has the perceptual hash of the same values as floats, which TypeScript adds up", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 200 }),
      fc.constantFrom(1, 3),
      (width, height, channels) => {
        const image = bytes(width, height, channels, 2);
        expect(perceptualHash(image)).toEqual(perceptualHash({ ...image, data: Float32Array.from(image.data) }));
      },
    ),
    { numRuns: 150 },
  );
});

test("bytes as floats are the same numbers, and nothing behind them is touched", () => {
  for (const length of [0, 1, 15, 16, 17, 8191, 8192, 8193, 20_000]) {
    const { data } = bytes(length, 1, 1, 3);
    const out = new Float32Array(length + 3).fill(-1);
    toFloats(data, out);
    expect(out).toEqual(Float32Array.from([...data, -1, -1, -1]));
  }
});
