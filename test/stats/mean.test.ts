import fc from "fast-check";
import { randomFrom } from "../../src/core/random.js";
import { type Estimate, intervalOf } from "../../src/stats/estimate.js";
import { meanDifference, sampleMean, sampleQuantile } from "../../src/stats/mean.js";
import { criticalValue } from "../../src/stats/normal.js";

const UNBOUNDED = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
const alone = (values: readonly number[]) => ({
  values: Float64Array.from(values),
  patients: Int32Array.from(values.keys()),
});
const estimated = (result: ReturnType<typeof sampleMean>): Estimate => {
  if (result.status !== "estimated") throw new Error(result.reason);
  return result;
};

describe("the mean of a sample", () => {
  test("of independent samples has Student's interval, as scipy.stats.t.interval gives it", () => {
    // x = [2.1, 3.4, 1.9, 5.6, 4.4, 3.8]; t.interval(0.95, 5, loc=mean, scale=sem)
    const mean = estimated(sampleMean(alone([2.1, 3.4, 1.9, 5.6, 4.4, 3.8]), UNBOUNDED, "it"));
    expect(mean.value).toBeCloseTo(3.533333333333333, 12);
    const { lower, upper } = intervalOf(mean, 0.95);
    expect(lower).toBeCloseTo(2.0616269017352624, 8);
    expect(upper).toBeCloseTo(5.005039764931404, 8);
  });

  test("a patient's copies tell nothing new", () => {
    const values = [0.3, 0.9, 0.5, 0.7, 0.2];
    const once = estimated(sampleMean(alone(values), [0, 1], "it"));
    const twice = estimated(
      sampleMean(
        {
          values: Float64Array.from(values.flatMap((value) => [value, value])),
          patients: Int32Array.from(values.flatMap((_, patient) => [patient, patient])),
        },
        [0, 1],
        "it",
      ),
    );
    expect(twice.standardError).toBeCloseTo(once.standardError, 12);
    expect(intervalOf(twice, 0.95).lower).toBeCloseTo(intervalOf(once, 0.95).lower, 12);
  });

  test("keeps to [0, 1], and has a width where nothing varies", () => {
    const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(values, (all) => {
        const { lower, upper } = intervalOf(estimated(sampleMean(alone(all), [0, 1], "it")), 0.95);
        const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
        expect(lower).toBeGreaterThanOrEqual(0);
        expect(upper).toBeLessThanOrEqual(1);
        expect(lower).toBeLessThanOrEqual(mean + 1e-9);
        expect(upper).toBeGreaterThanOrEqual(mean - 1e-9);
        expect(upper - lower).toBeGreaterThan(0);
      }),
    );
  });

  test("says why there is none", () => {
    expect(sampleMean(alone([4]), UNBOUNDED, "a mask")).toMatchObject({ reason: expect.stringMatching(/1 patients/) });
    expect(sampleMean(alone([4, 4, 4]), UNBOUNDED, "a mask")).toMatchObject({ reason: expect.stringMatching(/vary/) });
  });

  test("covers the truth as often as it says, of skewed values near 1 in clusters", () => {
    const random = randomFrom("coverage");
    let covered = 0;
    const runs = 1000;
    for (let run = 0; run < runs; run++) {
      const values: number[] = [];
      const patients: number[] = [];
      for (let patient = 0; patient < 40; patient++) {
        const own = random.uniform() ** 2;
        for (let sample = 0; sample < 1 + (patient % 3); sample++) {
          values.push(1 - 0.2 * own - 0.05 * random.uniform());
          patients.push(patient);
        }
      }
      const mean = estimated(
        sampleMean({ values: Float64Array.from(values), patients: Int32Array.from(patients) }, [0, 1], "it"),
      );
      const { lower, upper } = intervalOf(mean, 0.95);
      const truth = 1 - 0.2 / 3 - 0.025;
      if (lower <= truth && truth <= upper) covered++;
    }
    // Binomial: 95 % ± 3 standard errors.
    expect(covered / runs).toBeGreaterThan(0.93);
    expect(covered / runs).toBeLessThan(0.975);
  });

  test("differences on the same patients are paired", () => {
    const before = [0.9, 0.8, 0.95, 0.7, 0.85];
    const after = before.map((value) => value - 0.1 - 0.01 * (value - 0.8));
    const paired = meanDifference(
      estimated(sampleMean(alone(before), UNBOUNDED, "it")),
      estimated(sampleMean(alone(after), UNBOUNDED, "it")),
    );
    expect(paired.value).toBeCloseTo(0.1 + 0.01 * 0.04, 9);
    expect(paired.standardError).toBeLessThan(0.001);
  });
});

describe("a quantile of a sample", () => {
  const z = criticalValue(0.95);

  test("is numpy's, between order statistics that hold the quantile's share", () => {
    const values = Array.from({ length: 200 }, (_, at) => at / 200);
    const found = sampleQuantile(alone(values), 0.1, [0, 1], z);
    if (found.status !== "estimated") throw new Error("not estimable");
    expect(found.value).toBeCloseTo(0.0995, 12);
    const { lower, upper } = found.limits(z);
    expect(values).toContain(lower);
    expect(values).toContain(upper);
    expect(lower).toBeGreaterThan(0.055);
    expect(upper).toBeLessThan(0.17);
  });

  test("covers the true quantile of a known distribution", () => {
    const random = randomFrom("quantiles");
    let covered = 0;
    for (let run = 0; run < 1000; run++) {
      const found = sampleQuantile(alone(Array.from({ length: 120 }, () => random.uniform())), 0.9, [0, 1], z);
      if (found.status !== "estimated") continue;
      const { lower, upper } = found.limits(z);
      if (lower <= 0.9 && 0.9 <= upper) covered++;
    }
    expect(covered / 1000).toBeGreaterThan(0.93);
  });

  test("beyond the samples is the range's end, or none", () => {
    const few = alone([3, 1, 2, 5, 4]);
    expect(sampleQuantile(few, 0.9, [0, Number.POSITIVE_INFINITY], z)).toMatchObject({ status: "not-estimable" });
    expect(sampleQuantile(few, 0.1, [0, 9], z)).toMatchObject({ status: "estimated", value: 1.4 });
  });
});
