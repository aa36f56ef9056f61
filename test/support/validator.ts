import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { PACKAGE_ROOT } from "../../src/core/version.js";

export function committedSchema(name: "audit" | "explorer" | "findings"): unknown {
  return JSON.parse(readFileSync(join(PACKAGE_ROOT, "schema", `${name}.schema.json`), "utf8"));
}

const validators = new Map<string, ValidateFunction>();

/** What is wrong with a value by the committed JSON Schema, one line per fault; empty where it is valid. */
export function schemaFaults(name: "audit" | "explorer" | "findings", value: unknown): string[] {
  const validate =
    validators.get(name) ?? new Ajv2020({ strict: false, allErrors: true }).compile(committedSchema(name) as object);
  validators.set(name, validate);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    (error) => `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`,
  );
}
