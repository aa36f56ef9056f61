import { z } from "zod";
import type { Explorer } from "../core/explorer.js";
import { condition, subgroup } from "./findings-schema.js";

/* The form of explorer.json, for the programs of others: it mirrors src/core/explorer.ts, and the compiler holds it to it. */

const count = z.int().min(0);
const counts = z.array(count).describe("By threshold.");
const withheld = z.literal("withheld").describe("So few patients that the sums would tell of them.");

const clustered = z
  .strictObject({
    positivePatients: count,
    negativePatients: count,
    mm: count,
    kk: count,
    mk: count,
    called: counts.describe("Patients with a sample that is called positive."),
    allCalled: counts.describe("Patients of whom every sample is called positive."),
    ...{ aa: counts, bb: counts, ab: counts, am: counts, bk: counts, ak: counts, bm: counts },
  })
  .describe(
    "Sums over patients of products: a patient has m positive and k negative samples, a and b of which are called positive.",
  )
  .meta({ id: "ClusteredCounts" });

const shared = z
  .strictObject({
    patients: count.describe("In both groups."),
    positivePatients: count,
    negativePatients: count,
    mm: count,
    kk: count,
    ...{ aa: counts, am: counts, ma: counts, bb: counts, bk: counts, kb: counts },
  })
  .describe("Sums over the patients of both groups; the second letter is the reference's.")
  .meta({ id: "SharedCounts" });

const group = z
  .strictObject({
    positives: count,
    negatives: count,
    truePositives: counts,
    falsePositives: counts,
    patients: count,
    clustered: z
      .union([clustered, withheld])
      .nullable()
      .describe("null where no patient has two samples in the group."),
    reference: z
      .strictObject({
        group: count.describe("Place of the reference group among the groups."),
        shared: z.union([shared, withheld]).nullable().describe("null where no patient is in both."),
      })
      .nullable(),
  })
  .meta({ id: "ThresholdCounts" });

const explorerSchema: z.ZodType<Explorer> = z.strictObject({
  schemaVersion: z.literal("1.0"),
  protocolSha256: z.string().regex(/^[0-9a-f]{64}$/),
  level: z.number().gt(0).lt(1).describe("Nominal coverage of intervals made of the counts."),
  groups: z.array(z.strictObject({ family: z.string().nullable(), subgroup })),
  classes: z.array(
    z.strictObject({
      class: z.string(),
      thresholds: z.array(z.number()).describe("Falling. A score at or above one is called positive."),
      points: z
        .array(z.strictObject({ id: z.string(), place: count }))
        .describe("Where the locked operating points stand among the thresholds."),
      tables: z.array(
        z.strictObject({
          condition,
          groups: z.array(group.nullable()).describe("Aligned with groups; null where withheld to protect patients."),
        }),
      ),
    }),
  ),
  omitted: z.array(condition).describe("Conditions that were left out to keep the file small."),
  reason: z.string().nullable().describe("Why there are no classes; null where there are."),
});

/** The JSON Schema of explorer.json (draft 2020-12). */
export function explorerJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(explorerSchema);
  return {
    $schema,
    $id: "urn:stepwedge:explorer:1.0",
    title: "Stepwedge explorer",
    description:
      "A record's explorer.json: decisions counted over a grid of thresholds, by class, group and condition.",
    ...schema,
  };
}
