import type { Limits } from "./estimate.js";

/**
 * Further limits of one share that other tools print. Ours is Wilson's (proportion.ts), or Clopper–Pearson's where the
 * level must be guaranteed; these serve comparison with published tables. All are clipped to [0, 1].
 */

/**
 * Wilson's limits with a continuity correction, as R's prop.test makes them: the limits of (k ± c)/n with c = ½, but at
 * most |k − n/2|, so that a share of exactly one half is not corrected. (Newcombe's method 4 of 1998 corrects that, too.)
 * @param successes 0 … n
 * @param n > 0
 */
export function correctedWilsonLimits(successes: number, n: number, z: number): Limits {
  const correction = Math.min(0.5, Math.abs(successes - n / 2));
  const limit = (share: number, sign: number) => {
    const shift = (z * z) / (2 * n);
    const margin = z * Math.sqrt((share * (1 - share)) / n + shift / (2 * n));
    return (share + shift + sign * margin) / (1 + 2 * shift);
  };
  const [below, above] = [(successes - correction) / n, (successes + correction) / n];
  return {
    lower: below <= 0 ? 0 : Math.max(0, limit(below, -1)),
    upper: above >= 1 ? 1 : Math.min(1, limit(above, 1)),
  };
}

/**
 * The limits of A. Agresti and B. A. Coull (The American Statistician 52 (1998) 119–126): Wald's at (k + z²/2)/(n + z²)
 * for n + z² samples. They contain Wilson's.
 */
export function agrestiCoullLimits(successes: number, n: number, z: number): Limits {
  const size = n + z * z;
  return waldLimits((successes + (z * z) / 2) / size, size, z);
}

/**
 * Wald's limits share ± z·√(share·(1 − share)/n). They have no width at shares of 0 and 1 and cover too seldom
 * elsewhere: to be compared with, not to be reported.
 */
export function waldLimits(share: number, n: number, z: number): Limits {
  const margin = z * Math.sqrt((share * (1 - share)) / n);
  return { lower: Math.max(0, share - margin), upper: Math.min(1, share + margin) };
}
