import audit from "../../audits/averages.js";
import { CLEAN, type Condition } from "../../src/core/condition.js";
import { evaluateGates } from "../../src/run/gates.js";
import type { GateEntry } from "../../src/protocol/schema.js";
import { expectClose, reference } from "../support/reference.js";
import { cleanStudy, expectSound, findingById, studyOf, withClasses } from "../support/study.js";

const CONTEXT = { parameters: {}, level: 0.95, seed: 1 };
const METRICS = audit.meta.metrics.map((metric) => metric.id);

const { multiclass, multilabel } = reference<{
  expected: {
    sklearn: {
      multiclass: { y: number[]; proba: number[][] } & Record<
        "ovr_macro" | "ovr_weighted" | "ovo_macro_hand_till",
        number
      >;
      multilabel: { y: number[][]; score: number[][] } & Record<
        "macro" | "micro" | "weighted" | "lrap" | "label_ranking_loss",
        number
      >;
    };
  };
}>("ranking_multiclass_multilabel.json").expected.sklearn;

type Columns = Parameters<typeof withClasses>[2];
const id = (metric: string, group = "all") => `averages/${metric}/all-classes/${group}/clean`;

function study(task: "multiclass" | "multilabel", rows: number, classes: Columns, site?: string[]) {
  const labels = new Array<number>(rows).fill(0);
  return withClasses(
    cleanStudy({ labels, scores: labels, ...(site === undefined ? {} : { families: { site } }) }),
    task,
    classes,
  );
}

function multiclassColumns(change: (label: number, row: number, c: number) => number = (label) => label): Columns {
  return Object.fromEntries(
    ["a", "b", "c"].map((name, c) => [
      name,
      {
        labels: multiclass.y.map((own, row) => change(own === c ? 1 : 0, row, c)),
        scores: () => multiclass.proba.map((row) => row[c] as number),
      },
    ]),
  );
}

test("mutually exclusive classes: scikit-learn's averages, and decisions by the largest score", () => {
  const findings = audit.evaluate(study("multiclass", 60, multiclassColumns()), CONTEXT);
  expectSound(findings, METRICS);
  const estimate = (metric: string) => findingById(findings, id(metric)).estimate as number;
  expectClose(estimate("auc-macro"), multiclass.ovr_macro);
  expectClose(estimate("auc-weighted"), multiclass.ovr_weighted);
  expectClose(estimate("auc-hand-till"), multiclass.ovo_macro_hand_till);
  const decided = multiclass.proba.map((row) => row.indexOf(Math.max(...row)));
  const right = decided.filter((c, row) => c === multiclass.y[row]).length;
  expectClose(estimate("accuracy"), right / 60);
  const recalls = [0, 1, 2].map((c) => {
    const own = decided.filter((_, row) => multiclass.y[row] === c);
    return own.filter((decision) => decision === c).length / own.length;
  });
  expectClose(estimate("balanced-accuracy"), (recalls[0] as number) / 3 + ((recalls[1] ?? 0) + (recalls[2] ?? 0)) / 3);
  expect(findings.map(({ metric }) => metric)).toEqual([
    "auc-macro",
    "auc-weighted",
    "auc-micro",
    "auc-hand-till",
    "accuracy",
    "balanced-accuracy",
  ]);
  expect(findings[0]).toMatchObject({
    class: null,
    n: 60,
    positives: 60,
    details: { classes: 3, "classes-left-out": "" },
  });
});

test("several labels a sample: scikit-learn's averages and rankings", () => {
  const columns = Object.fromEntries(
    ["a", "b", "c", "d"].map((name, c) => [
      name,
      {
        labels: multilabel.y.map((row) => row[c] as number),
        scores: () => multilabel.score.map((row) => row[c] as number),
      },
    ]),
  );
  const findings = audit.evaluate(study("multilabel", 80, columns), CONTEXT);
  expectSound(findings, METRICS);
  const estimate = (metric: string) => findingById(findings, id(metric)).estimate as number;
  expectClose(estimate("auc-macro"), multilabel.macro);
  expectClose(estimate("auc-micro"), multilabel.micro);
  expectClose(estimate("auc-weighted"), multilabel.weighted);
  expectClose(estimate("label-ranking-precision"), multilabel.lrap);
  expectClose(estimate("label-ranking-loss"), multilabel.label_ranking_loss);
  const ill = multilabel.y.filter((row) => row.includes(1)).length;
  expect(findings[0]).toMatchObject({ n: 80, positives: ill, negatives: 80 - ill });
});

test("a class that cannot be judged in a group is left out there, and named", () => {
  const site = multiclass.y.map((own, row) => (own === 2 && row > 5 ? "with" : row % 2 === 0 ? "with" : "without"));
  const findings = audit.evaluate(study("multiclass", 60, multiclassColumns(), site), CONTEXT);
  const ofC = multiclass.y.filter((own, row) => own === 2 && site[row] === "without").length;
  expect(ofC).toBeLessThan(2);
  const found = findingById(findings, id("auc-macro", "site=without"));
  expect(found.details).toEqual({ classes: 2, "classes-left-out": "c" });
  expect(found.reason).toMatch(
    /^the scarcest class is worth only 4 samples: .*; left out: c \(\d positives? among \d+ samples: AUC needs at least two of each class\)$/,
  );
  expect(findingById(findings, id("auc-hand-till", "site=without")).details).toEqual({
    classes: 2,
    "classes-left-out": "c",
  });
});

test("samples of no class or of two are no samples of the task, and are counted", () => {
  const none = audit.evaluate(
    study(
      "multiclass",
      60,
      multiclassColumns((label, row) => (row === 0 ? 0 : row === 1 ? 1 : row === 2 ? -1 : label)),
    ),
    CONTEXT,
  );
  expect(findingById(none, id("accuracy"))).toMatchObject({
    n: 57, // row 2 has no label at all
    reason: "2 samples have the label of no class or of several and are left out",
  });
});

test("nothing is said of binary tasks, nor of one class", () => {
  const binary = cleanStudy({ labels: [0, 1, 0, 1], scores: [0, 1, 0, 1] });
  expect(audit.evaluate(binary, CONTEXT)).toEqual([]);
  expect(audit.evaluate({ ...binary, task: "multilabel" }, CONTEXT)).toEqual([]);
});

test("every condition has its averages, on the samples that it scored", () => {
  const attack: Condition = { attack: "noise", epsilon: 0.01, norm: "linf", defense: "none" };
  const labels = new Array<number>(60).fill(0);
  const base = studyOf({ labels, conditions: [CLEAN, attack].map((condition) => ({ condition, scores: labels })) });
  const columns = multiclassColumns();
  const attacked: Columns = Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [
      name,
      {
        ...column,
        scores: (condition: Condition) =>
          column.scores(condition).map((score, row) => (condition === attack && row < 3 ? Number.NaN : score)),
      },
    ]),
  );
  const findings = audit.evaluate(withClasses(base, "multiclass", attacked), CONTEXT);
  expectSound(findings, METRICS);
  const key = "averages/accuracy/all-classes/all/noise@0.0100";
  expect(findingById(findings, key)).toMatchObject({
    n: 57,
    reason: "3 labelled samples have no score and are left out",
  });
});

test("a gate on an average names no class", () => {
  const findings = audit.evaluate(study("multiclass", 60, multiclassColumns()), CONTEXT);
  const gate = { id: "g", title: "Average", metric: "auc-macro", atLeast: 0.7, bound: "lower" } as unknown as GateEntry;
  const [result] = evaluateGates([gate], findings);
  expect(result).toMatchObject({ verdict: "pass", findings: [id("auc-macro")] });
});
