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
  | { readonly kind: "number"; readonly value: number };

export interface TaskContext<Parameters> {
  readonly parameters: Parameters;
  /** The structures, or the quantities, that the model answers for. */
  readonly classes: readonly string[];
  /** Of the images that the model sees. */
  readonly geometry: Pick<ImageGeometry, "channels" | "height" | "width">;
  /** Numbers that the model answers with, for one image. */
  readonly width: number;
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
  /** @throws StepwedgeError where an answer of that width is none of this task */
  open(context: TaskContext<Parameters>): Judge;
}

/** Declares a task with its parameters typed by its schema. Its file exports the result as default. */
export function defineTask<Schema extends z.ZodObject>(
  task: Task<z.output<Schema>> & { readonly meta: { readonly parameters: Schema } },
): Task {
  return task as unknown as Task;
}
