import type { Limits } from "./estimate.js";

/** Successes among the samples of a group; neither need be whole where they are effective numbers. */
export interface Share {
  readonly successes: number;
  readonly n: number;
}

const HALVINGS = 100;

/**
 * The score statistic of O. S. Miettinen and M. Nurminen (Statistics in Medicine 4 (1985) 213–226) against a difference
 * of a − b: (pa − pb − difference)/√(v·N/(N − 1)), with v the variance of the difference at the shares that are most
 * likely under it. Standard normal where the true difference is that one. Against a difference of −margin it is a test
 * of non-inferiority; without the factor N/(N − 1) that of Farrington and Manning (Statistics in Medicine 9 (1990)
 * 1447–1454).
 * ±∞ where the difference leaves no variance, 0 where it is also the one that was seen.
 * @param difference in [-1, 1]
 */
export function differenceScore(a: Share, b: Share, difference: number): number {
  const seen = a.successes / a.n - b.successes / b.n;
  const pb = likeliestSecondShare(a, b, difference);
  const pa = Math.min(1, Math.max(0, pb + difference));
  const variance = (pa * (1 - pa)) / a.n + (pb * (1 - pb)) / b.n;
  const total = a.n + b.n;
  const excess = seen - difference;
  return excess === 0 ? 0 : excess / Math.sqrt((variance * total) / (total - 1));
}

/**
 * The second share that is most likely if the first is larger by the difference: the root of the likelihood's slope, which
 * falls from +∞ to −∞ between the bounds. Found by halving; the closed root of the cubic equation loses its digits at
 * the bounds.
 */
function likeliestSecondShare(a: Share, b: Share, difference: number): number {
  let [low, high] = [Math.max(0, -difference), Math.min(1, 1 - difference)];
  for (let step = 0; step < HALVINGS && high - low > 0; step++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    const slope = likelihoodSlope(b, middle) + likelihoodSlope(a, middle + difference);
    if (slope > 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** d/dp of k·log p + (n − k)·log(1 − p). */
function likelihoodSlope({ successes, n }: Share, p: number): number {
  const failures = n - successes;
  return (successes === 0 ? 0 : successes / p) - (failures === 0 ? 0 : failures / (1 - p));
}

/**
 * Miettinen and Nurminen's limits of the difference of two independent shares: the differences whose score statistic is
 * within ±z. Newcombe's hybrid score (proportion.ts) stays close to it without iterations and takes clusters; this one is
 * what agencies ask of non-inferiority trials.
 */
export function miettinenNurminenLimits(a: Share, b: Share, z: number): Limits {
  const seen = a.successes / a.n - b.successes / b.n;
  const limit = (end: number): number => {
    let [inside, outside] = [seen, end];
    if (Math.abs(differenceScore(a, b, end)) <= z) return end;
    for (let step = 0; step < HALVINGS; step++) {
      const middle = (inside + outside) / 2;
      if (middle === inside || middle === outside) break;
      if (Math.abs(differenceScore(a, b, middle)) <= z) inside = middle;
      else outside = middle;
    }
    return inside;
  };
  return { lower: limit(-1), upper: limit(1) };
}
