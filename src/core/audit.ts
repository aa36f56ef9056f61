import type { z } from "zod";
import type { Condition } from "./condition.js";
import type { Finding, SubgroupValues } from "./finding.js";
import type { Measure } from "./measures.js";
import type { OutcomeId } from "./outcome.js";

/** A group of evaluation samples. */
export interface Subgroup {
  /** The protocol's name of the subgrouping; null for the whole set. */
  readonly family: string | null;
  readonly values: SubgroupValues;
  /** Indices of its samples in the evaluation set, ascending. May be empty: a missing group is shown. */
  readonly members: Uint32Array;
  /** What is withheld of it to protect patients; absent where nothing is. */
  readonly withheld?: Withheld;
}

/**
 * A group with few patients: what is withheld is not in the study that audits see, so that no number of theirs can tell
 * it. `labelledCell` gives an empty cell, and every finding of such a cell ends as suppressed.
 */
export interface Withheld {
  /** Whether the whole group is withheld: `members` is empty, and all classes are withheld. */
  readonly members: boolean;
  /** Classes whose labels must not be looked at in this group. */
  readonly classes: ReadonlySet<string>;
}

/** A decision threshold, chosen on the tuning split and frozen. A score >= threshold is called positive. */
export interface OperatingPoint {
  readonly id: string;
  readonly class: string;
  /** null where it could not be chosen; `reason` says why. */
  readonly threshold: number | null;
  /** How it was asked for, such as "sensitivity 0.9". */
  readonly rule: string;
  readonly chosenOn: "tuning" | "protocol";
  readonly n: number;
  readonly positives: number;
  readonly reason: string | null;
  /** SHA-256 of all of the above: a point that is moved later has another. */
  readonly sha256: string;
}

/** Samples that thresholds and recalibrations may learn from: other patients than those of the evaluation set. */
export interface TuningSamples {
  readonly count: number;
  readonly patients: Int32Array;
  labels(className: string): Int8Array;
  /** Clean scores; NaN where a sample could not be scored. */
  scores(className: string): Float64Array;
  /** Its groups, as the evaluation set's `subgroups`; members are indices into the tuning samples. */
  readonly subgroups?: readonly Subgroup[];
}

/** What a task other than classification measured. Scores are then its success, in [0, 1]; labels say who has a reference. */
export interface StudyOutcomes {
  readonly ids: readonly OutcomeId[];
  /** What outcomes in the reference's own unit are in, such as "mm". */
  readonly unit: string;
  /** What the task recorded beside them; `of` has these columns too. */
  readonly recorded?: readonly string[];
  /** An outcome of a class under a condition; NaN where it is not defined, or the sample could not be scored. */
  of(condition: Condition, className: string, outcome: OutcomeId): Float64Array;
}

/** Clean embeddings of both splits, `values[sample * width + dimension]`; NaN where an image could not be read. */
export interface StudyEmbeddings {
  readonly width: number;
  readonly tuning: Float32Array;
  readonly evaluation: Float32Array;
}

/** Another model's scores on the same samples, such as a predecessor's. */
export interface Comparator {
  readonly id: string;
  /**
   * Under a condition, clean by default; NaN for samples that it has not scored. Null where it has no score of the class
   * under the condition at all.
   */
  scores(className: string, condition?: Condition): Float64Array | null;
  /** Its own thresholds: chosen on its own tuning scores by the protocol's rules, or frozen in the baseline. */
  readonly operatingPoints: readonly OperatingPoint[];
}

/**
 * What audits see: the evaluation set's columns and the score tables. No images, no model, no attack. All columns are
 * aligned by sample, 0 … count - 1.
 */
export interface Study {
  readonly count: number;
  /** One of classification, or of `src/tasks`: then `outcomes` names what was measured of each sample. */
  readonly task: string;
  readonly classes: readonly string[];
  /** Whether scores are promised to be probabilities, in [0, 1]. */
  readonly probabilities: boolean;
  /** Sampling weight of each sample, > 0; null where all count alike. */
  readonly weights: Float64Array | null;
  /** Patient of each sample, as a code 0 … patientCount - 1. */
  readonly patients: Int32Array;
  readonly patientCount: number;
  /** True where at least one patient has more than one evaluation sample. */
  readonly clustered: boolean;
  /** Labels of a class: 1 positive, 0 negative, -1 missing. */
  labels(className: string): Int8Array;
  /** Probabilities of a class under a condition; NaN where a sample could not be scored. */
  scores(condition: Condition, className: string): Float64Array;
  /** What was measured of each sample's image beside its scores; null under conditions without an attack. */
  measures(condition: Condition, measure: Measure): Float64Array | null;
  /** What the task measures of each sample; absent for classifiers. */
  readonly outcomes?: StudyOutcomes;
  /** Where the record keeps them. */
  readonly embeddings?: StudyEmbeddings;
  /** The first is the whole set (family null). Then the families in the protocol's order. */
  readonly subgroups: readonly Subgroup[];
  /** The first is clean. */
  readonly conditions: readonly Condition[];
  readonly operatingPoints: readonly OperatingPoint[];
  /** What each attack of the plan knew of the model, by id: "none" marks the controls. */
  readonly attackKnowledge: Readonly<Record<string, string>>;
  readonly tuning: TuningSamples;
  readonly comparators: readonly Comparator[];
}

export interface AuditContext<Parameters> {
  readonly parameters: Parameters;
  /** Nominal coverage of every interval, for example 0.95. */
  readonly level: number;
  readonly seed: number;
}

export interface MetricDescription {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  /** What it is, how it is computed, its source and its limits, in a few sentences. */
  readonly description: string;
  /** Whether a larger value is better, worse, or neither. */
  readonly better: "higher" | "lower" | "neither";
}

export interface AuditMeta {
  readonly id: string;
  readonly title: string;
  /** Why a reader should care, in one or two sentences. */
  readonly why: string;
  /**
   * What it needs: labels (of a classifier), outcomes (of any other task), kept embeddings, operating points, attacked
   * conditions, subgroups, other models. Lacking one, it is skipped.
   */
  readonly needs: readonly (
    | "labels"
    | "outcomes"
    | "embeddings"
    | "operating-points"
    | "attacks"
    | "subgroups"
    | "comparators"
  )[];
  readonly metrics: readonly MetricDescription[];
  /** Whether it looks at one class at a time (the default), or needs all of them together. */
  readonly classes?: "each" | "together";
  /** Keys of its block under `audits:`, each with a default; left out where it has none. */
  readonly parameters?: z.ZodObject;
  readonly references: readonly string[];
}

/** A pure function from score tables to findings. */
export interface Audit<Parameters = Record<string, unknown>> {
  readonly meta: AuditMeta;
  /** Findings about the study's classes, which may be one alone. */
  evaluate(study: Study, context: AuditContext<Parameters>): Finding[];
  /** Findings about no class, where it has any: asked for once, whatever the classes. */
  overall?(study: Study, context: AuditContext<Parameters>): Finding[];
}

/**
 * Declares an audit; one with parameters says their schema, `defineAudit<typeof parameters>(…)`. An audit's file exports
 * the result as default.
 */
export function defineAudit<Schema extends z.ZodObject = z.ZodObject>(audit: Audit<z.output<Schema>>): Audit {
  return audit as unknown as Audit;
}
