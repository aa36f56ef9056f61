/** What groups are compared in: estimators with the way in which two groups' estimates are set against each other. */
import type { OperatingPoint } from "../core/audit.js";
import { type AucEstimate, areaUnderCurve, aucDifference, type LabelledScores } from "./auc.js";
import { accuracyAt, falseRateAt, noThreshold, rateAt, selectionRate } from "./decisions.js";
import { type Estimate, notEstimable, type Result } from "./estimate.js";
import type { Comparison } from "./family-gap.js";
import { type ProportionEstimate, proportionDifference } from "./proportion.js";

export interface Measure<E extends Estimate> extends Comparison<E> {
  /** The metric of a group's own value, and the stem of the comparisons': `<name>-difference`, `<name>-gap`. */
  readonly name: string;
  readonly operatingPoint: string | null;
  readonly estimate: (data: LabelledScores) => Result<E>;
}

/** Shares of decisions at a threshold. */
export type ShareName = "sensitivity" | "specificity" | "ppv" | "npv" | "fpr" | "fnr" | "selection-rate" | "accuracy";

/** Names as readers know them, and which end is the good one. A selection rate has none: parity is what is asked of it. */
const SHARES: Readonly<Record<ShareName, { readonly quantity: string; readonly better: "higher" | "lower" }>> = {
  sensitivity: { quantity: "sensitivity", better: "higher" },
  specificity: { quantity: "specificity", better: "higher" },
  ppv: { quantity: "PPV", better: "higher" },
  npv: { quantity: "NPV", better: "higher" },
  fpr: { quantity: "false positive rate", better: "lower" },
  fnr: { quantity: "false negative rate", better: "lower" },
  "selection-rate": { quantity: "selection rate", better: "higher" },
  accuracy: { quantity: "accuracy", better: "higher" },
};

export function areaMeasure(clustered: boolean): Measure<AucEstimate> {
  return {
    name: "auc",
    quantity: "AUC",
    operatingPoint: null,
    better: "higher",
    estimate: (data) => areaUnderCurve(data),
    difference: (a, b) => aucDifference(a, b, clustered),
  };
}

/**
 * A share at an operating point, under a name of its own where one is given. It must rest on at least two patients, as an
 * area does: one patient is no group to compare with.
 */
export function shareMeasure(
  share: ShareName,
  point: OperatingPoint,
  clustered: boolean,
  named: Partial<Pick<Measure<ProportionEstimate>, "name" | "quantity" | "better">> = {},
): Measure<ProportionEstimate> {
  return {
    name: share,
    ...SHARES[share],
    ...named,
    operatingPoint: point.id,
    estimate(data) {
      const { threshold } = point;
      if (threshold === null) return noThreshold(point);
      const estimated = shareAt(data, threshold, share);
      return estimated.status === "estimated" && estimated.patients < 2
        ? notEstimable(`${share} rests on one patient: a comparison of groups needs at least two`)
        : estimated;
    },
    difference: (a, b) => proportionDifference(a, b, clustered),
  };
}

function shareAt(data: LabelledScores, threshold: number, share: ShareName): Result<ProportionEstimate> {
  switch (share) {
    case "fpr":
    case "fnr":
      return falseRateAt(data, threshold, share);
    case "selection-rate":
      return selectionRate(data, threshold);
    case "accuracy":
      return accuracyAt(data, threshold);
    default:
      return rateAt(data, threshold, share);
  }
}
