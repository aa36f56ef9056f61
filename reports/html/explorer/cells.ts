/** What one row of the explorer's table says: one way for the static tables and, in the reader's browser, for the live one. */
import type { ThresholdCounts } from "../../../src/core/explorer.js";
import { decimal, integer, percent, percentagePoints, range } from "../../common/format.js";
import { type Bounded, boundedRate, decisionsAt, differenceAt, predictiveAt } from "./rates.js";

export interface ExplorerCell {
  readonly text: string;
  /** The interval; null where there is none. */
  readonly sub: string | null;
}

/**
 * TP, FN, TN, FP; sensitivity and specificity, each with its difference from the family's reference; PPV, NPV. A withheld group's
 * rates say that they are suppressed.
 * @param groups aligned with the explorer's groups; null where withheld
 * @param prevalence in (0, 1), or null for each group's own
 * @param z two-sided critical value
 */
export function cellsOf(
  groups: readonly (ThresholdCounts | null)[],
  index: number,
  place: number,
  prevalence: number | null,
  z: number,
): ExplorerCell[] {
  const counts = groups[index] ?? null;
  if (counts === null) {
    const [nothing, hidden] = [
      { text: "–", sub: null },
      { text: "suppressed", sub: null },
    ];
    return [nothing, nothing, nothing, nothing, hidden, nothing, hidden, nothing, hidden, hidden];
  }
  const at = decisionsAt(counts, place);
  const count = (value: number): ExplorerCell => ({ text: integer(value), sub: null });
  const predictive = (which: "ppv" | "npv") =>
    prevalence === null ? boundedRate(at[which], z) : predictiveAt(at, which, prevalence, z);
  return [
    count(at.truePositives),
    count(at.positives - at.truePositives),
    count(at.negatives - at.falsePositives),
    count(at.falsePositives),
    rateCell(boundedRate(at.sensitivity, z)),
    gapCell("sensitivity", groups, counts, place, z),
    rateCell(boundedRate(at.specificity, z)),
    gapCell("specificity", groups, counts, place, z),
    rateCell(predictive("ppv")),
    rateCell(predictive("npv")),
  ];
}

export function rateCell(rate: Bounded | null): ExplorerCell {
  if (rate === null) return { text: "not estimable", sub: null };
  const limits = range(decimal(100 * rate.lower, 1), decimal(100 * rate.upper, 1));
  return { text: percent(rate.value), sub: `${rate.approximate ? "≈ " : ""}${limits}%` };
}

/** A dash for the whole set, which has no reference, and for the reference itself, which says so. */
export function gapCell(
  which: "sensitivity" | "specificity",
  groups: readonly (ThresholdCounts | null)[],
  counts: ThresholdCounts,
  place: number,
  z: number,
): ExplorerCell {
  if (counts.reference === null) {
    const isReference = groups.some((other) => other?.reference != null && groups[other.reference.group] === counts);
    return { text: isReference ? "reference" : "–", sub: null };
  }
  const reference = groups[counts.reference.group] ?? null;
  const gap = reference === null ? null : differenceAt(which, counts, reference, counts.reference.shared, place, z);
  if (gap === null) return { text: "not estimable", sub: null };
  const limits = range(decimal(100 * gap.lower, 1), decimal(100 * gap.upper, 1));
  return { text: percentagePoints(gap.value), sub: `${gap.approximate ? "≈ " : ""}${limits} pp` };
}
