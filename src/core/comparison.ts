import type { Finding, GateResult, Verdict } from "./finding.js";
import type { AuditRecord, Provenance, SamplesInCommon } from "./record.js";

/** `comparison.json`: a predecessor beside its successor, on the same samples. Deterministic: no clock, no path. */
export interface Comparison {
  readonly schemaVersion: "1.0";
  readonly stepwedge: string;
  /** What was changed, in the words of whoever compares; null where nobody said. */
  readonly modification: string | null;
  readonly before: ComparedRecord;
  readonly after: ComparedRecord;
  /** What the two records differ in, beside their findings. */
  readonly differences: readonly Difference[];
  readonly samples: SamplesInCommon;
  /** Nominal coverage of every interval: the successor's protocol's. */
  readonly confidence: number;
  /**
   * Verdict of the successor's gates that hold it against a baseline; null where its protocol has none: then this is
   * exploration.
   */
  readonly verdict: Verdict | null;
  /** Those gates, judged against the predecessor. */
  readonly regression: readonly GateResult[];
  /** Gates of either record, by id. */
  readonly gates: readonly GateChange[];
  /** Paired differences, positive where the successor is better. */
  readonly findings: readonly Finding[];
  /** What was concluded of each measured difference, by the finding's id. */
  readonly changes: readonly Change[];
  /** What could not be compared, and why. */
  readonly notComparable: readonly NotComparable[];
}

export interface ComparedRecord {
  readonly name: string;
  readonly title: string;
  readonly verdict: Verdict;
  readonly protocolSha256: string;
  readonly findingsSha256: string;
  readonly model: Provenance["model"];
  readonly data: Provenance["data"];
  readonly finishedAt: string;
}

/** One field in which two records differ; null where a record lacks it. */
export interface Difference {
  readonly kind: "model" | "data" | "protocol" | "software";
  readonly what: string;
  readonly before: string | null;
  readonly after: string | null;
}

export interface GateChange {
  readonly id: string;
  readonly title: string;
  /** null where the record has no such gate. */
  readonly before: Pick<GateResult, "verdict" | "limit" | "observed"> | null;
  readonly after: Pick<GateResult, "verdict" | "limit" | "observed"> | null;
  readonly change: "better" | "worse" | "same" | "added" | "removed";
  /** Whether the criterion itself is another one, so that the verdicts are not of one question. */
  readonly criterionChanged: boolean;
}

/**
 * Better and worse: the test of no difference, adjusted for its family, and the interval both say so. Measures without a
 * test: the interval alone, which is not adjusted. Else nothing is concluded: that is no proof that the models are alike.
 */
export interface Change {
  readonly finding: string;
  readonly direction: "better" | "worse" | "undecided";
  /** Whether a test that is adjusted for its family stands behind it. */
  readonly adjusted: boolean;
}

export interface NotComparable {
  /** A class, a condition, a group, or the id of a finding. */
  readonly what: string;
  readonly reason: string;
}

/** A comparison with what its renderings need beside. */
export interface ComparisonView {
  readonly comparison: Comparison;
  /** The successor's record with the comparison's findings and gates in place of its own. */
  readonly record: AuditRecord;
}
