import { betaQuantile } from "./beta.js";
import type { Limits } from "./estimate.js";
import { normalCdf } from "./normal.js";

/**
 * The exact limits of C. J. Clopper and E. S. Pearson (Biometrika 26 (1934) 404–413) for a share: the lower limit is the
 * probability under which as many successes or more have the chance α/2, the upper one that under which as many or
 * fewer have; both are quantiles of beta distributions. They cover at least the nominal level, whatever the true share, and
 * usually more. Neither count need be whole: with an effective number of samples they are the limits of E. L. Korn and
 * B. I. Graubard (Survey Methodology 24 (1998) 193–201) for clustered shares, no longer exact.
 * @param successes in [0, n]
 * @param n > 0
 * @param z two-sided critical value, of which α/2 = P(Z > z)
 */
export function clopperPearsonLimits(successes: number, n: number, z: number): Limits {
  const tail = normalCdf(-z);
  return {
    lower: successes === 0 ? 0 : betaQuantile(tail, successes, n - successes + 1, "lower"),
    upper: successes === n ? 1 : betaQuantile(tail, successes + 1, n - successes, "upper"),
  };
}

/**
 * Jeffreys' equal-tailed limits: quantiles of the beta distribution of shapes k + ½ and n − k + ½, the posterior of a
 * share under Jeffreys' prior (L. D. Brown, T. T. Cai, A. DasGupta, Statistical Science 16 (2001) 101–133, section 4.3).
 * As in R and statsmodels they are not moved to 0 and 1 where no or all samples succeed: there they leave the share
 * itself outside.
 * @param successes in [0, n]
 * @param n > 0
 * @param z two-sided critical value, of which α/2 = P(Z > z)
 */
export function jeffreysLimits(successes: number, n: number, z: number): Limits {
  const tail = normalCdf(-z);
  const [a, b] = [successes + 0.5, n - successes + 0.5];
  return { lower: betaQuantile(tail, a, b, "lower"), upper: betaQuantile(tail, a, b, "upper") };
}
