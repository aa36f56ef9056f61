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
  });
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
