import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/core/version.js";
import { loadProtocol } from "../../src/protocol/load.js";
import { parseLock } from "../../src/protocol/lock.js";
import { evaluateRecord } from "../../src/run/evaluate.js";
import { lockProtocol } from "../../src/run/locking.js";
import { runAudit } from "../../src/run/run.js";
import { signRecord } from "../../src/run/signing.js";
import type { Envelope } from "../../src/core/dsse.js";
import { signedRecord } from "../support/signed-record.js";
import { smallStudy } from "../support/small-study.js";
import { committedSchema, SCHEMAS, type SchemaName, schemaFaults } from "../support/validator.js";

/** Which schema describes which file of a record. */
const DESCRIBED: Readonly<Record<string, SchemaName>> = {
  "findings.json": "findings",
  "explorer.json": "explorer",
  "protocol.json": "protocol",
  "protocol.evaluated.json": "protocol",
  "protocol.lock.json": "lock",
  "provenance.json": "provenance",
  "manifest.json": "manifest",
  "signature.dsse.json": "signature",
};

const read = (...path: string[]): unknown => JSON.parse(readFileSync(join(...path), "utf8"));

test("every JSON at the top of a locked, evaluated and signed record validates against its schema", async () => {
  const study = await smallStudy();
  const lock = async (reason: string | null) =>
    lockProtocol({ protocol: await loadProtocol(study.protocol), inputs: true, by: "A", reason });
  await lock(null);
  study.writeProtocol((yaml) => yaml.replace("seed: 5", "seed: 6\nintendedUse: Tests."));
  await lock("another seed");
  const out = join(study.folder, "record");
  await runAudit({ protocol: await loadProtocol(study.protocol), out, threads: 1 });
  study.writeProtocol((yaml) => yaml.replace("seed: 5", "seed: 6\nintendedUse: Tests.").replace("0.6 }", "0.5 }"));
  await evaluateRecord({ out, protocol: await loadProtocol(study.protocol) });
  const { keys } = await signedRecord("[json]");
  await signRecord(out, keys.privateKey, false);

  const files = readdirSync(out).filter((name) => name.endsWith(".json"));
  expect(files.sort()).toEqual(Object.keys(DESCRIBED).sort());
  for (const name of files)
    expect([name, schemaFaults(DESCRIBED[name] as SchemaName, read(out, name))]).toEqual([name, []]);
  const { payload } = read(out, "signature.dsse.json") as Envelope;
  expect(schemaFaults("statement", JSON.parse(Buffer.from(payload, "base64").toString("utf8")))).toEqual([]);
  expect(() => parseLock(readFileSync(join(study.folder, "audit.lock.json"), "utf8"), "lock")).not.toThrow();
  expect(schemaFaults("lock", read(study.folder, "audit.lock.json"))).toEqual([]);
});

const examples = readdirSync(join(PACKAGE_ROOT, "examples"), { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".yaml"),
);

test.each(examples)("the canonical protocol of the example %s validates", async (name) => {
  const { protocol, sha256 } = await loadProtocol(join(PACKAGE_ROOT, "examples", name));
  const file = { schemaVersion: "1.0", sha256, protocol, stepwedge: "0.1.0", inputs: {}, lock: null };
  expect(schemaFaults("protocol", JSON.parse(JSON.stringify(file)))).toEqual([]);
});

test("the schemas refuse what no such file holds", async () => {
  const { out } = await signedRecord("[json]");
  const spoilt: [SchemaName, string, (value: Record<string, unknown>) => object][] = [
    ["manifest", "manifest.json", (value) => ({ ...value, files: { "a.json": "abc" } })],
    ["manifest", "manifest.json", ({ protocolSha256: _, ...rest }) => rest],
    ["provenance", "provenance.json", (value) => ({ ...value, finishedAt: "yesterday" })],
    ["protocol", "protocol.json", (value) => ({ ...value, sha256: "x" })],
    ["protocol", "protocol.json", (value) => ({ ...value, protocol: { version: 1 } })],
    ["signature", "signature.dsse.json", (value) => ({ ...value, payloadType: "text/plain" })],
    ["signature", "signature.dsse.json", (value) => ({ ...value, signatures: [] })],
    ["lock", "manifest.json", () => ({ schemaVersion: "1.0", entries: [] })],
  ];
  for (const [schema, name, spoil] of spoilt) {
    expect([name, schemaFaults(schema, spoil(read(out, name) as Record<string, unknown>)).length > 0]).toEqual([
      name,
      true,
    ]);
  }
});

test("every schema says what it describes, by a name with a version", () => {
  for (const name of SCHEMAS) {
    expect(committedSchema(name)).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $id: expect.stringMatching(/^urn:stepwedge:[a-z]+:\d+(\.\d+)?$/),
      title: expect.stringMatching(/^Stepwedge/),
      description: expect.stringMatching(/\w/),
    });
  }
});
