import agreement from "../../audits/agreement.js";
import outcomes from "../../audits/outcomes.js";
import { CLEAN } from "../../src/core/condition.js";
import type { Finding } from "../../src/core/finding.js";
import { OUTCOMES, outcomeOfMetric, type OutcomeId } from "../../src/core/outcome.js";
import { CLASS, studyOf } from "../support/study.js";

interface Columns {
  readonly patients: readonly number[];
  readonly sex?: readonly string[];
  readonly success?: readonly number[];
  readonly columns: Readonly<Partial<Record<OutcomeId, readonly number[]>>>;
  readonly unit?: string;
}

function audited({ columns, patients, sex, success, unit = "mm" }: Columns, audit = outcomes): Finding[] {
  const study = studyOf({
    labels: patients.map(() => 1),
    patients,
    conditions: [{ condition: CLEAN, scores: success ?? patients.map(() => 1) }],
    ...(sex === undefined ? {} : { families: { sex } }),
  });
  const ids = Object.keys(columns) as OutcomeId[];
  const measured = {
    ids,
    unit,
    of: (_: unknown, __: string, id: OutcomeId) => Float64Array.from(columns[id] ?? []),
  };
  return audit.evaluate(
    { ...study, task: "segmentation", outcomes: measured },
    { parameters: {}, level: 0.95, seed: 1 },
  );
}
function find(findings: readonly Finding[], metric: string, values: object = {}): Finding {
  const found = findings.find(
    (one) => one.metric === metric && JSON.stringify(one.subgroup) === JSON.stringify(values),
  );
  if (found === undefined) throw new Error(`no ${metric}`);
  return found;
}

test("objects found of all are Σ found/Σ objects, beside the mean over cases", () => {
  const findings = audited({
    patients: [0, 1, 2],
    columns: {
      "lesion-sensitivity": [1, 0.5, Number.NaN],
      objects: [1, 8, 0],
      "lesion-sensitivity-pooled": [1, 0.5, Number.NaN],
    },
  });
  expect(find(findings, "lesion-sensitivity").estimate).toBeCloseTo(0.75, 12);
  expect(find(findings, "lesion-sensitivity-pooled")).toMatchObject({ estimate: (1 + 4) / 9, n: 2 });
  expect(find(findings, "objects").estimate).toBe(3);
});

test("what is not defined is counted, and told from what the model could not be asked about", () => {
  const findings = audited({
    patients: [0, 1, 2, 3, 4],
    success: [1, 1, 1, 1, Number.NaN],
    columns: { dice: [0.8, 0.6, 0.9, Number.NaN, Number.NaN] },
  });
  expect(find(findings, "dice")).toMatchObject({
    n: 3,
    details: { "not-defined": 1 },
    reason: expect.stringMatching(/not defined for 1 sample.*1 labelled sample has no score/),
  });
});

test("units are the task's; shares and counts of objects have none of them", () => {
  const findings = audited({
    patients: [0, 1, 2],
    unit: "furlongs",
    columns: { dice: [0.8, 0.6, 0.9], hd95: [1, 2, 4], "false-objects": [0, 1, 2] },
  });
  expect(["dice", "hd95", "false-objects"].map((metric) => find(findings, metric).unit)).toEqual([
    "1",
    "furlongs",
    "object",
  ]);
});

test("what is 0 or 1 has no worst tenth, and what no answer changes has no gap", () => {
  const findings = audited({
    patients: [0, 1, 2, 3],
    sex: ["F", "F", "M", "M"],
    columns: { missed: [0, 1, 0, 1], objects: [1, 2, 3, 4], dice: [0.5, 0.6, 0.7, 0.8] },
  });
  const metrics = new Set(findings.map(({ metric }) => metric));
  expect(metrics).toEqual(new Set(["missed", "missed-gap", "objects", "dice", "dice-worst-decile", "dice-gap"]));
  // Every metric that is found is described.
  const described = new Set(outcomes.meta.metrics.map(({ id }) => id));
  expect([...metrics].filter((metric) => !described.has(metric))).toEqual([]);
});

test("agreement: bias and slope by group, in the reference's unit", () => {
  const references = Array.from({ length: 40 }, (_, i) => 100 + i);
  // Women are seen 5 units too large; large values too small in everybody.
  const sex = references.map((_, i) => (i % 2 === 0 ? "F" : "M"));
  const bias = references.map((one, i) => (sex[i] === "F" ? 5 : 0) - 0.2 * (one - 120) + 0.5 * Math.sin(i * i));
  const findings = audited(
    { patients: [...references.keys()], sex, unit: "months", columns: { bias, reference: references } },
    agreement,
  );
  const slope = find(findings, "agreement-slope", { sex: "F" });
  expect(slope.estimate).toBeCloseTo(0.8, 1);
  expect(slope.unit).toBe("1");
  const upper = (group: string) => find(findings, "agreement-upper", { sex: group });
  expect((upper("F").estimate as number) - (upper("M").estimate as number)).toBeCloseTo(5, 0);
  expect(upper("F").unit).toBe("months");
  expect(upper("F").interval).not.toBeNull();
});

test("every outcome's metrics are known again by their names", () => {
  for (const { id } of OUTCOMES) {
    for (const part of ["mean", "worst-decile", "gap", "drop", "drop-gap"] as const) {
      const metric = part === "mean" ? id : `${id}-${part}`;
      expect(outcomeOfMetric(metric)).toMatchObject({ of: part, outcome: { id } });
    }
  }
  expect(outcomeOfMetric("auc-gap")).toBeNull();
  expect(outcomeOfMetric(CLASS)).toBeNull();
});
