/** Laws of the area, the partial area, average precision and the two-by-two table; weights; degenerate inputs. */
import fc from "fast-check";
import { randomFrom } from "../../src/core/random.js";
import { areaUnderCurve, type LabelledScores } from "../../src/stats/auc.js";
import { averagePrecision } from "../../src/stats/average-precision.js";
import { AGREEMENTS, agreementAt } from "../../src/stats/confusion.js";
import { errorRate, flipRate, rateAt } from "../../src/stats/decisions.js";
import { type Estimate, intervalOf, type Result } from "../../src/stats/estimate.js";
import { jackknife } from "../../src/stats/jackknife.js";
import { newcombeAucLimits } from "../../src/stats/newcombe-auc.js";
import { criticalValue, normalCdf, normalQuantile } from "../../src/stats/normal.js";
import { nextUp } from "../../src/stats/operating-point.js";
import { partialArea, type RocRange, standardisedPartial } from "../../src/stats/partial-auc.js";
import { proportion } from "../../src/stats/proportion.js";
import { resamplingPlan } from "../../src/stats/resample.js";
import { rocCorners } from "../../src/stats/roc.js";
import { weightedAveragePrecision } from "../../src/stats/weighted.js";
import { kishCount, unequalWeights } from "../../src/stats/weights.js";
import { expectClose } from "../support/reference.js";

const RANGES: readonly RocRange[] = [
  { specificity: [0.9, 1] },
  { specificity: [0.35, 0.8] },
  { sensitivity: [0.7, 1] },
  { sensitivity: [0, 1] },
];
type Estimator = (data: LabelledScores) => Result<Estimate>;
const standardised =
  (range: RocRange): Estimator =>
  (data) => {
    const area = partialArea(data, range);
    return area.status === "estimated" ? standardisedPartial(area) : area;
  };
/** What rests on the order of the scores alone. */
const RANK: Readonly<Record<string, Estimator>> = {
  auc: (data) => areaUnderCurve(data),
  "average precision": (data) => averagePrecision(data),
  ...Object.fromEntries(
    RANGES.map((range) => [JSON.stringify(range), (data: LabelledScores) => partialArea(data, range)]),
  ),
  ...Object.fromEntries(RANGES.map((range) => [`standardised ${JSON.stringify(range)}`, standardised(range)])),
};
const AT_HALF: Readonly<Record<string, Estimator>> = {
  ...Object.fromEntries(
    AGREEMENTS.map((agreement) => [agreement, (data: LabelledScores) => agreementAt(data, 0.5, agreement)]),
  ),
  sensitivity: (data) => rateAt(data, 0.5, "sensitivity"),
  ppv: (data) => rateAt(data, 0.5, "ppv"),
  "error rate": (data) => errorRate(data, 0.5),
};
const EVERY = { ...RANK, ...AT_HALF };

interface Row {
  readonly score: number;
  readonly label: number;
  readonly patient: number;
  readonly weight: number;
}
const row = fc.record({
  score: fc.constantFrom(-Infinity, -2.5, 0, 0.25, 0.5, 0.75, nextUp(0.75), 1, 40, Infinity),
  label: fc.integer({ min: 0, max: 1 }),
  patient: fc.integer({ min: 0, max: 12 }),
  weight: fc.constantFrom(0.25, 0.5, 1, 2, 4),
});
const rowsOf = fc.array(row, { minLength: 1, maxLength: 60 });

function dataOf(rows: readonly Row[], options: { clustered?: boolean; weighted?: boolean } = {}): LabelledScores {
  const { clustered = true, weighted = false } = options;
  const sorted = clustered ? [...rows].sort((a, b) => a.patient - b.patient) : rows;
  return {
    scores: Float64Array.from(sorted, (one) => one.score),
    labels: Uint8Array.from(sorted, (one) => one.label),
    patients: Int32Array.from(sorted, (one, index) => (clustered ? one.patient : index)),
    clustered,
    weights: weighted ? Float64Array.from(sorted, (one) => one.weight) : null,
  };
}

/** Everything that an estimate says, or why there is none. */
function said(result: Result<Estimate>) {
  if (result.status !== "estimated") return { reason: result.reason };
  const { lower, upper, method } = intervalOf(result, 0.95);
  return { value: result.value, standardError: result.standardError, lower, upper, method };
}

function expectSame(one: Result<Estimate>, other: Result<Estimate>, relative = 1e-9): void {
  const [first, second] = [said(one), said(other)];
  if (!("value" in first) || !("value" in second)) {
    expect(first).toEqual(second);
    return;
  }
  for (const key of ["value", "standardError", "lower", "upper"] as const) {
    expectClose(first[key], second[key] as number, relative, 1e-9);
  }
  expect(first.method).toBe(second.method);
}

describe.each(Object.entries(EVERY))("laws of %s", (name, estimator) => {
  const isRank = name in RANK;

  test("the interval lies in the range, holds the estimate and has width; or there is a reason", () => {
    fc.assert(
      fc.property(rowsOf, fc.boolean(), fc.boolean(), (rows, clustered, weighted) => {
        const result = estimator(dataOf(rows, { clustered, weighted }));
        if (result.status === "not-estimable") return expect(result.reason).toMatch(/^(\d+ |all ).*: /);
        const { lower, upper } = intervalOf(result, 0.95);
        const [lowest, highest] = result.range;
        for (const number of [result.value, lower, upper, result.standardError]) expect(number).not.toBeNaN();
        expect(lower).toBeGreaterThanOrEqual(lowest);
        expect(upper).toBeLessThanOrEqual(highest);
        expect(lower).toBeLessThanOrEqual(result.value + 1e-12);
        expect(upper).toBeGreaterThanOrEqual(result.value - 1e-12);
        return expect(upper - lower).toBeGreaterThan(0);
      }),
    );
  });

  test("an increasing transform of the scores changes nothing at all", () => {
    if (!isRank) return;
    fc.assert(
      fc.property(rowsOf, fc.boolean(), (rows, weighted) => {
        const values = [...new Set(rows.map(({ score }) => score))].sort((a, b) => a - b);
        const ranked = rows.map((one) => ({ ...one, score: values.indexOf(one.score) as number }));
        const data = dataOf(rows, { weighted });
        expect(said(estimator(dataOf(ranked, { weighted })))).toEqual(said(estimator(data)));
      }),
    );
  });

  test("the order of the rows does not matter", () => {
    fc.assert(
      fc.property(rowsOf, fc.boolean(), (rows, weighted) => {
        const turned = [...rows].reverse();
        expectSame(estimator(dataOf(turned, { weighted })), estimator(dataOf(rows, { weighted })));
      }),
    );
  });

  test("with one sample a patient the clustered number is the plain one", () => {
    fc.assert(
      fc.property(rowsOf, (rows) => {
        const apart = rows.map((one, index) => ({ ...one, patient: index }));
        const [one, other] = [said(estimator(dataOf(apart))), said(estimator(dataOf(apart, { clustered: false })))];
        expect({ ...one, method: null }).toEqual({ ...other, method: null });
      }),
    );
  });

  test("every row twice, as the same patient's, leaves the estimate and, where it varies, its error", () => {
    fc.assert(
      fc.property(rowsOf, (rows) => {
        const [one, twice] = [estimator(dataOf(rows)), estimator(dataOf(rows.flatMap((each) => [each, each])))];
        if (one.status !== "estimated" || twice.status !== "estimated") return;
        expectClose(twice.value, one.value, 1e-12);
        expectClose(twice.standardError, one.standardError, 1e-6, 1e-9);
      }),
    );
  });

  test("weights that are all alike are no weights, and a common factor of weights cancels", () => {
    fc.assert(
      fc.property(rowsOf, fc.constantFrom(2, 0.125, 3.7), (rows, factor) => {
        const data = dataOf(rows);
        const alike = { ...data, weights: new Float64Array(rows.length).fill(factor) };
        expect(said(estimator(alike))).toEqual(said(estimator(data)));
        const weighted = dataOf(rows, { weighted: true });
        const scaled = { ...weighted, weights: (weighted.weights as Float64Array).map((weight) => factor * weight) };
        expectSame(estimator(scaled), estimator(weighted));
      }),
    );
  });

  test("a whole weight is as many copies of the sample, as far as the estimate goes", () => {
    fc.assert(
      fc.property(rowsOf, (rows) => {
        const whole = rows.map((one) => ({ ...one, weight: 4 * one.weight }));
        const weighted = estimator(dataOf(whole, { weighted: true }));
        const copied = estimator(dataOf(whole.flatMap((one) => Array.from({ length: one.weight }, () => one))));
        if (weighted.status !== "estimated" || copied.status !== "estimated") return;
        expectClose(weighted.value, copied.value, 1e-9);
        // Copies are all one patient's, as the weighted sample is: the error is the same, too.
        expectClose(weighted.standardError, copied.standardError, 1e-6, 1e-9);
      }),
    );
  });
});

describe("areas", () => {
  test("AUC and AUC of the reversed scores sum to 1, with weights, too", () => {
    fc.assert(
      fc.property(rowsOf, fc.boolean(), (rows, weighted) => {
        const data = dataOf(rows, { weighted });
        const [one, other] = [
          areaUnderCurve(data),
          areaUnderCurve({ ...data, scores: data.scores.map((score) => -score) }),
        ];
        if (one.status !== "estimated" || other.status !== "estimated") return;
        expectClose(one.value + other.value, 1);
      }),
    );
  });

  test("the partial area over the whole range is the AUC with DeLong's error, from either side", () => {
    fc.assert(
      fc.property(rowsOf, fc.boolean(), (rows, weighted) => {
        const data = dataOf(rows, { weighted });
        const auc = areaUnderCurve(data);
        for (const range of [{ specificity: [0, 1] }, { sensitivity: [0, 1] }] as const) {
          const whole = partialArea(data, range);
          if (auc.status !== "estimated" || whole.status !== "estimated") {
            expect(whole.status).toBe(auc.status);
            continue;
          }
          expectClose(whole.value, auc.value);
          expectClose(whole.standardError, auc.standardError, 1e-6, 1e-9);
        }
      }),
    );
  });

  test("adjoining ranges add up", () => {
    fc.assert(
      fc.property(rowsOf, fc.double({ min: 0.05, max: 0.95, noNaN: true }), (rows, cut) => {
        const data = dataOf(rows);
        const area = (range: RocRange) => partialArea(data, range);
        const [low, high, whole] = [
          area({ specificity: [0, cut] }),
          area({ specificity: [cut, 1] }),
          areaUnderCurve(data),
        ];
        if (low.status !== "estimated" || high.status !== "estimated" || whole.status !== "estimated") return;
        expectClose(low.value + high.value, whole.value);
      }),
    );
  });

  test("the partial area is the area under the corners' polygon, with weights", () => {
    fc.assert(
      fc.property(rowsOf, (rows) => {
        const data = dataOf(rows, { weighted: true });
        const partial = partialArea(data, { specificity: [0.6, 0.9] });
        if (partial.status !== "estimated") return;
        const corners = rocCorners(data.scores, data.labels, undefined, unequalWeights(data));
        const { falsePositiveRates: x, truePositiveRates: y } = corners;
        let area = 0;
        for (let i = 1; i < x.length; i++) {
          const [left, right] = [x[i - 1] as number, x[i] as number];
          const [from, to] = [Math.max(left, 0.1), Math.min(right, 0.4)];
          if (to <= from) continue;
          const slope = ((y[i] as number) - (y[i - 1] as number)) / (right - left);
          area += (to - from) * ((y[i - 1] as number) + slope * ((from + to) / 2 - left));
        }
        expectClose(partial.value, area, 1e-9, 1e-9);
      }),
    );
  });

  test("McClish's number is one half where the curve is the diagonal, 1 where it is perfect", () => {
    const alike = dataOf(Array.from({ length: 20 }, (_, i) => ({ score: 0.5, label: i % 2, patient: i, weight: 1 })));
    const perfect = dataOf(
      Array.from({ length: 20 }, (_, i) => ({ score: i % 2, label: i % 2, patient: i, weight: 1 })),
    );
    for (const range of RANGES) {
      expect(said(standardised(range)(alike))).toMatchObject({ value: expect.closeTo(0.5, 12) });
      expect(said(standardised(range)(perfect))).toMatchObject({
        value: expect.closeTo(1, 12),
        upper: expect.closeTo(1, 12),
        method: "newcombe-mean-height",
      });
    }
  });

  test("average precision of scores that know nothing is the prevalence, in a large sample", () => {
    const random = randomFrom(2, "nothing");
    const rows = Array.from({ length: 20_000 }, (_, i) => ({
      score: random.uniform(),
      label: random.uniform() < 0.1 ? 1 : 0,
      patient: i,
      weight: 1,
    }));
    const precision = averagePrecision(dataOf(rows));
    if (precision.status !== "estimated") throw new Error(precision.reason);
    expect(Math.abs(precision.value - precision.prevalence)).toBeLessThan(4 * precision.standardError);
    expect(precision.standardError).toBeLessThan(0.005);
  });
});

describe("errors", () => {
  /** Binormal scores, two samples a patient that resemble one another. */
  const drawn = (patients: number, stream: string, share = 0.3) => {
    const random = randomFrom(5, stream);
    const rows: Row[] = [];
    for (let patient = 0; patient < patients; patient++) {
      const own = random.normal();
      const label = random.uniform() < share ? 1 : 0;
      for (let image = 0; image < 2; image++) {
        const score = 1.2 * label + Math.SQRT1_2 * (own + random.normal());
        rows.push({ score, label, patient, weight: 1 });
      }
    }
    return dataOf(rows);
  };

  test.each(Object.entries(EVERY))("of %s is the derivative by the samples' weights", (_, estimator) => {
    const drawnOnce = drawn(40, "derivative");
    // Ties within and across classes; patients apart, so that every sample's influence is seen.
    const data = {
      ...drawnOnce,
      scores: drawnOnce.scores.map((score) => Math.round(score * 3) / 3),
      patients: Int32Array.from(drawnOnce.scores.keys()),
    };
    const n = data.scores.length;
    const estimate = estimator(data);
    if (estimate.status !== "estimated") throw new Error(estimate.reason);
    const influence = new Map(
      estimate.error.flatMap(({ patients, totals }) =>
        [...patients].map((patient, i) => [patient, totals[i] as number]),
      ),
    );
    const step = 1e-6;
    for (let i = 0; i < n; i++) {
      const at = (change: number) => {
        const weights = new Float64Array(n).fill(1);
        weights[i] = 1 + change;
        const moved = estimator({ ...data, weights });
        return moved.status === "estimated" ? moved.value : Number.NaN;
      };
      expectClose(influence.get(i) ?? 0, (at(step) - at(-step)) / (2 * step), 1e-6, 1e-8);
    }
  });

  test("average precision: the jackknife over patients agrees", () => {
    const data = drawn(300, "jackknife");
    const plan = resamplingPlan([data], false);
    const left = jackknife(weightedAveragePrecision(data, plan.numbers[0] as Uint32Array), plan);
    const precision = averagePrecision(data);
    if (precision.status !== "estimated" || left.status !== "estimated") throw new Error("no estimate");
    expectClose(precision.value, left.value);
    expect(precision.standardError / left.standardError).toBeGreaterThan(0.97);
    expect(precision.standardError / left.standardError).toBeLessThan(1.03);
  });

  test.each(RANGES)("the partial area over %j: leaving out one patient at a time agrees", (range) => {
    const data = drawn(400, "delete-one");
    const patients = 400;
    const whole = partialArea(data, range);
    if (whole.status !== "estimated") throw new Error(whole.reason);
    const changes: number[] = [];
    for (let patient = 0; patient < patients; patient++) {
      const keep = (_: number, i: number) => data.patients[i] !== patient;
      const rest = {
        ...data,
        scores: data.scores.filter(keep),
        labels: data.labels.filter(keep),
        patients: data.patients.filter(keep),
      };
      const without = partialArea(rest, range);
      if (without.status !== "estimated") throw new Error(without.reason);
      changes.push(without.value);
    }
    const mean = changes.reduce((sum, one) => sum + one, 0) / patients;
    const squares = changes.reduce((sum, one) => sum + (one - mean) ** 2, 0);
    const ratio = whole.standardError / Math.sqrt(((patients - 1) / patients) * squares);
    expect(ratio).toBeGreaterThan(0.96);
    expect(ratio).toBeLessThan(1.04);
  });

  test("intervals of nominal 95 % cover 92 % or more of simulated studies, and are not idle", () => {
    const [separation, share, studies] = [1.2, 0.3, 300];
    const steps = Array.from({ length: 4000 }, (_, i) => (i + 0.5) / 4000);
    const mean = (values: number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
    const truths = {
      precision: mean(
        steps.map((u) => {
          const above = share * (1 - u);
          return above / (above + (1 - share) * normalCdf(-(separation + normalQuantile(u))));
        }),
      ),
      partial: mean(steps.map((u) => 0.1 * normalCdf(separation + normalQuantile(0.1 * u)))),
    };
    const covered = { precision: 0, partial: 0 };
    for (let study = 0; study < studies; study++) {
      const data = drawn(250, `cover-${study}`, share);
      const estimates = {
        precision: averagePrecision(data),
        partial: partialArea(data, { specificity: [0.9, 1] }),
      };
      for (const key of ["precision", "partial"] as const) {
        const estimate = estimates[key];
        if (estimate.status !== "estimated") continue;
        const { lower, upper } = estimate.limits(criticalValue(0.95));
        if (lower <= truths[key] && truths[key] <= upper) covered[key]++;
      }
    }
    for (const count of Object.values(covered)) {
      expect(count / studies).toBeGreaterThan(0.92);
      expect(count / studies).toBeLessThan(0.985);
    }
  });
});

describe("weights", () => {
  test("a share of weight, by hand", () => {
    const weights = Float64Array.of(1, 2, 3, 4);
    const share = proportion(Uint8Array.of(1, 0, 1, 0), Int32Array.of(0, 1, 2, 3), false, weights);
    if (share.status !== "estimated") throw new Error(share.reason);
    expectClose(share.value, 0.4);
    // n/(n−1) Σ (w (y − p) / Σw)² = 4/3 (0.06² + 0.08² + 0.18² + 0.16²)
    expectClose(share.standardError ** 2, (4 / 3) * (0.0036 + 0.0064 + 0.0324 + 0.0256));
    expectClose(share.effectiveN, 1 + 0.24 / share.standardError ** 2);
    expect([share.successes, share.n, share.method]).toEqual([2, 4, "wilson-effective-n"]);
  });

  test("Kish's number of contributions", () => {
    expectClose(kishCount(Int32Array.of(0, 1, 2), Float64Array.of(1, 1, 2)), 16 / 6);
    expectClose(kishCount(Int32Array.of(0, 0, 1), Float64Array.of(1, 1, 2)), 2);
    expect(kishCount(Int32Array.of(3, 3, 8, 9), null)).toBeCloseTo(16 / 6, 12);
    expect(kishCount(new Int32Array(0), null)).toBe(0);
  });

  test("where all outcomes are alike the unequal weights cost samples", () => {
    const ones = new Uint8Array(10).fill(1);
    const patients = Int32Array.from(ones.keys());
    const weights = Float64Array.from(ones, (_, i) => (i === 0 ? 11 : 1));
    const share = proportion(ones, patients, false, weights);
    if (share.status !== "estimated") throw new Error(share.reason);
    expectClose(share.effectiveN, 400 / 130);
    expect([share.value, share.limits(1.96).upper]).toEqual([1, 1]);
  });

  test("separated classes: Newcombe's interval at as many patients as the weights are worth", () => {
    const labels = [0, 0, 0, 0, 1, 1, 1, 1];
    const plain = dataOf(labels.map((label, patient) => ({ score: label, label, patient, weight: 1 })));
    const weighted = { ...plain, weights: Float64Array.of(1, 1, 1, 1, 1, 1, 1, 9) };
    const [one, other] = [areaUnderCurve(plain), areaUnderCurve(weighted)];
    if (one.status !== "estimated" || other.status !== "estimated") throw new Error("no estimate");
    const z = criticalValue(0.95);
    expect(other).toMatchObject({ value: 1, standardError: 0 });
    expectClose(one.limits(z).lower, newcombeAucLimits(1, 4, 4, z).lower);
    expectClose(other.limits(z).lower, newcombeAucLimits(1, 144 / 84, 4, z).lower);
  });

  test("decisions that flip, by weight", () => {
    const before = dataOf([
      { score: 0.2, label: 0, patient: 0, weight: 1 },
      { score: 0.8, label: 1, patient: 1, weight: 3 },
    ]);
    const after = { ...before, scores: Float64Array.of(0.2, 0.3) };
    const weighted = { ...before, weights: Float64Array.of(1, 3) };
    expect(flipRate(weighted, after, 0.5)).toMatchObject({ value: 0.75, successes: 1 });
  });

  test("undo a biased sample: of patients of whom the easy were taken twice as often", () => {
    const random = randomFrom(8, "biased");
    const rows: Row[] = [];
    while (rows.length < 20_000) {
      const [easy, label] = [random.uniform() < 0.5, random.uniform() < 0.5 ? 1 : 0];
      const score = (easy ? 2.5 : 0.5) * label + random.normal();
      if (easy || random.uniform() < 0.5) rows.push({ score, label, patient: rows.length, weight: easy ? 0.5 : 1 });
    }
    const everybody = areaUnderCurve(dataOf(rows, { weighted: true }));
    const taken = areaUnderCurve(dataOf(rows));
    if (everybody.status !== "estimated" || taken.status !== "estimated") throw new Error("no estimate");
    // Negatives are all alike: the area is the mean of the two kinds' of positives.
    const truth = (normalCdf(2.5 / Math.SQRT2) + normalCdf(0.5 / Math.SQRT2)) / 2;
    expect(Math.abs(everybody.value - truth)).toBeLessThan(3 * everybody.standardError);
    expect(taken.value - truth).toBeGreaterThan(5 * taken.standardError);
  });
});

describe("degenerate inputs end in a reason", () => {
  const none = dataOf([]);
  const one = dataOf([{ score: 0.4, label: 1, patient: 0, weight: 1 }]);
  const onePatient = dataOf([0, 1, 0, 1].map((label, i) => ({ score: i / 10, label, patient: 0, weight: 1 })));
  const oneClass = dataOf([0, 1, 2].map((patient) => ({ score: patient / 10, label: 1, patient, weight: 1 })));

  test.each(Object.entries(RANK))("%s", (_, estimator) => {
    expect(estimator(none)).toMatchObject({
      status: "not-estimable",
      reason: expect.stringMatching(/^0 positives among 0 samples: /),
    });
    expect(estimator(one)).toMatchObject({
      status: "not-estimable",
      reason: expect.stringMatching(/^1 positive among 1 sample: /),
    });
    expect(estimator(oneClass)).toMatchObject({
      status: "not-estimable",
      reason: expect.stringMatching(/^0 negatives among 3 samples: /),
    });
    expect(estimator(onePatient)).toMatchObject({
      status: "not-estimable",
      reason: expect.stringMatching(/^all positives come from one patient: /),
    });
  });

  test.each(AGREEMENTS)("%s", (agreement) => {
    expect(agreementAt(none, 0.5, agreement)).toMatchObject({
      reason: expect.stringMatching(/^0 samples of 0 patients: /),
    });
    expect(agreementAt(onePatient, 0.5, agreement)).toMatchObject({
      reason: expect.stringMatching(/^4 samples of 1 patients: /),
    });
    const undefinedFor = { accuracy: false, "balanced-accuracy": true, f1: true, mcc: true, kappa: true };
    const missed = { ...oneClass, labels: new Uint8Array(3) }; // nobody is ill, nobody is called
    expect(agreementAt(missed, 0.5, agreement).status).toBe(undefinedFor[agreement] ? "not-estimable" : "estimated");
  });

  test("scores one unit in the last place apart are not ties", () => {
    const apart = [1, 0, 1, 0].map((label, i) => ({
      score: label === 1 ? nextUp(0.3) : 0.3,
      label,
      patient: i,
      weight: 1,
    }));
    expect(areaUnderCurve(dataOf(apart))).toMatchObject({ value: 1 });
    expect(averagePrecision(dataOf(apart))).toMatchObject({ value: 1 });
    expect(partialArea(dataOf(apart), { specificity: [0.9, 1] })).toMatchObject({ value: expect.closeTo(0.1, 12) });
  });
});

test("ten million rows: exact counts, beyond 2^32 and below 2^53", () => {
  // 5·10^6 of either class; positives at 1, 2, 2, …, negatives at 0, 1, 1, …: one pair in (5·10^6)² loses half.
  const n = 10_000_000;
  const scores = new Float64Array(n);
  const labels = new Uint8Array(n);
  const patients = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    patients[i] = i;
    labels[i] = i & 1;
    scores[i] = 1 + (i & 1);
  }
  scores[0] = 0;
  scores[1] = 1;
  const data = { scores, labels, patients, clustered: false };
  const area = areaUnderCurve(data);
  if (area.status !== "estimated") throw new Error(area.reason);
  const half = n / 2;
  // The positive at 1 ties with half − 1 negatives and beats one.
  expect(area.value).toBe((2 * half * half - (half - 1)) / (2 * half * half));
  expect(1 - area.value).toBeGreaterThan(9e-8);
});
