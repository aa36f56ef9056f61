import audit from "../../audits/corruption.js";
import { CLEAN, type Condition } from "../../src/core/condition.js";
import { findingById, studyOf } from "../support/study.js";

const CONTEXT = { parameters: {}, level: 0.95, seed: 1 };
const noise = (severity: number): Condition => ({ attack: "noise", epsilon: 0, severity, defense: "none" });

/** 20 samples, of which the first so many are decided wrongly. */
function study(cleanWrong: number, wrong: readonly number[]) {
  const labels = Array.from({ length: 20 }, (_, row) => row % 2);
  const scores = (errors: number) => labels.map((label, row) => (row < errors ? 1 - label : label));
  return studyOf({
    labels,
    patients: labels.map((_, row) => row >> 1),
    threshold: 0.5,
    conditions: [
      { condition: CLEAN, scores: scores(cleanWrong) },
      ...wrong.map((errors, index) => ({ condition: noise(index + 1), scores: scores(errors) })),
    ],
    attackKnowledge: { noise: "none" },
  });
}

const ERROR = "corruption/corruption-error/disease/screening/all/noise@s3";
const RELATIVE = "corruption/relative-corruption-error/disease/screening/all/noise@s3";

test("the error is the mean over severities, the relative one its ratio to the clean error", () => {
  const findings = audit.evaluate(study(4, [4, 6, 8]), CONTEXT);
  expect(findingById(findings, ERROR).estimate).toBeCloseTo(0.3, 12);
  expect(findingById(findings, RELATIVE).estimate).toBeCloseTo(1.5, 12);
  expect(findingById(findings, RELATIVE).interval?.lower).toBeGreaterThan(0);
  expect(findingById(findings, ERROR).details).toEqual({ severities: "1,2,3" });
});

test("a corruption that changes nothing has a ratio of 1 and no width: the samples are the same", () => {
  const { estimate, interval } = findingById(audit.evaluate(study(4, [4, 4, 4]), CONTEXT), RELATIVE);
  expect([estimate, interval?.lower, interval?.upper].map((value) => value?.toFixed(12))).toEqual(
    new Array(3).fill("1.000000000000"),
  );
});

test("without a wrong decision on clean images there is no ratio", () => {
  const findings = audit.evaluate(study(0, [1, 2, 3]), CONTEXT);
  expect(findingById(findings, RELATIVE)).toMatchObject({ status: "not-estimable", estimate: null });
  expect(findingById(findings, ERROR).status).toBe("measured");
});
