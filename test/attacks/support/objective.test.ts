import { attackedLogits, OBJECTIVES, objectiveOf, objectiveValue } from "../../../attacks/support/objective.js";
import type { Calibration } from "../../../src/core/attack.js";

const labels = Uint8Array.of(1, 0, 1, 0);

test("operating-point is the mean log-probability of the true class", () => {
  const probabilities = [0.9, 0.2, 0.4, 0.7];
  const logits = Float64Array.from(probabilities, (p) => Math.log(p / (1 - p)));
  const expected = (Math.log(0.9) + Math.log(0.8) + Math.log(0.4) + Math.log(0.3)) / 4;
  expect(objectiveValue(OBJECTIVES["operating-point"], logits, labels)).toBeCloseTo(expected, 12);
});

test("ranking is the AUC where scores are far apart, one half where they are equal, and blind to a common shift", () => {
  const { ranking } = OBJECTIVES;
  // Positives 300 and −100, negatives 0 and −200: of four pairs, three are in order.
  const far = Float64Array.of(300, 0, -100, -200);
  expect(objectiveValue(ranking, far, labels)).toBeCloseTo(0.75, 12);
  expect(objectiveValue(ranking, new Float64Array(4), labels)).toBeCloseTo(0.5, 12);
  const near = Float64Array.of(1, 0.3, -0.2, 0.1);
  const shifted = near.map((logit) => logit + 5);
  expect(objectiveValue(ranking, shifted, labels)).toBeCloseTo(objectiveValue(ranking, near, labels), 12);
});

test("ranking weighs every pair alike, however uneven the classes", () => {
  const uneven = Uint8Array.of(1, 0, 0, 0);
  const logits = Float64Array.of(1, 0, 2, 3);
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  const expected = (sigmoid(1) + sigmoid(-1) + sigmoid(-2)) / 3;
  expect(objectiveValue(OBJECTIVES.ranking, logits, uneven)).toBeCloseTo(expected, 12);
});

test("logits are the attacked class's, finite even at 0 and 1", () => {
  const outputs = { count: 2, classes: ["a", "b"], values: Float64Array.of(0.1, 1, 0.2, 0) };
  const logits = attackedLogits(outputs, { classIndex: 1 } as Calibration);
  expect(logits[0]).toBeCloseTo(Math.log((1 - 1e-6) / 1e-6), 6);
  expect(logits[1]).toBeCloseTo(-Math.log((1 - 1e-6) / 1e-6), 6);
});

test("an unknown objective is an error of ours, and none asked for is the first", () => {
  expect(() => objectiveOf("fooling")).toThrow('"fooling"');
  expect(objectiveOf(null)).toBe(OBJECTIVES["operating-point"]);
});
