// Writes schema/*.schema.json from the schemas that the program itself validates by. Run it after changing a key of the
// protocol, a plug-in's parameters or a field of the findings: npm run schema.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/core/version.js";
import { auditSchema } from "../src/protocol/json-schema.js";
import { explorerJsonSchema } from "../src/run/explorer-schema.js";
import { findingsJsonSchema } from "../src/run/findings-schema.js";

const folder = join(PACKAGE_ROOT, "schema");
mkdirSync(folder, { recursive: true });
for (const [name, schema] of [
  ["audit", await auditSchema()],
  ["findings", findingsJsonSchema()],
  ["explorer", explorerJsonSchema()],
] as const) {
  writeFileSync(join(folder, `${name}.schema.json`), `${JSON.stringify(schema, null, 2)}\n`);
}
