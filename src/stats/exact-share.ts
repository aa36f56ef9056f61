import { clopperPearsonLimits } from "./exact-intervals.js";
import { normalCdf } from "./normal.js";
import type { ProportionEstimate } from "./proportion.js";
import { studentQuantile } from "./student.js";

/**
 * A share with the exact limits of Clopper and Pearson (1934) in place of Wilson's: at least the nominal coverage whatever
 * the true share, at the price of width. Where patients repeat or weights differ, the same formula at the effective number
 * of samples times (t₍n−1₎ / t₍I−1₎)², at most n, with I patients: E. L. Korn and B. I. Graubard's adjustment for how badly few
 * patients tell the variance (Survey Methodology 24 (1998) 193–201; R's survey::svyciprop(method = "beta")). It is no
 * longer exact. Ours: the effective number is 1 + p(1 − p)/Var, which is n where no patient repeats; theirs lacks the 1.
 */
export function exactShare<S extends Omit<ProportionEstimate, "error">>(share: S): S {
  const { value, n, patients, effectiveN } = share;
  const isPlain = effectiveN === n;
  return {
    ...share,
    limits(z) {
      const size = isPlain || patients < 2 ? effectiveN : adjustedSize(effectiveN, n, patients, z);
      // Whole counts stay whole: value · n may miss them by a rounding.
      return clopperPearsonLimits(isPlain ? Math.round(value * n) : value * size, size, z);
    },
    method: isPlain && share.method === "wilson" ? "clopper-pearson" : "korn-graubard",
  };
}

function adjustedSize(effectiveN: number, n: number, patients: number, z: number): number {
  const tail = normalCdf(-z);
  const ratio = studentQuantile(tail, n - 1) / studentQuantile(tail, patients - 1);
  return Math.min(n, effectiveN * ratio * ratio);
}
