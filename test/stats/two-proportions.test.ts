import fc from "fast-check";
import { chiSquareTail } from "../../src/stats/chi-square.js";
import { equalSharesTest } from "../../src/stats/contingency.js";
import { criticalValue } from "../../src/stats/normal.js";
import { proportion, proportionDifference } from "../../src/stats/proportion.js";
import { differenceScore, miettinenNurminenLimits } from "../../src/stats/two-proportions.js";
import { expectClose, reference } from "../support/reference.js";

interface Row {
  readonly k1: number;
  readonly n1: number;
  readonly k2: number;
  readonly n2: number;
  readonly diff: number;
  readonly newcombe_score95: readonly [number, number];
  readonly published_newcombe_1998_method10: readonly [number, number];
  readonly miettinen_nurminen95_statsmodels: readonly [number, number] | null;
}
const rows = reference<{ expected: { statsmodels: { two_proportions: Row[] } } }>("intervals_multiplicity.json")
  .expected.statsmodels.two_proportions;
const R = reference<{ miettinenNurminen: number[][] }>("distributions.json");
const Z = criticalValue(0.95);

function share(successes: number, n: number, from: number) {
  const outcomes = Uint8Array.from({ length: n }, (_, row) => (row < successes ? 1 : 0));
  const result = proportion(
    outcomes,
    Int32Array.from(outcomes, (_, row) => from + row),
    false,
  );
  if (result.status !== "estimated") throw new Error(result.reason);
  return result;
}

describe("Newcombe's hybrid score", () => {
  test.each(rows)("$k1/$n1 against $k2/$n2: statsmodels, and the published table to its four decimals", (row) => {
    const difference = proportionDifference(share(row.k1, row.n1, 0), share(row.k2, row.n2, 1000), false);
    expectClose(difference.value, row.diff);
    const { lower, upper } = difference.limits(Z);
    expectClose(lower, row.newcombe_score95[0]);
    expectClose(upper, row.newcombe_score95[1]);
    expect(Math.abs(lower - row.published_newcombe_1998_method10[0])).toBeLessThan(0.000101);
    expect(Math.abs(upper - row.published_newcombe_1998_method10[1])).toBeLessThan(0.000101);
  });
});

describe("Miettinen and Nurminen's limits", () => {
  test.each(R.miettinenNurminen)("brute force: %d/%d against %d/%d", (k1, n1, k2, n2, lower, upper) => {
    const limits = miettinenNurminenLimits({ successes: k1, n: n1 }, { successes: k2, n: n2 }, Z);
    expectClose(limits.lower, lower, 0, 2e-7);
    expectClose(limits.upper, upper, 0, 2e-7);
  });

  /** The closed root of the cubic equation of Miettinen and Nurminen's appendix; `slip` puts k₂ where n₂ belongs. */
  function statistic(row: Row, difference: number, slip: boolean): number {
    const { k1, n1, k2, n2 } = row;
    const [total, k] = [n1 + n2, k1 + k2];
    const quadratic = (n1 + 2 * n2) * difference - total - k;
    const linear = ((slip ? k2 : n2) * difference - total - 2 * k2) * difference + k;
    const constant = k2 * difference * (1 - difference);
    const q = (quadratic / (3 * total)) ** 3 - (linear * quadratic) / (6 * total ** 2) + constant / (2 * total);
    const p = Math.sign(q) * Math.sqrt((quadratic / (3 * total)) ** 2 - linear / (3 * total));
    const pb = 2 * p * Math.cos((Math.PI + Math.acos(q / p ** 3)) / 3) - quadratic / (3 * total);
    const pa = pb + difference;
    const variance = ((pa * (1 - pa)) / n1 + (pb * (1 - pb)) / n2) * (total / (total - 1));
    return (k1 / n1 - k2 / n2 - difference) / Math.sqrt(variance);
  }

  const withStatsmodels = rows.filter((row) => row.miettinen_nurminen95_statsmodels !== null);

  test.each(withStatsmodels)(
    "$k1/$n1 against $k2/$n2: statsmodels 0.13 has k₂ for n₂ in the cubic equation, which is all that parts it from ours",
    (row) => {
      const [lower, upper] = row.miettinen_nurminen95_statsmodels as readonly [number, number];
      expectClose(statistic(row, lower, true), Z, 1e-9);
      expectClose(statistic(row, upper, true), -Z, 1e-9);
      const [a, b] = [
        { successes: row.k1, n: row.n1 },
        { successes: row.k2, n: row.n2 },
      ];
      const ours = miettinenNurminenLimits(a, b, Z);
      expectClose(statistic(row, ours.lower, false), Z, 1e-9);
      expectClose(statistic(row, ours.upper, false), -Z, 1e-9);
      expect(Math.abs(ours.upper - upper)).toBeGreaterThan(0.005);
    },
  );

  test("there is a number of statsmodels to explain, and where it found none we have one", () => {
    expect(withStatsmodels.length).toBe(1);
    for (const row of rows) {
      const { lower, upper } = miettinenNurminenLimits(
        { successes: row.k1, n: row.n1 },
        { successes: row.k2, n: row.n2 },
        Z,
      );
      expect(-1 <= lower && lower <= row.diff && row.diff <= upper && upper <= 1 && lower < upper).toBe(true);
    }
  });

  test("against no difference the score is Pearson's chi-square, but for N/(N − 1)", () => {
    const [a, b] = [
      { successes: 17, n: 41 },
      { successes: 30, n: 52 },
    ];
    const z = differenceScore(a, b, 0);
    const test = equalSharesTest([a, b]);
    if (test.status !== "tested") throw new Error(test.reason);
    expectClose((z * z * 93) / 92, test.statistic as number, 1e-9);
    expectClose(chiSquareTail((z * z * 93) / 92, 1), test.p, 1e-9);
  });

  test("swapped groups mirror the limits, swapped outcomes too; the limits are where the score is ±z", () => {
    const count = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(count, count, ([n1, p1], [n2, p2]) => {
        const a = { successes: Math.round(n1 * p1), n: n1 };
        const b = { successes: Math.round(n2 * p2), n: n2 };
        if (n1 + n2 < 3) return;
        const limits = miettinenNurminenLimits(a, b, Z);
        const swapped = miettinenNurminenLimits(b, a, Z);
        const failures = miettinenNurminenLimits(
          { successes: n1 - a.successes, n: n1 },
          { successes: n2 - b.successes, n: n2 },
          Z,
        );
        for (const other of [swapped, failures]) {
          expectClose(limits.lower, -other.upper, 1e-8, 1e-9);
          expectClose(limits.upper, -other.lower, 1e-8, 1e-9);
        }
        if (limits.lower > -1 && limits.lower < a.successes / n1 - b.successes / n2) {
          expectClose(differenceScore(a, b, limits.lower), Z, 1e-6);
        }
      }),
      { numRuns: 60 },
    );
  });
});
