import { type Condition, conditionKey } from "../core/condition.js";
import { type Finding, type Interval, type SubgroupValues, subgroupKey } from "../core/finding.js";
import type { Counts } from "./cell.js";
import { intervalOf, type NotEstimable, type Summary } from "./estimate.js";

/** What a finding is about: everything in its id. */
export interface Subject {
  readonly audit: string;
  readonly metric: string;
  /** null for what is about all classes together. */
  readonly class: string | null;
  readonly operatingPoint: string | null;
  readonly subgroup: SubgroupValues;
  readonly family: string | null;
  /** True where the finding is about the family as a whole, such as a gap among its groups. */
  readonly acrossFamily?: boolean;
  readonly condition: Condition;
  /** What it is compared with, where it is: an attack, another model, another group. */
  readonly versus?: string;
}

export type Extras = Pick<Finding, "details" | "curve" | "reference" | "tests"> & { readonly reason?: string | null };

/** What counts a finding, and the labelled samples that it had to leave out. */
export interface Basis {
  readonly counts: Counts;
  readonly unscored: number;
}

/** Stands in the ids of findings about all classes together. */
const ALL_CLASSES = "all-classes";

/** `audit/metric/class/[operating point/]group/condition[/vs-other]`: unique within a record. */
export function findingId(subject: Subject): string {
  const group =
    subject.acrossFamily === true && subject.family !== null ? subject.family : subgroupKey(subject.subgroup);
  return [
    subject.audit,
    subject.metric,
    subject.class ?? ALL_CLASSES,
    ...(subject.operatingPoint === null ? [] : [subject.operatingPoint]),
    group,
    conditionKey(subject.condition),
    ...(subject.versus === undefined ? [] : [`vs-${subject.versus}`]),
  ].join("/");
}

/** Intervals of one finding at any level, for as long as the program runs: a record holds one level alone. */
type IntervalAt = (level: number) => Interval;
const intervals = new WeakMap<Finding, IntervalAt>();

/** A finding's interval at another level than its own; null where only the one in it is known. */
export function intervalAt(finding: Finding, level: number): Interval | null {
  return intervals.get(finding)?.(level) ?? null;
}

/** The finding with some of its fields changed; its intervals at other levels stay known. */
export function amended(finding: Finding, changes: Partial<Finding>): Finding {
  const changed = { ...finding, ...changes };
  const known = intervals.get(finding);
  if (known !== undefined) intervals.set(changed, known);
  return changed;
}

/** The finding of an estimate with its interval at a nominal level, or of the reason why there is none. */
export function findingOf(
  subject: Subject,
  result: Summary | NotEstimable,
  basis: Basis,
  level: number,
  extras: Extras = {},
): Finding {
  if (result.status === "not-estimable") {
    return {
      ...head(subject, basis, extras),
      status: "not-estimable",
      reason: sentence(result.reason, basis.unscored),
    };
  }
  return measured(subject, result.value, intervalOf(result, level), basis, extras, againOf(result));
}

/** Holds on to what makes the intervals, not to the estimate with its errors of all patients. */
function againOf({ limits, range, method }: Summary): IntervalAt {
  return (level) => intervalOf({ limits, range, method }, level);
}

/**
 * A finding whose interval is at hand.
 * @param again its interval at other levels, where it can be made
 */
export function measured(
  subject: Subject,
  estimate: number,
  interval: Interval,
  basis: Basis,
  extras: Extras = {},
  again?: IntervalAt,
): Finding {
  const reason = sentence(extras.reason ?? "", basis.unscored);
  const finding: Finding = { ...head(subject, basis, extras), estimate, interval, status: "measured", reason };
  if (again !== undefined) intervals.set(finding, again);
  return finding;
}

function head(subject: Subject, basis: Basis, extras: Extras) {
  const { audit, metric, subgroup, family, condition, operatingPoint } = subject;
  const { reason: _reason, ...attached } = extras;
  return {
    id: findingId(subject),
    audit,
    metric,
    class: subject.class,
    subgroup,
    family,
    condition,
    operatingPoint,
    unit: "1",
    estimate: null,
    interval: null,
    ...basis.counts,
    ...attached,
  };
}

/** The reason, with the samples that had to be left out; null where there is nothing to say. */
function sentence(reason: string, unscored: number): string | null {
  const left =
    unscored === 0
      ? ""
      : unscored === 1
        ? "1 labelled sample has no score and is left out"
        : `${unscored} labelled samples have no score and are left out`;
  const parts = [reason, left].filter((part) => part !== "");
  return parts.length === 0 ? null : parts.join("; ");
}
