import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { PACKAGE_ROOT } from "../../src/core/version.js";

/** The names of the schemas under schema/. */
export const SCHEMAS = [
  "audit",
  "findings",
  "comparison",
  "explorer",
  "requirements",
  "protocol",
  "provenance",
  "manifest",
  "lock",
  "statement",
  "signature",
] as const;
export type SchemaName = (typeof SCHEMAS)[number];

export function committedSchema(name: SchemaName): unknown {
  return JSON.parse(readFileSync(join(PACKAGE_ROOT, "schema", `${name}.schema.json`), "utf8"));
}

// Formats are passed over: what they ask for is in patterns, too.
const validators = new Map<string, ValidateFunction>();

/** What is wrong with a value by the committed JSON Schema, one line per fault; empty where it is valid. */
export function schemaFaults(name: SchemaName, value: unknown): string[] {
  const validate =
    validators.get(name) ??
    new Ajv2020({ strict: false, allErrors: true, validateFormats: false }).compile(committedSchema(name) as object);
  validators.set(name, validate);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    (error) => `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`,
  );
}
