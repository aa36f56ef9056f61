// The keys that model adapters have in common.
import { z } from "zod";
import { StepwedgeError } from "../../core/errors.js";
import { DATATYPES } from "./datatypes.js";
import { REDUCTIONS } from "./dense.js";
import { geometry } from "./geometry.js";

/** Slices of a volume are channels, too. */
const MOST_CHANNELS = 1024;

const perChannel = z
  .union([z.number(), z.array(z.number()).min(1).max(MOST_CHANNELS)])
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

/** Where in the model's answer the scores are. */
export const output = z
  .strictObject({
    name: z.string().min(1).optional().describe("Which output; needed where there are several."),
    select,
    reduce: z
      .enum(REDUCTIONS)
      .default("none")
      .describe(
        "For outputs with a value for every pixel: share (of pixels where the class is the greatest), mean or max.",
      ),
  })
  .prefault({});

/** What images are to the model: size and values. */
export const pixels = {
  width: size,
  height: size,
  channels: z
    .number()
    .int()
    .min(1)
    .max(MOST_CHANNELS)
    .optional()
    .describe("1 gray, 3 colour; of volumes and stacks the number of slices."),
  range: z
    .tuple([z.number(), z.number()])
    .default([0, 1])
    .describe("What black and white of the display window become."),
  mean: perChannel.default([0]),
  std: perChannel.default([1]).refine((values) => values.every((value) => value > 0), "must be greater than 0"),
  ...geometry,
} as const;

export const inputName = z.string().min(1).optional().describe("Which input; needed where there are several.");
export const layout = z.enum(["NCHW", "NHWC"]).optional();

/** The input of a model outside this process. */
export const input = z.strictObject({
  name: inputName,
  layout,
  datatype: z.enum(DATATYPES).optional().describe("What pixels are sent as; default: as declared, or FP32."),
  ...pixels,
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
