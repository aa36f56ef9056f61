import audit from "../../audits/search-effort.js";
import { CLEAN, type Condition } from "../../src/core/condition.js";
import { findingById, studyOf } from "../support/study.js";

const CONTEXT = { parameters: {}, level: 0.95, seed: 1 };
const ATTACK: Condition = { attack: "searched", epsilon: 2 / 255, norm: "linf", defense: "none" };
const ID = "search-effort/median-queries/disease/screening/all/searched@0.0078";

function study(spent: readonly number[], success: readonly number[]) {
  const labels = spent.map((_, row) => row % 2);
  const scores = labels.map((label) => 0.2 + 0.6 * label);
  return studyOf({
    labels,
    threshold: 0.5,
    conditions: [
      { condition: CLEAN, scores },
      {
        condition: ATTACK,
        scores,
        measures: { "search.queries": spent, "search.queries-to-success": success },
      },
      {
        condition: { ...ATTACK, defense: "jpeg", adaptive: false },
        scores,
        measures: { "search.queries": spent, "search.queries-to-success": success },
      },
      { condition: { ...ATTACK, attack: "random-sign" }, scores },
    ],
    attackKnowledge: { searched: "scores", "random-sign": "none" },
  });
}

test("images that did not flip count as censored, not as left out", () => {
  // Without the censored ones the median would be 20.
  const success = [10, 20, 30, Number.NaN, Number.NaN];
  const finding = findingById(audit.evaluate(study([10, 20, 30, 100, 100], success), CONTEXT), ID);
  expect(finding.estimate).toBe(30);
  expect(finding).toMatchObject({ unit: "query", n: 5, details: { flipped: 3, "mean-queries": 52 } });
});

test("where the budget is too small for half of the images, there is no median", () => {
  const finding = findingById(
    audit.evaluate(study([10, 100, 100, 100], [10, Number.NaN, Number.NaN, Number.NaN]), CONTEXT),
    ID,
  );
  expect(finding).toMatchObject({ status: "not-estimable", estimate: null });
  expect(finding.reason).toContain("1 of 4 decisions");
});

test("attacks that ask nothing about an image have no finding, nor a search that is another condition's", () => {
  const findings = audit.evaluate(study([10, 10], [10, 10]), CONTEXT);
  expect(findings.map((finding) => finding.condition.attack)).toEqual(["searched"]);
});
