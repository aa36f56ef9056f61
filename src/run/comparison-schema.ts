import { z } from "zod";
import type { Comparison } from "../core/comparison.js";
import { findingSchema, gateSchema, samplesInCommon } from "./findings-schema.js";

/* The form of comparison.json, held to src/core/comparison.ts by the compiler. */

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const verdict = z.enum(["pass", "fail", "inconclusive"]);
const files = z.record(z.string(), sha256);

const record = z
  .strictObject({
    name: z.string(),
    title: z.string(),
    verdict,
    protocolSha256: sha256,
    findingsSha256: sha256,
    model: z.strictObject({ adapter: z.string(), runtime: z.string(), files }),
    data: z.strictObject({ adapter: z.string(), files, imagesSha256: sha256.nullable(), images: count }),
    finishedAt: z.string(),
  })
  .meta({ id: "ComparedRecord" });

const judged = z
  .strictObject({ verdict, limit: z.number(), observed: z.number().nullable() })
  .nullable()
  .describe("null where the record has no such gate.");

/** The form of comparison.json. */
export const comparisonSchema: z.ZodType<Comparison> = z.strictObject({
  schemaVersion: z.literal("1.0"),
  stepwedge: z.string(),
  modification: z.string().nullable().describe("What was changed, in the words of whoever compares."),
  before: record,
  after: record,
  differences: z
    .array(
      z.strictObject({
        kind: z.enum(["model", "data", "protocol", "software"]),
        what: z.string(),
        before: z.string().nullable(),
        after: z.string().nullable(),
      }),
    )
    .describe("What the two records differ in, beside their findings."),
  samples: samplesInCommon,
  confidence: z.number().gt(0).lt(1).describe("Nominal coverage of every interval."),
  verdict: verdict.nullable().describe("Of the successor's gates against the baseline; null where it has none."),
  regression: z.array(gateSchema).describe("Those gates, judged against the predecessor."),
  gates: z
    .array(
      z.strictObject({
        id: z.string(),
        title: z.string(),
        before: judged,
        after: judged,
        change: z.enum(["better", "worse", "same", "added", "removed"]),
        criterionChanged: z.boolean().describe("Whether the two verdicts are of different questions."),
      }),
    )
    .describe("Gates of either record, each as judged in its own."),
  findings: z.array(findingSchema).describe("Paired differences, positive where the successor is better."),
  changes: z
    .array(
      z.strictObject({
        finding: z.string(),
        direction: z.enum(["better", "worse", "undecided"]),
        adjusted: z.boolean().describe("Whether a test that is adjusted for its family stands behind it."),
      }),
    )
    .describe("What was concluded of each measured difference."),
  notComparable: z.array(z.strictObject({ what: z.string(), reason: z.string() })),
});

/** The JSON Schema of comparison.json (draft 2020-12). */
export function comparisonJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(comparisonSchema);
  return {
    $schema,
    $id: "urn:stepwedge:comparison:1.0",
    title: "Stepwedge comparison",
    description: "comparison.json: a predecessor beside its successor, on the same samples.",
    ...schema,
  };
}
