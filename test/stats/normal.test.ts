import { criticalValue, normalCdf, normalQuantile } from "../../src/stats/normal.js";
import { expectClose } from "../support/reference.js";

// SciPy 1.17.1: norm.ppf and norm.cdf.
const QUANTILES = [
  [0.5, 0],
  [0.6, 0.2533471031357997],
  [0.95, 1.6448536269514722],
  [0.975, 1.959963984540054],
  [0.995, 2.5758293035489004],
  [1e-3, -3.090232306167813],
  [1e-10, -6.361340902404056],
  [1e-100, -21.273453560965322],
  [1e-300, -37.0470962993612],
] as const;

test.each(QUANTILES)("quantile of %d", (p, z) => expectClose(normalQuantile(p), z, 1e-14));

test("limits and nonsense", () => {
  expect([0, 1, -0.1, 1.1, Number.NaN].map(normalQuantile)).toEqual([-Infinity, Infinity, NaN, NaN, NaN]);
});

test.each([
  [-1.959963984540054, 0.025],
  [0.3, 0.6179114221889526],
  [-0.3, 0.3820885778110474],
  [1, 0.8413447460685429],
  [-3, 0.0013498980316300933],
  [-8, 6.22096057427174e-16],
  [-37, 5.7255712225239266e-300],
])("probability below %d", (z, p) => expectClose(normalCdf(z), p, 2e-13, 0));

test("the cumulative probability undoes the quantile", () => {
  for (let p = 0.0005; p < 1; p += 0.0137) expectClose(normalCdf(normalQuantile(p)), p, 1e-14);
});

test("critical values are two-sided", () => expectClose(criticalValue(0.95), 1.959963984540054, 1e-15));
