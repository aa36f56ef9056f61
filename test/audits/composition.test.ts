import composition from "../../audits/composition.js";
import type { Study } from "../../src/core/audit.js";
import { CLASS, cleanStudy, expectSound, findingById } from "../support/study.js";

const CONTEXT = { parameters: {}, level: 0.95, seed: 1 };
const METRICS = composition.meta.metrics.map((metric) => metric.id);
const id = (metric: string, group = "all") => `composition/${metric}/${CLASS}/${group}/clean`;

/** Per sex: positives, negatives, labels missing. */
const CELLS = { F: [30, 70, 4], M: [12, 88, 0], unknown: [9, 11, 1] } as const;
const samples = Object.entries(CELLS).flatMap(([sex, counts]) =>
  [1, 0, -1].flatMap((label, kind) => Array.from({ length: counts[kind] as number }, () => ({ sex, label }))),
);
const study = cleanStudy({
  labels: samples.map(({ label }) => label),
  scores: samples.map((_, row) => row / samples.length),
  families: { sex: samples.map(({ sex }) => sex) },
});
const findings = [...(composition.overall?.(study, CONTEXT) ?? []), ...composition.evaluate(study, CONTEXT)];
const of = (name: string) => findingById(findings, name);

test("prevalence by group, with Wilson's interval", () => {
  expectSound(findings, METRICS);
  expect(of(id("prevalence")).estimate).toBeCloseTo(51 / 220, 12);
  const women = of(id("prevalence", "sex=F"));
  expect(women).toMatchObject({ estimate: 0.3, n: 100, positives: 30, negatives: 70 });
  // Wilson's formula in Python: 30 of 100.
  expect(women.interval?.lower).toBeCloseTo(0.2189488529493276, 9);
  expect(women.interval?.upper).toBeCloseTo(0.3958485463334666, 9);
});

test("Wald's test that all groups are ill as often", () => {
  const gap = of(id("prevalence-gap", "sex"));
  expect(gap.estimate).toBeCloseTo(0.45 - 0.12, 12);
  // Σ w (p − p̄)² with w = (n − 1)/(p(1 − p)): the groups share no patient.
  const shares = [0.3, 0.12, 0.45];
  const weights = [99, 99, 19].map((n, i) => n / ((shares[i] as number) * (1 - (shares[i] as number))));
  const mean = shares.reduce((sum, p, i) => sum + p * (weights[i] as number), 0) / weights.reduce((a, b) => a + b);
  const statistic = shares.reduce((sum, p, i) => sum + (weights[i] as number) * (p - mean) ** 2, 0);
  const wald = gap.tests?.find(({ method }) => method === "wald");
  expect(wald).toMatchObject({ degrees: 2 });
  expect(wald?.statistic).toBeCloseTo(statistic, 9);
});

test("labels and attributes that are missing", () => {
  expect(of(id("missing-label-rate")).estimate).toBeCloseTo(5 / 225, 12);
  expect(of(id("missing-label-rate", "sex=F"))).toMatchObject({ estimate: 4 / 104, n: 104, positives: 4 });
  expect(of("composition/group-share/all-classes/sex=unknown/clean").estimate).toBeCloseTo(21 / 225, 12);
  const byLabel = of(id("attribute-missing-by-label", "sex=unknown"));
  expect(byLabel.estimate).toBeCloseTo(9 / 51 - 11 / 169, 12);
  expect(byLabel.details).toMatchObject({ "missing-among-positives": 9 / 51, "missing-among-negatives": 11 / 169 });
  // Newcombe's method 10 by hand: Wilson's limits in Python, 9 of 51 and 11 of 169.
  expect(byLabel.interval?.lower).toBeCloseTo(
    9 / 51 - 11 / 169 - Math.hypot(9 / 51 - 0.095724034691, 0.112779704713 - 11 / 169),
    9,
  );
  expect(byLabel.interval?.upper).toBeCloseTo(
    9 / 51 - 11 / 169 + Math.hypot(0.302541425243 - 9 / 51, 11 / 169 - 0.036729903671),
    9,
  );
  expect(byLabel.tests?.[0]?.p).toBeLessThan(0.06);
});

test("labels are counted by group only where any is missing, attributes only where the group is there", () => {
  const complete = cleanStudy({
    labels: [1, 0, 1, 0],
    scores: [1, 2, 3, 4],
    families: { sex: ["F", "F", "M", "M"] },
  });
  const found = composition.evaluate(complete, CONTEXT).map((one) => one.id);
  expect(found.filter((one) => one.includes("missing"))).toEqual([id("missing-label-rate")]);
});

test("prevalence here and in the tuning split", () => {
  const labels = Int8Array.from([...Array(40).fill(1), ...Array(60).fill(0)]);
  const members = Uint32Array.from(labels.keys());
  const tuning: Study["tuning"] = {
    count: 100,
    patients: Int32Array.from(labels.keys()),
    labels: () => labels,
    scores: () => new Float64Array(100),
    subgroups: [
      { family: null, values: {}, members },
      { family: "sex", values: { sex: "F" }, members: members.slice(0, 50) },
      { family: "sex", values: { sex: "M" }, members: members.slice(50) },
    ],
  };
  const found = composition.evaluate({ ...study, tuning }, CONTEXT);
  expectSound(found, METRICS);
  const shift = findingById(found, id("prevalence-shift"));
  expect(shift.estimate).toBeCloseTo(51 / 220 - 0.4, 12);
  expect(shift).toMatchObject({ n: 320, patients: 320, details: { tuning: 0.4, "tuning-n": 100 } });
  // Codes of patients are each split's own: equal ones are not one patient, and the splits are independent.
  expect(shift.interval?.method).toBe("newcombe-score");
  const wald = (51 / 220 - 0.4) ** 2 / (((51 / 220) * (169 / 220)) / 219 + 0.24 / 99);
  expect(shift.tests?.[0]?.statistic).toBeCloseTo(wald, 9);
  expect(found.some((one) => one.id === id("prevalence-shift", "sex=unknown"))).toBe(false);
});
