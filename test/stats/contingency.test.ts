import {
  type CountTest,
  equalSharesTest,
  fisherExact,
  mcnemarCorrected,
  mcnemarExact,
} from "../../src/stats/contingency.js";
import type { NotEstimable } from "../../src/stats/estimate.js";
import { expectClose, reference } from "../support/reference.js";

const { expected } = reference<{
  expected: { R: { two_sample: Record<string, number> } };
}>("intervals_multiplicity.json");
const twoSample = expected.R.two_sample;
const R = reference<{
  mcnemar: number[][];
  fisher: number[][];
  chisq: { table: number[]; statistic: number; degrees: number; p: number }[];
}>("distributions.json");

function tested<T extends CountTest>(result: T | NotEstimable): T {
  if (result.status !== "tested") throw new Error(result.reason);
  return result;
}

describe("McNemar's tests", () => {
  test("R: 10 and 3 discordant pairs", () => {
    expectClose(mcnemarExact(10, 3).p, twoSample.mcnemar_exact_b10_c3 as number);
    expectClose(tested(mcnemarCorrected(10, 3)).p, twoSample.mcnemar_chisq_cc_b10_c3 as number);
  });

  test.each(R.mcnemar)("R: %d and %d discordant pairs", (b, c, exact, statistic, p) => {
    expectClose(mcnemarExact(b, c).p, exact, 1e-10);
    const corrected = tested(mcnemarCorrected(b, c));
    expectClose(corrected.statistic as number, statistic);
    expectClose(corrected.p, p);
    expect(mcnemarExact(c, b).p).toBe(mcnemarExact(b, c).p);
  });

  test("without discordant pairs nothing speaks for a difference", () => {
    expect(mcnemarExact(0, 0)).toEqual({ status: "tested", statistic: null, p: 1 });
    expect(mcnemarCorrected(0, 0)).toMatchObject({
      status: "not-estimable",
      reason: expect.stringContaining("no pair"),
    });
  });

  test("the exact test raises a false alarm at most as often as it says", () => {
    const n = 24;
    let alarms = 0;
    let chance = 0.5 ** n;
    for (let b = 0; b <= n; b++) {
      if (mcnemarExact(b, n - b).p <= 0.05) alarms += chance;
      chance *= (n - b) / (b + 1);
    }
    expect(alarms).toBeGreaterThan(0.01);
    expect(alarms).toBeLessThanOrEqual(0.05);
  });
});

describe("Fisher's exact test", () => {
  const table = (a: number, b: number, c: number, d: number) => ({
    firstSuccesses: a,
    firstFailures: b,
    secondSuccesses: c,
    secondFailures: d,
  });

  test("R: 9 of 10 against 3 of 10", () => {
    expectClose(fisherExact(table(9, 1, 3, 7)).p, twoSample.fisher_9_10_vs_3_10 as number);
  });

  test.each(R.fisher)("R: %d, %d, %d, %d", (...row) => {
    const [a, b, c, d, twoSided, less, greater] = row as [number, number, number, number, number, number, number];
    expectClose(fisherExact(table(a, b, c, d)).p, twoSided, 1e-9);
    expectClose(fisherExact(table(a, b, c, d), "less").p, less, 1e-9);
    expectClose(fisherExact(table(a, b, c, d), "greater").p, greater, 1e-9);
  });

  test("swapped groups, swapped outcomes and a turned table have the same two-sided p", () => {
    const p = fisherExact(table(7, 12, 3, 30)).p;
    for (const [a, b, c, d] of [
      [3, 30, 7, 12],
      [12, 7, 30, 3],
      [7, 3, 12, 30],
    ] as const) {
      expectClose(fisherExact(table(a, b, c, d)).p, p, 1e-12);
    }
  });

  test("an empty group says nothing", () => {
    expect(fisherExact(table(0, 0, 3, 8)).p).toBe(1);
    expect(fisherExact(table(0, 0, 0, 0)).p).toBe(1);
  });
});

describe("equal shares in k groups", () => {
  const groupsOf = (counts: readonly number[]) =>
    Array.from({ length: counts.length / 2 }, (_, i) => ({
      successes: counts[2 * i] as number,
      n: (counts[2 * i] as number) + (counts[2 * i + 1] as number),
    }));

  test("R: three groups, 56 of 70, 48 of 80 and 30 of 60", () => {
    const result = tested(equalSharesTest(groupsOf([56, 14, 48, 32, 30, 30])));
    expectClose(result.p, twoSample.chisq_3groups as number);
    expectClose(result.leastExpected, (60 * 76) / 210);
  });

  test.each(R.chisq)("R: $table", ({ table, statistic, degrees, p }) => {
    const result = tested(equalSharesTest(groupsOf(table)));
    expectClose(result.statistic as number, statistic);
    expectClose(result.p, p);
    expect(result.degrees).toBe(degrees);
  });

  test("empty groups do not count; without two groups or two outcomes there is no test", () => {
    const [a, b, empty] = [
      { successes: 3, n: 9 },
      { successes: 6, n: 8 },
      { successes: 0, n: 0 },
    ];
    expect(equalSharesTest([a, empty, b])).toEqual(equalSharesTest([a, b]));
    expect(equalSharesTest([a, empty])).toMatchObject({
      status: "not-estimable",
      reason: expect.stringContaining("1 of 2"),
    });
    expect(
      equalSharesTest([
        { successes: 0, n: 9 },
        { successes: 0, n: 8 },
      ]),
    ).toMatchObject({ status: "not-estimable" });
    expect(
      equalSharesTest([
        { successes: 9, n: 9 },
        { successes: 8, n: 8 },
      ]),
    ).toMatchObject({ status: "not-estimable" });
  });
});
