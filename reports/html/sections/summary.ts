import type { Finding, GateResult } from "../../../src/core/finding.js";
import { sha256 } from "../../../src/core/hash.js";
import type { OutcomeDescription } from "../../../src/core/outcome.js";
import { findingsText } from "../../../src/core/record.js";
import { countsText, estimateText, intervalText, isMeasured, levelText, metricValue } from "../../common/format.js";
import { attackTitle, conditionTitle, dataName, groupTitle, metricTitle, strengthTitle } from "../../common/names.js";
import { certainSize, type Observation } from "../../common/observations.js";
import { isWorseLower, primaryOutcomes } from "../../common/outcomes.js";
import { findingAnchor, type StudyView } from "../../common/study.js";
import { column, table, textCell } from "../blocks.js";
import { criterionText, judgedMetric } from "../criterion.js";
import { forest } from "../forest.js";
import { VERDICT_WORDS } from "../masthead.js";
import { openPoints } from "../open-points.js";
import { defineSection, type PageContext } from "../section.js";

/** What a clinician can read in one minute: what is open, gates, key numbers, principal observations; and the approval block. */
export default defineSection({
  id: "summary",
  title: "Summary",
  order: 10,
  view: (context) => {
    const { study, observations } = context;
    const views = observations.map((observation, index) => observationView(study, observation, index));
    const isShown = (view: (typeof views)[number], index: number) =>
      index < MOST_SHOWN || (view.severity === "major" && index < MOST_MAJOR);
    return {
      open: openPoints(context.record),
      gates: gateTable(context),
      keyNumbers: keyNumbers(study),
      observations: views.filter(isShown),
      further: views.filter((view, index) => !isShown(view, index)),
      approvals: ["Prepared by", "Reviewed by", "Approved by"],
      sealed: {
        protocol: context.record.findings.protocolSha256,
        findings: sha256(findingsText(context.record.findings)),
      },
    };
  },
});

/** Observations beyond this many are folded away, unless they are major and few enough to be read. */
const MOST_SHOWN = 12;
/** Beyond so many they have no plot, are folded away though major, and have titles alone: the page is to stay small. */
const MOST_PLOTS = 12;
const MOST_MAJOR = 24;
const MOST_TOLD = 60;

function gateTable({ record, study }: PageContext) {
  const { gates } = record.findings;
  if (gates.length === 0) return null;
  const criteria = new Map(record.protocol.gates.map((gate) => [gate.id, gate]));
  return table({
    id: "summary-gates",
    caption: "Acceptance criteria, fixed before the run, and their verdicts",
    columns: [column("Criterion"), column("Observed", true), column("Verdict")],
    bodies: [
      {
        heading: null,
        rows: gates.map((gate) => {
          const entry = criteria.get(gate.id);
          const metric = entry === undefined ? "" : judgedMetric(entry);
          const unit = study.unitOf(metric);
          return {
            header: textCell(`${dataName(gate.id)} ${gate.title}`, {
              sub: entry === undefined ? null : criterionText(entry, unit),
            }),
            cells: [
              gate.observed === null
                ? textCell("none", { muted: true })
                : textCell(metricValue(metric, gate.observed, unit)),
              verdictCell(gate),
            ],
          };
        }),
      },
    ],
  });
}

function verdictCell(gate: GateResult) {
  return textCell(VERDICT_WORDS[gate.verdict], { tone: gate.verdict });
}

/** The numbers to remember. At most three classes are shown, those of lowest AUC. */
function keyNumbers(study: StudyView) {
  if (!study.isClassifier) return outcomeNumbers(study);
  const byAuc = [...study.classes].sort((a, b) => aucOf(study, a) - aucOf(study, b)).slice(0, 3);
  return byAuc.map((className) => ({
    heading: study.classes.length > 1 ? dataName(className) : null,
    cards: [
      card("AUC, all patients", study.find({ metric: "auc", class: className }), "clean images"),
      largestDifference(study, className),
      ...decisionCards(study, className),
      ...attackCards(study, className),
    ].filter((entry) => entry !== null),
  }));
}

/** Of other tasks: the primary outcomes, what the worst tenth gets, the largest gap, and the worst that a search did. */
function outcomeNumbers(study: StudyView) {
  const primary = primaryOutcomes(study);
  const [first] = primary;
  return study.classes.slice(0, 3).map((className) => ({
    heading: study.classes.length > 1 ? dataName(className) : null,
    cards: [
      ...primary.map(({ id }) =>
        card(metricTitle(id), study.find({ metric: id, class: className }), "mean over cases, clean images"),
      ),
      ...(first === undefined ? [] : firstOutcomeCards(study, className, first)),
    ].filter((entry) => entry !== null),
  }));
}

function firstOutcomeCards(study: StudyView, className: string, outcome: OutcomeDescription) {
  const { id } = outcome;
  const worstTenth = study.find({ metric: `${id}-worst-decile`, class: className });
  const gap = study
    .all(`${id}-gap`, className)
    .filter(isMeasured)
    .sort((a, b) => certainSize(b) - certainSize(a) || b.estimate - a.estimate)[0];
  const attacked = study
    .seriesBehind("none")
    .filter((series) => series.searched)
    .flatMap((series) => series.conditions)
    .map((condition) => study.find({ metric: id, class: className, condition }))
    .filter(isMeasured)
    .sort((a, b) => (isWorseLower(outcome) ? 1 : -1) * (a.estimate - b.estimate))[0];
  const worst = study.groupOfKey(gap?.details?.worst);
  return [
    worstTenth === undefined
      ? null
      : card(metricTitle(`${id}-worst-decile`), worstTenth, "nine of ten cases are not worse, clean images"),
    gap === undefined
      ? null
      : card(
          `${metricTitle(id)}: largest gap`,
          gap,
          `groups of ${dataName(gap.family ?? "")}${worst === undefined ? "" : `, worst: ${groupTitle(worst.values)}`}, clean images`,
        ),
    attacked === undefined || outcome.better === "neither"
      ? null
      : card(
          `Worst ${metricTitle(id)} under attack`,
          attacked,
          `${attackTitle(attacked.condition)}, ${strengthTitle(attacked.condition)}`,
        ),
  ];
}

function aucOf(study: StudyView, className: string): number {
  return study.find({ metric: "auc", class: className })?.estimate ?? 1;
}

function card(label: string, finding: Finding | undefined, context: string) {
  if (finding === undefined) return null;
  const interval = intervalText(finding);
  const level = finding.interval === null ? "" : levelText(finding.interval.level);
  return {
    label,
    value: estimateText(finding),
    muted: !isMeasured(finding),
    interval: interval === null ? finding.reason : `${level} ${interval}`,
    context,
    counts: countsText(finding),
    href: `#${findingAnchor(finding.id)}`,
  };
}

/** The difference in AUC that its interval makes most certain; where no interval excludes 0, the lowest AUC. */
function largestDifference(study: StudyView, className: string) {
  const largest = study
    .all("auc-difference", className)
    .filter((one) => certainSize(one) > 0)
    .sort((a, b) => certainSize(b) - certainSize(a))[0];
  if (largest === undefined) return lowestGroup(study, className);
  const own = groupTitle(largest.subgroup);
  const other = groupTitle(largest.reference ?? {});
  return card("Largest difference in AUC", largest, `${own} minus ${other}, clean images`);
}

function lowestGroup(study: StudyView, className: string) {
  const lowest = study
    .all("auc", className)
    .filter((one) => one.family !== null)
    .filter(isMeasured)
    .sort((a, b) => a.estimate - b.estimate)[0];
  return lowest === undefined
    ? null
    : card("Lowest AUC of a group", lowest, `${groupTitle(lowest.subgroup)}, clean images`);
}

function decisionCards(study: StudyView, className: string) {
  const point = study.operatingPoints(className)[0];
  if (point === undefined) return [];
  return ["sensitivity", "specificity"].map((metric) =>
    card(
      `${metricTitle(metric)} at ${dataName(point.id)}`,
      study.find({ metric, class: className, operatingPoint: point.id }),
      point.threshold === null ? "no threshold" : `clean images, threshold ${point.threshold.toFixed(3)}`,
    ),
  );
}

/** The worst that searched attacks did without a defense, once by decisions and once by AUC. */
function attackCards(study: StudyView, className: string) {
  const point = study.operatingPoints(className)[0]?.id ?? null;
  const attacked = study
    .seriesBehind("none")
    .filter((series) => series.searched)
    .flatMap((series) => series.conditions);
  const worst = (metric: string, operatingPoint: string | null, sign: 1 | -1) =>
    attacked
      .map((condition) => study.find({ metric, class: className, condition, operatingPoint }))
      .filter(isMeasured)
      .sort((a, b) => sign * (b.estimate - a.estimate))[0];
  const flips = worst("fooling-rate", point, 1);
  const auc = worst("auc", null, -1);
  const context = (finding: Finding) => `${attackTitle(finding.condition)}, ${strengthTitle(finding.condition)}`;
  return [
    flips === undefined ? null : card("Decisions changed, at most", flips, context(flips)),
    auc === undefined ? null : card("Lowest AUC under attack", auc, context(auc)),
  ];
}

function observationView(study: StudyView, observation: Observation, index: number) {
  const { severity, title, text, evidence, contrast } = observation;
  const shown = index < MOST_TOLD ? evidence.slice(0, 4) : [];
  const label = (id: string, index: number) => evidenceLabel(study, id, shown[index - 1]);
  return {
    severity,
    title,
    text: index < MOST_TOLD ? text : null,
    evidence: shown.map((id, index) => ({ href: `#${findingAnchor(id)}`, label: label(id, index) })),
    contrast:
      contrast === null || index >= MOST_PLOTS
        ? null
        : forest({
            id: `observation-${index + 1}-plot`,
            caption: `${metricTitle(contrast.metric)} of the groups compared, clean images`,
            measure: metricTitle(contrast.metric),
            reference: null,
            bodies: [
              {
                heading: null,
                rows: contrast.groups.map((group) => ({
                  label: groupTitle(group.values),
                  finding: study.find({ ...contrast, group }),
                })),
              },
            ],
          }),
  };
}

/** What a finding is about, short: all patients, and the condition of the finding before, need no words. */
function evidenceLabel(study: StudyView, id: string, before: string | undefined): string {
  const finding = study.byId(id);
  if (finding === undefined) return id;
  const condition = conditionTitle(finding.condition);
  const previous = before === undefined ? undefined : study.byId(before);
  const parts = [metricTitle(finding.metric)];
  if (finding.family !== null)
    parts.push(Object.keys(finding.subgroup).length === 0 ? dataName(finding.family) : groupTitle(finding.subgroup));
  if (previous === undefined || conditionTitle(previous.condition) !== condition) parts.push(condition);
  return parts.join(", ");
}
