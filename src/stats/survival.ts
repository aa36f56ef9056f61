import type { Interval } from "../core/finding.js";
import { criticalValue } from "./normal.js";

/**
 * Times to an event of which some are only known to be longer than a censoring time: queries until a search succeeded
 * within its budget, or the ε at which a decision flipped within the largest ε tried. In patient order.
 */
export interface CensoredTimes {
  readonly times: Float64Array;
  /** 1 where the event happened at the time, 0 where it had not happened by then. */
  readonly events: Uint8Array;
  /** Patient codes, ascending. */
  readonly patients: Int32Array;
}

/** The Kaplan–Meier curve at its event times: the share of samples whose event comes later. */
export interface SurvivalCurve {
  readonly times: readonly number[];
  readonly survival: readonly number[];
  readonly standardErrors: readonly number[];
}

/**
 * The product-limit estimate (E. L. Kaplan, P. Meier, JASA 53 (1958) 457–481). Its variance is the sum over patients of
 * their squared total influence (the infinitesimal jackknife); where no patient repeats that is Greenwood's formula
 * exactly, since a sample's increments at different event times are uncorrelated.
 */
export function kaplanMeier({ times, events, patients }: CensoredTimes): SurvivalCurve {
  const eventTimes = [...new Set(times.filter((_, i) => events[i] === 1))].sort((a, b) => a - b);
  const influence = new Float64Array(times.length);
  const curve = { times: eventTimes, survival: [] as number[], standardErrors: [] as number[] };
  let survival = 1;
  for (const at of eventTimes) {
    const atRisk = times.reduce((count, time) => count + (time >= at ? 1 : 0), 0);
    const died = times.reduce((count, time, i) => count + (time === at && events[i] === 1 ? 1 : 0), 0);
    survival *= 1 - died / atRisk;
    for (let i = 0; i < times.length; i++) {
      if ((times[i] as number) < at || atRisk === died) continue;
      const own = times[i] === at && events[i] === 1 ? 1 : 0;
      influence[i] = (influence[i] as number) - (own - died / atRisk) / (atRisk - died);
    }
    curve.survival.push(survival);
    curve.standardErrors.push(survival * Math.sqrt(squaredTotals(influence, patients)));
  }
  return curve;
}

/** Σ over patients of (Σ of their samples' values)². */
function squaredTotals(values: Float64Array, patients: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; ) {
    let total = 0;
    const patient = patients[i];
    for (; i < values.length && patients[i] === patient; i++) total += values[i] as number;
    sum += total * total;
  }
  return sum;
}

export interface MedianTime {
  /** null where fewer than half of the samples had their event by the largest time seen. */
  readonly median: number | null;
  /** Limits that the curve does not reach are null: the median may lie beyond what was tried. */
  readonly lower: number | null;
  readonly upper: number | null;
}

/**
 * The median time: the first at which at most half are left (the middle of the flat stretch where exactly half are), with
 * the interval of R. Brookmeyer and J. Crowley (Biometrics 38 (1982) 29–41): all times at which the curve's own interval
 * holds one half. The curve's limits are taken on the log(−log) scale (J. P. Klein, M. L. Moeschberger, Survival Analysis,
 * 2003, section 4.3), as R's survfit does with conf.type = "log-log".
 */
export function medianTime(curve: SurvivalCurve, level: number): MedianTime {
  const z = criticalValue(level);
  const limit = (direction: number) =>
    curve.survival.map((survival, i) => {
      if (survival === 0) return 0;
      if (survival === 1) return 1;
      const spread = (curve.standardErrors[i] as number) / (survival * Math.abs(Math.log(survival)));
      return Math.exp(-Math.exp(Math.log(-Math.log(survival)) + direction * z * spread));
    });
  return {
    median: firstAtMostHalf(curve.times, curve.survival),
    lower: firstAtMostHalf(curve.times, limit(1)),
    upper: firstAtMostHalf(curve.times, limit(-1)),
  };
}

/** Rounding must not decide whether a curve stands at one half. */
const TOLERANCE = 1e-9;

function firstAtMostHalf(times: readonly number[], values: readonly number[]): number | null {
  const at = values.findIndex((value) => value <= 0.5 + TOLERANCE);
  if (at < 0) return null;
  const next = times[at + 1];
  const flat = Math.abs((values[at] as number) - 0.5) <= TOLERANCE && next !== undefined;
  return flat ? ((times[at] as number) + next) / 2 : (times[at] as number);
}

/** The interval of a median, its open end closed at the largest time that was tried. */
export function closedInterval({ lower, upper }: MedianTime, largest: number, level: number): Interval {
  return { lower: lower ?? 0, upper: upper ?? largest, level, method: "brookmeyer-crowley-log-log" };
}
