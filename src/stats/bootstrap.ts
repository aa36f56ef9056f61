import type { Interval } from "../core/finding.js";
import type { Random } from "../core/random.js";
import { type NotEstimable, notEstimable } from "./estimate.js";
import type { SamplingError } from "./influence.js";
import { normalCdf, normalQuantile } from "./normal.js";
import { drawPatients, type ResamplingPlan } from "./resample.js";
import type { Statistic } from "./weighted.js";

/**
 * The patient-level bootstrap (B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, 1993; A. C. Davison, D. V.
 * Hinkley, Bootstrap Methods and their Application, 1997): patients are drawn with replacement within their strata, all
 * samples of a patient together. Replicate b draws from the stream (key of `random`, "replicate", b): the result depends
 * neither on the number of replicates drawn before nor on how they are spread over calls.
 */
export interface Bootstrap {
  readonly status: "estimated";
  /** The statistic of the data themselves. */
  readonly value: number;
  /** The statistic of each replicate that allowed it, ascending. */
  readonly replicates: Float64Array;
  /** Replicates drawn. */
  readonly drawn: number;
  /** Replicates that did not allow the statistic, as where a class had vanished. */
  readonly failed: number;
  /** Mean of the replicates minus the value. */
  readonly bias: number;
  /** Standard deviation of the replicates (divisor: their number − 1). */
  readonly standardError: number;
  /** What a reader must know: replicates that failed, too few of them. null where nothing. */
  readonly note: string | null;
}

/** Above this share of failed replicates the rest is a selection, and the note says so. */
const MANY_FAILED = 0.05;
/** Replicates wanted beyond each limit: fewer make limits that another seed would move visibly. */
const FEW_BEYOND = 10;

/**
 * Draws the replicates. Not estimable where the data themselves do not allow the statistic, where more than half of the
 * replicates fail, or where all replicates are equal: then resampling says nothing of the sampling error (an area of 1,
 * a share of 0).
 * @param count replicates to draw, at least 2
 */
export function bootstrap(
  statistic: Statistic,
  plan: ResamplingPlan,
  count: number,
  random: Random,
): Bootstrap | NotEstimable {
  const multiplicities = new Uint32Array(plan.patients).fill(1);
  const value = statistic(multiplicities);
  if (!Number.isFinite(value)) return notEstimable("the statistic is not defined on the data themselves");
  const replicates = new Float64Array(count);
  let kept = 0;
  for (let b = 0; b < count; b++) {
    drawPatients(plan, random.fork("replicate", b), multiplicities);
    const replicate = statistic(multiplicities);
    if (Number.isFinite(replicate)) replicates[kept++] = replicate;
  }
  return summarised(value, replicates.subarray(0, kept).sort(), count);
}

function summarised(value: number, replicates: Float64Array, drawn: number): Bootstrap | NotEstimable {
  const failed = drawn - replicates.length;
  if (2 * failed > drawn || replicates.length < 2) {
    return notEstimable(`${failed} of ${drawn} bootstrap replicates do not allow the statistic`);
  }
  if (replicates[0] === replicates.at(-1)) {
    return notEstimable(
      `all ${replicates.length} bootstrap replicates are equal: resampling says nothing of the error`,
    );
  }
  let sum = 0;
  for (let b = 0; b < replicates.length; b++) sum += (replicates[b] as number) - value;
  const bias = sum / replicates.length;
  let squares = 0;
  for (let b = 0; b < replicates.length; b++) squares += ((replicates[b] as number) - value - bias) ** 2;
  return {
    status: "estimated",
    value,
    replicates,
    drawn,
    failed,
    bias,
    standardError: Math.sqrt(squares / (replicates.length - 1)),
    note: noteOf(failed, drawn),
  };
}

function noteOf(failed: number, drawn: number): string | null {
  if (failed <= MANY_FAILED * drawn) return null;
  return `${failed} of ${drawn} bootstrap replicates do not allow the statistic and are left out: the interval is that of the others`;
}

export type BootstrapMethod = "percentile" | "basic" | "bca";

export interface BootstrapIntervalOptions {
  /** For `bca`: the acceleration, from `acceleration` or `jackknifeAcceleration`. 0 makes it the bias-corrected interval. */
  readonly acceleration?: number;
  /** Values that the quantity can take. The basic interval is clipped to it; the others stay inside by themselves. */
  readonly range?: readonly [lowest: number, highest: number];
}

/**
 * The interval of a nominal coverage out of the replicates: `bootstrap-percentile`; `bootstrap-basic`, reversed about the
 * value (2·value − the opposite quantile); `bootstrap-bca` (Efron, JASA 82 (1987) 171–185): percentile limits at levels
 * shifted for median bias, z0 = Φ⁻¹(share of replicates below the value, equal ones by half), and for the acceleration.
 * Quantiles are linear between order statistics (type 7 of R and numpy, as pROC takes them). Not estimable for `bca` where
 * all replicates lie on one side of the value.
 */
export function bootstrapInterval(
  { value, replicates }: Bootstrap,
  level: number,
  method: BootstrapMethod,
  { acceleration = 0, range = [-Infinity, Infinity] }: BootstrapIntervalOptions = {},
): Interval | NotEstimable {
  const tail = (1 - level) / 2;
  const named = (lower: number, upper: number): Interval => ({
    lower: Math.min(range[1], Math.max(range[0], lower)),
    upper: Math.max(range[0], Math.min(range[1], upper)),
    level,
    method: `bootstrap-${method}`,
  });
  if (method === "percentile") return named(quantile(replicates, tail), quantile(replicates, 1 - tail));
  if (method === "basic") {
    return named(2 * value - quantile(replicates, 1 - tail), 2 * value - quantile(replicates, tail));
  }
  const z0 = normalQuantile(shareBelow(replicates, value));
  if (!Number.isFinite(z0)) {
    return notEstimable(`all ${replicates.length} bootstrap replicates lie on one side of the estimate`);
  }
  const adjusted = (p: number): number => {
    const shifted = z0 + normalQuantile(p);
    const divisor = 1 - acceleration * shifted;
    // Past this point the transformation turns back: the limit is the outermost replicate.
    if (divisor <= 0) return shifted > 0 ? 1 : 0;
    return normalCdf(z0 + shifted / divisor);
  };
  return named(quantile(replicates, adjusted(tail)), quantile(replicates, adjusted(1 - tail)));
}

/** How sure an interval's limits can be with so many replicates; null where they suffice. */
export function fewReplicates({ replicates }: Bootstrap, level: number): string | null {
  const beyond = (replicates.length * (1 - level)) / 2;
  if (beyond >= FEW_BEYOND) return null;
  return `only ${replicates.length} bootstrap replicates: each limit rests on about ${beyond.toFixed(1)} replicates beyond it`;
}

/** The quantile of ascending values, linear between order statistics: p = 0 is the first, 1 the last. */
export function quantile(ascending: Float64Array, p: number): number {
  const position = p * (ascending.length - 1);
  const index = Math.min(ascending.length - 2, Math.floor(position));
  if (index < 0) return ascending[0] as number;
  const [low, high] = [ascending[index] as number, ascending[index + 1] as number];
  return low + (position - index) * (high - low);
}

function shareBelow(ascending: Float64Array, value: number): number {
  let twice = 0;
  for (let b = 0; b < ascending.length; b++) {
    const replicate = ascending[b] as number;
    twice += replicate < value ? 2 : replicate === value ? 1 : 0;
  }
  return twice / (2 * ascending.length);
}

/**
 * The acceleration of BCa from an estimate's influence by patient, Σ t³ / (6 (Σ t²)^(3/2)) with t the patient's total over
 * all parts: the formula for several samples (Davison and Hinkley, section 5.3), where each sample's
 * empirical influences come divided by its size. It differs from the patient jackknife's to second order and costs no
 * further pass. 0 where nothing varies.
 */
export function acceleration(error: SamplingError): number {
  const totals = new Map<number, number>();
  for (const { patients, totals: contributions } of error) {
    for (let i = 0; i < patients.length; i++) {
      const patient = patients[i] as number;
      totals.set(patient, (totals.get(patient) ?? 0) + (contributions[i] as number));
    }
  }
  return skewness(Float64Array.from(totals.values()));
}

/** Σ t³ / (6 (Σ t²)^(3/2)). */
export function skewness(contributions: Float64Array): number {
  let [squares, cubes] = [0, 0];
  for (let i = 0; i < contributions.length; i++) {
    const t = contributions[i] as number;
    squares += t * t;
    cubes += t * t * t;
  }
  return squares === 0 ? 0 : cubes / (6 * squares * Math.sqrt(squares));
}
