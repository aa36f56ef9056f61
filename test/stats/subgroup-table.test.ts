import { CLEAN } from "../../src/core/condition.js";
import { areaUnderCurve, aucDifference, type LabelledScores } from "../../src/stats/auc.js";
import { accuracyAt, falseRateAt, rateAt, selectionRate } from "../../src/stats/decisions.js";
import { proportionDifference, type ProportionEstimate } from "../../src/stats/proportion.js";
import { subgroupTable, type TableCell, type TableMetric, type TableRow } from "../../src/stats/subgroup-table.js";
import type { Result } from "../../src/stats/estimate.js";
import { randomFrom } from "../../src/core/random.js";
import { reference } from "../support/reference.js";
import { CLASS, cleanStudy } from "../support/study.js";

/* Fairlearn's MetricFrame, number by number. */

type Numbers = Readonly<Record<string, number>>;
interface Frame {
  readonly overall: Numbers;
  readonly by_group: Readonly<Record<string, Numbers>>;
  readonly difference_between_groups: Numbers;
  readonly difference_to_overall: Numbers;
  readonly ratio_between_groups: Numbers;
  readonly ratio_to_overall: Numbers;
  readonly group_min: Numbers;
  readonly group_max: Numbers;
}
interface Case {
  readonly inputs?: {
    readonly y: readonly number[];
    readonly y_pred: readonly number[];
    readonly g1: readonly string[];
    readonly g2: readonly string[];
    readonly weight: readonly number[];
  };
  readonly inputs_ref?: string;
  readonly one_attribute: Frame;
  readonly intersection?: Frame;
  readonly dpd: number;
  readonly dpr: number;
  readonly eod: number;
  readonly eor: number;
  readonly eopd: number;
  readonly dpd_weighted?: number;
  readonly eod_weighted?: number;
}

const { cases } = reference<{ expected: { fairlearn: { cases: Record<string, Case> } } }>("fairness_metricframe.json")
  .expected.fairlearn;
const HALF = 0.5;

function share(name: string, estimate: (data: LabelledScores) => Result<ProportionEstimate>): TableMetric {
  const metric: TableMetric<ProportionEstimate> = {
    name,
    estimate,
    difference: (a, b) => proportionDifference(a, b, false),
  };
  return metric as unknown as TableMetric;
}

/** The frame's columns under their names there. */
const METRICS: readonly TableMetric[] = [
  share("selection_rate", (data) => selectionRate(data, HALF)),
  share("tpr", (data) => rateAt(data, HALF, "sensitivity")),
  share("tnr", (data) => rateAt(data, HALF, "specificity")),
  share("fpr", (data) => falseRateAt(data, HALF, "fpr")),
  share("fnr", (data) => falseRateAt(data, HALF, "fnr")),
  share("accuracy", (data) => accuracyAt(data, HALF)),
];

function tableOf(
  labels: readonly number[],
  scores: readonly number[],
  groups: readonly string[],
  weights?: readonly number[],
) {
  const columns = { labels, scores, families: { group: groups }, ...(weights === undefined ? {} : { weights }) };
  return subgroupTable(cleanStudy(columns), { metrics: METRICS });
}

function rowOf(rows: readonly TableRow[], metric: string): TableRow {
  const row = rows.find((one) => one.metric === metric);
  if (row === undefined) throw new Error(`no row ${metric}`);
  return row;
}

function expectNumber(cell: TableCell | undefined, wanted: number | undefined): void {
  expect(cell?.estimate).toBeCloseTo(wanted as number, 9);
  expect(cell?.interval?.lower).toBeLessThanOrEqual((wanted as number) + 1e-9);
  expect(cell?.interval?.upper).toBeGreaterThanOrEqual((wanted as number) - 1e-9);
}

function expectFrame(rows: readonly TableRow[], frame: Frame): void {
  for (const { name } of METRICS) {
    const row = rowOf(rows, name);
    expectNumber(row.overall, frame.overall[name]);
    expect(row.byGroup.size).toBe(Object.keys(frame.by_group).length);
    for (const [group, numbers] of Object.entries(frame.by_group)) {
      const cell = row.byGroup.get(`group=${group}`);
      expectNumber(cell, numbers[name]);
      expect(cell?.counts.n).toBe(numbers.count);
    }
    expectNumber(row.difference.groups, frame.difference_between_groups[name]);
    expectNumber(row.difference.overall, frame.difference_to_overall[name]);
    expectNumber(row.ratio.groups, frame.ratio_between_groups[name]);
    expectNumber(row.ratio.overall, frame.ratio_to_overall[name]);
    expectNumber(row.min, frame.group_min[name]);
    expectNumber(row.max, frame.group_max[name]);
  }
}

function expectSummaries(rows: readonly TableRow[], wanted: Case): void {
  const difference = (name: string) => rowOf(rows, name).difference.groups.estimate as number;
  const ratio = (name: string) => rowOf(rows, name).ratio.groups.estimate as number;
  expect(difference("selection_rate")).toBeCloseTo(wanted.dpd, 9);
  expect(ratio("selection_rate")).toBeCloseTo(wanted.dpr, 9);
  expect(Math.max(difference("tpr"), difference("fpr"))).toBeCloseTo(wanted.eod, 9);
  expect(Math.min(ratio("tpr"), ratio("fpr"))).toBeCloseTo(wanted.eor, 9);
  expect(difference("tpr")).toBeCloseTo(wanted.eopd, 9);
}

/** The inputs of `random_n5000` are not among the reference files. */
const known = Object.entries(cases).filter(([, one]) => one.inputs_ref !== "random_n5000");

test.each(known)("%s: overall, by group, difference, ratio, minimum and maximum", (_, wanted) => {
  const stored = wanted.inputs_ref;
  if (stored !== undefined) {
    const { inputs } = reference<{ inputs: { y: number[]; score: number[]; group: string[] } }>(`${stored}.json`);
    const rows = tableOf(inputs.y, inputs.score, inputs.group);
    expectFrame(rows, wanted.one_attribute);
    expectSummaries(rows, wanted);
    return;
  }
  const { y, y_pred, g1, g2, weight } = wanted.inputs as NonNullable<Case["inputs"]>;
  const rows = tableOf(y, y_pred, g1);
  expectFrame(rows, wanted.one_attribute);
  expectSummaries(rows, wanted);
  const crossed = g1.map((one, i) => `${one}|${g2[i]}`);
  expectFrame(tableOf(y, y_pred, crossed), wanted.intersection as Frame);
  const weighted = tableOf(y, y_pred, g1, weight);
  const difference = (name: string) => rowOf(weighted, name).difference.groups.estimate as number;
  expect(difference("selection_rate")).toBeCloseTo(wanted.dpd_weighted as number, 9);
  expect(Math.max(difference("tpr"), difference("fpr"))).toBeCloseTo(wanted.eod_weighted as number, 9);
});

describe("what the frame does not have", () => {
  const random = randomFrom(6, "table");
  const rows = Array.from({ length: 300 }, (_, row) => row);
  const labels = rows.map((row) => Math.floor(row / 3) % 2);
  const scores = rows.map((row) => (labels[row] as number) + random.normal());
  const groups = rows.map((row) => ["a", "b", "c"][Math.floor(row / 3) % 3] as string);
  const patients = rows.map((row) => Math.floor(row / 3));
  const AREA = {
    name: "auc",
    estimate: (data: LabelledScores) => areaUnderCurve(data),
    difference: (a, b) => aucDifference(a as never, b as never, true),
  } satisfies TableMetric;

  test("intervals are clustered by patient: wider than of independent images", () => {
    const width = (row: TableRow | undefined) => {
      const interval = row?.byGroup.get("group=a")?.interval;
      return (interval?.upper as number) - (interval?.lower as number);
    };
    const repeated = scores.map((_, row) => scores[3 * Math.floor(row / 3)] as number); // a patient's images are alike
    const [once] = subgroupTable(cleanStudy({ labels, scores: repeated, families: { group: groups } }), {
      metrics: [AREA],
    });
    const [clustered] = subgroupTable(cleanStudy({ labels, scores: repeated, patients, families: { group: groups } }), {
      metrics: [AREA],
    });
    expect(width(clustered) / width(once)).toBeGreaterThan(1.5);
  });

  test("a group of one class is there with its reason, and the summaries name it", () => {
    const only = labels.map((label, row) => (groups[row] === "c" ? 1 : label));
    const [row] = subgroupTable(cleanStudy({ labels: only, scores, families: { group: groups } }), { metrics: [AREA] });
    expect(row?.byGroup.get("group=c")).toMatchObject({ status: "not-estimable", estimate: null, interval: null });
    expect(row?.byGroup.get("group=c")?.reason).toContain("negative");
    expect(row?.difference.groups).toMatchObject({ status: "measured" });
    expect(row?.difference.groups.reason).toContain("group=c");
  });

  test("rows are metrics × classes × families × conditions", () => {
    const found = subgroupTable(cleanStudy({ labels, scores, families: { group: groups, also: groups } }), {
      metrics: [AREA, ...METRICS],
      families: ["also"],
    });
    expect(found.map(({ metric }) => metric)).toEqual(["auc", ...METRICS.map(({ name }) => name)]);
    expect(
      new Set(found.map(({ family, class: name, condition }) => JSON.stringify([family, name, condition]))),
    ).toEqual(new Set([JSON.stringify(["also", CLASS, CLEAN])]));
  });

  test("summaries are simultaneous: their limits are those of the groups and pairs at the Bonferroni level", () => {
    const study = cleanStudy({ labels, scores, patients, families: { group: groups } });
    const at = (level: number) => {
      const rows = subgroupTable(study, { metrics: METRICS, level });
      return rowOf(rows, "tpr");
    };
    const [row, three] = [at(0.95), at(1 - 0.05 / 3)];
    const limits = [...three.byGroup.values()].map(({ interval }) => interval);
    expect(row.min.interval?.lower).toBeCloseTo(Math.min(...limits.map((one) => one?.lower ?? 1)), 12);
    expect(row.max.interval?.upper).toBeCloseTo(Math.max(...limits.map((one) => one?.upper ?? 0)), 12);
    // Three pairs: two groups alone at a third of the error have the ratio that a table of both gives.
    const pairs = [
      ["a", "b"],
      ["a", "c"],
      ["b", "c"],
    ].map((pair) => {
      const kept = rows.filter((index) => pair.includes(groups[index] as string));
      const of = <T>(column: readonly T[]) => kept.map((index) => column[index] as T);
      const two = cleanStudy({
        labels: of(labels),
        scores: of(scores),
        patients: of(patients),
        families: { group: of(groups) },
      });
      return rowOf(subgroupTable(two, { metrics: METRICS, level: 1 - 0.05 / 3 }), "tpr").ratio.groups.interval;
    });
    expect(row.ratio.groups.interval?.lower).toBeCloseTo(Math.min(...pairs.map((one) => one?.lower ?? 1)), 12);
    expect(row.ratio.groups.interval?.upper).toBeCloseTo(Math.min(...pairs.map((one) => one?.upper ?? 1)), 12);
  });
});
