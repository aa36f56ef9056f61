import fc from "fast-check";
import type { Strength } from "../../src/core/attack.js";
import type { Norm } from "../../src/core/condition.js";
import { createBatch, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import {
  addUniversal,
  assertWithin,
  greyLevels,
  perturbationSizes,
  projectCandidates,
  quantiseUniversal,
} from "../../src/image/budget.js";

const ulp = 1e-12;

function epsilonOf(epsilon: number, norm: Norm, maxValue: number): Strength {
  return { kind: "epsilon", norm, epsilon, stored: epsilon * maxValue };
}

/** Images at random grey levels, with many pixels at the ends of the window, where clipping happens. */
function images(channels: number, height: number, width: number, maxValue: number, count: number, seed: number) {
  const batch = createBatch({ channels, height, width, maxValue }, count);
  const random = randomFrom(seed, "images");
  for (let i = 0; i < batch.data.length; i++) {
    const draw = random.uniform();
    batch.data[i] = draw < 0.15 ? 0 : draw > 0.85 ? maxValue : random.integer(maxValue + 1);
  }
  return batch;
}

const geometry = fc.record({
  channels: fc.constantFrom(1, 3),
  height: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 11 }),
  maxValue: fc.constantFrom(255, 4095, 65535),
});
const norm = fc.constantFrom<Norm>("linf", "l2");
const epsilon = fc.oneof(
  fc.double({ min: 1e-6, max: 1, noNaN: true }),
  fc.integer({ min: 1, max: 64 }).map((k) => k / 255),
);

describe("universal perturbations", () => {
  test("are whole numbers in the ball, whatever the shape, bits, norm and epsilon", () => {
    fc.assert(
      fc.property(
        geometry,
        norm,
        epsilon,
        fc.double({ min: 0, max: 3, noNaN: true }),
        fc.nat(),
        (g, n, e, size, seed) => {
          const random = randomFrom(seed);
          const strength = epsilonOf(e, n, g.maxValue);
          const raw = Float32Array.from({ length: imageSize(g) }, () => random.normal() * size * e * g.maxValue);
          const quantised = quantiseUniversal(raw, strength, new Float32Array(raw.length));
          expect(quantised.every(Number.isInteger)).toBe(true);
          const largest = Math.max(...quantised.map(Math.abs));
          const length = Math.sqrt(quantised.reduce((sum, v) => sum + v * v, 0));
          expect(n === "linf" ? largest : length).toBeLessThanOrEqual(e * g.maxValue * (1 + ulp) + 1e-9);

          const batch = images(g.channels, g.height, g.width, g.maxValue, 3, seed);
          const attacked = addUniversal(batch, quantised, createBatch(g, 3));
          expect(() => assertWithin(batch, attacked, strength)).not.toThrow();
        },
      ),
    );
  });

  test("4/255 at eight bits is exactly four grey levels, at sixteen 1028", () => {
    expect(greyLevels((4 / 255) * 255)).toBe(4);
    expect(greyLevels((4 / 255) * 65535)).toBe(1028);
    expect(greyLevels((1 / 255) * 4095)).toBe(16);
    const out = quantiseUniversal(
      Float32Array.of(9, -9, 3.6, -3.4),
      epsilonOf(4 / 255, "linf", 255),
      new Float32Array(4),
    );
    expect([...out]).toEqual([4, -4, 4, -3]);
  });

  test("epsilon below one grey level leaves nothing", () => {
    const raw = Float32Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? 5 : -5));
    for (const n of ["linf", "l2"] as const) {
      const out = quantiseUniversal(raw, epsilonOf(0.9 / 255, n, 255), new Float32Array(12));
      expect(out.every((value) => Math.abs(value) === 0)).toBe(true);
    }
  });

  test("the L2 budget is used, not thrown away by rounding", () => {
    const random = randomFrom(3);
    const raw = Float32Array.from({ length: 160 * 160 }, () => random.normal() * 10);
    for (const e of [0.5, 1, 2]) {
      const out = quantiseUniversal(raw, epsilonOf(e, "l2", 255), new Float32Array(raw.length));
      const length = Math.sqrt(out.reduce((sum, v) => sum + v * v, 0)) / 255;
      expect(length).toBeLessThanOrEqual(e);
      expect(length).toBeGreaterThan(0.98 * e);
    }
  });

  test("x + δ is clipped to the display window in every image of the batch", () => {
    const batch: PixelBatch = { ...createBatch({ channels: 1, height: 1, width: 3, maxValue: 255 }, 2) };
    batch.data.set([0, 100, 254, 255, 3, 7]);
    const before = batch.data.slice();
    const out = addUniversal(batch, Float32Array.of(-4, 4, 4), createBatch(batch, 2));
    expect([...out.data]).toEqual([0, 104, 255, 251, 7, 11]);
    expect(batch.data).toEqual(before);
  });
});

describe("candidates", () => {
  test("end as whole numbers in the ball and the window", () => {
    fc.assert(
      fc.property(geometry, norm, epsilon, fc.nat(), (g, n, e, seed) => {
        const originals = images(g.channels, g.height, g.width, g.maxValue, 3, seed);
        const candidates = createBatch(g, 3);
        const random = randomFrom(seed, "candidates");
        originals.data.forEach((value, i) => {
          candidates.data[i] = value + random.normal() * 2 * e * g.maxValue;
        });
        const strength = epsilonOf(e, n, g.maxValue);
        const out = projectCandidates(originals, candidates, strength, createBatch(g, 3));
        expect(() => assertWithin(originals, out, strength)).not.toThrow();
      }),
    );
  });

  test("are left alone where they already keep the budget", () => {
    const originals = images(3, 5, 7, 255, 2, 11);
    const strength = epsilonOf(2 / 255, "linf", 255);
    const once = projectCandidates(originals, images(3, 5, 7, 255, 2, 12), strength, createBatch(originals, 2));
    const twice = projectCandidates(originals, once, strength, createBatch(originals, 2));
    expect(twice.data).toEqual(once.data);
  });

  test("are only rounded and clipped where severity rules", () => {
    const originals = images(1, 1, 4, 255, 1, 1);
    const candidates = { ...originals, data: Float32Array.of(-3, 300, 12.4, 12.6) };
    const out = projectCandidates(originals, candidates, { kind: "severity", level: 5 }, candidates);
    expect([...out.data]).toEqual([0, 255, 12, 13]);
  });
});

describe("measures", () => {
  test("are fractions of the window, per image", () => {
    const originals = createBatch({ channels: 1, height: 1, width: 2, maxValue: 4095 }, 2);
    const perturbed = { ...originals, data: Float32Array.of(0, 0, 3, 4) };
    const { linf, l2 } = perturbationSizes(originals, perturbed);
    expect([...linf]).toEqual([0, 4 / 4095]);
    expect([...l2]).toEqual([0, 5 / 4095]);
  });

  test.each([
    [[0.5, 0], "whole number"],
    [[Number.NaN, 0], "whole number"],
    [[-1, 0], "whole number"],
    [[256, 0], "whole number"],
    [[3, 0], "more than 2"],
  ])("%j is refused", (data, message) => {
    const originals = createBatch({ channels: 1, height: 1, width: 2, maxValue: 255 }, 1);
    const perturbed = { ...originals, data: Float32Array.from(data) };
    expect(() => assertWithin(originals, perturbed, epsilonOf(2 / 255, "linf", 255))).toThrow(message);
  });
});
