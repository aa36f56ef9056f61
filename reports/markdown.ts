import type { GateResult } from "../src/core/finding.js";
import type { AuditRecord } from "../src/core/record.js";
import { defineReport } from "../src/core/report.js";
import { countsShort, estimateText, instant, intervalText, shortHash } from "./common/format.js";
import { lockText } from "./common/lock.js";
import { escapeMarkdown, markdownTable } from "./common/markdown.js";
import { groupTitle, metricTitle } from "./common/names.js";
import { principalObservations } from "./common/observations.js";
import { outcomesOf, primaryOutcomes } from "./common/outcomes.js";
import { type Group, StudyView } from "./common/study.js";

/**
 * The short report in GitHub's Markdown, for those who decide about a release: the verdict, the gates, the unmet
 * requirements, the principal observations and the clean results by subgroup. Everything else is in report.html and
 * findings.json; what a user of the device should know is in model-card.md.
 */
export default defineReport({
  id: "markdown",
  title: "Markdown summary",
  file: "report.md",
  render: (record) => {
    const study = new StudyView(record);
    const blocks = [
      `# ${escapeMarkdown(record.protocol.title)}`,
      verdictLine(record),
      "This report supports, does not establish, conformity.",
      ...(record.protocol.intendedUse === null ? [] : ["## Intended use", escapeMarkdown(record.protocol.intendedUse)]),
      ...(record.findings.gates.length === 0 ? [] : ["## Gates", gateTable(record.findings.gates)]),
      ...unmetBlocks(record),
      "## Principal observations",
      observationList(study),
      ...study.classes.flatMap((className) => classBlocks(study, className)),
      "## Identification",
      identification(record),
    ];
    return `${blocks.join("\n\n")}\n`;
  },
});

const VERDICTS = { pass: "PASS", fail: "FAIL", inconclusive: "INCONCLUSIVE (not a pass)" } as const;

function verdictLine({ findings }: AuditRecord): string {
  return `**Verdict: ${VERDICTS[findings.verdict]}**`;
}

function gateTable(gates: readonly GateResult[]): string {
  const rows = gates.map((gate) => [gate.id, gate.title, VERDICTS[gate.verdict], gate.reason]);
  return markdownTable(["Gate", "Criterion", "Verdict", "Reason"], rows);
}

/** Requirements that are unmet or open, by source; those that are not traced leave no block. */
function unmetBlocks({ findings: { requirements = [] } }: AuditRecord): string[] {
  const lines = requirements.flatMap(({ short, requirements: rows }) =>
    rows
      .filter(({ state }) => state === "unmet" || state === "inconclusive")
      .map(({ section, title, state, reason }) => [`${short} ${section}`, title, state, reason]),
  );
  return lines.length === 0
    ? []
    : ["## Unmet and inconclusive requirements", markdownTable(["Source", "Requirement", "State", "Reason"], lines)];
}

function observationList(study: StudyView): string {
  const observations = principalObservations(study);
  if (observations.length === 0) return "None: no rule of this report found anything to point out.";
  return observations
    .map(({ title, text, severity }) => `- **${escapeMarkdown(title)}** (${severity}). ${escapeMarkdown(text)}`)
    .join("\n");
}

function classBlocks(study: StudyView, className: string): string[] {
  if (!study.isClassifier) return outcomeBlocks(study, className);
  const points = study.operatingPoints(className);
  const columns = [
    { metric: "auc", operatingPoint: null },
    ...points.flatMap((point) =>
      ["sensitivity", "specificity"].map((metric) => ({ metric, operatingPoint: point.id })),
    ),
  ];
  const cell = (group: Group, { metric, operatingPoint }: (typeof columns)[number]) => {
    const finding = study.find({ metric, class: className, group, operatingPoint });
    const interval = intervalText(finding);
    return interval === null ? estimateText(finding) : `${estimateText(finding)} (${interval})`;
  };
  const rows = study.groups.map((group) => {
    const auc = study.find({ metric: "auc", class: className, group });
    const counts = auc === undefined ? "" : countsShort(auc);
    return [groupTitle(group.values), counts, ...columns.map((column) => cell(group, column))];
  });
  const headings = columns.map(({ metric, operatingPoint }) =>
    operatingPoint === null ? metricTitle(metric) : `${metricTitle(metric)} at ${operatingPoint}`,
  );
  return [
    `## ${escapeMarkdown(className)}: clean images`,
    markdownTable(["Group", "n (positive / negative)", ...headings], rows),
    `Intervals have a nominal coverage of ${study.record.protocol.confidence * 100}%.`,
  ];
}

/** Of other tasks: all outcomes of everybody, then the primary ones by group. */
function outcomeBlocks(study: StudyView, className: string): string[] {
  const text = (metric: string, group?: Group) => {
    const finding = study.find({ metric, class: className, ...(group === undefined ? {} : { group }) });
    const interval = intervalText(finding);
    return interval === null ? estimateText(finding) : `${estimateText(finding)} (${interval})`;
  };
  const all = outcomesOf(study).map(({ better, id, binary }) => {
    const mean = study.find({ metric: id, class: className });
    const missing = mean?.details?.["not-defined"];
    const worst = better === "neither" || binary === true ? "" : text(`${id}-worst-decile`);
    return [metricTitle(id), text(id), worst, mean === undefined ? "" : countsShort(mean), String(missing ?? 0)];
  });
  const primary = primaryOutcomes(study);
  const groups = study.groups.map((group) => {
    const first = study.find({ metric: primary[0]?.id ?? "", class: className, group });
    const counts = first === undefined ? "" : countsShort(first);
    return [groupTitle(group.values), counts, ...primary.map(({ id }) => text(id, group))];
  });
  return [
    `## ${escapeMarkdown(className)}: clean images`,
    markdownTable(["Measure", "Mean over cases", "Worst tenth", "n", "Not defined"], all),
    markdownTable(["Group", "n", ...primary.map(({ id }) => metricTitle(id))], groups),
    `Intervals have a nominal coverage of ${study.record.protocol.confidence * 100}%.`,
  ];
}

function identification(record: AuditRecord): string {
  const { findings, protocol, provenance } = record;
  const files = Object.entries({ ...provenance.model.files, ...provenance.data.files });
  return markdownTable(
    ["What", "Value"],
    [
      ["Protocol SHA-256", findings.protocolSha256],
      ["Protocol lock", lockText(record)],
      ["Model adapter", protocol.model.adapter],
      ...files.map(([name, hash]) => [name, shortHash(hash)]),
      ["stepwedge", provenance.stepwedge],
      ["Finished", instant(provenance.finishedAt)],
    ],
  );
}
