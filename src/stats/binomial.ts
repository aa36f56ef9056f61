import { stirlingRemainder } from "./gamma.js";

/**
 * P(X = x) for X binomial with n trials of probability p, to about 1e-14 relatively for any size (C. Loader, Fast and
 * accurate computation of binomial probabilities, 2000). Also defined between whole numbers, where it serves as the beta
 * density: x and n − x need not be whole.
 * @param x in [0, n]
 * @param p in [0, 1]
 * @param q 1 − p, where the caller knows it better than the subtraction would
 */
export function binomialDensity(x: number, n: number, p: number, q = 1 - p): number {
  if (p === 0) return x === 0 ? 1 : 0;
  if (q === 0) return x === n ? 1 : 0;
  if (x === 0) return Math.exp(n * (p < q ? Math.log1p(-p) : Math.log(q)));
  if (x === n) return Math.exp(n * (q < p ? Math.log1p(-q) : Math.log(p)));
  const logarithm =
    stirlingRemainder(n) -
    stirlingRemainder(x) -
    stirlingRemainder(n - x) -
    deviance(x, n * p) -
    deviance(n - x, n * q);
  return Math.exp(logarithm) * Math.sqrt(n / (2 * Math.PI * x * (n - x)));
}

/** x·log(x/mean) + mean − x without cancellation where x is near the mean. */
function deviance(x: number, mean: number): number {
  if (Math.abs(x - mean) >= 0.1 * (x + mean)) return x * Math.log(x / mean) + mean - x;
  // With v = (x − mean)/(x + mean), log(x/mean) = 2·artanh(v).
  const v = (x - mean) / (x + mean);
  let sum = (x - mean) * v;
  let power = 2 * x * v;
  for (let k = 1; ; k++) {
    power *= v * v;
    const next = sum + power / (2 * k + 1);
    if (next === sum) return sum;
    sum = next;
  }
}
