import type { Condition } from "./condition.js";
import type { SubgroupValues } from "./finding.js";

/**
 * `explorer.json`: decisions counted over a grid of thresholds, so that reports can show other thresholds than the locked
 * ones without the scores. All counts are whole numbers; every share, interval and difference follows from them exactly.
 */
export interface Explorer {
  readonly schemaVersion: "1.0";
  readonly protocolSha256: string;
  /** Nominal coverage of the intervals that are made of it. */
  readonly level: number;
  /** The groups that all curves are aligned with; the first is the whole set. */
  readonly groups: readonly { readonly family: string | null; readonly subgroup: SubgroupValues }[];
  readonly classes: readonly ExplorerClass[];
  /** Conditions that were left out to keep the file small. */
  readonly omitted: readonly Condition[];
  /** Why there are no classes; null where there are. */
  readonly reason: string | null;
}

export interface ExplorerClass {
  readonly class: string;
  /** Falling. A score >= threshold is called positive. */
  readonly thresholds: readonly number[];
  /** Where the locked operating points stand among the thresholds. */
  readonly points: readonly { readonly id: string; readonly place: number }[];
  readonly tables: readonly ExplorerTable[];
}

export interface ExplorerTable {
  readonly condition: Condition;
  /** Aligned with the groups; null where a group's class is withheld to protect patients. */
  readonly groups: readonly (ThresholdCounts | null)[];
}

/**
 * The decisions about one group's samples, by threshold. A patient has m positive and k negative samples, of which a and b
 * are called positive at a threshold.
 */
export interface ThresholdCounts {
  readonly positives: number;
  readonly negatives: number;
  readonly truePositives: readonly number[];
  readonly falsePositives: readonly number[];
  /**
   * null where no patient has two samples in the group: sums of squares are then the counts themselves. "withheld" where so few
   * patients have two that the sums would tell of them (`privacy.minimumCell`): intervals are then approximate.
   */
  readonly clustered: ClusteredCounts | "withheld" | null;
  /** Patients with a sample in the group. */
  readonly patients: number;
  /** Against the family's reference group; null for the reference itself, for the whole set, and without a reference. */
  readonly reference: ReferenceCounts | null;
}

/** Sums over patients, by threshold where they are lists: the second moments of the four cells. */
export interface ClusteredCounts {
  readonly positivePatients: number;
  readonly negativePatients: number;
  /** Σ m², Σ k², Σ m·k. */
  readonly mm: number;
  readonly kk: number;
  readonly mk: number;
  /** Patients with a sample that is called positive, and those of whom every sample is. */
  readonly called: readonly number[];
  readonly allCalled: readonly number[];
  /** Σ a², Σ b², Σ a·b, Σ a·m, Σ b·k, Σ a·k, Σ b·m. */
  readonly aa: readonly number[];
  readonly bb: readonly number[];
  readonly ab: readonly number[];
  readonly am: readonly number[];
  readonly bk: readonly number[];
  readonly ak: readonly number[];
  readonly bm: readonly number[];
}

/** The group that differences are told from, and what the two share. */
export interface ReferenceCounts {
  /** Its place among the groups. */
  readonly group: number;
  /** null where no patient is in both; "withheld" where so few are that the sums would tell of them. */
  readonly shared: SharedCounts | "withheld" | null;
}

/** Sums over the patients of two groups: unprimed of this group, primed (written second, as in `am`) of the reference. */
export interface SharedCounts {
  /** Patients in both; those with positives in both, and with negatives in both. */
  readonly patients: number;
  readonly positivePatients: number;
  readonly negativePatients: number;
  /** Σ m·m′, Σ k·k′. */
  readonly mm: number;
  readonly kk: number;
  /** Σ a·a′, Σ a·m′, Σ m·a′, Σ b·b′, Σ b·k′, Σ k·b′. */
  readonly aa: readonly number[];
  readonly am: readonly number[];
  readonly ma: readonly number[];
  readonly bb: readonly number[];
  readonly bk: readonly number[];
  readonly kb: readonly number[];
}
