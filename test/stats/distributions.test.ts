import { betaQuantile, betaTails } from "../../src/stats/beta.js";
import { binomialDensity } from "../../src/stats/binomial.js";
import { logGamma } from "../../src/stats/gamma.js";
import { expectClose, reference } from "../support/reference.js";

type Rows = readonly (readonly number[])[];
const R =
  reference<Record<"lgamma" | "dbinom" | "pbeta" | "pbetaUpper" | "qbeta" | "qbetaUpper", Rows>>("distributions.json");

/** Holds f(arguments) against the last number of each row. */
function expectRows(rows: Rows, f: (...values: number[]) => number, relative = 1e-12): void {
  for (const row of rows) expectClose(f(...row.slice(0, -1)), row.at(-1) as number, relative, 1e-300);
}

test("log Γ is R's lgamma", () => {
  expectRows(R.lgamma, logGamma);
  expect(Math.abs(logGamma(1))).toBeLessThan(1e-15);
  expect(Math.abs(logGamma(2))).toBeLessThan(1e-15);
});

test("the binomial density is R's dbinom, up to a thousand million trials", () => {
  expectRows(R.dbinom, (x, n, p) => binomialDensity(x, n, p));
});

test("both tails of the beta distribution are R's pbeta", () => {
  expectRows(R.pbeta, (x, a, b) => betaTails(x, a, b).lower, 1e-11);
  expectRows(R.pbetaUpper, (x, a, b) => betaTails(x, a, b).upper, 1e-11);
});

test("beta quantiles of either tail are R's qbeta", () => {
  expectRows(R.qbeta, (p, a, b) => betaQuantile(p, a, b), 1e-11);
  expectRows(R.qbetaUpper, (p, a, b) => betaQuantile(p, a, b, "upper"), 1e-11);
  expect(betaQuantile(0, 2, 3)).toBe(0);
  expect(betaQuantile(1, 2, 3)).toBe(1);
  expect(betaQuantile(0, 2, 3, "upper")).toBe(1);
});

test("the tails are a sum of binomial probabilities", () => {
  const [n, k, p] = [40, 13, 0.3];
  let sum = 0;
  for (let x = k; x <= n; x++) sum += binomialDensity(x, n, p);
  expectClose(betaTails(p, k, n - k + 1).lower, sum, 1e-13);
});

test("the ends, and what lies outside", () => {
  expect(betaTails(0, 2, 3)).toEqual({ lower: 0, upper: 1 });
  expect(betaTails(1, 2, 3)).toEqual({ lower: 1, upper: 0 });
  expect(() => betaTails(1.1, 2, 3)).toThrow(RangeError);
  expect(() => betaTails(0.5, 0, 3)).toThrow(RangeError);
  expect(() => betaQuantile(Number.NaN, 2, 3)).toThrow(RangeError);
});
