import type { Condition } from "./condition.js";

export type FindingStatus = "measured" | "not-estimable" | "not-applicable" | "suppressed" | "error";
export type Verdict = "pass" | "fail" | "inconclusive";

export interface Interval {
  readonly lower: number;
  readonly upper: number;
  /** Nominal coverage, for example 0.95. */
  readonly level: number;
  /** How it was made, kebab-case, for example "delong", "obuchowski", "wilson". */
  readonly method: string;
}

/** A test of a hypothesis about what a finding estimates. */
export interface FindingTest {
  /** Kebab-case, such as "normal", "permutation", "wald", "mcnemar-exact", "tost". */
  readonly method: string;
  /** The null hypothesis, in words, such as "no difference" or "difference of at least 0.05". */
  readonly hypothesis: string;
  readonly statistic: number | null;
  /** Degrees of freedom, where the statistic has any. */
  readonly degrees?: number;
  readonly p: number;
  /** The p-value adjusted for the family of tests that it belongs to, with the family's name and size. */
  readonly adjusted?: {
    readonly method: "holm" | "benjamini-hochberg";
    readonly p: number;
    readonly family: string;
    readonly size: number;
  };
}

/** Attribute values that all members share: `{}` is everybody, `{ sex: "F", age: "40-60" }` a crossed subgroup. */
export type SubgroupValues = Readonly<Record<string, string>>;

/** One estimate with its interval, counts, method and status. */
export interface Finding {
  readonly id: string;
  readonly audit: string;
  /** Kebab-case, such as `auc`, `sensitivity`, `auc-gap`, `fooling-rate`. */
  readonly metric: string;
  readonly class: string | null;
  readonly subgroup: SubgroupValues;
  /** The protocol's name of the subgrouping, such as `sex` or `sex-by-age`; null for the whole evaluation set. */
  readonly family: string | null;
  /** For differences: the group that this one is compared with. */
  readonly reference?: SubgroupValues;
  readonly condition: Condition;
  readonly operatingPoint: string | null;
  /** "1" for fractions and areas, "query" for counts of queries, and so on. */
  readonly unit: string;
  readonly estimate: number | null;
  readonly interval: Interval | null;
  readonly n: number;
  readonly positives: number;
  readonly negatives: number;
  readonly patients: number;
  readonly status: FindingStatus;
  /** Why it is not measured, or what a reader must know of a measured one; null where there is nothing to say. */
  readonly reason: string | null;
  /** Further numbers and words that explain the estimate, such as the groups behind a max–min gap. */
  readonly details?: Readonly<Record<string, number | string | null>>;
  /** The curve behind an area. */
  readonly curve?: Curve;
  readonly tests?: readonly FindingTest[];
}

/**
 * A curve with a pointwise band. `roc`: x is 1 − specificity, y is sensitivity. `calibration`: x is the mean probability of a
 * bin, y the share of positives in it. `decision`: x is the threshold probability, y the net benefit.
 */
export interface Curve {
  readonly kind: "roc" | "calibration" | "decision";
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly lower: readonly number[];
  readonly upper: readonly number[];
  readonly method: string;
  /** Samples behind each point, for curves of bins. */
  readonly n?: readonly number[];
  /** What the curve is held against, aligned with x, by name: for `decision`, treating all. */
  readonly references?: Readonly<Record<string, readonly number[]>>;
}

export interface GateResult {
  readonly id: string;
  readonly title: string;
  readonly verdict: Verdict;
  /** The other model, for gates on a paired difference: `limit` and `observed` are then of that difference. */
  readonly against?: string;
  readonly limit: number;
  /** The number that was held against the limit: of the finding that decided. */
  readonly observed: number | null;
  /** The test behind a failure: that the criterion is met, adjusted for all findings that the protocol's gates look at. */
  readonly test?: FindingTest;
  /** Ids of the findings that the gate looked at. */
  readonly findings: readonly string[];
  readonly reason: string;
}

/** `sex=F,age=40-60`; the whole set is `all`. The subgroup's part of a finding's id. */
export function subgroupKey(values: SubgroupValues): string {
  const parts = Object.entries(values).map(([name, value]) => `${name}=${value}`);
  return parts.length === 0 ? "all" : parts.join(",");
}
