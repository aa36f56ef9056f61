import { binomialDensity } from "./binomial.js";

/** The beta distribution: both tails by the regularised incomplete beta function, and quantiles. */

export interface Tails {
  /** P(X <= x). */
  readonly lower: number;
  /** P(X > x). The smaller of the two is exact to about 1e-12 of itself, less where x or 1 − x is below 1e-6. */
  readonly upper: number;
}

/** Some 3·√(a + b) terms suffice: this is enough for 10^10 samples. */
const TERMS = 1_000_000;
const PRECISION = 2.3e-16;

/**
 * Both tails of the beta distribution with shapes a and b at x, I_x(a, b) and I_{1−x}(b, a): Lentz's continued fraction
 * (W. H. Press et al., Numerical Recipes, section 6.4) on the side where it converges fast, times the density in
 * Loader's form, which keeps its digits for large shapes.
 * @param x in [0, 1]
 * @param a > 0
 * @param b > 0
 * @param rest 1 − x, where the caller knows it better than the subtraction would
 */
export function betaTails(x: number, a: number, b: number, rest = 1 - x): Tails {
  if (!(x >= 0 && rest >= 0 && a > 0 && b > 0)) throw new RangeError(`beta distribution of ${a} and ${b} at ${x}`);
  if (x === 0) return { lower: 0, upper: 1 };
  if (rest === 0) return { lower: 1, upper: 0 };
  const density = binomialDensity(a, a + b, x, rest);
  if (x < (a + 1) / (a + b + 2)) {
    const lower = Math.min(1, (b / (a + b)) * density * continuedFraction(x, a, b));
    return { lower, upper: 1 - lower };
  }
  const upper = Math.min(1, (a / (a + b)) * density * continuedFraction(rest, b, a));
  return { lower: 1 - upper, upper };
}

function continuedFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    const factor = d * c;
    fraction *= factor;
    if (Math.abs(factor - 1) <= PRECISION) return fraction;
  }
  throw new RangeError(`the continued fraction of the beta distribution of ${a} and ${b} does not converge at ${x}`);
}

function nonZero(value: number): number {
  return Math.abs(value) < 1e-300 ? 1e-300 : value;
}

const STEPS = 1200;

/**
 * The x below which (tail "lower") or above which (tail "upper") the beta distribution of shapes a and b has the
 * probability p: Newton's steps, held in a bracket that is halved where they leave it. Asking for a small upper tail by
 * its own name keeps the digits that 1 − p would lose.
 * @param p in [0, 1]
 */
export function betaQuantile(p: number, a: number, b: number, tail: keyof Tails = "lower"): number {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`quantile of a probability of ${p}`);
  if (p === 0 || p === 1) return (p === 0) === (tail === "lower") ? 0 : 1;
  const direction = tail === "lower" ? 1 : -1;
  let [low, high] = [0, 1];
  let x = a / (a + b);
  for (let step = 0; step < STEPS; step++) {
    const excess = direction * (betaTails(x, a, b)[tail] - p);
    if (excess === 0) return x;
    if (excess > 0) high = x;
    else low = x;
    const density = ((a * b) / (a + b)) * binomialDensity(a, a + b, x, 1 - x);
    const newton = x - (excess * x * (1 - x)) / density;
    if (Math.abs(newton - x) <= PRECISION * x) return x;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (next === low || next === high) return next;
    x = next;
  }
  return x;
}
