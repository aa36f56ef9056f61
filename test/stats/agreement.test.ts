import { randomFrom } from "../../src/core/random.js";
import { limitsOfAgreement, lineOf } from "../../src/stats/agreement.js";
import type { Result } from "../../src/stats/estimate.js";

const alone = (values: readonly number[]) => ({
  values: Float64Array.from(values),
  patients: Int32Array.from(values.keys()),
});
function estimated(result: Result) {
  if (result.status !== "estimated") throw new Error(result.reason);
  return result;
}

test("limits of agreement are the mean ± 1.96 standard deviations", () => {
  const { lower, upper } = limitsOfAgreement(alone([1, 2, 3, 4, 5]));
  const deviation = Math.sqrt(2.5);
  expect(estimated(lower).value).toBeCloseTo(3 - 1.96 * deviation, 12);
  expect(estimated(upper).value).toBeCloseTo(3 + 1.96 * deviation, 12);
});

test("of normal differences the standard error of a limit is Bland and Altman's, about √(2.92 s²/n)", () => {
  const random = randomFrom("agreement");
  const values = Array.from({ length: 20_000 }, () => 2 + 3 * random.normal());
  const { upper } = limitsOfAgreement(alone(values));
  expect(estimated(upper).standardError).toBeCloseTo(3 * Math.sqrt((1 + 1.96 ** 2 / 2) / values.length), 3);
});

test("the intervals of both limits hold the truth as often as they say, with two alike samples of every patient", () => {
  const random = randomFrom("coverage");
  let held = 0;
  const studies = 400;
  for (let study = 0; study < studies; study++) {
    const values: number[] = [];
    const patients: number[] = [];
    for (let patient = 0; patient < 60; patient++) {
      const own = random.normal();
      for (let visit = 0; visit < 2; visit++) {
        values.push(Math.SQRT1_2 * own + Math.SQRT1_2 * random.normal());
        patients.push(patient);
      }
    }
    const { upper } = limitsOfAgreement({ values: Float64Array.from(values), patients: Int32Array.from(patients) });
    const limits = estimated(upper).limits(1.959964);
    if (limits.lower <= 1.96 && 1.96 <= limits.upper) held++;
  }
  expect(held / studies).toBeGreaterThan(0.9);
  expect(held / studies).toBeLessThan(0.98);
});

test("the line through points that lie on one is that line", () => {
  const references = Float64Array.of(1, 2, 4, 8);
  const { slope } = lineOf(alone([...references].map((one) => 3 + 0.5 * one)), references);
  expect(slope).toMatchObject({ status: "not-estimable", reason: expect.stringMatching(/without any spread/) });
});

test("slope and intercept are those of least squares, their errors a sandwich with the factor I/(I−1)", () => {
  const references = Float64Array.of(1, 2, 3, 4, 5);
  const { intercept, slope } = lineOf(alone([1.1, 1.9, 3.2, 3.8, 5.1]), references);
  // Σ(x−3)y / 10 and ȳ − 3·slope.
  expect(estimated(slope).value).toBeCloseTo(0.99, 12);
  expect(estimated(intercept).value).toBeCloseTo(0.05, 12);
  const residuals = [0.06, -0.13, 0.18, -0.21, 0.1];
  const sandwich = residuals.reduce((sum, residual, i) => sum + ((i - 2) * residual) ** 2, 0) / 10 ** 2;
  expect(estimated(slope).standardError).toBeCloseTo(Math.sqrt((5 / 4) * sandwich), 12);
});

test("references that are all alike have no line", () => {
  const { slope } = lineOf(alone([1, 2, 3]), Float64Array.of(5, 5, 5));
  expect(slope.status).toBe("not-estimable");
});
