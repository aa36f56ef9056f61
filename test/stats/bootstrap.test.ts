import { randomFrom } from "../../src/core/random.js";
import { areaUnderCurve, type LabelledScores } from "../../src/stats/auc.js";
import {
  acceleration,
  type Bootstrap,
  bootstrap,
  bootstrapInterval,
  fewReplicates,
  quantile,
} from "../../src/stats/bootstrap.js";
import { variance } from "../../src/stats/influence.js";
import { jackknife } from "../../src/stats/jackknife.js";
import { normalCdf, normalQuantile } from "../../src/stats/normal.js";
import { resamplingPlan } from "../../src/stats/resample.js";
import { maxMinOfStatistics, weightedAuc, weightedRate } from "../../src/stats/weighted.js";
import { expectClose, labelledScores, type ReferenceInputs, reference } from "../support/reference.js";

type Inputs = Required<ReferenceInputs>;

function bootstrapOf(data: LabelledScores, count: number, stratified = true): Bootstrap {
  const plan = resamplingPlan([data], stratified);
  const result = bootstrap(weightedAuc(data, plan.numbers[0] as Uint32Array), plan, count, randomFrom("test"));
  if (result.status !== "estimated") throw new Error(result.reason);
  return result;
}

function limitsOf(result: Bootstrap, method: "percentile" | "basic" | "bca", options = {}) {
  const interval = bootstrapInterval(result, 0.95, method, options);
  if (!("lower" in interval)) throw new Error(interval.reason);
  return interval;
}

/** Replicates at hand, ascending. */
function given(value: number, replicates: Float64Array): Bootstrap {
  const drawn = replicates.length;
  return { status: "estimated", value, replicates, drawn, failed: 0, bias: 0, standardError: 1, note: null };
}

describe("numbers made elsewhere, within their Monte-Carlo tolerance", () => {
  const { inputs, expected } = reference<{
    inputs: Inputs;
    expected: {
      numpy: {
        monte_carlo: {
          cluster_bootstrap_sd: number;
          cluster_bootstrap_percentile95: [number, number];
          naive_stratified_bootstrap_sd: number;
          naive_percentile95: [number, number];
        };
      };
    };
  }>("clustered.json");
  const wanted = expected.numpy.monte_carlo;

  test("clustered: patients are resampled, and it matters", () => {
    const byPatient = bootstrapOf(labelledScores(inputs, { patients: inputs.patient }), 4000);
    const interval = limitsOf(byPatient, "percentile");
    expectClose(byPatient.standardError, wanted.cluster_bootstrap_sd, 0.05);
    expectClose(interval.lower, wanted.cluster_bootstrap_percentile95[0], 0, 0.006);
    expectClose(interval.upper, wanted.cluster_bootstrap_percentile95[1], 0, 0.006);
    const bySample = bootstrapOf(labelledScores(inputs), 4000);
    const naive = limitsOf(bySample, "percentile");
    expectClose(bySample.standardError, wanted.naive_stratified_bootstrap_sd, 0.05);
    expectClose(naive.lower, wanted.naive_percentile95[0], 0, 0.006);
    expectClose(naive.upper, wanted.naive_percentile95[1], 0, 0.006);
  });

  test("max–min gap of three groups: mean, percentile and basic interval", () => {
    const { inputs } = reference<{ inputs: Inputs }>("random_n500.json");
    const { gap_bootstrap: gap } = reference<{
      expected: {
        gap_bootstrap: {
          gap: number;
          bootstrap_mean_gap: number;
          bootstrap_percentile95: [number, number];
          basic_reversed95: [number, number];
        };
      };
    }>("newcombe_power_gap.json").expected;
    const groups = ["A", "B", "C"].map((name) => labelledScores(inputs, { keep: (row) => inputs.group[row] === name }));
    const plan = resamplingPlan(groups);
    const areas = groups.map((data, g) => weightedAuc(data, plan.numbers[g] as Uint32Array));
    const result = bootstrap(maxMinOfStatistics(areas), plan, 4000, randomFrom("gap"));
    if (result.status !== "estimated") throw new Error(result.reason);
    expectClose(result.value, gap.gap);
    expectClose(result.value + result.bias, gap.bootstrap_mean_gap, 0, 0.008);
    for (const [method, limits] of [
      ["percentile", gap.bootstrap_percentile95],
      ["basic", gap.basic_reversed95],
    ] as const) {
      const interval = limitsOf(result, method);
      expectClose(interval.lower, limits[0], 0, 0.008);
      expectClose(interval.upper, limits[1], 0, 0.008);
    }
    expect(limitsOf(result, "basic", { range: [0, 1] }).lower).toBe(0);
  });
});

describe("intervals", () => {
  test("quantiles are linear between order statistics, as numpy's and R's default", () => {
    const values = Float64Array.of(1, 2, 4, 8);
    expect([0, 0.25, 0.5, 0.75, 1].map((p) => quantile(values, p))).toEqual([1, 1.75, 3, 5, 8]);
  });

  test("BCa undoes a monotone transform, median bias and acceleration: closed form", () => {
    // Replicates exp(0.3·q) on a grid of normal quantiles; the value sits at their 40 % point.
    const count = 200_001;
    const replicates = Float64Array.from({ length: count }, (_, i) =>
      Math.exp(0.3 * normalQuantile((i + 0.5) / count)),
    );
    const z0 = normalQuantile(0.4);
    const result = given(Math.exp(0.3 * z0), replicates);
    for (const a of [0, 0.08, -0.05]) {
      const interval = limitsOf(result, "bca", { acceleration: a });
      const [lower, upper] = [-1, 1].map((sign) => {
        const shifted = z0 + sign * 1.959963984540054;
        return Math.exp(0.3 * (z0 + shifted / (1 - a * shifted)));
      });
      expectClose(interval.lower, lower as number, 1e-4);
      expectClose(interval.upper, upper as number, 1e-4);
      expect(interval.method).toBe("bootstrap-bca");
    }
  });

  test("BCa without bias or acceleration is the percentile interval; basic is its mirror image", () => {
    const replicates = Float64Array.from({ length: 9999 }, (_, i) => normalQuantile((i + 0.5) / 9999) ** 3);
    const result = given(0, replicates);
    const [percentile, bca, basic] = (["percentile", "bca", "basic"] as const).map((method) =>
      limitsOf(result, method),
    );
    expectClose(bca?.lower, percentile?.lower as number, 1e-6);
    expectClose(basic?.lower, -(percentile?.upper as number));
    expect(normalCdf(Math.cbrt(percentile?.upper as number))).toBeCloseTo(0.975, 3);
  });

  test("BCa with all replicates on one side has a reason instead", () => {
    expect(bootstrapInterval(given(5, Float64Array.of(1, 2, 3)), 0.95, "bca")).toMatchObject({
      status: "not-estimable",
      reason: "all 3 bootstrap replicates lie on one side of the estimate",
    });
  });

  test("all intervals of an AUC in a large sample agree with DeLong's", () => {
    const { inputs } = reference<{ inputs: Inputs }>("random_n500.json");
    const data = labelledScores(inputs);
    const auc = areaUnderCurve(data);
    if (auc.status !== "estimated") throw new Error(auc.reason);
    const result = bootstrapOf(data, 4000);
    expectClose(result.standardError, auc.standardError, 0.05);
    const { lower, upper } = auc.limits(1.959963984540054);
    for (const method of ["percentile", "basic", "bca"] as const) {
      const interval = limitsOf(result, method, { acceleration: acceleration(auc.error) });
      expectClose(interval.lower, lower, 0, 0.006);
      expectClose(interval.upper, upper, 0, 0.006);
    }
  });
});

describe("replicates", () => {
  const { inputs } = reference<{ inputs: Inputs }>("random_n50.json");
  const data = labelledScores(inputs);

  test("each has its own stream: fewer replicates are a part of more", () => {
    const [some, more] = [bootstrapOf(data, 50), bootstrapOf(data, 120)];
    const found = new Map<number, number>();
    for (const value of more.replicates) found.set(value, (found.get(value) ?? 0) + 1);
    for (const value of some.replicates) {
      const left = found.get(value) ?? 0;
      expect(left).toBeGreaterThan(0);
      found.set(value, left - 1);
    }
  });

  test("what was drawn before from the stream that is handed over changes nothing", () => {
    const plan = resamplingPlan([data]);
    const statistic = weightedAuc(data, plan.numbers[0] as Uint32Array);
    const random = randomFrom("used");
    const first = bootstrap(statistic, plan, 20, random);
    expect(bootstrap(statistic, plan, 20, random)).toEqual(first);
  });

  test("few replicates are said to be few", () => {
    expect(fewReplicates(bootstrapOf(data, 100), 0.95)).toMatch(/^only 100 bootstrap replicates/);
    expect(fewReplicates(bootstrapOf(data, 2000), 0.95)).toBeNull();
  });

  test("failures are counted and, where many, said: two positives among forty, drawn without strata", () => {
    const rare: LabelledScores = {
      scores: Float64Array.from({ length: 40 }, (_, i) => (i * 17) % 40),
      labels: Uint8Array.from({ length: 40 }, (_, i) => (i < 2 ? 1 : 0)),
      patients: Int32Array.from({ length: 40 }, (_, i) => i),
      clustered: false,
    };
    const loose = bootstrapOf(rare, 4000, false);
    // P(neither is drawn) = (1 − 2/40)^40 = 0.1285
    expect(Math.abs(loose.failed / 4000 - 0.1285)).toBeLessThan(0.02);
    expect(loose.replicates.length + loose.failed).toBe(4000);
    expect(loose.note).toMatch(/of 4000 bootstrap replicates do not allow the statistic and are left out/);
    const stratified = bootstrapOf(rare, 1000);
    expect([stratified.failed, stratified.note]).toEqual([0, null]);
  });

  test("where resampling can say nothing, it says so", () => {
    const separated = { ...data, scores: Float64Array.from(data.labels) };
    const plan = resamplingPlan([separated]);
    const numbers = plan.numbers[0] as Uint32Array;
    const run = (statistic: ReturnType<typeof weightedAuc>) => bootstrap(statistic, plan, 100, randomFrom(1));
    expect(run(weightedAuc(separated, numbers))).toEqual({
      status: "not-estimable",
      reason: "all 100 bootstrap replicates are equal: resampling says nothing of the error",
    });
    const healthy = { ...data, labels: new Uint8Array(data.labels.length) };
    expect(run(weightedAuc(healthy, numbers))).toMatchObject({ status: "not-estimable" });
    expect(run(weightedRate(healthy, numbers, 0.5, "sensitivity"))).toMatchObject({ status: "not-estimable" });
    let call = 0;
    expect(run(() => (call++ % 3 === 0 ? call : Number.NaN))).toEqual({
      status: "not-estimable",
      reason: "67 of 100 bootstrap replicates do not allow the statistic",
    });
  });
});

describe("jackknife", () => {
  test.each(["random_n50.json", "random_n500.json"])(
    "of an AUC is DeLong's variance exactly, without bias: %s",
    (file) => {
      const data = labelledScores(reference<{ inputs: Inputs }>(file).inputs);
      const plan = resamplingPlan([data]);
      const found = jackknife(weightedAuc(data, plan.numbers[0] as Uint32Array), plan);
      const auc = areaUnderCurve(data);
      if (found.status !== "estimated" || auc.status !== "estimated") throw new Error("not estimable");
      expectClose(found.variance, variance(auc.error));
      expectClose(found.acceleration, acceleration(auc.error));
      expectClose(found.bias, 0, 0, 1e-10);
    },
  );

  test("clustered: Obuchowski's variance to a few percent, far from the unclustered one", () => {
    const { inputs } = reference<{ inputs: Inputs }>("clustered.json");
    const data = labelledScores(inputs, { patients: inputs.patient });
    const plan = resamplingPlan([data]);
    const found = jackknife(weightedAuc(data, plan.numbers[0] as Uint32Array), plan);
    const auc = areaUnderCurve(data);
    if (found.status !== "estimated" || auc.status !== "estimated") throw new Error("not estimable");
    expectClose(found.variance, variance(auc.error), 0.06);
    expectClose(found.acceleration, acceleration(auc.error), 0.2);
  });

  test("of a ratio knows its bias to first order; and needs two patients", () => {
    // The plug-in variance Σ(x − x̄)²/n has bias −σ²/n: jackknife bias is −s²/n exactly.
    const x = [1, 4, 2, 8, 5, 7];
    const plan = { patients: 6, starts: Uint32Array.of(0, 6), numbers: [], pooled: 0 };
    const plugIn = (weights: Uint32Array) => {
      const n = weights.reduce((sum, w) => sum + w, 0);
      const mean = x.reduce((sum, v, i) => sum + v * (weights[i] as number), 0) / n;
      return x.reduce((sum, v, i) => sum + (weights[i] as number) * (v - mean) ** 2, 0) / n;
    };
    const found = jackknife(plugIn, plan);
    if (found.status !== "estimated") throw new Error(found.reason);
    expectClose(found.bias, -(found.value * 6) / 5 / 6);
    expect(jackknife(() => 1, { ...plan, patients: 1, starts: Uint32Array.of(0, 1) })).toMatchObject({
      status: "not-estimable",
    });
  });
});
