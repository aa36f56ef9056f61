import audit from "../../audits/gaps-under-attack.js";
import robustness from "../../audits/robustness.js";
import { CLEAN, type Condition } from "../../src/core/condition.js";
import type { Finding } from "../../src/core/finding.js";
import { randomFrom } from "../../src/core/random.js";
import { CLASS, expectSound, findingById, POINT, type StudyColumns, studyOf } from "../support/study.js";

const CONTEXT = { parameters: { margin: 0.05 }, level: 0.95, seed: 1 };
const Z = 1.959963984540054;
const ATTACK: Condition = { attack: "searched", epsilon: 8 / 255, norm: "linf", defense: "none" };
const DEFENDED: Condition = { ...ATTACK, defense: "jpeg", adaptive: true };

interface Options {
  readonly patients?: number;
  readonly perPatient?: number;
  /** How far the attack pulls each group's classes together. */
  readonly harm: Readonly<Record<string, number>>;
  /** What is left of the harm behind the defense. */
  readonly left?: Readonly<Record<string, number>>;
  readonly seed?: number;
  readonly groups?: readonly string[];
}

/** Groups take turns by patient; scores are one standard deviation of noise around 0 and 2. */
function columnsOf({ patients = 200, perPatient = 1, harm, left = {}, seed = 1, groups = ["a", "b"] }: Options) {
  const random = randomFrom(seed, "gaps");
  const rows = Array.from({ length: patients * perPatient }, (_, row) => row);
  const patientOf = rows.map((row) => Math.floor(row / perPatient));
  const group = patientOf.map((patient) => groups[patient % groups.length] as string);
  const labels = patientOf.map((patient) => (Math.floor(patient / groups.length) % 2 === 0 ? 1 : 0));
  const own = Array.from({ length: patients }, () => random.normal());
  const clean = rows.map((row) => {
    const noise =
      perPatient === 1 ? random.normal() : 0.8 * (own[patientOf[row] as number] as number) + 0.6 * random.normal();
    return 2 * (labels[row] as number) + noise;
  });
  const pulled = (kept: number, row: number) =>
    (clean[row] as number) - kept * (harm[group[row] as string] as number) * (2 * (labels[row] as number) - 1);
  const columns: StudyColumns = {
    labels,
    patients: patientOf,
    families: { sex: group },
    threshold: 1,
    conditions: [
      { condition: CLEAN, scores: clean },
      { condition: ATTACK, scores: rows.map((row) => pulled(1, row) + 0.1 * random.normal()) },
      {
        condition: DEFENDED,
        scores: rows.map((row) => pulled(left[group[row] as string] ?? 1, row) + 0.1 * random.normal()),
      },
    ],
  };
  return columns;
}

const id = (metric: string, group: string, key: string, point?: string) =>
  [audit.meta.id, metric, CLASS, ...(point === undefined ? [] : [point]), `sex=${group}`, key].join("/");
const UNDEFENDED_KEY = "searched@0.0314";
const DEFENDED_KEY = "searched@0.0314+jpeg:adaptive";

function standardError({ interval }: Finding): number {
  return ((interval?.upper as number) - (interval?.lower as number)) / (2 * Z);
}

test("without shared patients it is the difference of the two drops, with the sum of their variances", () => {
  const study = studyOf(columnsOf({ harm: { a: 0.2, b: 0.8 } }));
  const drops = robustness.evaluate(study, CONTEXT);
  const drop = (group: string) => findingById(drops, `robustness/auc-drop/${CLASS}/sex=${group}/${UNDEFENDED_KEY}`);
  const found = findingById(audit.evaluate(study, CONTEXT), id("auc-drop-difference-rest", "b", UNDEFENDED_KEY));
  expect(found.estimate).toBeCloseTo((drop("b").estimate as number) - (drop("a").estimate as number), 12);
  expect(standardError(found)).toBeCloseTo(Math.hypot(standardError(drop("a")), standardError(drop("b"))), 12);
  expect(found.n).toBe(200);
});

test("with two groups what one loses beyond the rest, the other loses less", () => {
  const findings = audit.evaluate(studyOf(columnsOf({ harm: { a: 0.2, b: 0.6 }, perPatient: 3 })), CONTEXT);
  expectSound(
    findings,
    audit.meta.metrics.map((metric) => metric.id),
  );
  for (const [metric, point] of [
    ["auc-drop-difference-rest", undefined],
    ["sensitivity-drop-difference-rest", POINT],
    ["specificity-drop-difference-rest", POINT],
    ["fooling-rate-difference-rest", POINT],
    ["auc-recovery-difference-rest", undefined],
  ] as const) {
    const key = metric.includes("recovery") ? DEFENDED_KEY : UNDEFENDED_KEY;
    const [a, b] = ["a", "b"].map((group) => findingById(findings, id(metric, group, key, point)));
    expect(a?.estimate).toBeCloseTo(-(b?.estimate as number), 12);
    expect(a?.interval?.lower).toBeCloseTo(-(b?.interval?.upper as number), 12);
    expect(a?.tests?.[0]?.p).toBeCloseTo(b?.tests?.[0]?.p as number, 9);
  }
});

test("a planted harm is found in the group that bears it, and equal harm is not", () => {
  const planted = audit.evaluate(studyOf(columnsOf({ harm: { a: 0.1, b: 0.9 }, patients: 400 })), CONTEXT);
  const found = findingById(planted, id("auc-drop-difference-rest", "b", UNDEFENDED_KEY));
  expect(found.interval?.lower).toBeGreaterThan(0.05);
  expect(found.tests?.[0]).toMatchObject({ hypothesis: "no difference" });
  expect(found.tests?.[0]?.p).toBeLessThan(1e-4);

  let alarms = 0;
  const studies = 200;
  for (let seed = 1; seed <= studies; seed++) {
    const columns = columnsOf({ harm: { a: 0.5, b: 0.5 }, patients: 120, perPatient: 2, seed });
    const findings = audit.evaluate(studyOf(columns), CONTEXT);
    const { tests } = findingById(findings, id("auc-drop-difference-rest", "b", UNDEFENDED_KEY));
    if ((tests?.[0]?.p as number) < 0.05) alarms++;
  }
  // 5 % of 200 is 10; twice that is beyond four standard deviations of the binomial.
  expect(alarms).toBeLessThanOrEqual(22);
});

test("what a defense gives back is what it saves of the drop, and it may forget a group", () => {
  const study = studyOf(columnsOf({ harm: { a: 0.8, b: 0.8 }, left: { a: 0, b: 1 }, patients: 400 }));
  const drops = robustness.evaluate(study, CONTEXT);
  const findings = audit.evaluate(study, CONTEXT);
  for (const group of ["a", "b"]) {
    const drop = (key: string) =>
      findingById(drops, `robustness/auc-drop/${CLASS}/sex=${group}/${key}`).estimate as number;
    const recovery = findingById(findings, id("auc-recovery", group, DEFENDED_KEY));
    expect(recovery.estimate).toBeCloseTo(drop(UNDEFENDED_KEY) - drop(DEFENDED_KEY), 12);
  }
  const forgotten = findingById(findings, id("auc-recovery-difference-rest", "b", DEFENDED_KEY));
  expect(forgotten.interval?.upper).toBeLessThan(0);
  expect(findings.some((one) => one.metric === "auc-recovery" && one.condition.defense === "none")).toBe(false);
});

test("patients in both groups bring their covariance: against a jackknife over patients", () => {
  // Two images a patient, one in each group, so that both losses rest on the same patients.
  const columns = columnsOf({ harm: { a: 0.3, b: 0.6 }, patients: 150, perPatient: 2 });
  const views = columns.labels.map((_, row) => (row % 2 === 0 ? "a" : "b"));
  const estimateWithout = (left: number | null) => {
    const kept = columns.labels.map((_, row) => row).filter((row) => (columns.patients?.[row] as number) !== left);
    const pick = <Value>(all: readonly Value[]) => kept.map((row) => all[row] as Value);
    const study = studyOf({
      labels: pick(columns.labels),
      patients: pick(columns.patients ?? []),
      families: { sex: pick(views) },
      conditions: columns.conditions.slice(0, 2).map(({ condition, scores }) => ({ condition, scores: pick(scores) })),
    });
    return findingById(audit.evaluate(study, CONTEXT), id("auc-drop-difference-rest", "b", UNDEFENDED_KEY));
  };
  const whole = estimateWithout(null);
  const left = Array.from({ length: 150 }, (_, patient) => estimateWithout(patient).estimate as number);
  const mean = left.reduce((sum, value) => sum + value, 0) / left.length;
  const variance = (149 / 150) * left.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  expect(standardError(whole) / Math.sqrt(variance)).toBeGreaterThan(0.93);
  expect(standardError(whole) / Math.sqrt(variance)).toBeLessThan(1.07);
});
