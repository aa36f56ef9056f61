import { z } from "zod";
import { ATTRIBUTES } from "./attributes.js";
import { EXEMPTIONS, FACTS } from "./facts.js";
import { STATEMENT_KEYS } from "./statements.js";

/*
 * A requirement file: what one source (a law, a guidance, a checklist, a risk file) asks of the evidence, in short
 * paraphrases of our own, and by what in a record each of them is evidenced. The built-in ones lie in
 * `reports/requirements/`; users write theirs in the same form.
 */

/** Letters, digits, `.`, `_`, `-`, `(`, `)` and `§`: ids become part of addresses on the page by their hash alone. */
const id = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}._()§+-]*$/u, "must consist of letters, digits and ._()§+-, without spaces")
  .max(80);

const text = z.string().min(1).max(2000);

const words = <const Values extends readonly [string, ...string[]]>(values: Values) => z.array(z.enum(values)).min(1);

const conditions = words(["clean", "perturbed", "attacked", "corrupted", "defended"]);
const attribute = z.enum(Object.keys(ATTRIBUTES) as [keyof typeof ATTRIBUTES, ...(keyof typeof ATTRIBUTES)[]]);
const metrics = z.array(z.string().min(1)).min(1);

const gateMatcher = z
  .strictObject({
    metric: metrics.optional().describe("Gates on one of these metrics; default: on any."),
    condition: conditions.optional().describe("Gates under one of these kinds of condition."),
    attribute: attribute.optional().describe("Gates on groups by this attribute."),
    groups: z.boolean().optional().describe("true: gates on subgroups; false: gates on the whole evaluation set."),
    limit: z.literal(true).optional().describe("Only gates that hold a limit of the interval against a number."),
  })
  .describe("Gates of the protocol that test this requirement. They decide it where there are any.");

const findingMatcher = z
  .strictObject({
    what: text.describe("What the findings are, in words, as in “AUC by sex”."),
    audit: z.array(z.string().min(1)).min(1).optional(),
    metric: metrics.optional(),
    condition: conditions.optional(),
    attribute: attribute.optional().describe("Findings of groups, or over groups, by this attribute."),
    groups: z.boolean().optional().describe("true: of subgroups; false: of the whole evaluation set."),
    curve: z.enum(["roc", "calibration", "decision"]).optional(),
    operatingPoint: z.literal(true).optional().describe("Only findings at an operating point."),
    tested: z.literal(true).optional().describe("Only findings with a test of a hypothesis."),
  })
  .describe("At least one measured finding of this kind is needed.");

const requirement = z
  .strictObject({
    id,
    title: z.string().min(1).max(80).optional().describe("A few words, for lists; default: the requirement itself."),
    section: z.string().min(1).max(200).describe("Section, article, clause or item of the source."),
    requirement: text.describe("What it asks for: a short paraphrase, never a quotation."),
    basis: z
      .enum(["text", "secondary", "memory", "own"])
      .describe("Whether its text was read, summaries of it, or neither; own: the user's own document."),
    gates: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe("Ids of gates of the protocol that test it. One that the protocol lacks leaves it unmet."),
    evidencedBy: z
      .strictObject({
        gates: z.array(gateMatcher).min(1).optional(),
        findings: z.array(findingMatcher).min(1).optional(),
        facts: words(Object.keys(FACTS) as [keyof typeof FACTS, ...(keyof typeof FACTS)[]]).optional(),
        stated: words(["intendedUse", "device", ...STATEMENT_KEYS]).optional(),
      })
      .optional()
      .describe("What a record must hold; all of it is needed."),
    notApplicableWhen: words(Object.keys(EXEMPTIONS) as [keyof typeof EXEMPTIONS, ...(keyof typeof EXEMPTIONS)[]])
      .optional()
      .describe("Circumstances under which it is not asked for."),
  })
  .refine(
    ({ gates, evidencedBy }) =>
      gates !== undefined || Object.values(evidencedBy ?? {}).some((matchers) => matchers !== undefined),
    {
      message: "names nothing that could evidence it",
      params: { remedy: "Give `gates`, or findings, facts or statements under `evidencedBy`." },
    },
  );

/** The form of a requirement file. */
export const requirementFileSchema = z.strictObject({
  id: id.describe("Of the source; for built-in files, the file's name."),
  title: text,
  short: z.string().min(1).max(60).optional().describe("A short name, for lists; default: the id."),
  source: z.strictObject({
    issuer: text,
    date: z
      .string()
      .regex(/^\d{4}(-\d\d(-\d\d)?)?$/, "must be a year, month or day such as 2025-01")
      .optional(),
    url: z.string().min(1).max(500).optional(),
  }),
  version: z.int().min(1).describe("Of this file; counted up with every change."),
  retrieved: z
    .string()
    .regex(/^\d{4}-\d\d-\d\d$/, "must be a day such as 2026-11-25")
    .describe("When the source was looked at."),
  status: z.enum(["draft", "final"]).describe("Of the source."),
  note: text.optional().describe("What a reader must know of this file."),
  requirements: z
    .array(requirement)
    .min(1)
    .superRefine((entries, context) => {
      entries.forEach((entry, index) => {
        if (entries.findIndex((other) => other.id === entry.id) < index)
          context.addIssue({
            code: "custom",
            path: [index, "id"],
            message: `the id "${entry.id}" stands twice`,
            params: { remedy: "Give every requirement an id of its own." },
          });
      });
    }),
});

export type RequirementFile = z.output<typeof requirementFileSchema>;
export type Requirement = RequirementFile["requirements"][number];
export type GateMatcher = z.output<typeof gateMatcher>;
export type FindingMatcher = z.output<typeof findingMatcher>;

/** A requirement file as a protocol uses it. */
export interface AppliedRequirements {
  readonly file: RequirementFile;
  /** Of the file's bytes. */
  readonly sha256: string;
  /** As the protocol writes it; null for built-in files. */
  readonly path: string | null;
  /** Requirements that the protocol declares not applicable, each with its reason. */
  readonly notApplicable: Readonly<Record<string, string>>;
}

/** The JSON Schema of requirement files (draft 2020-12), for editors. */
export function requirementsJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(requirementFileSchema, { io: "input" });
  return {
    $schema,
    $id: "urn:stepwedge:requirements:1",
    title: "Stepwedge requirement file",
    description: "What one source asks of the evidence, and by what in a record each requirement is evidenced.",
    ...schema,
  };
}
