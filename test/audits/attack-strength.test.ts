import audit from "../../audits/attack-strength.js";
import type { Study } from "../../src/core/audit.js";
import { CLEAN, type Condition } from "../../src/core/condition.js";
import type { Measure } from "../../src/core/measures.js";
import { areaUnderCurve } from "../../src/stats/auc.js";
import { findingById, studyOf } from "../support/study.js";

const CONTEXT = { parameters: {}, level: 0.95, seed: 1 };
const at = (epsilon: number): Condition => ({ attack: "searched", epsilon, norm: "linf", defense: "none" });
const LADDER = [1 / 255, 2 / 255, 4 / 255];

/** 40 samples whose clean score is ±1; sample i flips once ε reaches its own least ε. */
function study(least: (sample: number) => number, noted?: (sample: number) => number) {
  const rows = Array.from({ length: 40 }, (_, i) => i);
  const labels = rows.map((row) => row % 2);
  const clean = labels.map((label) => (label === 1 ? 0.9 : 0.1));
  return studyOf({
    labels,
    threshold: 0.5,
    conditions: [
      { condition: CLEAN, scores: clean },
      ...LADDER.map((epsilon) => ({
        condition: at(epsilon),
        scores: rows.map((row) => (least(row) <= epsilon ? 1 - (clean[row] as number) : (clean[row] as number))),
        ...(noted === undefined ? {} : { measures: { "search.least-distance": rows.map(noted) } }),
      })),
    ],
    attackKnowledge: { searched: "scores" },
  });
}

const MEDIAN = "attack-strength/median-minimal-epsilon/disease/screening/all/searched@0.0157";
const AREA = "attack-strength/auc-epsilon-area/disease/all/searched@0.0157";

test("the median is the first rung at which at most half still stand", () => {
  // 10 flip at the first rung, 15 at the second, 5 at the third, 10 never.
  const least = (row: number) => (row < 10 ? 1 : row < 25 ? 2 : row < 30 ? 4 : 100) / 255;
  const finding = findingById(audit.evaluate(study(least), CONTEXT), MEDIAN);
  expect(finding.estimate).toBeCloseTo(2 / 255, 12);
  expect(finding.details).toMatchObject({ flipped: 30 });
  expect(finding.unit).toBe("window");
  expect(finding.interval?.lower).toBeLessThanOrEqual(2 / 255);
  expect(finding.interval?.upper).toBeGreaterThanOrEqual(2 / 255);
});

test("what the search noted is finer than the ladder", () => {
  const least = (row: number) => (row < 30 ? 3.5 : 100) / 255;
  const noted = (row: number) => (row < 30 ? (3 + row / 100) / 255 : Number.NaN);
  const finding = findingById(audit.evaluate(study(least, noted), CONTEXT), MEDIAN);
  expect(finding.estimate).toBeGreaterThan(3 / 255);
  expect(finding.estimate).toBeLessThan(3.3 / 255);
});

test("what was noted without the defense says nothing of the defended model", () => {
  const base = study(
    (row) => (row < 30 ? 3.5 : 100) / 255,
    () => 3 / 255,
  );
  const unaware = {
    ...base,
    conditions: base.conditions.map((condition) =>
      condition.attack === "none" ? condition : { ...condition, defense: "jpeg", adaptive: false },
    ),
    scores: (condition: Condition, name: string) =>
      base.scores({ ...at(condition.epsilon), attack: condition.attack }, name),
    measures: (condition: Condition, measure: Measure) => base.measures(at(condition.epsilon), measure),
  };
  const findings = audit.evaluate(unaware as Study, CONTEXT);
  const found = findings.find((finding) => finding.metric === "median-minimal-epsilon");
  expect(found?.estimate).toBeCloseTo(4 / 255, 12);
});

test("where fewer than half flip, the median is not estimable, and says how many did", () => {
  const finding = findingById(
    audit.evaluate(
      study((row) => (row < 6 ? 2 : 100) / 255),
      CONTEXT,
    ),
    MEDIAN,
  );
  expect(finding).toMatchObject({ status: "not-estimable", estimate: null, interval: null });
  expect(finding.reason).toMatch(/^6 of 40 decisions flipped/);
});

test("a decision that flips at a small ε and back at a larger one has flipped", () => {
  const base = study(() => 100);
  const flipped = base.scores(at(LADDER[0] as number), "disease").map((score) => 1 - score);
  const odd = {
    ...base,
    scores: (condition: Condition, name: string) =>
      condition.epsilon === LADDER[0] ? flipped : base.scores(condition, name),
  };
  expect(findingById(audit.evaluate(odd, CONTEXT), MEDIAN).estimate).toBeCloseTo(1 / 255, 12);
});

test("the area is the trapezoidal mean of the AUCs over ε, and 1 without error where nothing moves", () => {
  const still = findingById(
    audit.evaluate(
      study(() => 100),
      CONTEXT,
    ),
    AREA,
  );
  expect(still.estimate).toBe(1);
  const least = (row: number) => (row < 10 ? 1 : row < 25 ? 2 : 4) / 255;
  const attacked = study(least);
  const [none, one, two, four] = [CLEAN, ...LADDER.map(at)].map((condition) => {
    const area = areaUnderCurve({
      scores: attacked.scores(condition, "disease"),
      labels: Uint8Array.from(attacked.labels("disease")),
      patients: attacked.patients,
      clustered: false,
    });
    return area.status === "estimated" ? area.value : Number.NaN;
  }) as [number, number, number, number];
  const expected = ((none + one) / 2 + (one + two) / 2 + two + four) / 4;
  const finding = findingById(audit.evaluate(attacked, CONTEXT), AREA);
  expect(finding.estimate).toBeCloseTo(expected, 12);
  expect(finding.interval?.method).toBe("delong-trapezoid");
});
