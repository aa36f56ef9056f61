import audit from "../../audits/decisions.js";
import discrimination from "../../audits/discrimination.js";
import type { Finding } from "../../src/core/finding.js";
import { expectClose, type ReferenceInputs, reference } from "../support/reference.js";
import { CLASS, cleanStudy, expectSound, findingById, POINT, type StudyColumns } from "../support/study.js";

type Columns = Omit<StudyColumns, "conditions"> & { readonly scores: readonly number[] };

const METRICS = audit.meta.metrics.map((metric) => metric.id);
const evaluate = (columns: Columns, asked: object = {}): Finding[] =>
  audit.evaluate(cleanStudy(columns), { parameters: audit.meta.parameters?.parse(asked) ?? {}, level: 0.95, seed: 1 });
const id = (metric: string, group = "all") => `decisions/${metric}/${CLASS}/${POINT}/${group}/clean`;

interface Group {
  readonly "at_threshold_0.5": {
    readonly tp: number;
    readonly fp: number;
    readonly tn: number;
    readonly fn: number;
    readonly f1: number;
    readonly mcc: number;
    readonly balanced_accuracy: number;
  };
}

interface Expected {
  readonly inputs: Required<ReferenceInputs>;
  readonly expected: {
    readonly sklearn_statsmodels: {
      readonly groups: Readonly<Record<string, Group>>;
      readonly "rates_at_0.5": Readonly<
        Record<string, { fpr: number; fnr: number; fnr_wilson95: [number, number]; fpr_wilson95: [number, number] }>
      >;
    };
  };
}

describe.each(["random_n50", "random_n500"])("%s: the table's measures as in scikit-learn", (name) => {
  const { inputs, expected } = reference<Expected>(`${name}.json`);
  const columns = { labels: inputs.y, scores: inputs.score, families: { group: inputs.group }, threshold: 0.5 };
  const findings = evaluate(columns);

  test.each(Object.entries(expected.sklearn_statsmodels.groups))("group %s", (group, wanted) => {
    const of = (metric: string) => findingById(findings, id(metric, group === "overall" ? "all" : `group=${group}`));
    const { tp, fp, tn, fn, f1, mcc, balanced_accuracy } = wanted["at_threshold_0.5"];
    expectClose(of("f1").estimate ?? undefined, f1);
    expectClose(of("mcc").estimate ?? undefined, mcc);
    expectClose(of("balanced-accuracy").estimate ?? undefined, balanced_accuracy);
    expectClose(of("accuracy").estimate ?? undefined, (tp + tn) / (tp + tn + fp + fn));
    expect(of("accuracy").details).toMatchObject({
      "true-positives": tp,
      "false-positives": fp,
      "true-negatives": tn,
      "false-negatives": fn,
    });
    const [se, sp] = [tp / (tp + fn), tn / (tn + fp)];
    expectClose(of("youden-index").estimate ?? undefined, se + sp - 1, 1e-9, 1e-12);
    expectClose(of("likelihood-ratio-positive").estimate ?? undefined, se / (1 - sp));
    expectClose(of("likelihood-ratio-negative").estimate ?? undefined, (1 - se) / sp);
  });

  test.each(Object.entries(expected.sklearn_statsmodels["rates_at_0.5"]))("rates of group %s", (group, wanted) => {
    for (const [metric, value, [lower, upper]] of [
      ["fpr", wanted.fpr, wanted.fpr_wilson95],
      ["fnr", wanted.fnr, wanted.fnr_wilson95],
    ] as const) {
      const found = findingById(findings, id(metric, `group=${group}`));
      expectClose(found.estimate ?? undefined, value);
      expectClose(found.interval?.lower, lower);
      expectClose(found.interval?.upper, upper);
    }
  });

  test("no predictive value at a prevalence that nobody stated", () => {
    expectSound(findings, METRICS);
    expect(findings.some(({ metric }) => metric.endsWith("-at-prevalence"))).toBe(false);
  });
});

const { inputs } = reference<Expected>("random_n500.json");
const COLUMNS = { labels: inputs.y, scores: inputs.score, threshold: 0.5 };

test("the prevalence is stated for all classes or for one, and stands beside the number", () => {
  for (const prevalence of [0.02, { [CLASS]: 0.02 }]) {
    const ppv = findingById(evaluate(COLUMNS, { prevalence }), id("ppv-at-prevalence"));
    // 87 of 129 positives and 52 of 371 negatives are called positive.
    const [se, fpr] = [87 / 129, 52 / 371];
    expectClose(ppv.estimate ?? undefined, (0.02 * se) / (0.02 * se + 0.98 * fpr));
    expect(ppv.details?.prevalence).toBe(0.02);
  }
  // Of another class it is not told here.
  expect(evaluate(COLUMNS, { prevalence: { other: 0.02 } }).map(({ metric }) => metric)).not.toContain(
    "ppv-at-prevalence",
  );
  const refuses = (prevalence: number) => audit.meta.parameters?.safeParse({ prevalence }).success;
  expect([0, 1, 2, 0.5].map(refuses)).toEqual([false, false, false, true]);
});

test("exact limits where the protocol asks for them, here and for sensitivity; estimates stay", () => {
  const wilson = findingById(evaluate(COLUMNS), id("fnr"));
  const exact = findingById(evaluate(COLUMNS, { proportions: "clopper-pearson" }), id("fnr"));
  expect(exact.estimate).toBe(wilson.estimate);
  expect([wilson.interval?.method, exact.interval?.method]).toEqual(["wilson", "clopper-pearson"]);
  expect(exact.interval?.lower).toBeLessThan(wilson.interval?.lower as number);
  const sensitivity = discrimination
    .evaluate(cleanStudy(COLUMNS), {
      parameters: discrimination.meta.parameters?.parse({ proportions: "clopper-pearson" }) ?? {},
      level: 0.95,
      seed: 1,
    })
    .find(({ metric }) => metric === "sensitivity");
  expect(sensitivity?.interval?.method).toBe("clopper-pearson");
  expectClose(sensitivity?.interval?.lower, 1 - (exact.interval?.upper as number));
  expectClose(sensitivity?.interval?.upper, 1 - (exact.interval?.lower as number));
});

test("a ratio that divides by 0 has a reason and a lower limit, a point without threshold a reason", () => {
  const perfect = evaluate({ labels: [0, 0, 0, 1, 1, 1], scores: [0.1, 0.2, 0.3, 0.7, 0.8, 0.9], threshold: 0.5 });
  const ratio = findingById(perfect, id("likelihood-ratio-positive"));
  expect(ratio).toMatchObject({ status: "not-estimable", estimate: null });
  expect(ratio.details?.["lower-limit"]).toBeGreaterThan(0.5);
  const none = evaluate({ ...COLUMNS, threshold: null });
  expect(none.every(({ status }) => status === "not-estimable")).toBe(true);
  expect(none.map(({ metric }) => metric)).toContain("mcc");
});
