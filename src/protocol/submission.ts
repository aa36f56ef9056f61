import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { requirementFileSchema } from "../../reports/common/requirement-file.js";
import { STATEMENT_KEYS, STATEMENTS, type StatementKey } from "../../reports/common/statements.js";

/* The blocks of the protocol that decide no number: what the author states, and what the record is traced against. */

/** Where the built-in requirement files lie. */
export const REQUIREMENTS_FOLDER = join(
  dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
  "reports",
  "requirements",
);

/** The names of the built-in requirement files, in alphabetical order: found by folder, as plug-ins are. */
export const BUILT_IN: readonly string[] = readdirSync(REQUIREMENTS_FOLDER)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => basename(name, ".yaml"))
  .sort();

const LONGEST = 10_000;

function statement(key: StatementKey) {
  const { title, why } = STATEMENTS[key];
  const text = z.string().min(1).max(LONGEST);
  return z
    .union([text, z.array(text).min(1).max(200)])
    .optional()
    .describe(`${title}. ${why}`);
}

const statements = Object.fromEntries(STATEMENT_KEYS.map((key) => [key, statement(key)])) as {
  [Key in StatementKey]: ReturnType<typeof statement>;
};

/** What only the author can say; the page shows it as stated, and names what is not stated. */
export const submission = z
  .strictObject({
    device: z
      .strictObject({
        name: z.string().min(1).max(LONGEST).optional(),
        version: z.string().min(1).max(LONGEST).optional().describe("In quotes: 2.10 is a number, and 2.1."),
        manufacturer: z.string().min(1).max(LONGEST).optional(),
        identifier: z.string().min(1).max(LONGEST).optional().describe("Such as a UDI-DI."),
      })
      .optional()
      .describe("The device that the model is part of."),
    ...statements,
  })
  .describe("What only the author can say about device and study; shown as stated, and what is missing as not stated.");

/** What a record is traced against: in canonical form a built-in file by its name, a user's own with all that it holds. */
export interface RequirementsEntry {
  readonly id?: string | undefined;
  readonly path?: string | undefined;
  readonly notApplicable?: Readonly<Record<string, string>> | undefined;
  readonly sha256?: string | undefined;
  readonly file?: z.output<typeof requirementFileSchema> | undefined;
}

const OWN_FILE = /\.ya?ml$/i;

/** Whether a name in `requirements` is that of a file of the user's, and not of a built-in one. */
export function isOwnFile(name: string): boolean {
  return OWN_FILE.test(name);
}

const notApplicable = z
  .record(z.string(), z.string().min(1).max(2000))
  .optional()
  .describe("Requirements that do not apply to this device, by id, each with the reason; shown as such.");

export const requirementsEntry = z.union([
  z
    .enum(BUILT_IN as [string, ...string[]])
    .describe("A built-in file; docs/regulatory.md describes them.")
    .transform((id): RequirementsEntry => ({ id })),
  z
    .string()
    .regex(OWN_FILE)
    .describe("The path of a file of your own, relative to the protocol file; it ends in .yaml.")
    .transform((path): RequirementsEntry => ({ path })),
  z
    .strictObject({ id: z.enum(BUILT_IN as [string, ...string[]]).describe("A built-in file."), notApplicable })
    .transform((entry): RequirementsEntry => entry),
  z
    .strictObject({
      path: z.string().min(1).describe("A file of your own, relative to the protocol file."),
      notApplicable,
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional()
        .describe("Of the file; filled in when the protocol is loaded."),
      file: requirementFileSchema.optional().describe("What it holds; filled in when the protocol is loaded."),
    })
    .transform((entry): RequirementsEntry => entry),
]);
