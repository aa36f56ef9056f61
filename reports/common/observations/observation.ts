import type { Finding } from "../../../src/core/finding.js";
import { dataName } from "../names.js";
import type { Group, StudyView } from "../study.js";

/** How much a reader should mind: `major` belongs to the decision, `moderate` to its conditions, `note` to the reading. */
export type Severity = "major" | "moderate" | "note";

/** One thing that the findings say, in words, with the findings that say it. */
export interface Observation {
  readonly severity: Severity;
  /** Orders the observations of one rule, larger first; on the scale of the estimate, such as a difference of AUC. */
  readonly weight: number;
  readonly title: string;
  readonly text: string;
  /** Ids of the findings behind it, the most important first. */
  readonly evidence: readonly string[];
  /** Groups worth drawing one below the other; null where there is nothing to draw. */
  readonly contrast: Contrast | null;
}

export interface Contrast {
  readonly metric: string;
  readonly class: string;
  readonly operatingPoint: string | null;
  readonly groups: readonly Group[];
}

/** " for pneumonia" where the study has several classes, else nothing. */
export function forClass(study: StudyView, className: string): string {
  return study.classes.length > 1 ? ` for ${dataName(className)}` : "";
}

/** Distance of the interval from zero: 0 where it contains zero or there is no interval. */
export function certainSize(finding: Finding | undefined): number {
  if (finding?.status !== "measured" || finding.interval === null) return 0;
  const { lower, upper } = finding.interval;
  return lower > 0 ? lower : upper < 0 ? -upper : 0;
}

/** What the interval makes certain of a loss: its lower limit where that lies above zero, else 0. */
export function certainLoss(finding: Finding | undefined): number {
  if (finding?.status !== "measured" || finding.interval === null) return 0;
  return Math.max(0, finding.interval.lower);
}

/** The ids of those findings that exist. */
export function ids(...findings: readonly (Finding | undefined)[]): string[] {
  return findings.flatMap((finding) => (finding === undefined ? [] : [finding.id]));
}
