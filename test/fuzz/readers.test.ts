/**
 * The first few of the broken files that `bench/fuzz.ts` makes by the ten thousand, in this process.
 * STEPWEDGE_FUZZ=5000 takes more of them.
 */
import { fuzzCase, fuzzOnce, TARGETS } from "../../bench/fuzz/targets.js";
import { StepwedgeError } from "../../src/core/errors.js";

const COUNT = Number(process.env.STEPWEDGE_FUZZ ?? 300);
const LONGEST_MS = 5000;

describe.each(TARGETS)("$name", (target) => {
  test("whole files are read", async () => {
    for (const seed of await target.seeds()) {
      await target.read(seed).catch((error: unknown) => {
        // A protocol's bomb is refused by design.
        if (target.name !== "yaml" || !(error instanceof StepwedgeError)) throw error;
      });
    }
  });

  test(`${COUNT} broken files are read or refused, none of them slowly`, async () => {
    const seeds = await target.seeds();
    let refused = 0;
    for (let index = 0; index < COUNT; index++) {
      const started = performance.now();
      const outcome = await fuzzOnce(target, seeds, index).catch((cause: unknown) => {
        throw new Error(`${target.name} ${index}: ${String(cause)}`, { cause });
      });
      expect(performance.now() - started).toBeLessThan(LONGEST_MS);
      if (outcome === "refused") refused++;
    }
    // Something is refused, or nothing was broken.
    expect(refused).toBeGreaterThan(COUNT / 20);
  });

  test("the same number makes the same file", async () => {
    const seeds = await target.seeds();
    expect(fuzzCase(target, seeds, 17).bytes.equals(fuzzCase(target, seeds, 17).bytes)).toBe(true);
    expect(fuzzCase(target, seeds, 17).bytes.equals(fuzzCase(target, seeds, 18).bytes)).toBe(false);
  });
});

test("the harness notices a part that passes for a whole, and a fault that is no refusal", async () => {
  const [one] = TARGETS;
  if (one === undefined) throw new Error("there are no targets");
  const seeds = await one.seeds();
  await expect(fuzzOnce({ ...one, read: async () => {} }, seeds, 0)).rejects.toThrow("passed for a whole file");
  const broken = { ...one, read: () => Promise.reject(new RangeError("out of bounds")) };
  await expect(fuzzOnce(broken, seeds, 1)).rejects.toThrow("out of bounds");
});
