import type { z } from "zod";
import type { OutcomeId } from "./outcome.js";
import type { ImageGeometry } from "./pixels.js";

/** What a sample's answer is held against, for one class: the reference standard. */
export type Reference =
  /** 1 inside, 0 outside, on the model's input grid: height × width, or depth × height × width of volumes. */
  | {
      readonly kind: "mask";
      readonly data: Uint8Array;
      readonly shape: readonly number[];
      /** Size of its pixels in mm, one for each side of the shape; absent where the protocol does not ask for it. */
      readonly spacing?: readonly number[];
    }
  | { readonly kind: "number"; readonly value: number }
  /** The sample itself, by its row in the source: what is relevant to it is told by the bank. */
  | { readonly kind: "sample"; readonly row: number };

/**
 * Clean embeddings of samples with what is known of them: what queries are held against. While attacks and defenses learn it
 * holds the tuning split alone. Images that cannot be read are not there.
 */
export interface SampleBank {
  readonly count: number;
  readonly width: number;
  /** count × width. */
  readonly values: Float32Array;
  /** Row of each in the source. */
  readonly sources: Int32Array;
  /** Row of each in its split. */
  readonly rows: Int32Array;
  /** 1 in the evaluation split, 0 in the tuning split. */
  readonly evaluated: Uint8Array;
  /** The patient, as a code that both splits share. */
  readonly persons: Int32Array;
  /** By class: 1 positive, 0 negative, -1 missing. */
  readonly labels: readonly Int8Array[];
}

export interface TaskContext<Parameters> {
  readonly parameters: Parameters;
  /** The structures, or the quantities, that the model answers for. */
  readonly classes: readonly string[];
  /** Of the images that the model sees. */
  readonly geometry: Pick<ImageGeometry, "channels" | "height" | "width">;
  /** Numbers that the model answers with, for one image. */
  readonly width: number;
  /** Of tasks whose reference is the sample: the embeddings that are there to be found. */
  readonly bank?: SampleBank;
}

/** Measures one image's answer against its references, one per class; null where a class has none. */
export interface Judge {
  /**
   * How well the answer does, in [0, 1] by class, NaN without a reference: what attacks are to lower. One sample's worth is the
   * score that thresholds, margins and objectives are about, as a probability is of a classifier.
   */
  success(answer: Float32Array, references: readonly (Reference | null)[]): Float64Array;
  /** `values[class * columns + column]`, of outcomes and then of what is recorded beside them; NaN where not defined. */
  outcomes(answer: Float32Array, references: readonly (Reference | null)[]): Float64Array;
  /** The values of the task's evidence columns, where it has any. */
  evidence?(answer: Float32Array, references: readonly (Reference | null)[]): Float64Array;
}

/** Where nothing names the unit. */
export const UNNAMED_UNIT = "units";

/**
 * A kind of system that is no classifier: what its answers are, what they are held against, and what is measured of each
 * sample. Audits, gates and attacks then work on these outcomes. Pure, and of one image at a time.
 */
export interface Task<Parameters = Record<string, unknown>> {
  readonly meta: {
    /** What `model.task` says. */
    readonly id: string;
    readonly title: string;
    readonly summary: string;
    readonly reference: Reference["kind"];
    /** Its columns in the score tables, in this order. */
    readonly outcomes: readonly OutcomeId[];
    /** What success is, in words. */
    readonly success: string;
    /** The task's own keys, under `model.<id>`. */
    readonly parameters: z.ZodObject;
    readonly references: readonly string[];
  };
  /** What outcomes of unit "unit" are in, such as "mm" or "pixels"; default: the reference's, which nothing names. */
  unit?(parameters: Parameters, references: { readonly hasSpacing: boolean }): string;
  /** Names of further numbers of each sample and class that go into the score tables, for audits of the task's own. */
  recorded?(parameters: Parameters): readonly string[];
  /** Columns of the score tables, one value per image, that say what its outcomes were made of; default: none. */
  evidence?(parameters: Parameters): readonly string[];
  /** @throws StepwedgeError where an answer of that width is none of this task */
  open(context: TaskContext<Parameters>): Judge;
}

/** Declares a task with its parameters typed by its schema. Its file exports the result as default. */
export function defineTask<Schema extends z.ZodObject>(
  task: Task<z.output<Schema>> & { readonly meta: { readonly parameters: Schema } },
): Task {
  return task as unknown as Task;
}
