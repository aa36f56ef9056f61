// Scores that the table already holds: no model and no images. Everything that needs to ask the model is refused.
import { z } from "zod";
import { defineModelAdapter } from "../core/adapter.js";
import { StepwedgeError } from "../core/errors.js";

const parameters = z.strictObject({
  columns: z.record(z.string(), z.string().min(1)).describe("The table's column that holds each class's score."),
  probabilities: z.boolean().default(true).describe("False: scores may lie outside [0, 1]."),
});

export default defineModelAdapter({
  meta: {
    id: "scores",
    title: "Table of scores",
    summary: "Audits scores that stand in the table, one column per class; nothing is run.",
    parameters,
    needsImages: false,
  },
  open: async () => null,
  scoreColumns(options, classes) {
    const columns = (options as z.infer<typeof parameters>).columns;
    const missing = classes.find((name) => columns[name] === undefined);
    if (missing !== undefined) {
      throw new StepwedgeError(`has no column for class "${missing}"`, {
        where: "model.columns",
        remedy: `Add "${missing}: <column>".`,
      });
    }
    return columns;
  },
});
