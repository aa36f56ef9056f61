import type { GateResult } from "../src/core/finding.js";
import { sha256 } from "../src/core/hash.js";
import type { AuditRecord } from "../src/core/record.js";
import { defineReport } from "../src/core/report.js";

/**
 * SARIF 2.1.0 (OASIS, 2020) for code-scanning pages: one rule per gate, one result per gate that did not pass. A
 * failed gate is an error, an inconclusive one a warning; an audit's evidence has no source line, so that results
 * point at findings.json and name the findings as logical locations.
 */
export default defineReport({
  id: "sarif",
  title: "SARIF 2.1.0",
  file: "results.sarif",
  render: (record) => `${JSON.stringify(sarifLog(record), null, 2)}\n`,
});

const LEVELS = { pass: "none", fail: "error", inconclusive: "warning" } as const;

function sarifLog({ findings, provenance }: AuditRecord) {
  const rules = findings.gates.map((gate) => ({
    id: gate.id,
    shortDescription: { text: gate.title },
    defaultConfiguration: { level: "error" },
  }));
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "stepwedge", version: provenance.stepwedge, rules } },
        results: findings.gates.flatMap((gate, index) => (gate.verdict === "pass" ? [] : [result(gate, index)])),
        columnKind: "utf16CodeUnits",
        properties: { verdict: findings.verdict, protocolSha256: findings.protocolSha256 },
      },
    ],
  };
}

function result(gate: GateResult, ruleIndex: number) {
  return {
    ruleId: gate.id,
    ruleIndex,
    level: LEVELS[gate.verdict],
    message: { text: `${gate.title}: ${gate.reason}` },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: "findings.json" } },
        logicalLocations: gate.findings.map((fullyQualifiedName) => ({ fullyQualifiedName, kind: "finding" })),
      },
    ],
    partialFingerprints: { "gate/v1": sha256(gate.id) },
    properties: { limit: gate.limit, observed: gate.observed, verdict: gate.verdict },
  };
}
