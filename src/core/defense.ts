import type { z } from "zod";
import type { PixelBatch } from "./pixels.js";
import type { Random } from "./random.js";

export interface DefenseMeta {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  /** True where two applications to one image may differ: such defenses are averaged over several draws. */
  readonly random: boolean;
  readonly parameters: z.ZodObject;
  readonly references: readonly string[];
}

export interface DefenseContext<Parameters> {
  readonly parameters: Parameters;
  randomOf(image: number): Random;
}

/** A transformation between the image and the model. The base clips and quantises what `apply` returns. */
export interface Defense<Parameters = Record<string, unknown>> {
  readonly meta: DefenseMeta;
  apply(batch: PixelBatch, context: DefenseContext<Parameters>): Promise<PixelBatch> | PixelBatch;
}

/** Declares a defense with its parameters typed by its schema. A defense's file exports the result as default. */
export function defineDefense<Schema extends z.ZodObject>(
  defense: Defense<z.infer<Schema>> & { readonly meta: { readonly parameters: Schema } },
): Defense {
  return defense as unknown as Defense;
}
