import fc from "fast-check";
import { intervalOf } from "../../src/stats/estimate.js";
import { complementOf, type ProportionEstimate, proportion, proportionDifference } from "../../src/stats/proportion.js";
import { ratioOfEstimates } from "../../src/stats/ratio.js";

function share(successes: number, n: number, first = 0): ProportionEstimate {
  const outcomes = Uint8Array.from({ length: n }, (_, i) => (i < successes ? 1 : 0));
  const made = proportion(
    outcomes,
    Int32Array.from(outcomes, (_, i) => first + i),
    false,
  );
  if (made.status !== "estimated") throw new Error(made.reason);
  return made;
}

const NAMES = { of: "a", to: "b" };
const counts = (a: ProportionEstimate, b: ProportionEstimate) => ({ n: a.n + b.n, patients: a.patients + b.patients });

test("a ratio's interval leaves out 1 exactly where the difference's leaves out 0, and contains the ratio", () => {
  const size = fc.integer({ min: 2, max: 60 });
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(size, part, size, part, (n, p, m, q) => {
      const [a, b] = [share(Math.round(p * n), n), share(Math.max(1, Math.round(q * m)), m, 1000)];
      const ratio = ratioOfEstimates(a, b, NAMES, counts(a, b));
      if (ratio.status !== "estimated") return false;
      const [ofRatio, ofDifference] = [intervalOf(ratio, 0.95), intervalOf(proportionDifference(a, b, false), 0.95)];
      const near = Math.min(Math.abs(ofDifference.lower), Math.abs(ofDifference.upper)) < 1e-9;
      return (
        ofRatio.lower <= ratio.value + 1e-12 &&
        ofRatio.upper >= ratio.value - 1e-12 &&
        (near || (ofRatio.lower > 1 || ofRatio.upper < 1) === (ofDifference.lower > 0 || ofDifference.upper < 0))
      );
    }),
  );
});

test("with much data it is Katz's interval on the logarithm", () => {
  const [a, b] = [share(30_000, 100_000), share(20_000, 90_000, 200_000)];
  const ratio = ratioOfEstimates(a, b, NAMES, counts(a, b));
  if (ratio.status !== "estimated") throw new Error(ratio.reason);
  const spread = 1.959963984540054 * Math.sqrt(1 / 30_000 - 1 / 100_000 + 1 / 20_000 - 1 / 90_000);
  const { lower, upper } = intervalOf(ratio, 0.95);
  expect(lower / (ratio.value * Math.exp(-spread))).toBeCloseTo(1, 4);
  expect(upper / (ratio.value * Math.exp(spread))).toBeCloseTo(1, 4);
  expect(ratio.standardError / (ratio.value * (spread / 1.959963984540054))).toBeCloseTo(1, 3);
});

test("a share of 0 has a ratio of 0 with an upper limit; nothing is divided by 0", () => {
  const [none, some] = [share(0, 20), share(5, 20, 100)];
  const ratio = ratioOfEstimates(none, some, NAMES, counts(none, some));
  if (ratio.status !== "estimated") throw new Error(ratio.reason);
  expect(ratio.value).toBe(0);
  expect(intervalOf(ratio, 0.95)).toMatchObject({ lower: 0 });
  expect(intervalOf(ratio, 0.95).upper).toBeLessThan(3);
  expect(ratioOfEstimates(some, none, NAMES, counts(none, some))).toMatchObject({ status: "not-estimable" });
});

test("a share held against itself has a ratio of 1 and no room", () => {
  const one = share(7, 20);
  const ratio = ratioOfEstimates(one, one, NAMES, counts(one, one));
  if (ratio.status !== "estimated") throw new Error(ratio.reason);
  const { lower, upper } = intervalOf(ratio, 0.95);
  expect(ratio.standardError).toBe(0);
  expect(lower).toBeGreaterThan(0.7);
  expect(upper).toBeLessThan(1.4);
});

test("the complement turns a share and its limits round", () => {
  const one = share(3, 17);
  const other = complementOf(one);
  expect(other.value).toBeCloseTo(14 / 17, 15);
  expect(other.successes).toBe(14);
  const [a, b] = [intervalOf(one, 0.95), intervalOf(other, 0.95)];
  expect(b.lower).toBeCloseTo(1 - a.upper, 15);
  expect(b.upper).toBeCloseTo(1 - a.lower, 15);
  expect(b).toEqual(intervalOf(share(14, 17), 0.95));
});
