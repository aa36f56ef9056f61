import fc from "fast-check";
import { type AucEstimate, areaUnderCurve, logitLimits } from "../../src/stats/auc.js";
import { differenceOf, type Estimate, intervalOf, type Result } from "../../src/stats/estimate.js";
import { covariance } from "../../src/stats/influence.js";
import { newcombeAucLimits } from "../../src/stats/newcombe-auc.js";
import { criticalValue, normalCdf } from "../../src/stats/normal.js";
import { expectClose, labelledScores, type ReferenceInputs, reference } from "../support/reference.js";

interface PRocGroup {
  n_pos: number;
  n_neg: number;
  auc: number;
  delong_var: number | null;
  ci95: [number, number];
  ci90: [number, number];
}
interface Random {
  inputs: Required<ReferenceInputs>;
  expected: {
    pROC: {
      groups: Record<string, PRocGroup>;
      paired_score_score2: Record<string, number> & { ci95_diff: [number, number] };
      unpaired: Record<string, { diff: number; se_diff: number; ci95_diff_normal: [number, number] }>;
    };
    sklearn_statsmodels: {
      groups: Record<string, { auc: number; logit_delong_ci95: [number, number] }>;
      clustered_obuchowski: { overall: { auc: number; var: number; ci95: [number, number] } };
      gap: { auc_max_minus_min: number };
    };
    FDA_doAUCcluster: { auc: number; var: number; paired: { diff_abs: number; var: number; p: number; cov: number } };
  };
}
interface Clustered {
  inputs: Required<ReferenceInputs>;
  expected: {
    FDA_doAUCcluster: {
      auc: number;
      var: number;
      ci95: [number, number];
      groups: Record<string, { auc: number; var: number }>;
      paired: { diff_abs: number; var: number; p: number };
    };
    numpy: {
      overall: { naive_delong_var: number };
      score2: { auc: number; var: number; ci95: [number, number] };
      cov: number;
      groups: Record<string, { auc: number; var: number; ci95: [number, number] }>;
    };
  };
}

const clustered = reference<Clustered>("clustered.json");

function estimated<E extends Estimate>(result: Result<E>): E {
  if (result.status !== "estimated") throw new Error(result.reason);
  return result;
}

function difference(a: AucEstimate, b: AucEstimate): Estimate {
  return differenceOf(a, b, { normal: "normal", otherwise: "other" }, { n: a.n, patients: a.patients });
}

describe.each(["random_n50.json", "random_n500.json"])("DeLong as pROC has it: %s", (file) => {
  const { inputs, expected } = reference<Random>(file);
  const inGroup = (group: string) => ({ keep: (row: number) => group === "overall" || inputs.group[row] === group });

  test.each(Object.keys(expected.pROC.groups))("area, variance and intervals of %s", (group) => {
    const wanted = expected.pROC.groups[group] as PRocGroup;
    const auc = estimated(areaUnderCurve(labelledScores(inputs, inGroup(group))));
    expect([auc.positives, auc.negatives]).toEqual([wanted.n_pos, wanted.n_neg]);
    expectClose(auc.value, wanted.auc);
    expectClose(auc.variance, wanted.delong_var as number);
    for (const [level, [lower, upper]] of [
      [0.95, wanted.ci95],
      [0.9, wanted.ci90],
    ] as const) {
      const interval = intervalOf(auc, level);
      expectClose(interval.lower, lower);
      expectClose(interval.upper, upper);
      expect(interval.method).toBe("delong");
    }
    const logit = logitLimits(auc, criticalValue(0.95));
    const [lower, upper] = (expected.sklearn_statsmodels.groups[group] as { logit_delong_ci95: [number, number] })
      .logit_delong_ci95;
    expectClose(logit?.lower, lower);
    expectClose(logit?.upper, upper);
  });

  test("paired areas of two scores", () => {
    const wanted = expected.pROC.paired_score_score2;
    const first = estimated(areaUnderCurve(labelledScores(inputs)));
    const second = estimated(areaUnderCurve(labelledScores(inputs, { scores: inputs.score2 })));
    const drop = difference(first, second);
    const interval = intervalOf(drop, 0.95);
    expectClose(second.value, wanted.auc2 as number);
    expectClose(drop.value, wanted.diff as number);
    expectClose(covariance(first.error, second.error), wanted.cov as number);
    expectClose(drop.value / drop.standardError, wanted.z as number);
    expectClose(2 * normalCdf(-drop.value / drop.standardError), wanted.p_two_sided as number, 1e-6);
    expectClose(interval.lower, wanted.ci95_diff[0]);
    expectClose(interval.upper, wanted.ci95_diff[1]);
  });

  test.each(Object.keys(expected.pROC.unpaired))("unpaired areas %s", (pair) => {
    const wanted = expected.pROC.unpaired[pair] as {
      diff: number;
      se_diff: number;
      ci95_diff_normal: [number, number];
    };
    const [a, b] = pair.split("_vs_").map((group) => estimated(areaUnderCurve(labelledScores(inputs, inGroup(group)))));
    const gap = difference(a as AucEstimate, b as AucEstimate);
    const interval = intervalOf(gap, 0.95);
    expectClose(gap.value, wanted.diff);
    expectClose(gap.standardError, wanted.se_diff);
    expectClose(interval.lower, wanted.ci95_diff_normal[0]);
    expectClose(interval.upper, wanted.ci95_diff_normal[1]);
  });
});

describe("Obuchowski's clustered variance as the FDA's script has it", () => {
  const { inputs, expected } = clustered;
  const all = { patients: inputs.patient };

  test("area, variance and interval", () => {
    const auc = estimated(areaUnderCurve(labelledScores(inputs, all)));
    const interval = intervalOf(auc, 0.95);
    expectClose(auc.value, expected.FDA_doAUCcluster.auc);
    expectClose(auc.variance, expected.FDA_doAUCcluster.var);
    expectClose(interval.lower, expected.FDA_doAUCcluster.ci95[0]);
    expectClose(interval.upper, expected.FDA_doAUCcluster.ci95[1]);
    expect(interval.method).toBe("obuchowski");
    expect([auc.n, auc.patients]).toEqual([638, 220]);
  });

  test.each(["A", "B"])("group %s", (group) => {
    const keep = (row: number) => inputs.group[row] === group;
    const auc = estimated(areaUnderCurve(labelledScores(inputs, { ...all, keep })));
    const wanted = expected.numpy.groups[group] as { auc: number; var: number; ci95: [number, number] };
    expectClose(auc.value, wanted.auc);
    expectClose(auc.variance, wanted.var);
    expectClose(intervalOf(auc, 0.95).lower, wanted.ci95[0]);
    expectClose(intervalOf(auc, 0.95).upper, wanted.ci95[1]);
  });

  test("paired areas of two scores", () => {
    const first = estimated(areaUnderCurve(labelledScores(inputs, all)));
    const second = estimated(areaUnderCurve(labelledScores(inputs, { ...all, scores: inputs.score2 })));
    const drop = difference(first, second);
    expectClose(second.variance, expected.numpy.score2.var);
    expectClose(covariance(first.error, second.error), expected.numpy.cov);
    expectClose(drop.value, expected.FDA_doAUCcluster.paired.diff_abs);
    expectClose(drop.standardError ** 2, expected.FDA_doAUCcluster.paired.var);
    expectClose(2 * normalCdf(-drop.value / drop.standardError), expected.FDA_doAUCcluster.paired.p, 1e-6);
  });

  test("patients with samples of both classes: the mixed component counts", () => {
    const { inputs: mixed, expected: wanted } = reference<Random>("random_n500.json");
    const first = estimated(areaUnderCurve(labelledScores(mixed, { patients: mixed.patient })));
    const second = estimated(areaUnderCurve(labelledScores(mixed, { patients: mixed.patient, scores: mixed.score2 })));
    expectClose(first.variance, wanted.FDA_doAUCcluster.var);
    expectClose(first.variance, wanted.sklearn_statsmodels.clustered_obuchowski.overall.var);
    expectClose(covariance(first.error, second.error), wanted.FDA_doAUCcluster.paired.cov);
    expectClose(difference(first, second).standardError ** 2, wanted.FDA_doAUCcluster.paired.var);
  });

  test("with one sample per patient it is DeLong's variance", () => {
    const auc = estimated(areaUnderCurve(labelledScores(inputs)));
    expectClose(auc.variance, expected.numpy.overall.naive_delong_var);
  });

  test("the variance of a difference is the same whether the groups share patients or are taken as one sum", () => {
    const groupOf = (odd: number) => (row: number) => row % 2 === odd; // splits patients across the groups
    const a = estimated(areaUnderCurve(labelledScores(inputs, { ...all, keep: groupOf(0) })));
    const b = estimated(areaUnderCurve(labelledScores(inputs, { ...all, keep: groupOf(1) })));
    const shared = covariance(a.error, b.error);
    expect(shared).toBeGreaterThan(0);
    expectClose(difference(a, b).standardError ** 2, a.variance + b.variance - 2 * shared);
  });
});

describe("Newcombe's interval", () => {
  const { expected } = reference<{
    expected: {
      scipy: { newcombe_auc: { auc: number; n_pos: number; n_neg: number; newcombe95: [number, number] }[] };
    };
  }>("newcombe_power_gap.json");

  test.each(expected.scipy.newcombe_auc)("area $auc with $n_pos and $n_neg", (wanted) => {
    const limits = newcombeAucLimits(wanted.auc, wanted.n_pos, wanted.n_neg, criticalValue(0.95));
    expectClose(limits.lower, wanted.newcombe95[0]);
    expectClose(limits.upper, wanted.newcombe95[1]);
  });
});

describe("special cases", () => {
  const { inputs, expected } = reference<{
    inputs: Record<string, ReferenceInputs>;
    expected: { pROC: { cases: Record<string, PRocGroup | { auc: null }> } };
  }>("special.json");

  test.each(Object.keys(expected.pROC.cases))("%s", (name) => {
    const wanted = expected.pROC.cases[name] as PRocGroup;
    const auc = areaUnderCurve(labelledScores(inputs[name] as ReferenceInputs));
    if (wanted.auc === null || wanted.delong_var === null) {
      expect(auc).toMatchObject({
        status: "not-estimable",
        reason: expect.stringMatching(/^[01] .* among \d+ samples/),
      });
      return;
    }
    const { value, variance, ...rest } = estimated(auc);
    expectClose(value, wanted.auc, 1e-14);
    expectClose(variance, wanted.delong_var);
    const interval = intervalOf(rest, 0.95);
    if (variance === 0) {
      expect(interval.method).toBe("newcombe");
      expect(interval.upper - interval.lower).toBeGreaterThan(0.05);
    } else {
      expectClose(interval.lower, wanted.ci95[0]);
      expectClose(interval.upper, wanted.ci95[1]);
    }
  });

  test("perfect separation is exactly 1, reversal exactly 0, constant scores exactly one half", () => {
    const area = (name: string) => estimated(areaUnderCurve(labelledScores(inputs[name] as ReferenceInputs))).value;
    expect(["perfect", "separable_50", "reversed", "constant_scores"].map(area)).toEqual([1, 1, 0, 0.5]);
  });

  test("the published value and standard error of Hanley and McNeil's table", () => {
    const auc = estimated(areaUnderCurve(labelledScores(inputs.hanley_mcneil_1982 as ReferenceInputs)));
    expect(auc.value).toBeCloseTo(0.893, 3);
    expect(auc.standardError).toBeCloseTo(0.031, 3);
  });

  test("two positives of one patient give no interval", () => {
    const data = {
      scores: Float64Array.of(0.1, 0.2, 0.3, 0.8, 0.9),
      labels: Uint8Array.of(0, 0, 0, 1, 1),
      patients: Int32Array.of(1, 2, 3, 4, 4),
      clustered: true,
    };
    expect(areaUnderCurve(data)).toEqual({
      status: "not-estimable",
      reason: "all positives come from one patient: the AUC's interval needs at least two patients of each class",
    });
  });

  test("infinite scores are scores", () => {
    const scores = [-Infinity, 0.2, 0.4, Infinity, Infinity];
    const auc = estimated(areaUnderCurve(labelledScores({ y: [0, 0, 1, 1, 0], score: scores })));
    expectClose(auc.value, 4.5 / 6);
  });
});

describe("laws", () => {
  const sample = fc
    .array(
      fc.record({
        score: fc.integer({ min: -20, max: 20 }),
        label: fc.integer({ min: 0, max: 1 }),
        patient: fc.integer({ min: 0, max: 12 }),
      }),
      { minLength: 6, maxLength: 60 },
    )
    .map((rows) => rows.sort((a, b) => a.patient - b.patient));
  type Rows = { score: number; label: number; patient: number }[];
  const data = (rows: Rows, transform = (score: number) => score, unclustered = false) => ({
    scores: Float64Array.from(rows, (row) => transform(row.score)),
    labels: Uint8Array.from(rows, (row) => row.label),
    patients: Int32Array.from(rows, (row, index) => (unclustered ? index : row.patient)),
    clustered: !unclustered,
  });
  const numbers = (result: Result<AucEstimate>) =>
    result.status === "estimated" ? [result.value, result.standardError] : [result.reason];

  test("an increasing transform of the scores changes nothing", () => {
    fc.assert(
      fc.property(sample, (rows) => {
        expect(numbers(areaUnderCurve(data(rows, Math.exp)))).toEqual(numbers(areaUnderCurve(data(rows))));
      }),
    );
  });

  test("reversed scores give the complement with the same variance", () => {
    fc.assert(
      fc.property(sample, (rows) => {
        const [forward, backward] = [areaUnderCurve(data(rows)), areaUnderCurve(data(rows, (score) => -score))];
        if (forward.status !== "estimated" || backward.status !== "estimated") return;
        expectClose(forward.value + backward.value, 1);
        expectClose(forward.variance, backward.variance, 1e-8);
      }),
    );
  });

  test("the order of the rows of a patient does not matter", () => {
    fc.assert(
      fc.property(sample, (rows) => {
        const turned = [...rows].reverse().sort((a, b) => a.patient - b.patient);
        const [one, other] = [areaUnderCurve(data(rows)), areaUnderCurve(data(turned))];
        if (one.status !== "estimated" || other.status !== "estimated") return;
        expect(other.value).toBe(one.value);
        expectClose(other.variance, one.variance, 1e-8);
      }),
    );
  });

  test("intervals lie in [0, 1], hold the estimate and have width, or there is a reason", () => {
    fc.assert(
      fc.property(sample, fc.boolean(), (rows, unclustered) => {
        const auc = areaUnderCurve(data(rows, undefined, unclustered));
        if (auc.status === "not-estimable") return expect(auc.reason).not.toBe("");
        const { lower, upper } = intervalOf(auc, 0.95);
        expect(lower).toBeGreaterThanOrEqual(0);
        expect(upper).toBeLessThanOrEqual(1);
        expect(lower <= auc.value && auc.value <= upper).toBe(true);
        return expect(upper - lower).toBeGreaterThan(0);
      }),
    );
  });

  test("a score compared with itself differs by exactly 0, without error", () => {
    fc.assert(
      fc.property(sample, (rows) => {
        const auc = areaUnderCurve(data(rows));
        if (auc.status !== "estimated" || auc.standardError === 0) return;
        const drop = difference(auc, auc);
        expect(intervalOf(drop, 0.95)).toMatchObject({ lower: 0, upper: 0 });
      }),
    );
  });
});

test("ten million tied scores overflow nothing", () => {
  const n = 10_000_000;
  const scores = new Float64Array(n);
  const labels = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    labels[i] = i % 2;
    scores[i] = (i % 2) + (i % 10 < 4 ? 0 : 0.5); // negatives: 40 % at 0, 60 % at 0.5; positives above all
  }
  for (let i = 0; i < n; i += 10) scores[i + 1] = 0; // one positive in five falls on the lowest score
  const patients = Int32Array.from({ length: n }, (_, i) => i);
  const auc = estimated(areaUnderCurve({ scores, labels, patients, clustered: false }));
  expectClose(auc.value, 0.8 + 0.2 * 0.2, 1e-15);
});
