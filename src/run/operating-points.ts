import type { OperatingPoint } from "../core/audit.js";
import { canonicalJson, sha256 } from "../core/hash.js";
import type { OperatingPointEntry } from "../protocol/schema.js";
import { chooseThreshold, type ThresholdTarget } from "../stats/operating-point.js";

/** What thresholds are chosen on: the tuning split's clean scores (NaN where unscored) and labels of a class. */
export type TuningData = (className: string) => { readonly scores: Float64Array; readonly labels: Int8Array };

/**
 * Chooses every operating point of every class on the tuning split. They are frozen from here on: nothing that comes
 * after, attacked or not, moves them. A point that cannot be chosen has no threshold and a reason.
 */
export function chooseOperatingPoints(
  entries: readonly OperatingPointEntry[],
  classes: readonly string[],
  tuning: TuningData,
): OperatingPoint[] {
  return entries.flatMap((entry) =>
    classes
      .filter((className) => entry.class === undefined || entry.class === className)
      .filter((className) => entry.thresholds === undefined || fixedFor(entry, className) !== undefined)
      .map((className) => choosePoint(entry, className, tuning)),
  );
}

function choosePoint(entry: OperatingPointEntry, className: string, tuning: TuningData): OperatingPoint {
  const { scores, labels } = usable(tuning(className));
  const n = labels.length;
  const positives = labels.reduce((total, label) => total + label, 0);
  const base = { id: entry.id, class: className, n, positives };
  const fixed = entry.threshold ?? fixedFor(entry, className);
  if (fixed !== undefined) {
    const rule = `threshold ${fixed}`;
    return sealed({ ...base, threshold: fixed, rule, chosenOn: "protocol", reason: null });
  }
  const [rule, target] = ruleOf(entry);
  const choice = chooseThreshold(scores, labels, target);
  return choice.status === "chosen"
    ? sealed({ ...base, threshold: choice.threshold, rule, chosenOn: "tuning", reason: null })
    : sealed({ ...base, threshold: null, rule, chosenOn: "tuning", reason: choice.reason });
}

/** The threshold that a table or a list holds for a class. Loading the protocol has turned tables into lists. */
function fixedFor({ thresholds }: OperatingPointEntry, className: string): number | undefined {
  return (thresholds as Readonly<Record<string, number>> | undefined)?.[className];
}

/** The rule in words, and what the threshold is asked to reach. */
function ruleOf({
  sensitivity,
  specificity,
  youden,
  cost,
  netBenefit,
}: OperatingPointEntry): [string, ThresholdTarget] {
  if (sensitivity !== undefined) return [`sensitivity ${sensitivity}`, { sensitivity }];
  if (youden !== undefined) return ["greatest Youden index", { youden }];
  const at = (prevalence: number | undefined) => (prevalence === undefined ? "" : ` at prevalence ${prevalence}`);
  if (cost !== undefined) {
    const { prevalence, ...costs } = cost;
    const rule = `least expected cost, false positive ${costs.falsePositive}, false negative ${costs.falseNegative}`;
    return [`${rule}${at(prevalence)}`, { cost: { ...costs, ...(prevalence === undefined ? {} : { prevalence }) } }];
  }
  if (netBenefit !== undefined) {
    const { prevalence, thresholdProbability } = netBenefit;
    const rule = `greatest net benefit at threshold probability ${thresholdProbability}${at(prevalence)}`;
    return [rule, { netBenefit: { thresholdProbability, ...(prevalence === undefined ? {} : { prevalence }) } }];
  }
  return [`specificity ${specificity}`, { specificity: specificity ?? 0 }];
}

/** Seals a point with the hash of all that it is, the threshold as the exact double: what is used later can be held against it. */
function sealed(point: Omit<OperatingPoint, "sha256">): OperatingPoint {
  return { ...point, sha256: sha256(canonicalJson(point)) };
}

function usable({ scores, labels }: ReturnType<TuningData>): { scores: Float64Array; labels: Uint8Array } {
  const keep = Array.from(labels.keys()).filter((row) => labels[row] !== -1 && !Number.isNaN(scores[row]));
  return {
    scores: Float64Array.from(keep, (row) => scores[row] as number),
    labels: Uint8Array.from(keep, (row) => labels[row] as number),
  };
}
