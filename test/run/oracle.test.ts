import type { Attack, Strength } from "../../src/core/attack.js";
import type { Model } from "../../src/core/model.js";
import { createBatch, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import { MeteredOracle } from "../../src/run/oracle.js";
import type { ReadyDefense } from "../../src/run/transform.js";
import { QueryLedger } from "../../src/run/ledger.js";
import { epsilonStrength } from "../support/contexts.js";
import { leastDistance, linearClassifier, meanWeights, toyOracle } from "../support/toy-oracle.js";

const geometry = { channels: 1, height: 4, width: 4, maxValue: 255 };
const strength = epsilonStrength(4 / 255, geometry);
/** The logit is 51 times the distance of the image's mean from mid-window: 0.2 for every grey level. */
const model = linearClassifier(meanWeights(geometry, 51));
const scores = { meta: { knowledge: "scores" } } as Attack;
const decisions = { meta: { knowledge: "decisions" } } as Attack;

/** Flat images of the given grey levels. */
function flat(...levels: readonly number[]): PixelBatch {
  const batch = createBatch(geometry, levels.length);
  batch.data.forEach((_, i) => {
    batch.data[i] = levels[Math.floor(i / imageSize(geometry))] as number;
  });
  return batch;
}

test("margins are logits above the threshold, of the candidate brought into ε", async () => {
  const oracle = await toyOracle(model, scores, flat(130, 120), strength, { budget: 10 });
  const margins = await oracle.margins([0, 1, 0], flat(132, 125, 250));
  expect(margins[0]).toBeCloseTo(0.2 * 4.5, 10);
  expect(margins[1]).toBeCloseTo(0.2 * -3.5, 10); // 125 is 5 above 120: brought back to 124
  expect(margins[2]).toBeCloseTo(0.2 * 6.5, 10);
  expect(await oracle.margins([1], flat(250), "anywhere")).toEqual(await oracle.margins([0], flat(250), "anywhere"));
});

test("each image has a budget of its own, and asking beyond it throws before anything is asked", async () => {
  const oracle = await toyOracle(model, scores, flat(130, 120), strength, { budget: 2 });
  await oracle.margins([0, 0, 1], flat(130, 131, 121));
  expect([oracle.queriesLeft(0), oracle.queriesLeft(1)]).toEqual([0, 1]);
  await expect(oracle.margins([0], flat(130))).rejects.toThrow("beyond its budget");
  await expect(oracle.decisions([1, 1], flat(120, 120))).rejects.toThrow("beyond its budget");
});

test("it notes by itself when a decision flips, how far away, and keeps only what came nearer", async () => {
  const oracle = await toyOracle(model, scores, flat(130, 120), strength, { budget: 20 });
  expect([...oracle.cleanDecisions]).toEqual([1, 0]);
  await oracle.margins([0, 1], flat(131, 121), "anywhere");
  await oracle.margins([0, 0, 0], flat(100, 126, 127), "anywhere");
  await oracle.margins([0], flat(124), "anywhere");
  expect(oracle.flips(0)).toEqual([
    { queries: 2, distance: 30 / 255 },
    { queries: 3, distance: 4 / 255 },
    { queries: 4, distance: 3 / 255 },
  ]);
  expect(oracle.flips(1)).toEqual([]);
  expect([oracle.queriesUsed(0), oracle.queriesUsed(1)]).toEqual([5, 1]);
});

test("attacks that see decisions cannot see scores, and only white-box ones see gradients", async () => {
  const oracle = await toyOracle(model, decisions, flat(130), strength, { budget: 5 });
  await expect(oracle.margins([0], flat(130))).rejects.toThrow("decisions");
  await expect(oracle.gradients([0], flat(130))).rejects.toThrow("does not know");
  expect([...(await oracle.decisions([0, 0], flat(130, 126)))]).toEqual([1, 0]);
});

test("a decision is positive exactly where score >= threshold, whatever the rounding of logits", async () => {
  const image = flat(131);
  const threshold = (await model.predict(image)).values[0] as number;
  const oracle = await toyOracle(model, scores, image, strength, { budget: 5, threshold });
  expect((await oracle.margins([0], image))[0]).toBe(0);
  const above = threshold + Number.EPSILON / 2;
  const stricter = await toyOracle(model, scores, image, strength, { budget: 5, threshold: above });
  expect((await stricter.margins([0], image))[0]).toBeLessThan(0);
});

test("the least distance of a linear model is its margin over the dual norm", async () => {
  // 12.5 grey levels from the threshold for each pixel, all together.
  const weights = meanWeights(geometry, 51);
  expect(leastDistance(0.2 * 12.5, weights, geometry, "linf")).toBeCloseTo(12.5, 4);
  expect(leastDistance(0.2 * 12.5, weights, geometry, "l2")).toBeCloseTo(12.5 * 4, 4);
});

/** Adds a normal draw to every pixel. */
const noise = {
  plugin: {
    meta: { random: true },
    apply: (batch: PixelBatch, { randomOf }: { randomOf(image: number): { normal(): number } }) => {
      const size = imageSize(batch);
      const data = batch.data.slice();
      for (let image = 0; image < batch.count; image++) {
        const random = randomOf(image);
        for (let i = 0; i < size; i++)
          data[image * size + i] = (data[image * size + i] as number) + 8 * random.normal();
      }
      return { ...batch, data };
    },
  },
  entry: { id: "noise", adaptive: true, draws: 16 },
  parameters: {},
  files: {},
  fit: null,
  fitted: null,
} as unknown as ReadyDefense;

test("behind a random defense an answer is the mean over draws, and every draw is a query", async () => {
  const seen: number[] = [];
  const watched: Model = {
    ...model,
    async predict(batch) {
      seen.push(batch.count);
      return model.predict(batch);
    },
  };
  const ledger = new QueryLedger(watched);
  const originals = flat(128, 128);
  const oracle = new MeteredOracle({
    ledger,
    defense: noise,
    journal: null,
    seed: 3,
    signal: undefined,
    originals,
    strength: strength as Strength,
    knowledge: "scores",
    classIndex: 0,
    threshold: 0.5,
    cleanDecisions: Uint8Array.of(1, 1),
    budget: 40,
  });
  const [first, second] = await oracle.margins([0, 1], originals);
  expect(seen).toEqual(new Array(16).fill(2));
  expect(ledger.spent.search).toBe(32);
  expect([oracle.queriesUsed(0), oracle.queriesLeft(0)]).toEqual([16, 1]);
  expect(first).not.toBe(second); // each image has draws of its own
  // One draw's margin has a standard deviation of 0.2 · 8 / 4 = 0.4; the mean of 16 stays well within 4 of its own.
  for (const margin of [first, second]) expect(Math.abs((margin as number) - 0.1)).toBeLessThan(0.4);
});
