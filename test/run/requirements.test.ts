import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Findings } from "../../src/core/record.js";
import { loadProtocol } from "../../src/protocol/load.js";
import { evaluateRecord } from "../../src/run/evaluate.js";
import { runAudit } from "../../src/run/run.js";
import { smallStudy } from "../support/small-study.js";

const OWN = `id: risk-controls
title: Risk controls
source: { issuer: Us }
version: 1
retrieved: 2026-11-01
status: final
requirements:
  - { id: RC-1, section: Risk 1, requirement: It finds the disease., basis: own, gates: [G1] }
  - { id: RC-2, section: Risk 2, requirement: It finds it at night., basis: own, gates: [G2] }
  - { id: RC-3, section: Risk 3, requirement: It is watched., basis: own, evidencedBy: { stated: [monitoring] } }
`;

test("a run traces a user's risk controls; evaluating it again needs the file no more, and gives the same bytes", async () => {
  const study = await smallStudy();
  const own = join(study.folder, "risk-controls.yaml");
  writeFileSync(own, OWN);
  study.writeProtocol((yaml) => `${yaml}requirements: [./risk-controls.yaml, gmlp]\n`);
  const out = join(study.folder, "record");
  const findings = await runAudit({ protocol: await loadProtocol(study.protocol), out, threads: 1 });
  const [mine, gmlp] = findings.requirements ?? [];
  expect(mine).toMatchObject({ id: "risk-controls", path: "./risk-controls.yaml", version: 1 });
  const gate = findings.gates.find(({ id }) => id === "G1");
  const expected = gate?.verdict === "pass" ? "met" : gate?.verdict === "fail" ? "unmet" : "inconclusive";
  expect(mine?.requirements.map(({ state }) => state)).toEqual([expected, "unmet", "unmet"]);
  expect(gmlp?.path).toBeNull();

  const bytes = readFileSync(join(out, "findings.json"), "utf8");
  writeFileSync(own, "no: longer a requirement file\n");
  await evaluateRecord({ out });
  expect(readFileSync(join(out, "findings.json"), "utf8")).toBe(bytes);

  // Another protocol is a deviation, and criteria were then not fixed before the run.
  study.writeProtocol((yaml) => `${yaml}requirements: [eu-ai-act]\n`);
  const again: Findings = await evaluateRecord({ out, protocol: await loadProtocol(study.protocol) });
  const before = again.requirements?.[0]?.requirements.find(({ id }) => id === "Art.9(8)");
  expect(before).toMatchObject({ state: "unmet" });
  expect(before?.reason).toContain("the protocol was changed after scoring");
});
