import audit from "../../audits/comparison.js";
import type { Finding } from "../../src/core/finding.js";
import { randomFrom } from "../../src/core/random.js";
import { mcnemarExact, mcnemarMidP } from "../../src/stats/contingency.js";
import { expectClose, type ReferenceInputs, reference } from "../support/reference.js";
import { CLASS, cleanStudy, expectSound, findingById, POINT, type StudyColumns } from "../support/study.js";

type Columns = Omit<StudyColumns, "conditions"> & { readonly scores: readonly number[] };

const METRICS = audit.meta.metrics.map((metric) => metric.id);
const evaluate = (columns: Columns, margin = 0.05): Finding[] =>
  audit.evaluate(cleanStudy(columns), { parameters: { margin, further: [], replicates: 1000 }, level: 0.95, seed: 1 });
const id = (metric: string, group = "all") => `comparison/${metric}/${CLASS}/${group}/clean/vs-old`;
const atPoint = (metric: string, group = "all") => `comparison/${metric}/${CLASS}/${POINT}/${group}/clean/vs-old`;
const testOf = (finding: Finding, method: string) => {
  const found = finding.tests?.find((test) => test.method === method);
  if (found === undefined) throw new Error(`no ${method} among ${finding.tests?.map((test) => test.method).join()}`);
  return found;
};

interface Paired {
  readonly inputs: Required<ReferenceInputs>;
  readonly expected: {
    readonly pROC: {
      readonly paired_score_score2: {
        readonly diff: number;
        readonly ci95_diff: [number, number];
        readonly z: number;
        readonly p_two_sided: number;
      };
    };
    readonly FDA_doAUCcluster: {
      readonly paired: { readonly diff_abs: number; readonly var: number; readonly p: number };
    };
  };
}

describe("two areas on the same samples, as other tools have them", () => {
  test.each(["random_n50", "random_n500"])("%s: pROC's roc.test", (name) => {
    const { inputs, expected } = reference<Paired>(`${name}.json`);
    const findings = evaluate({ labels: inputs.y, scores: inputs.score, comparators: { old: inputs.score2 } });
    const found = findingById(findings, id("auc-advantage"));
    const wanted = expected.pROC.paired_score_score2;
    expectClose(found.estimate ?? undefined, wanted.diff);
    expectClose(found.interval?.lower, wanted.ci95_diff[0]);
    expectClose(found.interval?.upper, wanted.ci95_diff[1]);
    expectClose(testOf(found, "z").statistic ?? undefined, wanted.z);
    expectClose(testOf(found, "z").p, wanted.p_two_sided, 1e-6);
    expect(found.interval?.method).toBe("paired-delong");
    expect(found.details?.comparator).toBe("old");
  });

  test.each(["random_n50", "random_n500", "clustered"])("%s: the FDA's script, clustered by patient", (name) => {
    const { inputs, expected } = reference<Paired>(`${name}.json`);
    const { y: labels, score: scores, score2: old, patient: patients } = inputs;
    const found = findingById(evaluate({ labels, scores, patients, comparators: { old } }), id("auc-advantage"));
    const wanted = expected.FDA_doAUCcluster.paired;
    expectClose(Math.abs(found.estimate as number), wanted.diff_abs);
    const z = testOf(found, "z");
    expectClose(((found.estimate as number) / (z.statistic as number)) ** 2, wanted.var);
    expectClose(z.p, wanted.p, 1e-6);
    expect(found.interval?.method).toBe("paired-obuchowski");
  });
});

/** Samples of one patient each, of one label: `both` right, `own` right alone, `old` right alone, `none` right. */
function decided(label: 0 | 1, cells: { both: number; own: number; old: number; none: number }) {
  const rows = [
    [cells.both, true, true],
    [cells.own, true, false],
    [cells.old, false, true],
    [cells.none, false, false],
  ] as const;
  const score = (isRight: boolean) => (isRight === (label === 1) ? 0.8 : 0.2);
  return rows.flatMap(([count, own, old]) =>
    Array.from({ length: count }, () => ({ label, scores: score(own), old: score(old) })),
  );
}

function columnsOf(rows: readonly { label: number; scores: number; old: number }[]): Columns {
  return {
    labels: rows.map((row) => row.label),
    scores: rows.map((row) => row.scores),
    comparators: { old: rows.map((row) => row.old) },
    threshold: 0.5,
  };
}

describe("two sensitivities, two specificities", () => {
  const positives = decided(1, { both: 20, own: 10, old: 3, none: 7 });
  const negatives = decided(0, { both: 30, own: 2, old: 6, none: 4 });
  const findings = evaluate(columnsOf([...positives, ...negatives]));

  test("McNemar's exact test as in R, counted among the positives and among the negatives alone", () => {
    const { expected } = reference<{ expected: { R: { two_sample: { mcnemar_exact_b10_c3: number } } } }>(
      "intervals_multiplicity.json",
    );
    const sensitivity = findingById(findings, atPoint("sensitivity-advantage"));
    expect(sensitivity.estimate).toBeCloseTo(7 / 40, 12);
    expectClose(testOf(sensitivity, "mcnemar-exact").p, expected.R.two_sample.mcnemar_exact_b10_c3);
    expect(sensitivity.details).toMatchObject({ "right-alone": 10, "comparator-right-alone": 3 });
    const specificity = findingById(findings, atPoint("specificity-advantage"));
    expect(specificity.estimate).toBeCloseTo(-4 / 42, 12);
    expectClose(testOf(specificity, "mcnemar-exact").p, mcnemarExact(2, 6).p);
    expect(specificity.details).toMatchObject({ "right-alone": 2, "comparator-right-alone": 6 });
  });

  test("mid-p is the exact p less the chance of what was seen", () => {
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n, k - 1) * (n - k + 1)) / k);
    for (const [b, c] of [
      [10, 3],
      [0, 5],
      [1, 0],
      [40, 60],
    ] as const) {
      const seen = choose(b + c, b) / 2 ** (b + c);
      expectClose(mcnemarMidP(b, c).p, mcnemarExact(b, c).p - seen, 1e-9);
    }
    expect(mcnemarMidP(4, 4).p).toBeCloseTo(1, 12);
    expect(mcnemarMidP(0, 0).p).toBe(1);
  });

  test("exchanging the models mirrors everything but the one-sided tests", () => {
    const mirrored = evaluate(
      columnsOf([...positives, ...negatives].map(({ label, scores, old }) => ({ label, scores: old, old: scores }))),
    );
    for (const metric of ["auc-advantage", "sensitivity-advantage", "specificity-advantage", "brier-advantage"]) {
      const [one] = findings.filter((finding) => finding.metric === metric);
      const [other] = mirrored.filter((finding) => finding.metric === metric);
      expect(other?.estimate).toBeCloseTo(-(one?.estimate as number), 12);
      expect(other?.interval?.lower).toBeCloseTo(-(one?.interval?.upper as number), 12);
      expect(other?.tests?.[0]?.p).toBeCloseTo(one?.tests?.[0]?.p as number, 12);
    }
  });

  test("non-inferiority is shown exactly where the one-sided limit lies above −margin", () => {
    const study = columnsOf([...positives, ...negatives]);
    const found = findingById(evaluate(study), atPoint("specificity-advantage"));
    const atLimit = -(found.interval?.lower as number);
    const p = (margin: number) =>
      testOf(findingById(evaluate(study, margin), atPoint("specificity-advantage")), "non-inferiority").p;
    expect(p(atLimit)).toBeCloseTo(0.025, 9);
    expect(p(atLimit * 1.01)).toBeLessThan(0.025);
    expect(p(atLimit * 0.99)).toBeGreaterThan(0.025);
  });

  test("where all patients repeat themselves, pairs are not counted twice", () => {
    const rows = [...positives, ...negatives];
    const twice = columnsOf(rows.flatMap((row) => [row, row]));
    const patients = rows.flatMap((_, patient) => [patient, patient]);
    const single = findingById(findings, atPoint("sensitivity-advantage"));
    const doubled = findingById(evaluate({ ...twice, patients }), atPoint("sensitivity-advantage"));
    expect(doubled.estimate).toBeCloseTo(single.estimate as number, 12);
    expect(doubled.tests?.map(({ method }) => method)).toEqual(["clustered-z", "non-inferiority", "tost"]);
    // Of 40 pairs, 13 differ, 10 of them one way: the variance of the mean of 1, −1 and 0.
    const variance = (13 / 40 - (7 / 40) ** 2) / 39;
    expectClose(testOf(doubled, "clustered-z").statistic ?? undefined, 7 / 40 / Math.sqrt(variance));
    expectClose(doubled.interval?.upper, single.interval?.upper as number, 0.02);
  });

  test("models that decide alike differ by 0, with an interval that has width and no claim of a difference", () => {
    const same = evaluate(columnsOf(decided(1, { both: 20, own: 0, old: 0, none: 9 }).concat(negatives)));
    const found = findingById(same, atPoint("sensitivity-advantage"));
    expect(found.estimate).toBe(0);
    expect(testOf(found, "mcnemar-exact").p).toBe(1);
    expect(found.interval?.upper).toBeGreaterThan(0.01);
  });
});

describe("Brier scores", () => {
  const random = randomFrom(6, "comparison");
  const labels = Array.from({ length: 300 }, (_, row) => (row % 3 === 0 ? 1 : 0));
  const draw = (spread: number) =>
    labels.map((label) => Math.min(1, Math.max(0, 0.3 + 0.4 * label + spread * random.normal())));
  const [scores, old] = [draw(0.1), draw(0.4)];
  const brier = (column: readonly number[], keep: (row: number) => boolean) => {
    const rows = labels.map((_, row) => row).filter(keep);
    const error = (row: number) => ((column[row] as number) - (labels[row] as number)) ** 2;
    return rows.reduce((sum, row) => sum + error(row), 0) / rows.length;
  };

  test("the other's mean squared error less the model's own, with the error of the jackknife over patients", () => {
    const patients = labels.map((_, row) => row >> 1);
    const found = findingById(evaluate({ labels, scores, comparators: { old }, patients }), id("brier-advantage"));
    const advantage = (keep: (row: number) => boolean) => brier(old, keep) - brier(scores, keep);
    expectClose(
      found.estimate ?? undefined,
      advantage(() => true),
    );
    const left = Array.from({ length: 150 }, (_, patient) => advantage((row) => row >> 1 !== patient));
    const mean = left.reduce((sum, value) => sum + value, 0) / 150;
    const error = Math.sqrt((149 / 150) * left.reduce((sum, value) => sum + (value - mean) ** 2, 0));
    const half = ((found.interval?.upper as number) - (found.interval?.lower as number)) / 2;
    expectClose(half / 1.959963984540054, error, 1e-6);
    expect(found.interval?.method).toBe("paired-mean-clustered");
  });

  test("only of probabilities", () => {
    const none = evaluate({ labels, scores, comparators: { old }, probabilities: false });
    expect(none.some(({ metric }) => metric === "brier-advantage")).toBe(false);
    const logits = evaluate({ labels, scores, comparators: { old: old.map((score) => 10 * score) } });
    expect(findingById(logits, id("brier-advantage"))).toMatchObject({ status: "not-estimable" });
    expect(findingById(logits, id("brier-advantage")).reason).toMatch(/scores are outside \[0, 1\]/);
  });
});

test("a sample that one of the models has not scored is left out of both sides", () => {
  const { inputs } = reference<Paired>("random_n500.json");
  const missing = inputs.score2.map((score, row) => (row % 10 === 3 ? Number.NaN : score));
  const kept = <Value>(column: readonly Value[]) => column.filter((_, row) => row % 10 !== 3);
  const group = { group: inputs.group as string[] };
  const columns = { labels: inputs.y, scores: inputs.score, threshold: 0.5 };
  const all = evaluate({ ...columns, comparators: { old: missing }, families: group });
  const fewer = evaluate({
    labels: kept(inputs.y),
    scores: kept(inputs.score),
    threshold: 0.5,
    comparators: { old: kept(inputs.score2) },
    families: { group: kept(group.group) },
  });
  expectSound(all, METRICS);
  expect(all.map(({ id: one }) => one)).toEqual(fewer.map(({ id: one }) => one));
  all.forEach((finding, place) => {
    expect(finding.estimate).toBeCloseTo(fewer[place]?.estimate as number, 12);
    expect(finding.interval?.lower).toBeCloseTo(fewer[place]?.interval?.lower as number, 12);
  });
  expect(all[0]?.reason).toContain("50 labelled samples have no score");
});

test("each model decides at its own threshold", () => {
  const { inputs } = reference<Paired>("random_n500.json");
  const study = cleanStudy({
    labels: inputs.y,
    scores: inputs.score,
    threshold: 0.5,
    comparators: { old: inputs.score2 },
  });
  const moved = (threshold: number | null) => ({
    ...study,
    comparators: study.comparators.map((one) => ({
      ...one,
      operatingPoints: one.operatingPoints.map((point) => ({ ...point, threshold, reason: "too few" })),
    })),
  });
  const context = { parameters: { margin: 0.05, further: [], replicates: 1000 }, level: 0.95, seed: 1 };
  const found = findingById(audit.evaluate(moved(0.3), context), atPoint("sensitivity-advantage"));
  const right = (scores: readonly number[], threshold: number) =>
    inputs.y.filter((label, row) => label === 1 && (scores[row] as number) >= threshold).length;
  expect(found.estimate).toBeCloseTo((right(inputs.score, 0.5) - right(inputs.score2, 0.3)) / 129, 12);
  expect(found.details).toMatchObject({ threshold: 0.5, "comparator-threshold": 0.3 });
  const none = findingById(audit.evaluate(moved(null), context), atPoint("sensitivity-advantage"));
  expect(none).toMatchObject({ status: "not-estimable", reason: "old: too few" });
});

test("a threshold that could not be chosen for one of the models is a reason, not a number", () => {
  const columns = columnsOf(
    decided(1, { both: 5, own: 3, old: 2, none: 2 }).concat(decided(0, { both: 9, own: 1, old: 1, none: 1 })),
  );
  const found = findingById(evaluate({ ...columns, threshold: null }), atPoint("sensitivity-advantage"));
  expect(found).toMatchObject({ status: "not-estimable", estimate: null });
  expect(found.reason).toContain("no positives to choose a threshold on");
});
