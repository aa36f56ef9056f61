import { randomFrom } from "../../src/core/random.js";
import { chiSquareTail } from "../../src/stats/chi-square.js";
import { combinationOf, ratioOf } from "../../src/stats/combination.js";
import { differenceOf, type Estimate, intervalOf } from "../../src/stats/estimate.js";
import { homogeneityTest } from "../../src/stats/homogeneity.js";
import { proportion } from "../../src/stats/proportion.js";

/** The share of `ones` among `n` samples of patients from `first` on. */
function share(ones: number, n: number, first = 0): Estimate {
  const outcomes = Uint8Array.from({ length: n }, (_, i) => (i < ones ? 1 : 0));
  const result = proportion(
    outcomes,
    Int32Array.from({ length: n }, (_, i) => first + i),
    false,
  );
  if (result.status !== "estimated") throw new Error(result.reason);
  return result;
}

const method = { normal: "difference", otherwise: "difference" };

test("for two groups the test is the squared z of their difference", () => {
  const [a, b] = [share(10, 50), share(30, 70, 100)];
  const difference = differenceOf(a, b, method, { n: 120, patients: 120 });
  const found = homogeneityTest([a, b]);
  const z = difference.value / Math.sqrt(a.standardError ** 2 + b.standardError ** 2);
  expect(found?.degrees).toBe(1);
  expect(found?.chiSquare).toBeCloseTo(z * z, 10);
  expect(found?.p).toBeCloseTo(chiSquareTail(z * z, 1), 12);
});

test("for independent groups it is Cochran's Q", () => {
  const groups = [share(10, 50), share(30, 70, 100), share(22, 40, 200)];
  const weights = groups.map((group) => 1 / group.standardError ** 2);
  const pooled =
    groups.reduce((sum, group, i) => sum + (weights[i] as number) * group.value, 0) /
    weights.reduce((sum, weight) => sum + weight, 0);
  const q = groups.reduce((sum, group, i) => sum + (weights[i] as number) * (group.value - pooled) ** 2, 0);
  expect(homogeneityTest(groups)?.chiSquare).toBeCloseTo(q, 9);
});

test("under the null it rejects about as often as it says", () => {
  const random = randomFrom("homogeneity");
  let rejected = 0;
  const rounds = 400;
  for (let round = 0; round < rounds; round++) {
    const groups = [0, 1, 2, 3].map((group) => {
      const outcomes = Uint8Array.from({ length: 200 }, () => (random.uniform() < 0.3 ? 1 : 0));
      const result = proportion(
        outcomes,
        Int32Array.from(outcomes, (_, i) => group * 1000 + i),
        false,
      );
      if (result.status !== "estimated") throw new Error(result.reason);
      return result;
    });
    if ((homogeneityTest(groups)?.p ?? 1) < 0.05) rejected++;
  }
  expect(rejected / rounds).toBeGreaterThan(0.02);
  expect(rejected / rounds).toBeLessThan(0.085);
});

test("it says nothing of one group, of groups that do not vary, and of one group twice", () => {
  expect(homogeneityTest([share(3, 9)])).toBeNull();
  expect(homogeneityTest([share(0, 9), share(3, 9, 20)])).toBeNull();
  const twice = share(3, 9);
  expect(homogeneityTest([twice, twice])).toBeNull();
});

test("a mean of one estimate with itself is that estimate; with its opposite, nothing without error", () => {
  const one = share(12, 40);
  const same = combinationOf(
    [0.5, 0.5].map((weight) => ({ weight, estimate: one })),
    "mean",
  );
  expect(same.value).toBeCloseTo(one.value, 15);
  expect(same.standardError).toBeCloseTo(one.standardError, 15);
  const none = combinationOf(
    [1, -1].map((weight) => ({ weight, estimate: one })),
    "nothing",
  );
  expect([none.value, none.standardError]).toEqual([0, 0]);
  expect(none.range).toEqual([-1, 1]);
});

test("a ratio's logarithm has the errors of the delta method, and a ratio of equals is 1 without error", () => {
  const [a, b] = [share(12, 40), share(9, 60, 100)];
  const ratio = ratioOf(a, b, "ratio");
  const logError = Math.sqrt((a.standardError / a.value) ** 2 + (b.standardError / b.value) ** 2);
  expect(ratio.value).toBeCloseTo(2, 12);
  expect(intervalOf(ratio, 0.95).upper).toBeCloseTo(2 * Math.exp(1.959963984540054 * logError), 10);
  const equal = ratioOf(a, a, "ratio");
  expect(intervalOf(equal, 0.95)).toMatchObject({ lower: 1, upper: 1 });
});
