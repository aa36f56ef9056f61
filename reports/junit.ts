import type { GateResult } from "../src/core/finding.js";
import type { AuditRecord, PreflightCheck } from "../src/core/record.js";
import { defineReport } from "../src/core/report.js";
import { element, type Markup, text } from "./common/xml.js";

/**
 * JUnit XML for continuous integration (the Surefire dialect that common viewers read). One suite for the gates, one
 * for the preflight checks. A failed gate is a failure. An inconclusive gate is an error: viewers have no third
 * verdict, and a skipped test would look like a pass.
 */
export default defineReport({
  id: "junit",
  title: "JUnit XML",
  file: "junit.xml",
  render: (record) => {
    const { gates, preflight } = record.findings;
    const suites = [
      suite("gates", record, gates.map(gateCase), {
        tests: gates.length,
        failures: count(gates, "fail"),
        errors: count(gates, "inconclusive"),
      }),
      suite("preflight", record, preflight.map(preflightCase), {
        tests: preflight.length,
        failures: preflight.filter((check) => !check.passed).length,
        errors: 0,
      }),
    ];
    const total = {
      tests: gates.length + preflight.length,
      failures: count(gates, "fail") + preflight.filter((check) => !check.passed).length,
      errors: count(gates, "inconclusive"),
    };
    const root = element("testsuites", { name: record.protocol.title, ...total, time: 0 }, ...suites);
    return `<?xml version="1.0" encoding="UTF-8"?>\n${root}\n`;
  },
});

interface Totals {
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
}

function count(gates: readonly GateResult[], verdict: GateResult["verdict"]): number {
  return gates.filter((gate) => gate.verdict === verdict).length;
}

function suite(name: string, { provenance }: AuditRecord, cases: readonly Markup[], totals: Totals): Markup {
  const timestamp = provenance.finishedAt.slice(0, 19);
  return element("testsuite", { name, ...totals, skipped: 0, time: 0, timestamp, hostname: "stepwedge" }, ...cases);
}

function gateCase(gate: GateResult): Markup {
  const evidence = [`limit: ${gate.limit}`, `observed: ${gate.observed ?? "none"}`, ...gate.findings].join("\n");
  const outcome: Markup[] = [];
  if (gate.verdict === "fail")
    outcome.push(element("failure", { message: gate.reason, type: "fail" }, text(gate.reason)));
  if (gate.verdict === "inconclusive")
    outcome.push(element("error", { message: gate.reason, type: "inconclusive" }, text(gate.reason)));
  return element(
    "testcase",
    { classname: "stepwedge.gates", name: `${gate.id}: ${gate.title}`, time: 0 },
    ...outcome,
    element("system-out", {}, text(evidence)),
  );
}

function preflightCase(check: PreflightCheck): Markup {
  const outcome = check.passed ? [] : [element("failure", { message: check.detail, type: "fail" }, text(check.detail))];
  return element("testcase", { classname: "stepwedge.preflight", name: check.title, time: 0 }, ...outcome);
}
