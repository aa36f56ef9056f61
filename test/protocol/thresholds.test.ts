import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StepwedgeError } from "../../src/core/errors.js";
import { sha256 } from "../../src/core/hash.js";
import { loadProtocol } from "../../src/protocol/load.js";

const YAML = `version: 1
title: Thresholds
model: { adapter: scores, task: multilabel, columns: { a: pa, "b c": pb } }
data: { adapter: table, path: t.csv, labels: { a: ya, "b c": yb } }
operatingPoints:
  - { id: given, thresholds: { path: thresholds.csv, class: label, threshold: best } }
`;

async function load(table: string, yaml = YAML) {
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-thresholds-"));
  writeFileSync(join(folder, "thresholds.csv"), table);
  writeFileSync(join(folder, "audit.yaml"), yaml);
  return (await loadProtocol(join(folder, "audit.yaml"))).protocol;
}

test("a table's thresholds stand in the canonical protocol, to the last bit, with the table's hash", async () => {
  const table = "label,best,other\nb c,0.3271227777004242,1\na,0.2,2\nunused,9,3\n";
  const { operatingPoints } = await load(table);
  expect(operatingPoints).toEqual([
    {
      id: "given",
      thresholds: { a: 0.2, "b c": 0.3271227777004242 },
      thresholdsSha256: sha256(table),
    },
  ]);
});

test("thresholds may be listed, and a class may be left out", async () => {
  const { operatingPoints } = await load("", YAML.replace(/thresholds: \{.*\} \}/, 'thresholds: { "b c": 0.4 } }'));
  expect(operatingPoints[0]?.thresholds).toEqual({ "b c": 0.4 });
});

test.each([
  ["label,best\na,0.2\n", /no threshold of class "b c"/, /Classes there: a/],
  ["label,best\na,0.2\nb c,high\n", /no finite number: "high"/, /one number/],
  ["label,best\na,0.2\nb c,\n", /no finite number/, /one number/],
  ["label,best\na,0.2\nb c,0.1\na,0.3\n", /class "a" stands twice/, /one threshold/],
  ["name,best\na,0.2\n", /no column "label"/, /Columns: name, best/],
])("%j is refused", async (table, message, remedy) => {
  const fault = await load(table).then(
    () => null,
    (error: unknown) => error,
  );
  expect(fault).toBeInstanceOf(StepwedgeError);
  const { message: said, remedy: mend, where, exitCode } = fault as StepwedgeError;
  expect(said).toMatch(message);
  expect(mend).toMatch(remedy);
  expect(where).toContain("thresholds.csv");
  expect(exitCode).toBe(2);
});

test("a table that is not there, and a class that is none, are named", async () => {
  await expect(load("", YAML.replace("thresholds.csv", "gone.csv"))).rejects.toMatchObject({ where: "gone.csv" });
  const unknown = YAML.replace(/thresholds: \{.*\} \}/, "thresholds: { z: 0.4 } }");
  await expect(load("", unknown)).rejects.toThrow(/unknown class "z"/);
});
