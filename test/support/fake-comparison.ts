import type { Comparison, ComparisonView } from "../../src/core/comparison.js";
import { sha256 } from "../../src/core/hash.js";
import { fakeRecord } from "./fake-record.js";
import type { FakeStudyOptions } from "./fake-study.js";

/** The invented study's model against its predecessor, for the tests of the renderings. */
export function fakeComparison(options: FakeStudyOptions = {}, changes: Partial<Comparison> = {}): ComparisonView {
  const record = fakeRecord(options);
  const findings = record.findings.findings.filter(({ audit }) => audit === "comparison");
  const described = (name: string) => ({
    name,
    title: record.protocol.title,
    verdict: record.findings.verdict,
    protocolSha256: record.findings.protocolSha256,
    findingsSha256: sha256(name),
    model: record.provenance.model,
    data: record.provenance.data,
    finishedAt: record.provenance.finishedAt,
  });
  const comparison: Comparison = {
    schemaVersion: "1.0",
    stepwedge: record.provenance.stepwedge,
    modification: "Retrained on 2 000 further images.",
    before: described("1.3"),
    after: described("1.4"),
    differences: [
      { kind: "model", what: "model.onnx", before: sha256("old"), after: sha256("new") },
      { kind: "protocol", what: "gates.REQ-001.atLeast", before: "0.75", after: "0.8" },
    ],
    samples: {
      common: 350,
      onlyHere: 6,
      onlyThere: 2,
      otherImage: 4,
      imagesChecked: true,
      relabelled: {},
      regrouped: 0,
    },
    confidence: record.protocol.confidence,
    verdict: null,
    regression: [],
    gates: record.findings.gates.map(({ id, limit, observed, title, verdict }, index) => ({
      id,
      title,
      before: index === 0 ? null : { verdict: "pass", limit, observed },
      after: { verdict, limit, observed },
      change: index === 0 ? "added" : verdict === "pass" ? "same" : "worse",
      criterionChanged: index === 1,
    })),
    findings,
    changes: findings
      .filter(({ status }) => status === "measured")
      .map(({ estimate, id, interval }) => {
        const { lower = 0, upper = 0 } = interval ?? {};
        const direction = lower > 0 ? "better" : upper < 0 ? "worse" : "undecided";
        return { finding: id, direction: estimate === null ? "undecided" : direction, adjusted: true };
      }),
    notComparable: [{ what: "class nodule", reason: "the predecessor does not have it" }],
    ...changes,
  };
  return {
    comparison,
    record: { ...record, findings: { ...record.findings, findings, gates: comparison.regression } },
  };
}
