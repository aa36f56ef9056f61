import { logGamma } from "./gamma.js";

/** The chi-square distribution's upper tail, by the regularised incomplete gamma function. */

const ITERATIONS = 500;
const PRECISION = 1e-16;

/**
 * P(X > x) for X of the chi-square distribution: Q(df/2, x/2), by its series below the mean and Lentz's continued
 * fraction above it (W. H. Press et al., Numerical Recipes, section 6.2).
 * @param x at least 0
 * @param degrees degrees of freedom, at least 1
 */
export function chiSquareTail(x: number, degrees: number): number {
  if (!(x >= 0) || !(degrees > 0)) throw new RangeError(`chi-square of ${x} with ${degrees} degrees of freedom`);
  const a = degrees / 2;
  const half = x / 2;
  if (half === 0) return 1;
  const scale = Math.exp(-half + a * Math.log(half) - logGamma(a));
  return half < a + 1 ? 1 - scale * series(a, half) : scale * continuedFraction(a, half);
}

function series(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < ITERATIONS && term > sum * PRECISION; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

function continuedFraction(a: number, x: number): number {
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < ITERATIONS; n++) {
    const numerator = -n * (n - a);
    b += 2;
    d = 1 / nonZero(numerator * d + b, tiny);
    c = nonZero(b + numerator / c, tiny);
    const factor = c * d;
    fraction *= factor;
    if (Math.abs(factor - 1) < PRECISION) break;
  }
  return fraction;
}

function nonZero(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}
