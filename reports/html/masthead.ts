import type { Verdict } from "../../src/core/finding.js";
import type { AuditRecord, TraceState } from "../../src/core/record.js";
import { counted, instant, integer, listed, shortHash } from "../common/format.js";
import { dataName } from "../common/names.js";

/** The head of the page: what was audited, and the verdict. */
export function masthead({ protocol, findings, provenance }: AuditRecord) {
  const { task } = protocol.model;
  const { flow } = findings;
  return {
    title: protocol.title,
    steps: Array.from({ length: 11 }, (_, index) => index * 12),
    facts: [
      ...(typeof task === "string" && !["binary", "multiclass", "multilabel"].includes(task)
        ? [{ term: "Task", value: task }]
        : []),
      {
        term: "Classes",
        value: listed(protocol.model.classes.slice(0, 6).map(dataName)) + more(protocol.model.classes.length - 6),
      },
      {
        term: "Evaluated on",
        value: `${counted(flow.evaluation, "image")} of ${counted(flow.evaluationPatients, "patient")}`,
      },
      { term: "Finished", value: instant(provenance.finishedAt) },
      { term: "Protocol", value: shortHash(findings.protocolSha256) },
    ],
    verdict: verdictBanner(findings),
  };
}

function more(count: number): string {
  return count > 0 ? ` and ${integer(count)} more` : "";
}

export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  pass: "Pass",
  fail: "Fail",
  inconclusive: "Inconclusive",
};

/** "33 requirements unmet, 1 inconclusive."; null where no requirement is either. */
function requirementTally({ requirements = [] }: Pick<AuditRecord["findings"], "requirements">): string | null {
  const rows = requirements.flatMap((source) => source.requirements);
  const count = (wanted: TraceState) => rows.filter(({ state }) => state === wanted).length;
  const [unmet, open] = [count("unmet"), count("inconclusive")];
  const parts = [
    ...(unmet > 0 ? [`${counted(unmet, "requirement")} unmet`] : []),
    ...(open > 0 ? [`${unmet > 0 ? integer(open) : counted(open, "requirement")} inconclusive`] : []),
  ];
  return parts.length === 0 ? null : `${parts.join(", ")}.`;
}

export function verdictBanner(findings: Pick<AuditRecord["findings"], "verdict" | "gates" | "requirements">) {
  const { gates, verdict } = findings;
  const count = (wanted: Verdict) => gates.filter((gate) => gate.verdict === wanted).length;
  const total = counted(gates.length, "acceptance criterion", "acceptance criteria");
  const tallies = [
    { count: count("pass"), word: "met" },
    { count: count("fail"), word: "failed" },
    { count: count("inconclusive"), word: "inconclusive" },
  ].filter((tally) => tally.count > 0);
  const tally = tallies.map((entry) => `${integer(entry.count)} ${entry.word}`).join(", ");
  return {
    className: verdict,
    word: VERDICT_WORDS[verdict].toUpperCase(),
    sentence: gates.length === 0 ? "No acceptance criterion was declared." : `Of ${total}: ${tally}.`,
    requirements: requirementTally(findings),
    caution: verdict === "inconclusive" ? "The evidence does not decide. Inconclusive is not a pass." : null,
  };
}
