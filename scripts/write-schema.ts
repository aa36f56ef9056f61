// Writes schema/*.schema.json from the schemas that the program itself validates by. Run it after changing a key of the
// protocol or of a requirement file, a plug-in's parameters or a field of the findings: npm run schema.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requirementsJsonSchema } from "../reports/common/requirement-file.js";
import { PACKAGE_ROOT } from "../src/core/version.js";
import { auditSchema } from "../src/protocol/json-schema.js";
import { comparisonJsonSchema } from "../src/run/comparison-schema.js";
import { explorerJsonSchema } from "../src/run/explorer-schema.js";
import { findingsJsonSchema } from "../src/run/findings-schema.js";
import { recordSchemas } from "../src/run/record-schemas.js";

const folder = join(PACKAGE_ROOT, "schema");
mkdirSync(folder, { recursive: true });
for (const [name, schema] of [
  ["audit", await auditSchema()],
  ["findings", findingsJsonSchema()],
  ...Object.entries(await recordSchemas()),
  ["requirements", requirementsJsonSchema()],
  ["comparison", comparisonJsonSchema()],
  ["explorer", explorerJsonSchema()],
] as const) {
  writeFileSync(join(folder, `${name}.schema.json`), `${JSON.stringify(schema, null, 2)}\n`);
}
