import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Finding } from "../../src/core/finding.js";
import type { Findings } from "../../src/core/record.js";
import { stepwedge } from "../support/cli.js";
import { expectClose, type ReferenceInputs, reference } from "../support/reference.js";

interface Area {
  readonly auc: number;
  readonly ci95?: readonly [number, number];
  readonly var?: number;
  readonly delong_var?: number;
}
interface RandomStudy {
  readonly inputs: ReferenceInputs;
  readonly expected: {
    readonly pROC: { readonly groups: Readonly<Record<string, Area>> };
    readonly FDA_doAUCcluster: Area;
  };
}
interface ClusteredStudy {
  readonly inputs: ReferenceInputs;
  readonly expected: { readonly FDA_doAUCcluster: Area & { readonly groups: Readonly<Record<string, Area>> } };
}

/** Audits a reference data set as a user would: a table of scores, no model, through the built command line. */
async function audit(inputs: ReferenceInputs, byPatient: boolean): Promise<readonly Finding[]> {
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-scores-"));
  const rows = inputs.y.map(
    (label, row) => `r${row},${inputs.patient?.[row]},${label},${inputs.score[row]},${inputs.group?.[row]}`,
  );
  writeFileSync(join(folder, "scores.csv"), `id,patient,y,score,group\n${rows.join("\n")}\n`);
  writeFileSync(
    join(folder, "audit.yaml"),
    `version: 1
title: Reference
model: { adapter: scores, classes: [y], columns: { y: score } }
data:
  adapter: table
  path: scores.csv
  labels: { y: y }
  split: { tuning: 0 }
${byPatient ? "  patient: patient" : ""}
subgroups:
  group: { column: group }
reports: [json]
`,
  );
  const { code, stderr } = await stepwedge("run", join(folder, "audit.yaml"), "--out", join(folder, "out"));
  // Without gates nothing is tested, and nothing passes.
  expect({ code, stderr }).toEqual({ code: 3, stderr: "" });
  return (JSON.parse(readFileSync(join(folder, "out", "findings.json"), "utf8")) as Findings).findings;
}

function expectArea(findings: readonly Finding[], group: string | null, expected: Area, method: string): void {
  const found = findings.find(
    (finding) =>
      finding.metric === "auc" && (group === null ? finding.family === null : finding.subgroup.group === group),
  );
  expectClose(found?.estimate ?? undefined, expected.auc);
  const variance = expected.var ?? expected.delong_var;
  if (variance !== undefined) expectClose(Number(found?.details?.["standard-error"]) ** 2, variance);
  if (expected.ci95 !== undefined) {
    expectClose(found?.interval?.lower, expected.ci95[0]);
    expectClose(found?.interval?.upper, expected.ci95[1]);
  }
  expect(found?.interval?.method).toBe(method);
}

test("independent samples: pROC's AUC, DeLong variance and interval, overall and by group", async () => {
  const { inputs, expected } = reference<RandomStudy>("random_n500.json");
  const findings = await audit(inputs, false);
  for (const [group, area] of Object.entries(expected.pROC.groups))
    expectArea(findings, group === "overall" ? null : group, area, "delong");
});

test("repeated patients: the FDA script's clustered AUC, variance and interval", async () => {
  const random = reference<RandomStudy>("random_n500.json");
  expectArea(await audit(random.inputs, true), null, random.expected.FDA_doAUCcluster, "obuchowski");

  const clustered = reference<ClusteredStudy>("clustered.json");
  const findings = await audit(clustered.inputs, true);
  expectArea(findings, null, clustered.expected.FDA_doAUCcluster, "obuchowski");
  for (const [group, area] of Object.entries(clustered.expected.FDA_doAUCcluster.groups))
    expectArea(findings, group, area, "obuchowski");
});
