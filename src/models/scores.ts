/**
 * Scores that the table already holds: no model and no images. Everything that needs to ask the model is refused; scores
 * of attacked or defended images may stand in further columns.
 */
import { z } from "zod";
import { defineModelAdapter } from "../core/adapter.js";
import { CLEAN, type Condition, conditionKey } from "../core/condition.js";
import { StepwedgeError } from "../core/errors.js";
import { epsilon, name } from "../core/values.js";

const columns = z.record(z.string(), z.string().min(1));

const condition = z
  .strictObject({
    attack: name.default("none").describe("What was done to the images: any name."),
    epsilon: epsilon.optional(),
    norm: z.enum(["linf", "l2"]).optional().describe("The norm in which ε is measured. Default: linf."),
    defense: name.default("none").describe("What was done against it: any name."),
    columns: columns.describe("The table's column that holds each class's score under this condition."),
  })
  .refine(({ attack, defense }) => attack !== "none" || defense !== "none", {
    message: "has neither an attack nor a defense",
    params: { remedy: "Name one of them; the clean scores belong under model.columns." },
  })
  .refine(({ attack, epsilon }) => attack !== "none" || epsilon === undefined, {
    message: "has an ε and no attack",
    params: { remedy: "Name the attack, or leave epsilon out." },
  })
  .refine(({ epsilon, norm }) => epsilon !== undefined || norm === undefined, {
    message: "has a norm and no ε",
    params: { remedy: "Add epsilon, or leave norm out." },
  })
  .refine(({ epsilon = 0, norm }) => norm === "l2" || epsilon <= 1, {
    path: ["epsilon"],
    message: "must be at most 1, the whole display window",
    params: { remedy: "Write grey levels of an 8-bit image as a quotient, such as 4/255." },
  });

const parameters = z.strictObject({
  columns: columns.describe("The table's column that holds each class's score."),
  probabilities: z.boolean().default(true).describe("False: scores may lie outside [0, 1]."),
  conditions: z
    .array(condition)
    .superRefine((entries, context) => {
      const keys = entries.map((entry) => conditionKey(conditionOf(entry)));
      for (const [index, key] of keys.entries()) {
        if (keys.indexOf(key) === index) continue;
        const params = { remedy: "Give each condition once; ε counts with four decimals." };
        context.addIssue({ code: "custom", path: [index], message: `"${key}" appears twice`, params });
      }
    })
    .optional()
    .describe("Scores of the same samples attacked or defended, in further columns."),
});

export default defineModelAdapter({
  meta: {
    id: "scores",
    title: "Table of scores",
    summary: "Audits scores that stand in the table, one column per class and condition; nothing is run.",
    parameters,
    needsImages: false,
  },
  open: async () => null,
  scoreTables(options, classes) {
    const { columns, conditions = [] } = options as z.infer<typeof parameters>;
    return [
      { condition: CLEAN, columns: columnsOf(classes, columns, "model.columns") },
      ...conditions.map((entry, index) => ({
        condition: conditionOf(entry),
        columns: columnsOf(classes, entry.columns, `model.conditions[${index}].columns`),
      })),
    ];
  },
});

/** The condition as a run with a model would name it. */
function conditionOf({ attack, defense, epsilon, norm = "linf" }: z.infer<typeof condition>): Condition {
  return { attack, epsilon: epsilon ?? 0, ...(epsilon === undefined ? {} : { norm }), defense };
}

function columnsOf(
  classes: readonly string[],
  columns: Readonly<Record<string, string>>,
  where: string,
): Readonly<Record<string, string>> {
  const missing = classes.find((name) => !Object.hasOwn(columns, name));
  if (missing !== undefined) {
    throw new StepwedgeError(`has no column for class "${missing}"`, {
      where,
      remedy: `Add "${missing}: <column>".`,
    });
  }
  return Object.fromEntries(classes.map((name) => [name, columns[name] as string]));
}
