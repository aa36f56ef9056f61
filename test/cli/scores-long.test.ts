import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomFrom } from "../../src/core/random.js";
import { stepwedge } from "../support/cli.js";

const CLASSES = ["effusion", "nodule"];
const PROTOCOL = (data: string, column: (value: string, className: string, attack: string) => string) => `version: 1
title: Scores
model:
  adapter: scores
  task: multilabel
  columns: { ${CLASSES.map((name) => `${name}: ${column("score", name, "none")}`).join(", ")} }
  conditions:
    - { attack: fgsm, epsilon: 4/255, columns: { ${CLASSES.map((name) => `${name}: ${column("score", name, "fgsm")}`).join(", ")} } }
data:
  adapter: table
  ${data}
  patient: patient
  labels: { ${CLASSES.map((name) => `${name}: ${column("label", name, "none")}`).join(", ")} }
  split: { column: split, tuning: val, evaluation: test }
  unreadable: reject
operatingPoints: [{ id: screening, sensitivity: 0.9 }]
gates: [{ id: G1, metric: auc, bound: estimate, atLeast: 0.5 }]
reports: [json]
`;

test("a table with a row for each sample, class and attack is audited as its wide twin is", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-long-"));
  const random = randomFrom("long scores");
  const wide = [
    ["id", "patient", "split", ...CLASSES.flatMap((name) => [`label-${name}`, `${name}-none`, `${name}-fgsm`])],
  ];
  const long = [["id", "patient", "split", "class", "attack", "score", "label"]];
  for (let i = 0; i < 120; i++) {
    const base = [`s${i}`, `p${i >> 1}`, i < 40 ? "val" : "test"];
    const cells = CLASSES.flatMap((name) => {
      const label = random.integer(2);
      const clean = (random.uniform() + label) / 2;
      const attacked = clean * random.uniform();
      long.push([...base, name, "", String(clean), String(label)]);
      // One attacked score is missing: no row here, an empty cell there.
      const missing = i === 77 && name === "nodule";
      if (!missing) long.push([...base, name, "fgsm", String(attacked), String(label)]);
      return [label, clean, missing ? "" : attacked].map(String);
    });
    wide.push([...base, ...cells]);
  }
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const csv = (rows: readonly string[][]) => rows.map((row) => `${row.join(",")}\n`).join("");
  write("wide.csv", csv(wide));
  write("long.csv", csv(long));
  write(
    "wide.yaml",
    PROTOCOL("path: wide.csv", (value, name, attack) => (value === "label" ? `label-${name}` : `${name}-${attack}`)),
  );
  write(
    "long.yaml",
    PROTOCOL(
      "path: long.csv\n  long: { by: [class, attack], values: [score, label] }",
      (value, name, attack) => `${value}/${name}/${attack}`,
    ),
  );
  const found: string[] = [];
  for (const name of ["wide", "long"]) {
    const out = join(folder, name);
    expect(await stepwedge("run", join(folder, `${name}.yaml`), "--out", out)).toMatchObject({ stderr: "", code: 0 });
    found.push(
      readFileSync(join(out, "findings.json"), "utf8").replace(
        /"protocolSha256": "\w+"|"requirements": \[[\s\S]*/g,
        "",
      ),
    );
  }
  expect(found[1]).toBe(found[0]);
  expect(found[1]).toContain("fgsm");
}, 60_000);
