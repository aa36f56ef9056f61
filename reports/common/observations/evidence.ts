import { isClean } from "../../../src/core/condition.js";
import type { Finding } from "../../../src/core/finding.js";
import { counted, listed, statusWords } from "../format.js";
import { dataName, groupTitle, metricTitle } from "../names.js";
import type { StudyView } from "../study.js";
import { ids, type Observation } from "./observation.js";

/** Observations on the evidence itself: what failed, what is open, what could not be estimated, what is missing. */

/** Checks of the model that failed before anything was scored, and audits that broke. */
export function failedChecks(study: StudyView): Observation[] {
  const { preflight, findings } = study.record.findings;
  const failed = preflight.filter((check) => !check.passed);
  const broken = findings.filter((one) => one.status === "error");
  const observations: Observation[] = failed.map((check) => ({
    severity: "major",
    weight: 1,
    title: `Preflight check failed: ${check.title}`,
    text: check.detail,
    evidence: [],
    contrast: null,
  }));
  if (broken.length > 0)
    observations.push({
      severity: "major",
      weight: 1,
      title: `${counted(broken.length, "finding")} could not be computed because of an error`,
      text: [...new Set(broken.map((one) => one.reason ?? "no reason was given"))].join(" "),
      evidence: ids(...broken.slice(0, 10)),
      contrast: null,
    });
  return observations;
}

/** Inconclusive is not a pass: each such gate is told with its reason. */
export function inconclusiveGates(study: StudyView): Observation[] {
  return study.record.findings.gates
    .filter((gate) => gate.verdict === "inconclusive")
    .map((gate) => ({
      severity: "moderate",
      weight: 1,
      title: `Gate ${dataName(gate.id)} is inconclusive, which is not a pass`,
      text: `${gate.title}: ${gate.reason}`,
      evidence: gate.findings,
      contrast: null,
    }));
}

/** Groups whose discrimination on clean images has no number: nothing is known about them. */
export function notEstimable(study: StudyView): Observation[] {
  const silent = study.record.findings.findings.filter(
    (one) =>
      one.metric === "auc" && isClean(one.condition) && (one.status === "not-estimable" || one.status === "suppressed"),
  );
  if (silent.length === 0) return [];
  const words = silent.map(
    (one) => `${describe(study, one)} (${statusWords(one.status)}: ${one.reason ?? "no reason given"})`,
  );
  return [
    {
      severity: silent.some((one) => one.family === null) ? "major" : "moderate",
      weight: 0.5,
      title: `No AUC could be given for ${counted(silent.length, "group")}`,
      text: `${listed(words)}. The record says nothing about how the model does there.`,
      evidence: ids(...silent),
      contrast: null,
    },
  ];
}

function describe(study: StudyView, finding: Finding): string {
  const group = finding.family === null ? "all patients" : groupTitle(finding.subgroup);
  return study.classes.length > 1 ? `${dataName(finding.class ?? "")} on ${group}` : group;
}

export function deviations(study: StudyView): Observation[] {
  const { deviations: all } = study.record.findings;
  if (all.length === 0) return [];
  return [
    {
      severity: "note",
      weight: 1,
      title: `${counted(all.length, "deviation")} recorded`,
      text: all.map((one) => `${one.title}.`.replace(/\.\.$/, ".")).join(" "),
      evidence: [],
      contrast: null,
    },
  ];
}

/** Questions that the protocol did not ask: silence about them is no evidence. */
export function absentEvidence(study: StudyView): Observation[] {
  const missing: string[] = [];
  if (study.families.length === 0)
    missing.push("No subgroups were declared: differences between groups were not examined.");
  if (study.series.length === 0) missing.push("No attack or corruption was run: robustness was not examined.");
  else if (!study.series.some((series) => series.searched))
    missing.push("Only controls were run: no attack searched for a weakness.");
  else if (!study.series.some((series) => !series.searched))
    missing.push("No control of the same size was run: effects of attacks cannot be read against noise.");
  if (study.isClassifier && study.record.findings.operatingPoints.length === 0)
    missing.push("No operating point was declared: decisions at a threshold were not examined.");
  if (study.record.findings.gates.length === 0) missing.push("No acceptance criterion was declared.");
  const overall = study.isClassifier
    ? study.classes.filter((name) => study.find({ metric: "auc", class: name }) === undefined)
    : [];
  if (overall.length > 0) missing.push(`${metricTitle("auc")} was not computed for ${listed(overall.map(dataName))}.`);
  if (missing.length === 0) return [];
  return [
    {
      severity: "moderate",
      weight: 0,
      title: "What this audit did not examine",
      text: missing.join(" "),
      evidence: [],
      contrast: null,
    },
  ];
}
