import { type Estimate, intervalOf, normalLimits } from "../../src/stats/estimate.js";
import { maxMinGap } from "../../src/stats/gap.js";
import { expectClose } from "../support/reference.js";

/** An estimate with a normal interval. */
function normal(value: number, standardError: number): Estimate {
  return {
    status: "estimated",
    value,
    error: [],
    standardError,
    symmetric: true,
    limits: normalLimits(value, standardError),
    range: [-1, 1],
    method: "normal",
    n: 10,
    patients: 10,
  };
}

const independent = (a: Estimate, b: Estimate) =>
  normal(a.value - b.value, Math.hypot(a.standardError, b.standardError));

test("of two groups it is the absolute difference with its interval", () => {
  const [a, b] = [normal(0.7, 0.03), normal(0.9, 0.04)];
  const gap = maxMinGap([a, b], 0.95, independent);
  const { lower, upper } = intervalOf(independent(b, a), 0.95);
  expect(gap).toMatchObject({ highest: 1, lowest: 0, pairs: 1, interval: { lower, upper, method: "normal" } });
  expectClose(gap.value, 0.2);
});

test("of alike groups it reaches down to 0, never below", () => {
  const gap = maxMinGap([normal(0.8, 0.05), normal(0.81, 0.05)], 0.95, independent);
  expect(gap.interval.lower).toBe(0);
  expect(gap.interval.upper).toBeGreaterThan(0.1);
});

test("a precise pair can give the lower limit while a noisy group gives the estimate", () => {
  const gap = maxMinGap([normal(0.9, 0.005), normal(0.8, 0.005), normal(0.7, 0.2)], 0.95, independent);
  expect([gap.highest, gap.lowest, gap.pairs]).toEqual([0, 2, 3]);
  expectClose(gap.value, 0.2);
  expectClose(gap.interval.lower, 0.1 - 2.3939797998185104 * Math.hypot(0.005, 0.005));
  expect(gap.interval.upper).toBeGreaterThan(0.6);
});
