import type { Finding, FindingStatus } from "../../src/core/finding.js";
import { outcomeOfMetric } from "../../src/core/outcome.js";

/**
 * How numbers and statuses are written, in every report: one place, so that a figure reads the same on the page, in
 * the model card and in a gate's message. Nothing here depends on a locale or a clock.
 */

export const MINUS = "−";
export const EN_DASH = "–";

/** Fixed decimals with a true minus sign; a value that rounds to zero has no sign. */
export function decimal(value: number, digits = 3): string {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `${MINUS}${text}` : text;
}

/** A share as a percentage with one decimal: 0.4722 → "47.2%". */
export function percent(share: number): string {
  return `${decimal(share * 100, 1)}%`;
}

/** A difference of shares in percentage points: 0.149 → "14.9 pp". */
export function percentagePoints(difference: number): string {
  return `${decimal(difference * 100, 1)} pp`;
}

/** A whole number with thousands separated by commas: 75000 → "75,000". */
export function integer(value: number): string {
  const digits = String(Math.abs(Math.round(value))).replace(/\B(?=(\d{3})+$)/g, ",");
  return value < 0 ? `${MINUS}${digits}` : digits;
}

/** "1 patient", "2 patients". */
export function counted(value: number, singular: string, plural = `${singular}s`): string {
  return `${integer(value)} ${value === 1 ? singular : plural}`;
}

/** "a", "a and b", "a, b and c". */
export function listed(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

/** A range with an en dash; with "to" where a limit is negative, so that no dash can be read as a sign. */
export function range(lower: string, upper: string): string {
  return lower.startsWith(MINUS) || upper.startsWith(MINUS) ? `${lower} to ${upper}` : `${lower}${EN_DASH}${upper}`;
}

/** A size of perturbation as readers of 8-bit images know it: "4/255"; other sizes with four decimals. */
export function epsilonText(epsilon: number): string {
  const levels = epsilon * 255;
  const rounded = Math.round(levels);
  return Math.abs(levels - rounded) < 1e-6 ? `${rounded}/255` : epsilon.toFixed(4);
}

/** A size of perturbation that need not be a whole number of levels: "3.4/255". */
function finelyInLevels(epsilon: number): string {
  const levels = decimal(epsilon * 255, 2).replace(/\.?0+$/, "");
  return `${levels}/255`;
}

export type NumberKind = "area" | "share" | "points" | "number" | "epsilon" | "count";

/** Rates of samples or decisions, shown as percentages; differences of them are percentage points. */
const SHARES = new Set([
  "sensitivity",
  "specificity",
  "ppv",
  "npv",
  "fooling-rate",
  "fooling",
  "accuracy",
  "balanced-accuracy",
  "error-rate",
  "corruption-error",
  "prevalence",
  "missing-label-rate",
  "attribute-missing",
  "group-share",
  "rejection-rate",
  "selection-rate",
  "fpr",
  "fnr",
  "equalized-odds",
  "underdiagnosis-rate",
  "overdiagnosis-rate",
  "ppv-at-prevalence",
  "npv-at-prevalence",
  "sentence-changed",
  "sentence-purity",
  "sentence-stability",
]);
const DIFFERENCE =
  /-(drop|gap|difference|excess|recovery|advantage|drop-gap|excess-gap|shift|by-label)(-difference)?(-rest|-overall)?$/;

/** How a metric's values are written. */
export function numberKind(metric: string): NumberKind {
  const outcome = outcomeOfMetric(metric);
  if (outcome !== null) {
    if (outcome.outcome.percent !== true) return "number";
    return outcome.of === "mean" || outcome.of === "worst-decile" ? "share" : "points";
  }
  const isDifference = DIFFERENCE.test(metric);
  // A gap against another model's gap: the difference of two differences.
  const base = metric
    .replace(/-advantage$/, "")
    .replace(DIFFERENCE, "")
    .replace(/-(resampled|worst-case|best-case)$/, "");
  if (metric === "median-minimal-epsilon") return "epsilon";
  if (metric === "median-queries") return "count";
  if (SHARES.has(base)) return isDifference ? "points" : "share";
  return base === "auc" || base === "average-precision" || base === "auc-epsilon-area" ? "area" : "number";
}

/** Outcomes, and what is made of them. */
function hasUnit(metric: string, unit: string): boolean {
  return unit !== "1" && isOfOutcomes(metric);
}

/** Metrics of samples that are neither positive nor negative. */
function isOfOutcomes(metric: string): boolean {
  return /^(agreement|sentence)-/.test(metric) || outcomeOfMetric(metric) !== null;
}

/** What stands behind a number of an outcome: " mm"; nothing for shares. */
function unitText(unit: string): string {
  return unit === "1" ? "" : ` ${unit === "object" ? "objects" : unit === "bit" ? "bits" : dataUnit(unit)}`;
}

/** A unit that the protocol names: short, and without marks that could turn the text's direction. */
function dataUnit(unit: string): string {
  return unit
    .replace(/[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff]/g, "")
    .slice(0, 20);
}

/**
 * One value of a metric, with its unit.
 * @param unit the finding's, where the metric does not tell it: of outcomes
 */
export function metricValue(metric: string, value: number, unit = "1"): string {
  if (hasUnit(metric, unit)) return `${decimal(value)}${unitText(unit)}`;
  switch (numberKind(metric)) {
    case "share":
      return percent(value);
    case "points":
      return percentagePoints(value);
    case "epsilon":
      return finelyInLevels(value);
    case "count":
      return integer(Math.round(value));
    default:
      return decimal(value);
  }
}

/** The interval of a metric, the unit written once: "43.1–51.0%". */
export function metricRange(
  metric: string,
  interval: { readonly lower: number; readonly upper: number },
  unit = "1",
): string {
  const kind = numberKind(metric);
  if (hasUnit(metric, unit)) return `${range(decimal(interval.lower), decimal(interval.upper))}${unitText(unit)}`;
  if (kind === "epsilon" || kind === "count")
    return range(metricValue(metric, interval.lower), metricValue(metric, interval.upper));
  if (kind === "area" || kind === "number") {
    // A ratio whose divisor may be 0 has no upper limit: JSON has no infinity, so the largest number stands for it.
    const isOpen = interval.upper === Number.MAX_VALUE;
    return isOpen ? `${decimal(interval.lower)} or more` : range(decimal(interval.lower), decimal(interval.upper));
  }
  const limits = range(decimal(interval.lower * 100, 1), decimal(interval.upper * 100, 1));
  return kind === "share" ? `${limits}%` : `${limits} pp`;
}

const STATUS_WORDS: Readonly<Record<FindingStatus, string>> = {
  measured: "measured",
  "not-estimable": "not estimable",
  "not-applicable": "not applicable",
  suppressed: "suppressed",
  error: "error",
};

/** The status in words: a cell without a number says why it has none. */
export function statusWords(status: FindingStatus): string {
  return STATUS_WORDS[status];
}

/** True where the finding has a number to show. */
export function isMeasured(finding: Finding | undefined): finding is Finding & { readonly estimate: number } {
  return finding !== undefined && finding.status === "measured" && finding.estimate !== null;
}

/** The estimate alone, or the status in words; "not examined" where no such finding was made. */
export function estimateText(finding: Finding | undefined): string {
  if (finding === undefined) return "not examined";
  return isMeasured(finding)
    ? metricValue(finding.metric, finding.estimate, finding.unit)
    : statusWords(finding.status);
}

/** The interval alone; null where there is none. */
export function intervalText(finding: Finding | undefined): string | null {
  if (!isMeasured(finding) || finding.interval === null) return null;
  return metricRange(finding.metric, finding.interval, finding.unit);
}

/** "95% CI": the nominal coverage, as it stands before an interval. */
export function levelText(level: number): string {
  return `${decimal(level * 100, Number.isInteger(level * 100) ? 0 : 1)}% CI`;
}

/** Estimate with interval for a sentence: "0.818 (95% CI 0.763–0.873)". */
export function inSentence(finding: Finding | undefined): string {
  const text = estimateText(finding);
  if (!isMeasured(finding) || finding.interval === null) return text;
  return `${text} (${levelText(finding.interval.level)} ${metricRange(finding.metric, finding.interval, finding.unit)})`;
}

/** "n = 204: 102 positive, 102 negative; 160 patients"; "n hidden" for a suppressed finding. */
export function countsText(counts: Counted): string {
  if (counts.status === "suppressed") return "n hidden";
  const { metric, n, positives, negatives, patients } = counts;
  if (isOfOutcomes(metric)) return `n = ${integer(n)}; ${counted(patients, "patient")}`;
  return `n = ${integer(n)}: ${integer(positives)} positive, ${integer(negatives)} negative; ${counted(patients, "patient")}`;
}

/** "204 (102 / 102)": images, positive, negative; "hidden" for a suppressed finding. */
export function countsShort(counts: Counted): string {
  if (counts.status === "suppressed") return "hidden";
  if (isOfOutcomes(counts.metric)) return integer(counts.n);
  return `${integer(counts.n)} (${integer(counts.positives)} / ${integer(counts.negatives)})`;
}

/** "n = 204 (102 / 102)", or "n hidden"; null where there is no such finding. */
export function countsLabel(counts: Counted | undefined): string | null {
  if (counts === undefined) return null;
  return counts.status === "suppressed" ? "n hidden" : `n = ${countsShort(counts)}`;
}

/** Outcomes are of samples that are neither positive nor negative. */
type Counted = Pick<Finding, "metric" | "n" | "positives" | "negatives" | "patients" | "status">;

/**
 * How the interval was made, in words: the method's name part by part, so that "bonferroni-obuchowski-difference"
 * needs no entry of its own; parts without an entry stand as they are.
 */
export function methodText(method: string): string {
  const words: string[] = [];
  let rest = method;
  while (rest !== "") {
    const known = METHOD_PARTS.find(([part]) => rest.startsWith(part));
    const part = known?.[0] ?? rest;
    words.push(known?.[1] ?? rest);
    rest = rest.slice(part.length).replace(/^-/, "");
  }
  return words.join(", ");
}

/** Longer parts stand before shorter ones that they begin with. */
const METHOD_PARTS: readonly (readonly [string, string])[] = [
  ["bonferroni-of-two", "Bonferroni over two rates"],
  ["bonferroni", "Bonferroni over pairs of groups"],
  ["mover-ratio", "ratio, limits recovered from both shares"],
  ["square-and-add", "square-and-add"],
  ["paired-bootstrap-percentile", "paired patient bootstrap, percentile"],
  ["paired-delong", "paired DeLong"],
  ["delong", "DeLong"],
  ["paired-obuchowski", "paired Obuchowski (clustered by patient)"],
  ["obuchowski", "Obuchowski (clustered by patient)"],
  ["wilson-positive-patients", "Wilson score over patients with positives"],
  ["wilson-student-clustered", "Wilson score with Student's t, clustered by patient"],
  ["student-clustered", "Student's t, clustered by patient"],
  ["woodruff-wilson", "Woodruff's order statistics"],
  ["unchanged", "no width: nothing changed"],
  ["wilson", "Wilson score"],
  ["newcombe-paired", "Newcombe's paired score"],
  ["newcombe-score", "Newcombe's hybrid score"],
  ["newcombe-mean-height", "Newcombe on the curve's mean height"],
  ["newcombe-patients", "Newcombe (counting patients)"],
  ["newcombe", "Newcombe"],
  ["logit-mean-height", "normal on the logit of the curve's mean height"],
  ["logit", "normal on the logit scale"],
  ["average", "average over classes"],
  ["effective-n", "effective sample size"],
  ["bootstrap-percentile", "patient bootstrap, percentile"],
  ["bootstrap-basic", "patient bootstrap, basic"],
  ["bootstrap-bca", "patient bootstrap, BCa"],
  ["difference-of-drops", "difference of drops"],
  ["difference-in-differences", "difference in differences"],
  ["difference", "difference"],
  ["pointwise", "pointwise"],
  ["sandwich", "normal with sandwich variance"],
  ["clustered", "clustered by patient"],
  ["folded-normal-corrected", "corrected for the bias of absolute values"],
  ["paired-normal-mean", "paired mean, normal"],
  ["normal-mean", "normal (mean)"],
  ["log-normal-ratio-clustered", "log-normal (clustered by patient)"],
  ["wilson-over-expected", "Wilson score over expected"],
  ["trapezoid", "trapezoidal mean"],
  ["log-delta", "delta method on the log scale"],
  ["logit-delta", "delta method on the logit scale"],
  ["mover-ratio", "MOVER-R"],
  ["clopper-pearson", "Clopper–Pearson exact"],
  ["korn-graubard", "Korn–Graubard (effective sample size)"],
  ["paired-mean-clustered", "normal (paired mean, clustered by patient)"],
  ["paired-mean", "normal (paired mean)"],
  ["log-normal-ratio", "log-normal (paired ratio)"],
  ["normal-mean-of-severities", "normal (mean of severities)"],
  ["brookmeyer-crowley-log-log", "Brookmeyer and Crowley (log-log)"],
];

/** A SHA-256 short enough to compare by eye; the full one stands in the reproducibility section. */
export function shortHash(hash: string): string {
  return hash.slice(0, 12);
}

/** An ISO instant to the minute, in UTC: "2026-11-23 18:30 UTC". Anything else is given back as it is. */
export function instant(iso: string): string {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})/.exec(iso);
  return match === null ? iso : `${match[1]} ${match[2]} UTC`;
}
