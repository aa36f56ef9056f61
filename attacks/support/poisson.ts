import { normalCdf } from "../../src/stats/normal.js";

/** Below this mean the quantile is searched for, above it the asymptotic series is as good. */
const LARGEST_SEARCHED = 10;

/**
 * The Poisson count of mean `mean` at the standard normal quantile `w`: the least k with P(X ≤ k) ≥ Φ(w). The same w
 * at two means gives draws that lie on the same side of theirs.
 *
 * Means of 10 and more use the third-order normal asymptotics of Giles (2016, equation 5, Q_N2), which is off by one
 * count in fewer than 1 % of draws; smaller means are summed up exactly.
 */
export function poissonQuantile(mean: number, w: number): number {
  return mean >= LARGEST_SEARCHED ? asymptotic(mean, w) : search(mean, normalCdf(w));
}

function asymptotic(mean: number, w: number): number {
  const root = Math.sqrt(mean);
  const square = w * w;
  return Math.max(0, Math.floor(mean + root * w + 1 / 3 + square / 6 - (w * (2 + square)) / (72 * root)));
}

function search(mean: number, probability: number): number {
  let term = Math.exp(-mean);
  let below = term;
  let count = 0;
  // The sum stops growing at the last term that double precision can add; a draw beyond it is as good as never made.
  while (below < probability && term > 1e-18) {
    count++;
    term *= mean / count;
    below += term;
  }
  return count;
}
