import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomFrom } from "../../src/core/random.js";
import type { Findings } from "../../src/core/record.js";
import { stepwedgeWith } from "../support/cli.js";

/* Audits go class by class through threads where there is much to do. Nothing that a reader sees may tell how many. */

const CLASSES = ["effusion", "nodule", "edema"];

function table(): string {
  const random = randomFrom(7, "threads");
  const rows = Array.from({ length: 900 }, (_, row) => {
    const cells = CLASSES.map((_, index) => {
      const label = random.uniform() < 0.3 + 0.1 * index ? 1 : 0;
      const score = () => (1 / (1 + Math.exp(-(label * 1.2 - 1 + random.uniform() * 4 - 2)))).toFixed(4);
      return [label, score(), score()];
    });
    const group = random.uniform() < 0.4 ? "F" : "M";
    return [`s${row}`, `p${Math.floor(row / 2)}`, group, row % 3, ...cells.flat()].join(",");
  });
  const head = ["id", "patient", "sex", "site", ...CLASSES.flatMap((name) => [name, `${name}_new`, `${name}_old`])];
  return [head.join(","), ...rows].join("\n");
}

const PROTOCOL = `
version: 1
title: Threads
model: { adapter: scores, task: multilabel, columns: { ${CLASSES.map((name) => `${name}: ${name}_new`).join(", ")} } }
data:
  adapter: table
  path: table.csv
  patient: patient
  labels: { ${CLASSES.map((name) => `${name}: ${name}`).join(", ")} }
subgroups: { sex: { column: sex }, site: { column: site }, both: { cross: [sex, site] } }
comparators: [{ id: old, columns: { ${CLASSES.map((name) => `${name}: ${name}_old`).join(", ")} } }]
operatingPoints: [{ id: screening, sensitivity: 0.9 }]
gates:
  - { id: too-much, metric: auc, bound: lower, atLeast: 0.95 }
  - { id: groups, metric: auc-gap, subgroups: [sex, site], bound: upper, atMost: 0.02 }
  - { id: enough, metric: sensitivity, subgroups: [sex], bound: lower, atLeast: 0.5 }
reports: [json]
`;

test("findings, gates and their p-values are the same to the last byte, whatever the number of threads", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-threads-"));
  writeFileSync(join(folder, "table.csv"), table());
  writeFileSync(join(folder, "audit.yaml"), PROTOCOL);
  const texts: string[] = [];
  for (const threads of ["1", "2", "5"]) {
    const out = join(folder, `out-${threads}`);
    const { code, stderr } = await stepwedgeWith(
      { STEPWEDGE_THREADS: threads },
      ...["run", join(folder, "audit.yaml"), "--out", out],
    );
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    texts.push(readFileSync(join(out, "findings.json"), "utf8"));
  }
  const { findings, gates } = JSON.parse(texts[0] as string) as Findings;
  expect(new Set(findings.map(({ audit }) => audit)).size).toBeGreaterThan(8);
  expect(gates.map(({ verdict }) => verdict)).toEqual(["fail", "inconclusive", "pass"]);
  expect(texts[1]).toBe(texts[0]);
  expect(texts[2]).toBe(texts[0]);
}, 120_000);
