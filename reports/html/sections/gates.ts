import type { GateResult } from "../../../src/core/finding.js";
import { counted, countsText, inSentence, metricValue } from "../../common/format.js";
import { conditionTitle, dataName, groupTitle, metricTitle } from "../../common/names.js";
import { findingAnchor, gateAnchor, type StudyView } from "../../common/study.js";
import { criterionText } from "../criterion.js";
import { VERDICT_WORDS } from "../masthead.js";
import { defineSection, type PageContext } from "../section.js";

const SHOWN = 8;

/** Every gate with its criterion, what was held against it, and the findings that decided. */
export default defineSection({
  id: "gates",
  title: "Gates",
  order: 20,
  view: (context) => {
    const { gates } = context.record.findings;
    return gates.length === 0 ? null : { gates: gates.map((gate) => gateView(context, gate)) };
  },
});

function gateView({ record, study }: PageContext, gate: GateResult) {
  const entry = record.protocol.gates.find((candidate) => candidate.id === gate.id);
  const metric = typeof entry?.metric === "string" ? entry.metric : "";
  const rest = gate.findings.length - SHOWN;
  return {
    anchor: gateAnchor(gate.id),
    id: dataName(gate.id),
    title: gate.title,
    verdict: gate.verdict,
    word: VERDICT_WORDS[gate.verdict],
    criterion: entry === undefined ? null : criterionText(entry),
    limit: metricValue(metric, gate.limit),
    observed: gate.observed === null ? "none" : metricValue(metric, gate.observed),
    reason: gate.reason,
    evidence: gate.findings.slice(0, SHOWN).map((id) => evidence(study, id)),
    rest: rest > 0 ? `and ${counted(rest, "more finding")}` : null,
  };
}

function evidence(study: StudyView, id: string) {
  const finding = study.byId(id);
  const href = `#${findingAnchor(id)}`;
  if (finding === undefined) return { href: null, label: id, value: "not in the record", counts: null };
  const family = finding.family !== null && Object.keys(finding.subgroup).length === 0;
  const group = family ? `over ${dataName(finding.family ?? "")}` : groupTitle(finding.subgroup);
  return {
    href,
    label: `${metricTitle(finding.metric)}, ${group}, ${conditionTitle(finding.condition)}`,
    value: inSentence(finding),
    counts: countsText(finding),
  };
}
