import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { stepwedge } from "../support/cli.js";
import { type ReferenceInputs, reference } from "../support/reference.js";

/** Every kind of table stands under one name, so that the protocols are the same: the content decides. */
const PROTOCOL = `version: 1
title: Formats
model: { adapter: scores, classes: [y], columns: { y: score } }
data:
  adapter: table
  path: scores
  patient: patient
  labels: { y: y }
  split: { tuning: 0.3 }
operatingPoints: [{ id: half, threshold: 0.5 }]
subgroups: { group: { column: group } }
reports: [json]
`;

test("CSV, TSV, JSON Lines and Parquet of one table give the same findings, byte for byte", async () => {
  const { inputs } = reference<{ readonly inputs: ReferenceInputs }>("random_n500.json");
  const names = ["id", "patient", "y", "score", "group"];
  const ids = inputs.y.map((_, row) => `r${row}`);
  const patients = ids.map((_, row) => String(inputs.patient?.[row]));
  const scores = Float64Array.from(inputs.score);
  const rows = ids.map((id, row) => [id, patients[row], inputs.y[row], scores[row], inputs.group?.[row]]);
  const delimited = (delimiter: string) => [names, ...rows].map((row) => row.join(delimiter)).join("\n");
  const kinds: Readonly<Record<string, string | Buffer>> = {
    csv: delimited(","),
    tsv: delimited("\t"),
    jsonl: rows.map((row) => JSON.stringify(Object.fromEntries(names.map((name, i) => [name, row[i]])))).join("\n"),
    parquet: Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: "id", data: ids, type: "STRING" },
          { name: "patient", data: patients.map((name) => BigInt(name)), type: "INT64" },
          { name: "y", data: inputs.y.map((label) => label === 1), type: "BOOLEAN" },
          { name: "score", data: scores, type: "DOUBLE" },
          { name: "group", data: rows.map((row) => String(row[4])), type: "STRING" },
        ],
        rowGroupSize: 128,
      }),
    ),
  };
  const findings = new Map<string, string>();
  const hashes = new Set<string>();
  for (const [kind, content] of Object.entries(kinds)) {
    const folder = join(mkdtempSync(join(tmpdir(), "stepwedge-formats-")), "study");
    mkdirSync(folder);
    writeFileSync(join(folder, "scores"), content);
    writeFileSync(join(folder, "audit.yaml"), PROTOCOL);
    const { code, stderr } = await stepwedge("run", join(folder, "audit.yaml"), "--out", join(folder, "out"));
    expect({ kind, code, stderr }).toEqual({ kind, code: 3, stderr: "" });
    findings.set(kind, readFileSync(join(folder, "out", "findings.json"), "utf8"));
    hashes.add(
      readFileSync(join(folder, "out", "provenance.json"), "utf8").match(/"scores": "([0-9a-f]{64})"/)?.[1] ?? kind,
    );
  }
  expect(findings.get("csv")?.length).toBeGreaterThan(1000);
  for (const kind of Object.keys(kinds)) expect([kind, findings.get(kind)]).toEqual([kind, findings.get("csv")]);
  expect(hashes.size).toBe(4);
});
