import type { Subgroup } from "../core/audit.js";
import { type Finding, type SubgroupValues, subgroupKey } from "../core/finding.js";
import { differenceTest, equivalenceTest, minimumDetectable } from "./assessment.js";
import type { AucEstimate } from "./auc.js";
import { type Counts, combinedCounts, type ScoredCell } from "./cell.js";
import { coverageCaution } from "./coverage-caution.js";
import { type Estimate, notEstimable, type Result } from "./estimate.js";
import { type EstimatedGroup, type GroupResult, isEstimated } from "./family-gap.js";
import { findingOf, type Subject } from "./finding.js";
import type { Measure } from "./measures.js";
import type { ProportionEstimate } from "./proportion.js";
import { ratioOfEstimates } from "./ratio.js";

/** What a group is held against. */
export type Against = "reference" | "rest" | "overall";

/** The other side of a comparison. */
export interface Other<E extends Estimate> {
  readonly against: Against;
  /** The reference group's samples; of the rest and of everybody, everybody's. */
  readonly cell: ScoredCell;
  readonly result: Result<E>;
  /** The reference group's values; left out for the rest and for everybody. */
  readonly values?: SubgroupValues;
  /** Why this group is the reference. */
  readonly chosen?: string;
}

export interface Setting {
  /** Differences within ± this margin count as equivalent. */
  readonly margin: number;
  readonly level: number;
}

/** Where a comparison's metric says what it is against: `auc-difference`, `auc-difference-rest`, `auc-difference-overall`. */
export function comparisonMetric(name: string, kind: "difference" | "ratio", against: Against): string {
  return against === "reference" ? `${name}-${kind}` : `${name}-${kind}-${against}`;
}

/** The group of a family that the protocol names as reference, else the first of the largest estimable ones. */
export function referenceOf<E extends Estimate>(
  groups: readonly GroupResult<E>[],
  family: string,
  wanted: string | undefined,
): (EstimatedGroup<E> & { readonly chosen: string }) | { readonly missing: string } {
  const keyOf = (subgroup: Subgroup) => Object.values(subgroup.values).join(",");
  if (wanted !== undefined) {
    const named = groups.find(({ subgroup }) => keyOf(subgroup) === wanted);
    if (named === undefined) return { missing: `the reference ${wanted} is no group of ${family}` };
    const key = subgroupKey(named.subgroup.values);
    if (!isEstimated(named)) {
      const reason = named.result.status === "estimated" ? "" : named.result.reason;
      return { missing: `the reference ${key} has no estimate: ${reason}` };
    }
    return { ...named, chosen: `named in the protocol: ${key}` };
  }
  let largest: EstimatedGroup<E> | undefined;
  for (const group of groups) {
    if (isEstimated(group) && (largest === undefined || group.cell.counts.n > largest.cell.counts.n)) largest = group;
  }
  if (largest === undefined) return { missing: "no group to compare with" };
  return { ...largest, chosen: `largest estimable group of ${family}: ${subgroupKey(largest.subgroup.values)}` };
}

/** Counts of both sides: a group and the rest are everybody, who hold the group already. */
function basisOf<E extends Estimate>(group: GroupResult<E>, other: Other<E>): { counts: Counts; unscored: number } {
  if (other.against !== "reference") return { counts: other.cell.counts, unscored: other.cell.unscored };
  return {
    counts: combinedCounts([group.cell, other.cell]),
    unscored: group.cell.unscored + other.cell.unscored,
  };
}

/** Samples of the other side. */
function sizeOf<E extends Estimate>(group: GroupResult<E>, { against, cell }: Other<E>): number {
  return against === "rest" ? cell.counts.n - group.cell.counts.n : cell.counts.n;
}

function extrasOf<E extends Estimate>(group: GroupResult<E>, other: Other<E>) {
  return {
    ...(other.values === undefined ? {} : { reference: other.values }),
    details: {
      ...(group.result.status === "estimated" ? { "group-estimate": group.result.value } : {}),
      ...(other.result.status === "estimated" ? { "reference-estimate": other.result.value } : {}),
      "group-n": group.cell.counts.n,
      "reference-n": sizeOf(group, other),
      ...(other.chosen === undefined ? {} : { "reference-chosen": other.chosen }),
    },
  };
}

/** Why two results cannot be set against each other; null where they can. */
function obstacle<E extends Estimate>(group: GroupResult<E>, other: Other<E>): string | null {
  if (group.result.status === "not-estimable") return group.result.reason;
  if (other.result.status === "not-estimable") {
    const who = other.against === "rest" ? "the rest" : other.against === "overall" ? "everybody" : "the reference";
    return `${who}: ${other.result.reason}`;
  }
  return null;
}

/** The group minus the other side, with tests of no difference and of equivalence and the least difference that would be found. */
export function differenceFinding<E extends Estimate>(
  subject: Subject,
  measure: Measure<E>,
  group: GroupResult<E>,
  other: Other<E>,
  { margin, level }: Setting,
): Finding {
  const basis = basisOf(group, other);
  const { details, ...extras } = extrasOf(group, other);
  const reason = obstacle(group, other);
  if (reason !== null || group.result.status !== "estimated" || other.result.status !== "estimated") {
    return findingOf(subject, notEstimable(reason ?? ""), basis, level, extras);
  }
  const difference = measure.difference(group.result, other.result);
  return findingOf(subject, difference, basis, level, {
    ...extras,
    reason: cautionOf([group.result, other.result]),
    tests: [...differenceTest(difference), ...equivalenceTest(difference, margin)],
    details: { ...details, margin, "minimum-detectable": minimumDetectable(difference, level) },
  });
}

/** The group over the other side. */
export function ratioFinding<E extends Estimate>(
  subject: Subject,
  measure: Measure<E>,
  group: GroupResult<E>,
  other: Other<E>,
  level: number,
): Finding {
  const basis = basisOf(group, other);
  const { details, ...extras } = extrasOf(group, other);
  const reason = obstacle(group, other);
  if (reason !== null || group.result.status !== "estimated" || other.result.status !== "estimated") {
    return findingOf(subject, notEstimable(reason ?? ""), basis, level, extras);
  }
  const names = { of: measure.quantity, to: `the ${measure.quantity} that it is held against` };
  const counts = { n: basis.counts.n, patients: basis.counts.patients };
  const ratio = ratioOfEstimates(group.result, other.result, names, counts);
  return findingOf(subject, ratio, basis, level, { ...extras, details });
}

/** What a reader must know of the coverage of a difference of areas or shares. */
function cautionOf(estimates: readonly Estimate[]): string | null {
  const known = estimates.filter((one): one is AucEstimate | ProportionEstimate => {
    return "effectivePositives" in one || "effectiveN" in one;
  });
  return coverageCaution(known, "groups");
}
