import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StepwedgeError } from "../../src/core/errors.js";
import { sha256 } from "../../src/core/hash.js";
import { loadProtocol, protocolHash, validateProtocol } from "../../src/protocol/load.js";
import { appliedRequirements } from "../../src/protocol/requirements.js";

const folder = mkdtempSync(join(tmpdir(), "stepwedge-requirements-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PROTOCOL = `version: 1
title: T
intendedUse: Tests.
model: { adapter: scores, columns: { a: score } }
data: { adapter: table, path: t.csv, labels: { a: a } }
`;

const OWN = `id: risk-controls
title: Risk controls of device X
source: { issuer: Us, date: 2026-10 }
version: 3
retrieved: 2026-11-01
status: final
requirements:
  - id: RC-12
    section: Risk 12
    requirement: Effusions are not missed more often in women.
    basis: own
    gates: [REQ-001]
`;

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

async function load(more: string, own = OWN) {
  write("risk-controls.yaml", own);
  return loadProtocol(write("audit.yaml", PROTOCOL + more));
}

async function fault(more: string, own = OWN): Promise<string> {
  try {
    await load(more, own);
  } catch (error) {
    return (error as StepwedgeError).format();
  }
  throw new Error("nothing was refused");
}

test("by default, the sources of regulators that were read in their own text; [] is none", async () => {
  const { protocol } = await load("");
  expect(protocol.requirements).toEqual([{ id: "fda-ai-dsf-2025-draft" }, { id: "gmlp" }, { id: "eu-ai-act" }]);
  const applied = appliedRequirements(protocol);
  expect(applied.map(({ path }) => path)).toEqual([null, null, null]);
  for (const { file } of applied) for (const { basis } of file.requirements) expect(basis).toBe("text");
  expect((await load("requirements: []\n")).protocol.requirements).toEqual([]);
});

test("a file of the user's is in the canonical protocol, with its hash: the protocol's hash covers it", async () => {
  const { protocol, sha256: before } = await load("requirements: [gmlp, ./risk-controls.yaml]\n");
  const [, own] = protocol.requirements ?? [];
  expect(own).toMatchObject({ path: "./risk-controls.yaml", file: { id: "risk-controls", version: 3 } });
  expect(own?.sha256).toBe(sha256(readFileSync(join(folder, "risk-controls.yaml"))));
  expect(appliedRequirements(protocol)[1]?.file.requirements[0]).toMatchObject({ id: "RC-12", gates: ["REQ-001"] });
  const after = await load("requirements: [gmlp, ./risk-controls.yaml]\n", OWN.replace("women", "men"));
  expect(after.sha256).not.toBe(before);
  // The canonical form is a protocol itself, and needs the file no more.
  const again = await validateProtocol(JSON.parse(JSON.stringify(protocol)));
  expect(protocolHash(again)).toBe(before);
});

test("requirements are declared not applicable by id, with a reason", async () => {
  const { protocol } = await load('requirements: [{ id: gmlp, notApplicable: { GMLP-10: "Not deployed." } }]\n');
  expect(appliedRequirements(protocol)[0]?.notApplicable).toEqual({ "GMLP-10": "Not deployed." });
  const message = await fault('requirements: [{ id: gmlp, notApplicable: { GMLP-01: "Not deployed." } }]\n');
  expect(message).toMatch(/audit\.yaml, line 6, requirements\[0\]: notApplicable: gmlp has no requirement "GMLP-01"/);
});

test.each([
  ["requirements: [gmpl]\n", /line 6, requirements\[0\]: there is no built-in requirement file "gmpl"\n.*"gmlp"/],
  ["requirements: [./no.yaml]\n", /line 6, requirements\[0\]: the requirement file \.\/no\.yaml cannot be read/],
  ["requirements: [gmlp, gmlp]\n", /requirements\[1\]: the requirement file "gmlp" stands twice/],
  ["requirements: [{ id: gmlp, notaplicable: {} }]\n", /requirements\[0\]\.notaplicable: unknown key/],
  ["submission: { monitorin: x }\n", /submission\.monitorin: unknown key "monitorin"\n.*Did you mean "monitoring"/],
  ["submission: { device: { version: 2.1 } }\n", /submission\.device\.version: must be text; received 2\.1/],
])("%s is refused, with place and remedy", async (more, message) => {
  expect(await fault(more)).toMatch(message);
});

test.each([
  ["an unknown key", OWN.replace("basis: own", "basis: own\n    gate: [REQ-001]"), /line 12, .*unknown key "gate"/],
  [
    "another basis",
    OWN.replace("basis: own", "basis: rumour"),
    /risk-controls\.yaml, line 11, requirements\[0\]\.basis/,
  ],
  ["nothing that could evidence it", OWN.replace("    gates: [REQ-001]\n", ""), /names nothing that could evidence it/],
  ["a fact that there is not", OWN.replace("gates: [REQ-001]", "evidencedBy: { facts: [flaw] }"), /facts\[0\]/],
  ["no date of retrieval", OWN.replace("retrieved: 2026-11-01\n", ""), /retrieved: is missing/],
  ["no YAML", "id: [", /is not valid YAML/],
])("a file with %s is refused, with its line and field", async (_, own, message) => {
  const text = await fault("requirements: [./risk-controls.yaml]\n", own);
  expect(text).toContain("risk-controls.yaml");
  expect(text).toMatch(message);
});
