import fc from "fast-check";
import { binomialDensity } from "../../src/stats/binomial.js";
import { criticalValue } from "../../src/stats/normal.js";
import {
  type Aim,
  detectableDropOfShare,
  hanleyMcNeilVariance,
  minimumDetectableAucGap,
  minimumDetectableDifference,
  powerOfDifference,
  powerOfTwoShares,
  samplesForAuc,
  samplesForError,
  samplesForShare,
  shareDifferenceError,
  standardErrorToDetect,
} from "../../src/stats/power.js";
import { expectClose, reference } from "../support/reference.js";

const { expected } = reference<{
  expected: {
    scipy: {
      power_two_proportions: {
        p1: number;
        n1: number;
        p2: number;
        n2: number;
        power_unpooled: number;
        mdd_at_p: number;
      }[];
      min_detectable_auc_gap: {
        auc: number;
        group1: [number, number];
        group2: [number, number];
        se_hanley_mcneil: number;
        min_detectable_gap_80: number;
      }[];
    };
  };
}>("newcombe_power_gap.json");
const AIM: Aim = { level: 0.95, power: 0.8 };

test.each(expected.scipy.power_two_proportions)("$p1 of $n1 against $p2 of $n2", (row) => {
  expectClose(powerOfTwoShares(row.p1, row.n1, row.p2, row.n2, 0.95), row.power_unpooled);
  const error = shareDifferenceError(row.p1, row.n1, row.p2, row.n2);
  expectClose(minimumDetectableDifference(error, AIM), row.mdd_at_p);
});

test.each(expected.scipy.min_detectable_auc_gap)("gap of areas of $auc in $group1 and $group2", (row) => {
  const [first, second] = [row.group1, row.group2].map(([positives, negatives]) => ({ positives, negatives }));
  if (first === undefined || second === undefined) throw new Error("two groups are needed");
  const variance = hanleyMcNeilVariance(row.auc, first) + hanleyMcNeilVariance(row.auc, second);
  expectClose(Math.sqrt(variance), row.se_hanley_mcneil);
  expectClose(minimumDetectableAucGap(row.auc, first, second, AIM), row.min_detectable_gap_80);
});

describe.each(["random_n50.json", "random_n500.json"])("Hanley and McNeil's variance: %s", (file) => {
  type Group = { auc: number; n_pos: number; n_neg: number; hanley_mcneil_var: number };
  const { groups } = reference<{ expected: { sklearn_statsmodels: { groups: Record<string, Group> } } }>(file).expected
    .sklearn_statsmodels;
  test.each(Object.entries(groups))("%s", (_, group) => {
    const counts = { positives: group.n_pos, negatives: group.n_neg };
    expectClose(hanleyMcNeilVariance(group.auc, counts), group.hanley_mcneil_var);
  });
});

test("Hanley and McNeil's table: area 0.893 with 51 and 58, standard error 0.032", () => {
  expect(Math.sqrt(hanleyMcNeilVariance(0.893, { positives: 51, negatives: 58 }))).toBeCloseTo(0.0325, 3);
});

test("the power is the chance that the unpooled z test rejects, counted over all outcomes", () => {
  const [p1, n1, p2, n2] = [0.85, 240, 0.75, 180];
  const z = criticalValue(0.95);
  let rejected = 0;
  for (let a = 0; a <= n1; a++) {
    const chance = binomialDensity(a, n1, p1);
    for (let b = 0; b <= n2; b++) {
      const error = shareDifferenceError(a / n1, n1, b / n2, n2);
      if (Math.abs(a / n1 - b / n2) > z * error) rejected += chance * binomialDensity(b, n2, p2);
    }
  }
  expect(Math.abs(powerOfTwoShares(p1, n1, p2, n2, 0.95) - rejected)).toBeLessThan(0.015);
});

test("a difference as large as the minimum detectable one has the wanted power", () => {
  for (const power of [0.5, 0.8, 0.9]) {
    const detectable = minimumDetectableDifference(0.03, { level: 0.99, power });
    expectClose(powerOfDifference(detectable, 0.03, 0.99), power);
    expectClose(powerOfDifference(-detectable, 0.03, 0.99), power);
    expectClose(standardErrorToDetect(detectable, { level: 0.99, power }), 0.03);
  }
  expect(() => powerOfDifference(0.1, 0, 0.95)).toThrow(RangeError);
});

test("the detectable drop of a share has the wanted power at its own standard error, or there is none", () => {
  const drop = detectableDropOfShare(0.9, 100, 80, AIM);
  if (drop === null) throw new Error("a drop of 0.9 would be found");
  expectClose(powerOfTwoShares(0.9, 100, 0.9 - drop, 80, 0.95), 0.8);
  expect(detectableDropOfShare(0.05, 10, 10, AIM)).toBeNull();
  expect(detectableDropOfShare(0, 1000, 1000, AIM)).toBeNull();
});

test("the samples that are asked for reach the wanted error, and one fewer of each class does not", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.5, max: 0.99, noNaN: true }),
      fc.double({ min: 0.02, max: 0.98, noNaN: true }),
      fc.double({ min: 0.005, max: 0.05, noNaN: true }),
      (auc, prevalence, error) => {
        const { positives, negatives } = samplesForAuc(auc, prevalence, error);
        const reached = (a: number, b: number) =>
          Math.sqrt(hanleyMcNeilVariance(auc, { positives: a, negatives: b })) <= error * (1 + 1e-9);
        expect(reached(positives, negatives)).toBe(true);
        if (positives > 1 && negatives > 1) expect(reached(positives - 1, negatives - 1)).toBe(false);
      },
    ),
  );
  expect(samplesForShare(0.5, 0.05)).toBe(100);
  expect(samplesForError(200, 0.04, 0.02)).toBe(800);
  expect(samplesForError(150, 0.04, 0.04)).toBe(150);
});
