import type { Finding, GateResult } from "../../../src/core/finding.js";
import { counted, countsText, inSentence, metricValue } from "../../common/format.js";
import { conditionTitle, dataName, groupTitle, metricTitle } from "../../common/names.js";
import { findingAnchor, gateAnchor, type StudyView } from "../../common/study.js";
import { criterionText, judgedMetric } from "../criterion.js";
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
  const metric = entry === undefined ? "" : judgedMetric(entry);
  const unit = study.unitOf(metric);
  const rest = gate.findings.length - SHOWN;
  return {
    anchor: gateAnchor(gate.id),
    id: dataName(gate.id),
    title: gate.title,
    verdict: gate.verdict,
    word: VERDICT_WORDS[gate.verdict],
    criterion: entry === undefined ? null : criterionText(entry, unit),
    limit: metricValue(metric, gate.limit, unit),
    observed: gate.observed === null ? "none" : metricValue(metric, gate.observed, unit),
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
    counts: [countsText(finding), sidesText(finding)].filter((part) => part !== null).join("; "),
  };
}

/** Both estimates of a paired difference; its counts are those of the samples in common. */
function sidesText({ details, metric }: Finding): string | null {
  const base = metric.replace(/-advantage$/, "");
  const [own, other, name] = [details?.["model-estimate"], details?.["comparator-estimate"], details?.comparator];
  if (base === metric || typeof own !== "number" || typeof other !== "number") return null;
  return `in common; this model ${metricValue(base, own)}, ${dataName(String(name))} ${metricValue(base, other)}`;
}
