import { isClean } from "../../../src/core/condition.js";
import { type Finding, type SubgroupValues, subgroupKey } from "../../../src/core/finding.js";
import {
  counted,
  countsText,
  inSentence,
  isMeasured,
  levelText,
  listed,
  metricRange,
  metricValue,
  percent,
} from "../format.js";
import { dataName, groupTitle, metricTitle } from "../names.js";
import { EVERYBODY, type Group, type StudyView } from "../study.js";
import { certainSize, forClass, ids, type Observation } from "./observation.js";

/** Observations on clean images: differences between groups, and operating points that miss their target. */

/** From this size on (the interval's limit nearest to zero), a gap belongs to the decision. */
const LARGE_GAP = 0.05;

/**
 * One observation per family and metric: the pair of groups whose difference has the largest part that its interval
 * makes certain. Families without such a pair give none.
 */
export function subgroupGaps(study: StudyView, className: string): Observation[] {
  const metrics = [
    "auc",
    ...new Set(study.record.findings.findings.map((one) => one.metric).filter(isShareDifference)),
  ];
  return metrics.flatMap((metric) => {
    const base = metric.replace(/-difference$/, "");
    return study.families.flatMap(({ name }) => {
      const largest = study
        .all(`${base}-difference`, className)
        .filter((one) => one.family === name && certainSize(one) > 0)
        .sort((a, b) => certainSize(b) - certainSize(a))[0];
      return largest === undefined ? [] : [gapObservation(study, className, base, largest)];
    });
  });
}

/** Differences at an operating point: of sensitivity, specificity and the like. */
function isShareDifference(metric: string): boolean {
  return /^(sensitivity|specificity)-difference$/.test(metric);
}

function gapObservation(study: StudyView, className: string, metric: string, difference: Finding): Observation {
  const { family, operatingPoint } = difference;
  const own: Group = { family, values: difference.subgroup };
  const other: Group = { family, values: difference.reference ?? {} };
  const [worse, better] = (difference.estimate ?? 0) < 0 ? [own, other] : [other, own];
  const value = (group: Group) => study.find({ metric, class: className, group, operatingPoint });
  const [low, high, overall] = [value(worse), value(better), value(EVERYBODY)];
  const certain = certainSize(difference);
  const large = metric === "auc" && certain >= LARGE_GAP;
  const title = metricTitle(metric);
  const at = operatingPoint === null ? "" : ` at the locked threshold of ${dataName(operatingPoint)}`;
  const hidden =
    large && isMeasured(overall)
      ? ` The overall ${title} of ${metricValue(metric, overall.estimate)} does not show it.`
      : "";
  const meaning = large
    ? " Harder cases, weaker labels or a model that reads the group instead of the disease (shortcut learning) can all" +
      " cause such a gap; these figures cannot tell them apart, so it needs an explanation before use."
    : "";
  return {
    severity: large ? "major" : "moderate",
    weight: certain,
    title: `${title}${forClass(study, className)} is lower on ${groupTitle(worse.values)} than on ${groupTitle(better.values)}`,
    text:
      `${title}${at} is ${withCounts(low)} on ${groupTitle(worse.values)} against ${withCounts(high)} on ` +
      `${groupTitle(better.values)}: difference ${absolute(difference)}.${hidden}${meaning}`,
    evidence: ids(difference, low, high),
    contrast: large ? { metric, class: className, operatingPoint, groups: [worse, better, EVERYBODY] } : null,
  };
}

/** Estimate, interval and counts: "0.818 (95% CI 0.763–0.873; n = 204: …)". */
function withCounts(finding: Finding | undefined): string {
  const text = inSentence(finding);
  return finding !== undefined && text.endsWith(")") ? `${text.slice(0, -1)}; ${countsText(finding)})` : text;
}

/** The size of a difference without its direction, which the sentence tells. */
function absolute(difference: Finding): string {
  if (!isMeasured(difference) || difference.interval === null) return inSentence(difference);
  const { estimate, interval, metric } = difference;
  const turned = estimate < 0 ? { lower: -interval.upper, upper: -interval.lower } : interval;
  return `${metricValue(metric, Math.abs(estimate))} (${levelText(interval.level)} ${metricRange(metric, turned)})`;
}

/**
 * Operating points chosen for a sensitivity or specificity that the evaluation set, or one of its groups, does not
 * reach: the interval lies wholly below the target.
 */
export function missedTargets(study: StudyView, className: string): Observation[] {
  return study.operatingPoints(className).flatMap((point): Observation[] => {
    const [, metric, rate] = /^(sensitivity|specificity) (0?\.\d+)$/.exec(point.rule) ?? [];
    if (metric === undefined || rate === undefined) return [];
    const target = Number(rate);
    const missed = study.record.findings.findings.filter(
      (one) =>
        one.metric === metric &&
        one.class === className &&
        one.operatingPoint === point.id &&
        isClean(one.condition) &&
        one.status === "measured" &&
        one.interval !== null &&
        one.interval.upper < target,
    );
    if (missed.length === 0) return [];
    const shortfall = (one: Finding) => target - (one.interval?.upper ?? target);
    const overall = missed.filter((one) => one.family === null);
    const worst = missed.filter((one) => one.family !== null).sort((a, b) => shortfall(b) - shortfall(a));
    const told = [...overall, ...worst.slice(0, 2)];
    const words = told.map((one) => `${withCounts(one)} on ${where(one.subgroup)}`);
    const others = missed.length - told.length;
    return [
      {
        severity: overall.length > 0 ? "major" : "moderate",
        weight: Math.max(...missed.map(shortfall)),
        title: `The operating point ${dataName(point.id)} misses its ${metric} of ${percent(target)}${forClass(study, className)}`,
        text:
          `It was chosen on the tuning patients. On the evaluation set the ${metric} is ${listed(words)}: the whole ` +
          `interval lies below the target${others > 0 ? `, as it does in ${counted(others, "other group")}` : ""}.`,
        evidence: ids(...told),
        contrast: null,
      },
    ];
  });
}

function where(values: SubgroupValues): string {
  return subgroupKey(values) === "all" ? "all patients" : groupTitle(values);
}
