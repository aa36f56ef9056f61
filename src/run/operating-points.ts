import type { OperatingPoint } from "../core/audit.js";
import type { OperatingPointEntry } from "../protocol/schema.js";
import { chooseThreshold } from "../stats/operating-point.js";

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
      .map((className) => choosePoint(entry, className, tuning)),
  );
}

function choosePoint(entry: OperatingPointEntry, className: string, tuning: TuningData): OperatingPoint {
  const { scores, labels } = usable(tuning(className));
  const n = labels.length;
  const positives = labels.reduce((total, label) => total + label, 0);
  const base = { id: entry.id, class: className, n, positives };
  if (entry.threshold !== undefined) {
    return {
      ...base,
      threshold: entry.threshold,
      rule: `threshold ${entry.threshold}`,
      chosenOn: "protocol",
      reason: null,
    };
  }
  const rule =
    entry.sensitivity === undefined ? `specificity ${entry.specificity}` : `sensitivity ${entry.sensitivity}`;
  const target =
    entry.sensitivity === undefined ? { specificity: entry.specificity ?? 0 } : { sensitivity: entry.sensitivity };
  const choice = chooseThreshold(scores, labels, target);
  return choice.status === "chosen"
    ? { ...base, threshold: choice.threshold, rule, chosenOn: "tuning", reason: null }
    : { ...base, threshold: null, rule, chosenOn: "tuning", reason: choice.reason };
}

function usable({ scores, labels }: ReturnType<TuningData>): { scores: Float64Array; labels: Uint8Array } {
  const keep = Array.from(labels.keys()).filter((row) => labels[row] !== -1 && !Number.isNaN(scores[row]));
  return {
    scores: Float64Array.from(keep, (row) => scores[row] as number),
    labels: Uint8Array.from(keep, (row) => labels[row] as number),
  };
}
