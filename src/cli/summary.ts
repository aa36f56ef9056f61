import { join } from "node:path";
import { findPlugin } from "../core/plugins.js";
import type { Findings } from "../core/record.js";
import { EXIT_OF_VERDICT, type Outcome, table } from "./shell.js";

/** What run, evaluate and gate print: the gates, the verdict, and where the reports are. */
export async function summarise(out: string, findings: Findings, reports: readonly string[]): Promise<Outcome> {
  const files = await Promise.all(reports.map(async (id) => join(out, (await findPlugin("reports", id)).file)));
  const gates = findings.gates.map((gate) => [`  ${gate.verdict.toUpperCase()}`, gate.id, gate.title, gate.reason]);
  const counts = Object.entries(countStatus(findings)).map(([status, count]) => `${count} ${status}`);
  const lines = [
    findings.gates.length === 0 ? "No gates: nothing was tested against a criterion.\n" : table(gates),
    `Verdict: ${findings.verdict.toUpperCase()}\n`,
    `Findings: ${counts.join(", ")}\n`,
    ...files.map((file) => `${file}\n`),
  ];
  return {
    text: lines.join(""),
    json: {
      out,
      verdict: findings.verdict,
      protocolSha256: findings.protocolSha256,
      gates: findings.gates,
      reports: files,
    },
    exitCode: EXIT_OF_VERDICT[findings.verdict],
  };
}

function countStatus(findings: Findings): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of findings.findings) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
