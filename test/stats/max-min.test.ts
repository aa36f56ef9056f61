import fc from "fast-check";
import { type Estimate, normalLimits } from "../../src/stats/estimate.js";
import { maxMinGap } from "../../src/stats/gap.js";
import { variance } from "../../src/stats/influence.js";
import {
  correctedMaxMin,
  expectedMaxMin,
  jointErrors,
  largestPairProbability,
  rangeProbability,
  simultaneousCriticalValue,
} from "../../src/stats/max-min.js";
import { expectClose } from "../support/reference.js";

/** An estimate whose errors are the given loads on unit patients, so that covariances are chosen. */
function loaded(value: number, loads: readonly number[]): Estimate {
  const patients = Int32Array.from({ length: 1000 }, (_, i) => i);
  const totals = new Float64Array(1000);
  // A load is spread over its own hundred patients, with as much up as down.
  loads.forEach((load, j) => {
    for (let i = 0; i < 100; i++) totals[100 * j + i] = ((i % 2 === 0 ? 1 : -1) * load) / 10;
  });
  const error = [{ patients, totals }];
  const standardError = Math.sqrt(variance(error));
  return { ...normal(value, standardError), error };
}

function normal(value: number, standardError: number): Estimate {
  return {
    status: "estimated",
    value,
    error: [],
    standardError,
    symmetric: true,
    limits: normalLimits(value, standardError),
    range: [-1000, 1000],
    method: "normal",
    n: 10,
    patients: 10,
  };
}

const independent = (a: Estimate, b: Estimate) =>
  normal(a.value - b.value, Math.hypot(a.standardError, b.standardError));
const alike = (k: number, standardError = 1) => Array.from({ length: k }, () => normal(0, standardError));

// Upper 5 % points of the studentised range with infinite degrees of freedom (any table of Tukey's test).
const TUKEY = [
  [2, 2.772],
  [3, 3.314],
  [4, 3.633],
  [5, 3.858],
  [10, 4.474],
  [20, 5.012],
] as const;

test.each(TUKEY)("the critical value of %i groups alike is Tukey's", (k, q) => {
  expect(rangeProbability(k, q)).toBeCloseTo(0.95, 3);
  const critical = simultaneousCriticalValue(jointErrors(alike(k), 0.95), 0.95);
  expect(Math.abs(critical * Math.SQRT2 - q)).toBeLessThan(0.0006);
  expectClose(simultaneousCriticalValue(jointErrors(alike(k, 0.02), 0.95), 0.95), critical);
});

test("equal correlation changes nothing; a common part cancels", () => {
  const correlated = [0, 1, 2].map((j) => loaded(0, [1.5, j === 0 ? 1 : 0, j === 1 ? 1 : 0, j === 2 ? 1 : 0]));
  const critical = simultaneousCriticalValue(jointErrors(correlated, 0.95), 0.95);
  expect(Math.abs(critical - 3.314 / Math.SQRT2)).toBeLessThan(0.02);
});

test("one exact group and two vague ones: the largest of two |z| of correlation one half and their difference", () => {
  // With one exact group the three z are e1, e2 and (e1 − e2)/√2: simulated apart, 2·10^7 draws, 2.3173 ± 0.0005.
  const critical = simultaneousCriticalValue(jointErrors([normal(0, 1e-6), normal(0, 1), normal(0, 1)], 0.95), 0.95);
  expect(Math.abs(critical - EXACT_GROUP)).toBeLessThan(0.007);
});
const EXACT_GROUP = 2.3173;

test("groups without any error, and pairs without, are no obstacle", () => {
  expect(simultaneousCriticalValue(jointErrors(alike(3, 0), 0.95), 0.95)).toBe(0);
  expect(correctedMaxMin([0.2, 0.5, 0.4], jointErrors(alike(3, 0), 0.95))).toBeCloseTo(0.3, 4);
});

test("the probability of the largest pair is Tukey's tail", () => {
  for (const k of [2, 3, 5, 10]) {
    for (const z of [0, 1, 2, 3, 4.5]) {
      const p = largestPairProbability(jointErrors(alike(k), 0.95), z, 0.95);
      expectClose(p, 1 - rangeProbability(k, z * Math.SQRT2), 0.05, 2e-3);
    }
    const z = simultaneousCriticalValue(jointErrors(alike(k), 0.99), 0.99);
    expectClose(largestPairProbability(jointErrors(alike(k), 0.99), z, 0.99), 0.01, 1e-5);
  }
});

test("the expected range of k standard normals, within the half percent of the lattice", () => {
  // 2/√π, 3/√π, and the tabulated d2 of control charts.
  for (const [k, mean] of [
    [2, 1.128379],
    [3, 1.692569],
    [5, 2.325929],
    [10, 3.077505],
  ] as const) {
    expectClose(expectedMaxMin(new Array(k).fill(0), jointErrors(alike(k), 0.95)), mean, 0.005);
  }
});

test("the correction: nothing where groups stand far apart, all where they are alike", () => {
  const errors = jointErrors(alike(3), 0.95);
  expectClose(correctedMaxMin([0, 50, 20], errors), 50, 1e-3);
  expect(correctedMaxMin([0, 1, 1.5], errors)).toBe(0);
  // The corrected gap, put back, has the observed one on average.
  const observed = [0, 2, 3];
  const corrected = correctedMaxMin(observed, errors);
  expect(corrected).toBeGreaterThan(0.5);
  expect(corrected).toBeLessThan(3);
  expectClose(
    expectedMaxMin(
      observed.map((value) => (value * corrected) / 3),
      errors,
    ),
    3,
    1e-4,
  );
});

test("the corrected interval lies within the conservative one, holds the corrected estimate's sign, and is equal for two groups", () => {
  const groupsOf = fc.array(
    fc.record({
      value: fc.double({ min: 0, max: 1, noNaN: true }),
      error: fc.double({ min: 0.001, max: 0.3, noNaN: true }),
    }),
    { minLength: 2, maxLength: 6 },
  );
  fc.assert(
    fc.property(groupsOf, (groups) => {
      const gap = maxMinGap(
        groups.map(({ value, error }) => normal(value, error)),
        0.95,
        independent,
      );
      expect(gap.corrected).toBeGreaterThanOrEqual(0);
      expect(gap.corrected).toBeLessThanOrEqual(gap.value + 1e-12);
      expectClose(gap.corrected + gap.bias, gap.value);
      const { interval, correctedInterval } = gap;
      // The test and the interval agree on whether the groups differ.
      const p = gap.test?.p as number;
      if (Math.abs(p - 0.05) > 1e-4) expect(p < 0.05).toBe(correctedInterval.lower > 0);
      expect(correctedInterval.lower).toBeGreaterThanOrEqual(interval.lower - 1e-9);
      expect(correctedInterval.upper).toBeLessThanOrEqual(interval.upper + 1e-9);
      expect(correctedInterval.upper).toBeGreaterThanOrEqual(gap.value);
      if (groups.length === 2) {
        expect(correctedInterval.method).toBe("normal");
        expectClose(correctedInterval.upper, interval.upper);
        expectClose(correctedInterval.lower, interval.lower, 1e-9, 1e-9);
      } else expect(correctedInterval.method).toBe("max-z-normal");
    }),
    { numRuns: 40 },
  );
});
