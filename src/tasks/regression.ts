import { z } from "zod";
import { StepwedgeError } from "../core/errors.js";
import type { OutcomeId } from "../core/outcome.js";
import { defineTask, type Reference, UNNAMED_UNIT } from "../core/task.js";

const OUTCOMES = ["absolute-error", "bias", "within-tolerance", "reference"] as const satisfies readonly OutcomeId[];

const parameters = z.strictObject({
  select: z
    .record(z.string().min(1), z.int().min(0))
    .optional()
    .describe("The output's column of each quantity; default: in the classes' order."),
  scale: z.number().default(1).describe("What the output is multiplied by, to be in the reference's unit."),
  offset: z.number().default(0).describe("What is then added."),
  unit: z
    .string()
    .min(1)
    .max(20)
    .default(UNNAMED_UNIT)
    .describe("The reference's unit, such as months: printed beside every number."),
  tolerance: z
    .number()
    .gt(0)
    .describe("The largest error that does not matter, in the reference's unit: of within-tolerance, and of success."),
});

/** Regression: the answer is one number for each quantity, such as a bone age in months. */
export default defineTask({
  meta: {
    id: "regression",
    title: "Regression",
    summary: "A number for each quantity, held against a reference number.",
    reference: "number",
    outcomes: OUTCOMES,
    success:
      "1/(1 + |error|/tolerance): ½ at the tolerance. It only orders answers for attacks, and an operating point with threshold 0.5 asks for errors within the tolerance.",
    parameters,
    references: ["J. M. Bland, D. G. Altman, Lancet 327 (1986) 307–310"],
  },
  unit: ({ unit }) => unit,
  open({ classes, parameters: { offset, scale, select, tolerance }, width }) {
    const columns = classes.map((name, index) => select?.[name] ?? index);
    const outside = columns.findIndex((column) => column >= width);
    if (outside >= 0 || (select === undefined && width !== classes.length)) {
      throw new StepwedgeError(
        `gives ${width} numbers per image for ${classes.length} quantities (${classes.join(", ")})`,
        {
          where: "model.regression.select",
          remedy: "Say which column is which quantity, from 0; or name the output by model.output.name.",
        },
      );
    }
    const errorOf = (answer: Float32Array, reference: Reference | null, index: number): number => {
      if (reference?.kind !== "number") return Number.NaN;
      return (answer[columns[index] as number] as number) * scale + offset - reference.value;
    };
    return {
      success: (answer, references) =>
        Float64Array.from(references, (one, index) => 1 / (1 + Math.abs(errorOf(answer, one, index)) / tolerance)),
      outcomes: (answer, references) =>
        Float64Array.from(
          references.flatMap((one, index) => {
            const error = errorOf(answer, one, index);
            const size = Math.abs(error);
            const within = Number.isNaN(size) ? size : size <= tolerance ? 1 : 0;
            return [size, error, within, one?.kind === "number" ? one.value : Number.NaN];
          }),
        ),
    };
  },
});
