import audit from "../../audits/decision-curve.js";
import { CLEAN } from "../../src/core/condition.js";
import type { Finding } from "../../src/core/finding.js";
import { type ReferenceInputs, reference } from "../support/reference.js";
import { CLASS, expectSound, findingById, type StudyColumns, studyOf } from "../support/study.js";

const { inputs } = reference<{ inputs: Required<ReferenceInputs> }>("random_n500.json");
const DEFENDED = { ...CLEAN, defense: "jpeg" };

const evaluate = (asked: object = {}, columns: Partial<StudyColumns> = {}): Finding[] =>
  audit.evaluate(
    studyOf({
      labels: inputs.y,
      conditions: [
        { condition: CLEAN, scores: inputs.score },
        { condition: DEFENDED, scores: inputs.score2 },
        { condition: { ...CLEAN, attack: "blur", severity: 1 }, scores: inputs.score2 },
      ],
      families: { group: inputs.group },
      ...columns,
    }),
    { parameters: audit.meta.parameters?.parse(asked) ?? {}, level: 0.95, seed: 1 },
  );
const id = (metric: string, group = "all") => `decision-curve/${metric}/${CLASS}/${group}/clean`;

test("sound findings on images without an attack, with a curve on the asked grid", () => {
  const findings = evaluate({ thresholds: [0.4, 0.1, 0.25, 0.1], at: 0.25 });
  expectSound(
    findings,
    audit.meta.metrics.map((metric) => metric.id),
  );
  expect(new Set(findings.map(({ condition }) => condition.attack))).toEqual(new Set(["none"]));
  expect(new Set(findings.map(({ condition }) => condition.defense))).toEqual(new Set(["none", "jpeg"]));
  for (const group of ["all", "group=A", "group=B", "group=C"]) {
    const { curve, estimate, interval, details } = findingById(findings, id("net-benefit", group));
    expect(curve?.x).toEqual([0.1, 0.25, 0.4]);
    expect(curve?.y[1]).toBeCloseTo(estimate as number, 12);
    expect(curve?.lower[1]).toBeCloseTo(interval?.lower as number, 9);
    expect(curve?.references?.["treat-all"]?.[1]).toBeCloseTo(details?.["treat-all"] as number, 12);
    const beyond = findingById(findings, id("net-benefit-over-treat-all", group));
    expect(beyond.estimate).toBeCloseTo((estimate as number) - (details?.["treat-all"] as number), 12);
    expect(beyond.tests?.[0]?.hypothesis).toBe("no difference");
  }
});

test("a stated prevalence takes the place of that of the samples", () => {
  const own = findingById(evaluate(), id("net-benefit"));
  const rare = findingById(evaluate({ prevalence: { [CLASS]: 0.02 } }), id("net-benefit"));
  expect(own.details).toMatchObject({ prevalence: 129 / 500, "prevalence-is": "that of the samples" });
  expect(rare.details).toMatchObject({ prevalence: 0.02, "prevalence-is": "stated" });
  expect(rare.estimate).toBeLessThan(0.02);
  expect(rare.details?.standardised).toBeCloseTo((rare.estimate as number) / 0.02, 12);
  expect(rare.curve?.references?.["treat-all"]?.[1]).toBeCloseTo(0.02 - 0.98 / 9, 12);
});

test("not applicable where scores are no probabilities", () => {
  const findings = evaluate({}, { probabilities: false });
  expect(findings.length).toBeGreaterThan(0);
  for (const finding of findings) {
    expect(finding).toMatchObject({ status: "not-applicable", estimate: null, interval: null });
    expect(finding.reason).toContain("no probabilities");
    expect(finding.curve).toBeUndefined();
  }
});

test("thresholds are probabilities", () => {
  const accepts = (asked: object) => audit.meta.parameters?.safeParse(asked).success;
  expect([{ at: 0 }, { at: 1 }, { thresholds: [0.1] }, { thresholds: [0.1, 1] }].map(accepts)).not.toContain(true);
  expect(accepts({ at: 0.2, thresholds: [0.1, 0.3] })).toBe(true);
});
