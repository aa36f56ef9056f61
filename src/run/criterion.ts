import type { Finding } from "../core/finding.js";
import { advantageOf } from "../protocol/baseline.js";
import type { GateEntry } from "../protocol/schema.js";
import { POWER } from "../stats/assessment.js";
import { intervalAt } from "../stats/finding.js";
import { criticalValue, normalCdf } from "../stats/normal.js";

/* How surely a finding misses a criterion, and how much more data would settle whether it meets it. */

/** What a gate holds findings against, however it is written. */
export interface Criterion {
  readonly metric: string;
  /** The model that the findings compare with; null where they compare with none in particular. */
  readonly against: string | null;
  readonly limit: number;
  /** 1 for at least, −1 for at most. */
  readonly sign: 1 | -1;
}

/**
 * A gate against another model judges the paired difference, which is positive where the audited model is better: no worse
 * than 0.02 is a difference of at least −0.02.
 */
export function criterionOf({ against, atLeast, atMost, metric, noWorseThan }: GateEntry): Criterion {
  if (against !== undefined) {
    // Not −0, which would be printed as such.
    const limit = atLeast ?? (noWorseThan === 0 ? 0 : -(noWorseThan ?? Number.NaN));
    return { metric: advantageOf(metric), against, limit, sign: 1 };
  }
  return { metric, against: null, limit: atLeast ?? atMost ?? Number.NaN, sign: atLeast === undefined ? -1 : 1 };
}

/** Whether a finding is of what a criterion speaks of: the metric, and the other model where there is one. */
export function isAbout(finding: Finding, { against, metric }: Criterion): boolean {
  return finding.metric === metric && (against === null || comparedWith(finding) === against);
}

/** The other model of a comparison. Hidden findings lose their details: their id still ends with it. */
export function comparedWith({ details, id }: Finding): string | null {
  const named = details?.comparator;
  return typeof named === "string" ? named : (/\/vs-([^/]+)$/.exec(id)?.[1] ?? null);
}

/** No level nearer to 1 can be told apart from it: p-values end here. */
const FARTHEST = 8;

/**
 * The one-sided p-value of "the true value meets the criterion": half of one minus the level at which the interval just
 * reaches the limit. 1 where the estimate itself meets it; null where only one interval of the finding is known.
 * @param sign 1 for at least, -1 for at most
 */
export function pOfMeeting(finding: Finding, limit: number, sign: 1 | -1): number | null {
  const { estimate } = finding;
  if (estimate === null || intervalAt(finding, 0.5) === null) return null;
  if (sign * (estimate - limit) >= 0) return 1;
  const reaches = (z: number): boolean => {
    const interval = intervalAt(finding, 2 * normalCdf(z) - 1);
    return interval !== null && sign * ((sign > 0 ? interval.upper : interval.lower) - limit) >= 0;
  };
  let [inside, outside] = [0, FARTHEST];
  if (!reaches(outside)) return normalCdf(-FARTHEST);
  for (let step = 0; step < 50; step++) {
    const middle = (inside + outside) / 2;
    if (middle > 0 && reaches(middle)) outside = middle;
    else inside = middle;
  }
  return normalCdf(-outside);
}

/** One-sided p-values by finding and criterion, for findings whose other intervals are not at hand any more. */
export type KnownTests = ReadonlyMap<string, number | null>;

export function criterionKey({ id }: Finding, limit: number, sign: 1 | -1): string {
  return `${sign} ${limit} ${id}`;
}

/** The p-values of all findings that gates may look at: they can be told wherever findings are made. */
export function testsOf(gates: readonly GateEntry[], findings: readonly Finding[]): KnownTests {
  const tests = new Map<string, number | null>();
  for (const gate of gates) {
    if (gate.bound === "estimate") continue;
    const criterion = criterionOf(gate);
    const { limit, sign } = criterion;
    for (const finding of findings) {
      if (isAbout(finding, criterion)) tests.set(criterionKey(finding, limit, sign), pOfMeeting(finding, limit, sign));
    }
  }
  return tests;
}

/**
 * How many samples like these it would take to settle it with 80 % power if the estimate were the truth: to pass where the
 * estimate meets the limit, to fail where it misses it. Standard errors shrink with the root of n, and (z + z_power) of them
 * must fit between estimate and limit.
 */
export function neededWords(finding: Finding, limit: number, sign: 1 | -1): string {
  const { estimate, interval, n } = finding;
  if (estimate === null || interval === null) return "more data would settle it";
  const room = sign * (estimate - limit);
  const meets = room >= 0;
  const z = criticalValue(interval.level);
  // The limit of the interval that has to come clear of the criterion: the near one to pass, the far one to fail.
  const width = sign > 0 === meets ? estimate - interval.lower : interval.upper - estimate;
  const aside = meets ? "" : ", but the estimate itself does not meet the limit";
  if (room === 0 || width <= 0) return `more data would settle it${aside}`;
  const times = (((z + criticalValue(2 * POWER - 1)) * (width / z)) / Math.abs(room)) ** 2;
  if (times > 100) return `more data would settle it, but the estimate lies almost on the limit`;
  const settled = `about ${roundUp(n * times)} samples like these ${n} would ${meets ? "pass" : "fail"} it with 80 % power, if the estimate is the truth`;
  return meets ? settled : `the estimate itself does not meet the limit: ${settled}`;
}

/** Two significant figures, upwards: no more is known. */
function roundUp(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return Math.ceil(value / unit) * unit;
}
