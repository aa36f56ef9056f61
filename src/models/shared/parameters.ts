// The keys that adapters of models outside this process have in common.
import { z } from "zod";
import { StepwedgeError } from "../../core/errors.js";
import { DATATYPES } from "./datatypes.js";

const perChannel = z
  .union([z.number(), z.array(z.number()).min(1).max(3)])
  .transform((value) => (Array.isArray(value) ? value : [value]));
const size = z.number().int().min(1).max(16_384).optional();

export const activation = z
  .enum(["none", "sigmoid", "softmax"])
  .default("none")
  .describe("What turns the outputs into probabilities.");

export const select = z
  .record(z.string(), z.number().int().min(0))
  .optional()
  .describe("Column of each class; default: their order.");

export const input = z.strictObject({
  name: z.string().min(1).optional().describe("Which input; needed where it is not declared."),
  width: size,
  height: size,
  channels: z.union([z.literal(1), z.literal(3)]).optional(),
  layout: z.enum(["NCHW", "NHWC"]).optional(),
  datatype: z.enum(DATATYPES).optional().describe("What pixels are sent as; default: as declared, or FP32."),
  range: z
    .tuple([z.number(), z.number()])
    .default([0, 1])
    .describe("What black and white of the display window become."),
  mean: perChannel.default([0]),
  std: perChannel.default([1]).refine((values) => values.every((value) => value > 0), "must be greater than 0"),
  resize: z
    .enum(["bilinear", "nearest", "none"])
    .default("bilinear")
    .describe("How images of another size are fitted; bilinear is antialiased."),
});

export type InputParameters = z.infer<typeof input>;

/** @throws StepwedgeError where `select` lacks a class */
export function checkSelection(classes: readonly string[], chosen: Readonly<Record<string, number>> | undefined): void {
  const unselected = chosen === undefined ? undefined : classes.find((name) => chosen[name] === undefined);
  if (unselected === undefined) return;
  throw new StepwedgeError(`has no column for class "${unselected}"`, {
    where: "model.output.select",
    remedy: `Add "${unselected}: <column>".`,
  });
}
