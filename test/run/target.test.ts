import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Strength } from "../../src/core/attack.js";
import { sha256 } from "../../src/core/hash.js";
import type { Model } from "../../src/core/model.js";
import { createBatch, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import { Journal } from "../../src/run/journal.js";
import { QueryLedger } from "../../src/run/ledger.js";
import { MeteredTarget } from "../../src/run/target.js";

const geometry = { channels: 1, height: 4, width: 4, maxValue: 255 };
const strength: Strength = { kind: "epsilon", norm: "linf", epsilon: 4 / 255, stored: 4 };

/** Answers each image's mean, and keeps every batch that it saw. */
function meanModel(): Model & { readonly seen: PixelBatch[] } {
  const seen: PixelBatch[] = [];
  return {
    seen,
    meta: { adapter: "mean", classes: ["x"], input: { ...geometry, resize: "none" }, files: {}, runtime: "test" },
    concurrency: 1,
    async predict(batch) {
      seen.push({ ...batch, data: batch.data.slice() });
      const size = imageSize(batch);
      const values = Float64Array.from({ length: batch.count }, (_, image) =>
        batch.data.subarray(image * size, (image + 1) * size).reduce((sum, value) => sum + value / size / 255, 0),
      );
      return { count: batch.count, classes: ["x"], values };
    },
    close: async () => {},
  };
}

function images(): PixelBatch {
  const batch = createBatch(geometry, 2);
  batch.data.set(Float32Array.from({ length: 32 }, (_, index) => (index * 37) % 256));
  return batch;
}

function target(path: string, budget = 100) {
  const model = meanModel();
  const ledger = new QueryLedger(model);
  const journal = new Journal(path, sha256("search"));
  const metered = new MeteredTarget({
    ledger,
    strength,
    defense: null,
    budget,
    journal,
    seed: 1,
    signal: undefined,
    classIndex: 0,
    threshold: 0.5,
  });
  return { model, ledger, journal, metered };
}
const newPath = () => join(mkdtempSync(join(tmpdir(), "stepwedge-target-")), "x.journal");
const wish = (value: number) => new Float32Array(16).fill(value);

test("what reaches the model is within ε, whole and within the window, whatever is wished", async () => {
  const { model, metered } = target(newPath());
  const originals = images();
  await metered.predictUniversal(originals, wish(1000.7));
  await metered.predictCandidates(originals, { ...originals, data: originals.data.map((value) => value - 999.3) });
  for (const batch of model.seen) {
    for (const [index, value] of batch.data.entries()) {
      expect(Number.isInteger(value) && value >= 0 && value <= 255).toBe(true);
      expect(Math.abs(value - (originals.data[index] ?? 0))).toBeLessThanOrEqual(4);
    }
  }
});

test("every image costs one query, and the budget cannot be passed", async () => {
  const { ledger, metered } = target(newPath(), 5);
  await metered.predictUniversal(images(), wish(1));
  await metered.predictUniversal(images(), wish(2));
  expect([metered.queriesUsed, metered.queriesLeft, ledger.spent.search]).toEqual([4, 1, 4]);
  await expect(metered.predictUniversal(images(), wish(3))).rejects.toThrow(/2 queries with 1 left/);
  expect(ledger.spent.search).toBe(4);
});

test("an interrupted search is replayed from its journal without asking the model, and counted all the same", async () => {
  const path = newPath();
  const first = target(path);
  const a = await first.metered.predictUniversal(images(), wish(1));
  const b = await first.metered.predictUniversal(images(), wish(2));
  first.journal.close();

  const second = target(path);
  expect(await second.metered.predictUniversal(images(), wish(1))).toEqual(a);
  expect(await second.metered.predictUniversal(images(), wish(2))).toEqual(b);
  expect([second.model.seen.length, second.ledger.spent.search]).toEqual([0, 4]);
  await second.metered.predictUniversal(images(), wish(3));
  expect([second.model.seen.length, second.ledger.spent.search]).toEqual([1, 6]);
});

test("a journal that answers another question is not believed", async () => {
  const path = newPath();
  const first = target(path);
  await first.metered.predictUniversal(images(), wish(1));
  first.journal.close();
  const second = target(path);
  const answer = await second.metered.predictUniversal(images(), wish(-3));
  expect(second.model.seen.length).toBe(1);
  expect(answer.values).not.toEqual(new Float64Array(2));
});
