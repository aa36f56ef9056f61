import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { requirementsJsonSchema } from "../../reports/common/requirement-file.js";
import { PACKAGE_ROOT } from "../../src/core/version.js";
import { auditSchema } from "../../src/protocol/json-schema.js";
import { loadProtocol } from "../../src/protocol/load.js";
import { comparisonJsonSchema } from "../../src/run/comparison-schema.js";
import { explorerJsonSchema } from "../../src/run/explorer-schema.js";
import { findingsJsonSchema, findingsSchema } from "../../src/run/findings-schema.js";
import { recordSchemas } from "../../src/run/record-schemas.js";
import { runAudit } from "../../src/run/run.js";
import { fakeRecord } from "../support/fake-record.js";
import { smallStudy } from "../support/small-study.js";
import { committedSchema, SCHEMAS, schemaFaults } from "../support/validator.js";

const STALE = "schema/ is stale: run `npm run schema`";

test("the committed schemas are those that the program validates by", async () => {
  const fresh: Readonly<Record<string, unknown>> = {
    audit: await auditSchema(),
    findings: findingsJsonSchema(),
    explorer: explorerJsonSchema(),
    comparison: comparisonJsonSchema(),
    requirements: requirementsJsonSchema(),
    ...(await recordSchemas()),
  };
  expect(Object.keys(fresh).sort()).toEqual([...SCHEMAS].sort());
  expect(readdirSync(join(PACKAGE_ROOT, "schema")).sort()).toEqual(SCHEMAS.map((name) => `${name}.schema.json`).sort());
  for (const name of SCHEMAS) {
    // Compared as JSON: what zod leaves undefined is not in the file.
    const current = JSON.stringify(JSON.parse(JSON.stringify(fresh[name])));
    if (JSON.stringify(committedSchema(name)) !== current) throw new Error(`${name}: ${STALE}`);
  }
});

describe("audit.schema.json", () => {
  const folder = join(PACKAGE_ROOT, "examples");
  const examples = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yaml"));

  test("there are examples", () => {
    expect(examples.length).toBeGreaterThanOrEqual(8);
  });

  test.each(examples)("accepts the example %s, and so does the program", async (name) => {
    expect(schemaFaults("audit", parse(readFileSync(join(folder, name), "utf8")))).toEqual([]);
    await expect(loadProtocol(join(folder, name))).resolves.toMatchObject({ protocol: { version: 1 } });
  });

  const protocol = {
    version: 1,
    title: "T",
    model: { adapter: "scores", columns: { a: "score" } },
    data: { adapter: "table", path: "t.csv", labels: { a: "a" } },
  };

  test("accepts what is written, with numbers for cells and quotients for ε", () => {
    expect(schemaFaults("audit", protocol)).toEqual([]);
    const data = { ...protocol.data, image: "path", labels: { a: { column: "a", positive: 1, negative: [0, "x"] } } };
    const attacks = [{ id: "random-sign", epsilon: ["1/255", 0.01] }];
    const model = { adapter: "onnx", path: "m.onnx", input: { mean: [0.5], std: 0.2 } };
    expect(schemaFaults("audit", { ...protocol, model, data, attacks })).toEqual([]);
  });

  test.each([
    ["an unknown key", { ...protocol, gate: [] }],
    ["another version", { ...protocol, version: 2 }],
    ["an unknown attack", { ...protocol, attacks: [{ id: "random-sing", epsilon: 0.1 }] }],
    ["a key of another attack", { ...protocol, attacks: [{ id: "random-sign", epsilon: 0.1, queries: 5 }] }],
    ["a word for ε", { ...protocol, attacks: [{ id: "random-sign", epsilon: "big" }] }],
    ["no model", { ...protocol, model: undefined }],
  ])("refuses %s", (_, value) => {
    expect(schemaFaults("audit", JSON.parse(JSON.stringify(value)))).not.toEqual([]);
  });
});

test("explorer.schema.json accepts shared and repeating patients, and refuses a list that is none", () => {
  const explorer = JSON.parse(JSON.stringify(fakeRecord().explorer));
  expect(JSON.stringify(explorer).includes('"shared":{')).toBe(true);
  expect(schemaFaults("explorer", explorer)).toEqual([]);
  expect(schemaFaults("explorer", { ...explorer, classes: {} })).not.toEqual([]);
});

describe("findings.schema.json", () => {
  test("accepts the findings of a real run", async () => {
    const study = await smallStudy();
    const out = join(study.folder, "record");
    await runAudit({ protocol: await loadProtocol(study.protocol), out, threads: 1 });
    const findings: unknown = JSON.parse(readFileSync(join(out, "findings.json"), "utf8"));
    expect(schemaFaults("findings", findings)).toEqual([]);
    expect(findingsSchema.parse(findings)).toEqual(findings);
    const explorer: unknown = JSON.parse(readFileSync(join(out, "explorer.json"), "utf8"));
    expect(schemaFaults("explorer", explorer)).toEqual([]);
    expect(JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")).files).toHaveProperty(["explorer.json"]);
  });

  const attacked = JSON.parse(JSON.stringify(fakeRecord().findings)) as { verdict: string; findings: object[] };

  test("accepts every kind of finding, with curves and summaries", () => {
    expect(schemaFaults("findings", attacked)).toEqual([]);
  });

  test.each([
    ["a field that nobody knows", { ...attacked, surprise: 1 }],
    ["a verdict that there is not", { ...attacked, verdict: "maybe" }],
    ["a finding without counts", { ...attacked, findings: [{ ...attacked.findings[0], n: undefined }] }],
  ])("refuses %s", (_, value) => {
    expect(schemaFaults("findings", JSON.parse(JSON.stringify(value)))).not.toEqual([]);
  });
});
