import impulse from "../../attacks/impulse-noise.js";
import poisson from "../../attacks/poisson-noise.js";
import rician from "../../attacks/rician-noise.js";
import speckle from "../../attacks/speckle-noise.js";
import { poissonQuantile } from "../../attacks/support/poisson.js";
import { randomFrom } from "../../src/core/random.js";
import { normalQuantile } from "../../src/stats/normal.js";
import { constantImages, corrupt, corruptAndStore, mean, variance } from "../support/corrupt.js";

const GRAY = { channels: 1, height: 150, width: 200, maxValue: 4095 };
const VALUES = 30_000;

describe("Poisson noise", () => {
  test.each([
    [1, 500],
    [3, 125],
    [5, 31.25],
  ])(
    "at severity %d counts %d photons at full scale: the mean stays, the variance is mean / photons",
    async (level, photons) => {
      for (const fraction of [0.02, 0.3, 0.9]) {
        const out = await corrupt(poisson, constantImages(GRAY, 1, fraction * 4095), level);
        const values = out.data.map((value) => value / 4095);
        const expected = fraction / photons;
        expect(Math.abs(mean(values) - fraction)).toBeLessThan(5 * Math.sqrt(expected / VALUES));
        expect(variance(values) / expected).toBeGreaterThan(0.95);
        expect(variance(values) / expected).toBeLessThan(1.05);
      }
    },
  );

  test("values are whole numbers of photons, and black has none", async () => {
    const out = await corrupt(poisson, constantImages(GRAY, 1, 2000), 2, { photons: 80 });
    for (const value of out.data.subarray(0, 500)) {
      const count = (value / 4095) * 20;
      expect(Math.abs(count - Math.round(count))).toBeLessThan(1e-4);
    }
    const black = await corrupt(poisson, constantImages(GRAY, 1, 0), 5);
    expect(black.data.every((value) => value === 0)).toBe(true);
  });

  /** The least k with P(X ≤ k) ≥ p, from the definition. */
  function exactQuantile(meanCount: number, probability: number): number {
    let log = -meanCount;
    let sum = Math.exp(log);
    let count = 0;
    while (sum < probability) {
      count++;
      log += Math.log(meanCount / count);
      sum += Math.exp(log);
    }
    return count;
  }

  test.each([0.01, 0.4, 3, 9.99])("the quantile at mean %d is exact", (meanCount) => {
    for (const p of [0.001, 0.05, 0.3, 0.5, 0.77, 0.95, 0.999]) {
      expect(poissonQuantile(meanCount, normalQuantile(p))).toBe(exactQuantile(meanCount, p));
    }
  });

  test.each([10, 12.3, 31, 125, 480])("the quantile at mean %d is off by one in under 1 %% of draws", (meanCount) => {
    const random = randomFrom("poisson");
    let off = 0;
    for (let draw = 0; draw < 4000; draw++) {
      const p = random.uniform();
      const difference = Math.abs(poissonQuantile(meanCount, normalQuantile(p)) - exactQuantile(meanCount, p));
      expect(difference).toBeLessThanOrEqual(1);
      off += difference;
    }
    expect(off).toBeLessThan(40);
  });
});

test.each([
  [1, 0.03],
  [5, 0.12],
])("Rician noise at severity %d: Rayleigh in the background, √(x² + σ²) in the signal", async (level, sigma) => {
  const background = (await corrupt(rician, constantImages(GRAY, 1, 0), level)).data.map((value) => value / 4095);
  expect(mean(background) / (sigma * Math.sqrt(Math.PI / 2))).toBeCloseTo(1, 2);
  expect(variance(background) / (sigma ** 2 * (2 - Math.PI / 2))).toBeCloseTo(1, 1);

  const signal = (await corrupt(rician, constantImages(GRAY, 1, 0.6 * 4095), level)).data.map((value) => value / 4095);
  // The second moment of a Rician variable is exactly x² + 2σ².
  expect(mean(signal.map((value) => value * value)) / (0.36 + 2 * sigma ** 2)).toBeCloseTo(1, 2);
  expect(variance(signal) / sigma ** 2).toBeCloseTo(1, 1);
});

test.each([
  [1, 0.06],
  [5, 0.2],
])("speckle at severity %d: mean x and standard deviation %d x; black stays black", async (level, sigma) => {
  const out = await corrupt(speckle, constantImages(GRAY, 1, 1000), level);
  expect(mean(out.data) / 1000).toBeCloseTo(1, 2);
  expect(Math.sqrt(variance(out.data)) / 1000 / sigma).toBeCloseTo(1, 1);
  const black = await corrupt(speckle, constantImages(GRAY, 1, 0), level);
  expect(black.data.every((value) => Math.abs(value) === 0)).toBe(true);
});

test("grained speckle keeps its deviation and correlates neighbours as e^(−1/4s²)", async () => {
  const grain = 1.5;
  const { data } = await corrupt(speckle, constantImages(GRAY, 1, 1000), 5, { grain });
  const inner: number[] = [];
  const products: number[] = [];
  for (let y = 10; y < 140; y++) {
    for (let x = 10; x < 190; x++) {
      const value = (data[y * 200 + x] as number) / 1000 - 1;
      inner.push(value);
      products.push(value * ((data[y * 200 + x + 1] as number) / 1000 - 1));
    }
  }
  expect(Math.sqrt(variance(inner)) / 0.2).toBeCloseTo(1, 1);
  expect(mean(products) / variance(inner)).toBeCloseTo(Math.exp(-1 / (4 * grain ** 2)), 1);
});

test("speckle and Rician noise differ between channels", async () => {
  const colour = constantImages({ channels: 3, height: 20, width: 20, maxValue: 255 }, 1, 128);
  for (const attack of [speckle, rician, poisson, impulse]) {
    const { data } = await corrupt(attack, colour, 5);
    expect(data.subarray(0, 400)).not.toEqual(data.subarray(400, 800));
  }
});

test("impulse noise replaces exactly its share, by black and white alike, and nests", async () => {
  const original = constantImages(GRAY, 1, 1500);
  let before = new Set<number>();
  for (const [index, amount] of [0.01, 0.02, 0.03, 0.05, 0.07].entries()) {
    const { data } = await corruptAndStore(impulse, original, index + 1);
    const changed = [...data.keys()].filter((i) => data[i] !== 1500);
    expect(changed).toHaveLength(amount * VALUES);
    expect(changed.every((i) => data[i] === 0 || data[i] === 4095)).toBe(true);
    const now = new Set(changed);
    for (const place of before) expect(now.has(place)).toBe(true);
    before = now;
    const white = changed.filter((i) => data[i] === 4095).length / changed.length;
    expect(Math.abs(white - 0.5)).toBeLessThan(2.5 / Math.sqrt(changed.length));
  }
});
