/** The gamma function by Stirling's formula with its exact remainder, for every argument above 0. */

const HALF_LOG_TWO_PI = 0.9189385332046728;
/** From here on five terms of Stirling's series leave less than 1 part in 10^16. */
const SERIES_FROM = 16;

/**
 * δ(n) in Γ(n + 1) = √(2πn) · (n/e)^n · e^δ(n), to about 1e-16: Stirling's series from 16 on, the recurrence
 * δ(n) = δ(n + 1) + (n + ½)·log(1 + 1/n) − 1 below. It is what keeps the probabilities of large counts exact, where
 * differences of log Γ lose their digits (C. Loader, Fast and accurate computation of binomial probabilities, 2000).
 * @param n > 0, not always whole
 */
export function stirlingRemainder(n: number): number {
  let remainder = 0;
  let at = n;
  for (; at < SERIES_FROM; at++) remainder += (at + 0.5) * Math.log1p(1 / at) - 1;
  const square = at * at;
  const series = 1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / (1188 * square)) / square) / square) / square;
  return remainder + series / at;
}

/** log Γ(a) for a > 0, to about 1e-15, absolutely near its zeros at 1 and 2 and relatively elsewhere. */
export function logGamma(a: number): number {
  return HALF_LOG_TWO_PI + (a - 0.5) * Math.log(a) - a + stirlingRemainder(a);
}
