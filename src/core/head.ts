import type { z } from "zod";
import type { Fitted } from "./fitted.js";
import type { Embeddings } from "./model.js";
import type { Random } from "./random.js";

/** Embeddings of the tuning samples with what is known of each, aligned by sample. Images that cannot be read are not there. */
export interface HeadSamples {
  readonly embeddings: Embeddings;
  /** By class, in the protocol's order: 1 positive, 0 negative, -1 missing. Every class has both among the samples. */
  readonly labels: readonly Int8Array[];
  /** Patient of each sample, as a code. */
  readonly patients: Int32Array;
  /** Names of the samples, for messages. */
  readonly ids: readonly string[];
}

/** A table of text embeddings, or of other rows with a vector each. */
export interface VectorTable {
  /** How messages call the file. */
  readonly name: string;
  readonly count: number;
  readonly width: number;
  /** count × width. */
  readonly values: Float32Array;
  /** Text columns by name, those of `columns` that the table has. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
  /** What to call a row in an error message. */
  rowName(row: number): string;
}

export interface HeadContext<Parameters> {
  readonly parameters: Parameters;
  readonly task: "binary" | "multiclass" | "multilabel";
  readonly classes: readonly string[];
}

/** A head that learns from embeddings of the tuning split. */
export interface LearningHead<Parameters> {
  /** @throws StepwedgeError where the samples do not suffice */
  fit(samples: HeadSamples, context: HeadContext<Parameters>): Fitted;
  /**
   * Scores of the samples that it learns from, each by a head that has learnt from nobody of the same patient:
   * `values[sample * classes + class]`. Operating points are chosen on them.
   */
  heldOut(
    samples: HeadSamples,
    fitted: Fitted,
    context: HeadContext<Parameters> & { readonly random: Random },
  ): Float64Array;
}

/** A head that is made of what a file holds, and learns nothing from images. */
export interface GivenHead<Parameters> {
  /** The parameter that names the file, and the text columns that are wanted of it. */
  readonly table: { readonly parameter: string; readonly columns: readonly string[] };
  /** @throws StepwedgeError where the table does not fit the protocol */
  build(table: VectorTable, context: HeadContext<Parameters>): Fitted;
}

/**
 * What makes a classifier of an encoder: a function of embeddings, fitted once and fixed from then on. Pure, deterministic,
 * and of each embedding alone: neither the batch nor its order changes a score.
 */
export interface Head<Parameters = Record<string, unknown>> {
  readonly meta: {
    readonly id: string;
    readonly title: string;
    readonly summary: string;
    readonly references: readonly string[];
    /** The head's own keys under `model.head`; `kind` and `fitted` are the base's. */
    readonly parameters: z.ZodObject;
  };
  /** Where its numbers come from. */
  readonly source:
    | ({ readonly kind: "tuning" } & LearningHead<Parameters>)
    | ({ readonly kind: "table" } & GivenHead<Parameters>);
  /** Probabilities in [0, 1], `values[image * classes + class]`; of a multiclass task they sum to 1. */
  score(embeddings: Embeddings, fitted: Fitted, context: HeadContext<Parameters>): Float64Array;
}

/** Declares a head with its parameters typed by its schema. Its file exports the result as default. */
export function defineHead<Schema extends z.ZodObject>(
  head: Head<z.output<Schema>> & { readonly meta: { readonly parameters: Schema } },
): Head {
  return head as unknown as Head;
}
