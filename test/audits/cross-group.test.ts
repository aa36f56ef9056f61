import audit from "../../audits/cross-group.js";
import { areaUnderCurve, type LabelledScores } from "../../src/stats/auc.js";
import { expectClose, type ReferenceInputs, reference } from "../support/reference.js";
import { CLASS, cleanStudy, expectSound, findingById } from "../support/study.js";

const CONTEXT = { parameters: { matrixUpTo: 12, attacked: false }, level: 0.95, seed: 1 };

interface Expected {
  readonly inputs: Required<ReferenceInputs>;
  readonly expected: {
    readonly sklearn_statsmodels: {
      readonly cross_group: Readonly<Record<string, Readonly<Record<string, number>>>>;
      readonly xauc_pos_i_neg_j: Readonly<Record<string, Readonly<Record<string, number>>>>;
    };
  };
}

describe.each(["random_n50", "random_n500"])("areas across the groups of %s, as computed elsewhere", (name) => {
  const { inputs, expected } = reference<Expected>(`${name}.json`);
  const study = cleanStudy({ labels: inputs.y, scores: inputs.score, families: { group: inputs.group } });
  const findings = audit.evaluate(study, CONTEXT);
  const { cross_group, xauc_pos_i_neg_j } = expected.sklearn_statsmodels;
  const id = (metric: string, group: string, versus = "") =>
    `cross-group/${metric}/${CLASS}/group=${group}/clean${versus}`;

  test.each(Object.entries(cross_group))("group %s against its background", (group, numbers) => {
    expectClose(findingById(findings, id("bpsn-auc", group)).estimate ?? undefined, numbers.bpsn_auc as number);
    expectClose(findingById(findings, id("bnsp-auc", group)).estimate ?? undefined, numbers.bnsp_auc as number);
    expectClose(findingById(findings, id("positive-aeg", group)).estimate ?? undefined, numbers.positive_aeg as number);
    expectClose(findingById(findings, id("negative-aeg", group)).estimate ?? undefined, numbers.negative_aeg as number);
  });

  test.each(Object.entries(xauc_pos_i_neg_j))("row %s of the matrix", (row, columns) => {
    for (const [column, wanted] of Object.entries(columns)) {
      if (column === row) continue;
      const found = findingById(findings, id("xauc", row, `/vs-group=${column}`));
      expectClose(found.estimate ?? undefined, wanted);
      expect(found.reference).toEqual({ group: column });
    }
  });
});

test("patients in both groups make their covariance part of the interval: Obuchowski's variance of the mixed area", () => {
  const { inputs } = reference<Expected>("clustered.json");
  // Every second image goes to the other view, so that most patients have images in both.
  const views = inputs.y.map((_, row) => (row % 2 === 0 ? "AP" : "PA"));
  const study = cleanStudy({
    labels: inputs.y,
    scores: inputs.score,
    patients: inputs.patient,
    families: { view: views },
  });
  const found = findingById(audit.evaluate(study, CONTEXT), `cross-group/bnsp-auc/${CLASS}/view=AP/clean`);
  const rows = inputs.y.flatMap((label, row) => ((label === 1) === (views[row] === "AP") ? [row] : []));
  const wanted: LabelledScores = {
    scores: Float64Array.from(rows, (row) => inputs.score[row] as number),
    labels: Uint8Array.from(rows, (row) => inputs.y[row] as number),
    patients: Int32Array.from(rows, (row) => inputs.patient[row] as number),
    clustered: true,
  };
  const area = areaUnderCurve(wanted);
  if (area.status !== "estimated") throw new Error(area.reason);
  expect(found.estimate).toBeCloseTo(area.value, 12);
  expect(found.interval?.lower).toBeCloseTo(area.limits(1.959963984540054).lower, 12);
  expect(found).toMatchObject({ n: rows.length, positives: area.positives, negatives: area.negatives });
});

test("large families get no matrix; gaps of equality lie within one half", () => {
  const groups = Array.from({ length: 60 }, (_, row) => `g${row % 6}`);
  const study = cleanStudy({
    labels: groups.map((_, row) => Math.floor(row / 6) % 2),
    scores: groups.map((_, row) => Math.sin(row)),
    families: { site: groups },
  });
  const findings = audit.evaluate(study, { ...CONTEXT, parameters: { matrixUpTo: 5, attacked: false } });
  expect(findings.some(({ metric }) => metric === "xauc")).toBe(false);
  for (const { metric, estimate, interval } of findings) {
    if (!metric.endsWith("aeg") || interval === null) continue;
    expect(Math.abs(estimate as number)).toBeLessThanOrEqual(0.5);
    expect(interval.lower).toBeGreaterThanOrEqual(-0.5);
    expect(interval.upper).toBeLessThanOrEqual(0.5);
  }
  expectSound(
    audit.evaluate(study, CONTEXT),
    audit.meta.metrics.map(({ id }) => id),
  );
});
