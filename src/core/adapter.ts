import type { z } from "zod";
import type { Condition } from "./condition.js";
import type { Encoder, Model } from "./model.js";

export interface AdapterContext {
  /** The protocol file's folder: relative paths start here. */
  readonly baseFolder: string;
  /** Names of the classes, in the protocol's order. */
  readonly classes: readonly string[];
  /** Threads that the model may use. */
  readonly threads: number;
}

/** A model adapter: from the protocol's `model:` block to a model that answers queries. One file each in src/models. */
export interface ModelAdapter<Parameters = Record<string, unknown>> {
  readonly meta: {
    readonly id: string;
    readonly title: string;
    readonly summary: string;
    /** The adapter's own keys under `model:`; `adapter`, `task`, `classes` are the base's. */
    readonly parameters: z.ZodObject;
    /** False: the table already holds the scores (no images, no attacks). */
    readonly needsImages: boolean;
  };
  /** Opens the model. Adapters without images return null: their scores are columns of the table. */
  open(parameters: Parameters, context: AdapterContext): Promise<Model | null>;
  /**
   * Opens the model as an encoder: its output is taken as one vector per image, all columns as they come. The context's
   * `classes` have no meaning then. Adapters that cannot do this leave it out, and take no `head` in the protocol.
   */
  openEncoder?(parameters: Parameters, context: AdapterContext): Promise<Encoder>;
  /**
   * For adapters without images: the conditions that the table holds scores of, clean first.
   * @throws StepwedgeError where a class has no column.
   */
  scoreTables?(parameters: Parameters, classes: readonly string[]): readonly ScoreTable[];
}

/** Where a table holds the scores of one condition. */
export interface ScoreTable {
  readonly condition: Condition;
  /** By class, the column that holds its scores. */
  readonly columns: Readonly<Record<string, string>>;
}

/** Declares a model adapter with its parameters typed by its schema. Its file exports the result as default. */
export function defineModelAdapter<Schema extends z.ZodObject>(
  adapter: ModelAdapter<z.infer<Schema>> & { readonly meta: { readonly parameters: Schema } },
): ModelAdapter {
  return adapter as unknown as ModelAdapter;
}
