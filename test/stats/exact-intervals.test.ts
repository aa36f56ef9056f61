import fc from "fast-check";
import { binomialDensity } from "../../src/stats/binomial.js";
import type { Limits } from "../../src/stats/estimate.js";
import { clopperPearsonLimits, jeffreysLimits } from "../../src/stats/exact-intervals.js";
import { criticalValue } from "../../src/stats/normal.js";
import { expectClose, reference } from "../support/reference.js";

type Pair = readonly [number, number];
const { expected, published } = reference<{
  expected: {
    R: {
      one_proportion: {
        k: number;
        n: number;
        clopper_pearson95: Pair;
        clopper_pearson90: Pair;
        jeffreys95_raw: Pair;
      }[];
    };
    statsmodels: {
      one_proportion: { k: number; n: number; clopper_pearson95: Pair; jeffreys95: Pair }[];
      published: unknown;
    };
  };
  published: { clopper_pearson_newcombe1998: [number, number, number, number][] };
}>("intervals_multiplicity.json");
const Z = criticalValue(0.95);

function expectLimits({ lower, upper }: Limits, [low, high]: Pair): void {
  expectClose(lower, low);
  expectClose(upper, high);
}

test.each(expected.R.one_proportion)("R: $k of $n", (row) => {
  expectLimits(clopperPearsonLimits(row.k, row.n, Z), row.clopper_pearson95);
  expectLimits(clopperPearsonLimits(row.k, row.n, criticalValue(0.9)), row.clopper_pearson90);
  expectLimits(jeffreysLimits(row.k, row.n, Z), row.jeffreys95_raw);
});

test.each(expected.statsmodels.one_proportion)("statsmodels: $k of $n", (row) => {
  expectLimits(clopperPearsonLimits(row.k, row.n, Z), row.clopper_pearson95);
  expectLimits(jeffreysLimits(row.k, row.n, Z), row.jeffreys95);
});

test.each(published.clopper_pearson_newcombe1998)("Newcombe's table: %d of %d", (k, n, lower, upper) => {
  const limits = clopperPearsonLimits(k, n, Z);
  expect(limits.lower).toBeCloseTo(lower, 4);
  expect(limits.upper).toBeCloseTo(upper, 4);
});

test("the file's two copies of the published tables are one", () => {
  expect(expected.statsmodels.published).toEqual(published);
});

test("each Clopper–Pearson limit leaves α/2 beyond the count that was seen", () => {
  const [k, n] = [7, 31];
  const { lower, upper } = clopperPearsonLimits(k, n, Z);
  let [atLeast, atMost] = [0, 0];
  for (let x = k; x <= n; x++) atLeast += binomialDensity(x, n, lower);
  for (let x = 0; x <= k; x++) atMost += binomialDensity(x, n, upper);
  expectClose(atLeast, 0.025, 1e-12);
  expectClose(atMost, 0.025, 1e-12);
});

test("the rule of three, and what a thousand million samples leave", () => {
  expectClose(clopperPearsonLimits(0, 1e9, Z).upper, -Math.log(0.025) / 1e9, 1e-7);
});

test("Clopper–Pearson covers at least the nominal level, for every true share", () => {
  const n = 25;
  const limits = Array.from({ length: n + 1 }, (_, k) => clopperPearsonLimits(k, n, Z));
  let least = 1;
  for (let p = 0.005; p < 1; p += 0.005) {
    let covered = 0;
    limits.forEach(({ lower, upper }, k) => {
      if (lower <= p && p <= upper) covered += binomialDensity(k, n, p);
    });
    least = Math.min(least, covered);
  }
  expect(least).toBeGreaterThanOrEqual(0.95);
  expect(least).toBeLessThan(0.97);
});

test("limits of a share and of its complement mirror each other; wider at a higher level; whole or not", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true })),
      fc.double({ min: 1, max: 5000, noNaN: true }),
      fc.double({ min: 0.5, max: 4, noNaN: true }),
      (share, n, z) => {
        const k = share * n;
        for (const limitsOf of [clopperPearsonLimits, jeffreysLimits]) {
          const limits = limitsOf(k, n, z);
          const mirrored = limitsOf(n - k, n, z);
          expectClose(limits.lower, 1 - mirrored.upper, 1e-8, 1e-10);
          expect(0 <= limits.lower && limits.lower < limits.upper && limits.upper <= 1).toBe(true);
          expect(limitsOf(k, n, z + 0.1).upper).toBeGreaterThanOrEqual(limits.upper);
        }
        const exact = clopperPearsonLimits(k, n, z);
        expect(exact.lower <= share && share <= exact.upper).toBe(true);
      },
    ),
  );
});
