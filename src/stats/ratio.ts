import { correlation, type Estimate, type Limits, notEstimable, type Result, standardErrorOf } from "./estimate.js";
import { errorOfDifference, type SamplingError, scaledPart } from "./influence.js";

/**
 * The ratio a / b of two estimates that are never negative, such as shares, with limits recovered from theirs (MOVER-R: A.
 * Donner, G. Y. Zou, Statistical Methods in Medical Research 21 (2012) 347–359; R. G. Newcombe, ibid. 25 (2016) 1774–1778;
 * with the correlation through shared patients): the lower limit is the R at which the square-and-add interval of a − R·b
 * just reaches 0, likewise the upper one. So the ratio's interval leaves out 1 exactly where the difference's leaves out
 * 0, it needs no logarithm, and a share of 0 in the numerator has a ratio of 0 with an upper limit. Not estimable where b
 * is 0.
 * @param names what the two are, for the reason
 */
export function ratioOfEstimates(
  a: Estimate,
  b: Estimate,
  names: { readonly of: string; readonly to: string },
  counts: { readonly n: number; readonly patients: number },
): Result {
  if (b.value <= 0) return notEstimable(`${names.to} is 0: nothing can be divided by it`);
  const value = a.value / b.value;
  const rho = correlation(a, b);
  return {
    status: "estimated",
    value,
    // Made when asked for: limits do without, and a table makes ratios of all pairs of groups.
    get error() {
      return errorOfRatio(a, b);
    },
    get standardError() {
      return standardErrorOf(errorOfRatio(a, b));
    },
    symmetric: false,
    limits: recoveredLimits(a, b, rho),
    range: [0, Number.MAX_VALUE],
    method: `mover-ratio-${a.method}`,
    n: counts.n,
    patients: counts.patients,
  };
}

/** First order: d(a/b) = da/b − (a/b)·db/b. */
function errorOfRatio(a: Estimate, b: Estimate): SamplingError {
  const scale = (parts: SamplingError, factor: number) => parts.map((part) => scaledPart(part, factor));
  return errorOfDifference(scale(a.error, 1 / b.value), scale(b.error, a.value / (b.value * b.value)));
}

/**
 * Limits of the ratio a / b, b > 0, given the correlation of the errors; the upper one may be Number.MAX_VALUE. Only values
 * and limits are held on to: findings keep these functions, and the errors of all patients are large.
 */
export function recoveredLimits(
  { value: a, limits: limitsOfA }: Pick<Estimate, "value" | "limits">,
  { value: b, limits: limitsOfB }: Pick<Estimate, "value" | "limits">,
  rho: number,
): (z: number) => Limits {
  return (z) => {
    const [ofA, ofB] = [limitsOfA(z), limitsOfB(z)];
    return {
      lower: root(a, b, a - ofA.lower, ofB.upper - b, rho, false),
      upper: root(a, b, ofA.upper - a, b - ofB.lower, rho, true),
    };
  };
}

/**
 * The R with (a − R·b)² = d² + R²e² − 2ρ·R·d·e: R²·A − 2R·B + C = 0 with A = b² − e², B = ab − ρde, C = a² − d². The smaller
 * root is C / (B + √(B² − AC)), also where A is not positive; the larger is (B + √(B² − AC)) / A, beyond all bounds where
 * A is not positive.
 */
export function root(a: number, b: number, d: number, e: number, rho: number, isUpper: boolean): number {
  const [quadratic, linear, constant] = [b * b - e * e, a * b - rho * d * e, a * a - d * d];
  const spread = Math.sqrt(Math.max(0, linear * linear - quadratic * constant));
  if (isUpper) return quadratic > 0 ? (linear + spread) / quadratic : Number.MAX_VALUE;
  return linear + spread > 0 ? Math.max(0, constant / (linear + spread)) : 0;
}
