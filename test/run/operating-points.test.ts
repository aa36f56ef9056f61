import type { OperatingPoint } from "../../src/core/audit.js";
import { canonicalJson, sha256 } from "../../src/core/hash.js";
import { chooseOperatingPoints } from "../../src/run/operating-points.js";

const tuning = () => ({
  scores: Float64Array.of(0.1, 0.2, 0.3, 0.4, Number.NaN, 0.9, 0.95),
  labels: Int8Array.of(0, 0, 1, 1, 1, -1, 1),
});

test("a point is chosen on labelled and scored tuning samples alone", () => {
  const [point] = chooseOperatingPoints([{ id: "p", sensitivity: 0.6 }], ["x"], tuning);
  expect(point).toEqual({
    id: "p",
    class: "x",
    threshold: 0.4,
    rule: "sensitivity 0.6",
    chosenOn: "tuning",
    n: 5,
    positives: 3,
    reason: null,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});

test("a point's hash is that of its fields: another threshold, one ulp away, has another", () => {
  const [a, again, moved] = [0.5, 0.5, 0.5000000000000001].map(
    (threshold) => chooseOperatingPoints([{ id: "p", threshold }], ["x"], tuning)[0],
  );
  const { sha256: hash, ...fields } = a as OperatingPoint;
  expect(hash).toBe(sha256(canonicalJson(fields)));
  expect(again?.sha256).toBe(hash);
  expect(moved?.sha256).not.toBe(hash);
});

test("thresholds by class: classes without one have no point", () => {
  const points = chooseOperatingPoints([{ id: "p", thresholds: { y: 0.25, z: 0.75 } }], ["x", "y", "z"], tuning);
  expect(points.map(({ class: name, threshold, chosenOn }) => [name, threshold, chosenOn])).toEqual([
    ["y", 0.25, "protocol"],
    ["z", 0.75, "protocol"],
  ]);
});

test("rules that weigh both errors say what they weigh", () => {
  const rules = [
    { id: "a", youden: true as const },
    { id: "b", cost: { falsePositive: 1, falseNegative: 5, prevalence: 0.02 } },
    { id: "c", netBenefit: { thresholdProbability: 0.1 } },
  ];
  expect(chooseOperatingPoints(rules, ["x"], tuning).map(({ rule }) => rule)).toEqual([
    "greatest Youden index",
    "least expected cost, false positive 1, false negative 5 at prevalence 0.02",
    "greatest net benefit at threshold probability 0.1",
  ]);
});

test("every class has a point, unless the protocol names one", () => {
  const entries = [
    { id: "all", specificity: 0.5 },
    { id: "one", class: "y", threshold: 0.7 },
  ];
  const points = chooseOperatingPoints(entries, ["x", "y"], tuning);
  expect(points.map((point) => [point.id, point.class, point.chosenOn])).toEqual([
    ["all", "x", "tuning"],
    ["all", "y", "tuning"],
    ["one", "y", "protocol"],
  ]);
});

test("a point that cannot be chosen has no threshold, and a reason", () => {
  const healthy = () => ({ scores: Float64Array.of(0.1, 0.2), labels: Int8Array.of(0, 0) });
  const [point] = chooseOperatingPoints([{ id: "p", sensitivity: 0.9 }], ["x"], healthy);
  expect(point).toMatchObject({ threshold: null, positives: 0, n: 2 });
  expect(point?.reason).toMatch(/0 positives/);
});
