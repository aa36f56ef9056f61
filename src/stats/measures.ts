/** What groups are compared in: estimators with the way in which two groups' estimates are set against each other. */
import type { OperatingPoint } from "../core/audit.js";
import {
  type AucEstimate,
  areaOfRest,
  areaOutside,
  areaUnderCurve,
  aucDifference,
  type LabelledScores,
} from "./auc.js";
import { membershipIn, type ScoredCell, withScores } from "./cell.js";
import { areasAcross, sharedErrors } from "./cross-area.js";
import { countsOutside, decisionCounts } from "./decision-counts.js";
import { noThreshold } from "./decisions.js";
import { type Estimate, notEstimable, type Result } from "./estimate.js";
import type { Comparison } from "./family-gap.js";
import { declareProduct, type ErrorPart } from "./influence.js";
import { complementOf, type ProportionEstimate, proportionDifference, proportionOfTotals } from "./proportion.js";
import { poolOf } from "./rank-sums.js";
import { shareOfCounts } from "./share-of-counts.js";
import { type DecisionShare, noTrials, type ShareTotals, shareTotals, totalsWithout } from "./share-totals.js";
import { unequalWeights } from "./weights.js";

export interface Measure<E extends Estimate> extends Comparison<E> {
  /** The metric of a group's own value, and the stem of the comparisons': `<name>-difference`, `<name>-gap`. */
  readonly name: string;
  readonly operatingPoint: string | null;
  readonly estimate: (data: LabelledScores) => Result<E>;
  /**
   * A group's estimate, and that of everybody outside it: out of what is known of everybody, which a study of many groups
   * could not afford to look at for every group anew. `family` holds the group and those that it is compared with, which share no
   * sample with it: they may be looked at together.
   */
  readonly withRest: (everybody: ScoredCell, group: ScoredCell, family?: readonly ScoredCell[]) => OwnAndRest<E>;
}

export interface OwnAndRest<E extends Estimate> {
  readonly own: Result<E>;
  readonly rest: Result<E>;
}

/** Shares of decisions at a threshold. */
export type ShareName = DecisionShare | "fpr" | "fnr";

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
    withRest: areasInAndOut,
    difference: (a, b) => aucDifference(a, b, clustered),
  };
}

/** A group's area and the rest's, whose covariance is known from making the latter. */
function areasInAndOut(
  everybody: ScoredCell,
  group: ScoredCell,
  family?: readonly ScoredCell[],
): OwnAndRest<AucEstimate> {
  const own = areaUnderCurve(withScores(group, 0));
  const whole = withScores(everybody, 0);
  const members = () => membershipIn(everybody, group);
  const areas = areasAcross(everybody, group, family);
  if (areas === null) return { own, rest: areaOutside(whole, members()) };
  for (const other of family ?? []) declareShared(everybody, [group, own], other);
  const rest = areaOfRest(poolOf(whole), members, areas.rest);
  if (own.status === "estimated" && rest.status === "estimated") {
    const { mixed } = areas;
    const [positives, negatives] = own.error as readonly [ErrorPart, ErrorPart];
    const [otherPositives, otherNegatives] = rest.error as readonly [ErrorPart, ErrorPart];
    declareProduct(positives, otherPositives, mixed.positivesPositives);
    declareProduct(positives, otherNegatives, mixed.positivesNegatives);
    declareProduct(negatives, otherPositives, mixed.negativesPositives);
    declareProduct(negatives, otherNegatives, mixed.negativesNegatives);
  }
  return { own, rest };
}

/** Says what the errors of two groups' own areas have in common, where it is known, so that nobody goes through their patients. */
function declareShared(
  everybody: ScoredCell,
  [group, own]: readonly [ScoredCell, Result<AucEstimate>],
  other: ScoredCell,
): void {
  const shared = sharedErrors(everybody, group, other);
  if (shared === null || own.status !== "estimated") return;
  const of = areaUnderCurve(withScores(other, 0));
  if (of.status !== "estimated") return;
  const [positives, negatives] = own.error as readonly [ErrorPart, ErrorPart];
  const [otherPositives, otherNegatives] = of.error as readonly [ErrorPart, ErrorPart];
  declareProduct(positives, otherPositives, shared.positivesPositives);
  declareProduct(positives, otherNegatives, shared.positivesNegatives);
  declareProduct(negatives, otherPositives, shared.negativesPositives);
  declareProduct(negatives, otherNegatives, shared.negativesNegatives);
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
  const { threshold } = point;
  const base: DecisionShare = ALSO[share] ?? (share as DecisionShare);
  const checked = (found: ProportionEstimate | null, samples: number): Result<ProportionEstimate> => {
    if (found === null) return noTrials(base, samples);
    if (found.patients < 2) {
      return notEstimable(`${share} rests on one patient: a comparison of groups needs at least two`);
    }
    return share in ALSO ? complementOf(found) : found;
  };
  return {
    name: share,
    ...SHARES[share],
    ...named,
    operatingPoint: point.id,
    estimate(data) {
      if (threshold === null) return noThreshold(point);
      return checked(shareOf(data, threshold, base), data.labels.length);
    },
    withRest(everybody, group) {
      if (threshold === null) return { own: noThreshold(point), rest: noThreshold(point) };
      const [whole, part] = [withScores(everybody, 0), withScores(group, 0)];
      const { own, rest } = sharesInAndOut(whole, part, threshold, base);
      return {
        own: checked(own, part.labels.length),
        rest: checked(rest, whole.labels.length - part.labels.length),
      };
    },
    difference: (a, b) => proportionDifference(a, b, clustered),
  };
}

/** null where it is of no sample. */
function shareOf(data: LabelledScores, threshold: number, share: DecisionShare): ProportionEstimate | null {
  const counts = decisionCounts(data, threshold);
  return counts === null
    ? proportionOfTotals(shareTotals(data, threshold, share))
    : shareOfCounts(counts, share, data.clustered);
}

/** A group's share, and that of everybody outside it: from counts where all count alike, else from totals by weight. */
function sharesInAndOut(whole: LabelledScores, part: LabelledScores, threshold: number, share: DecisionShare) {
  const [all, own] = [decisionCounts(whole, threshold), decisionCounts(part, threshold)];
  const outside = all === null || own === null ? null : countsOutside(all, own);
  if (own !== null && outside !== null) {
    return {
      own: shareOfCounts(own, share, part.clustered),
      rest: shareOfCounts(outside, share, whole.clustered),
    };
  }
  // A group may be of one weight where everybody is not.
  const isWeighted = unequalWeights(whole) !== null;
  const totals = shareTotals(part, threshold, share, isWeighted ? (part.weights ?? null) : null);
  const left = totalsWithout(totalsOfEverybody(whole, threshold, share), totals);
  const ofGroup = isWeighted && unequalWeights(part) === null ? { ...totals, weights: null } : totals;
  return { own: proportionOfTotals(ofGroup), rest: proportionOfTotals(left) };
}

/** Rates that are one minus another. */
const ALSO: Partial<Readonly<Record<ShareName, DecisionShare>>> = { fpr: "specificity", fnr: "sensitivity" };

const known = new WeakMap<LabelledScores, Map<string, ShareTotals>>();

/** Totals of everybody, made once for all groups. */
function totalsOfEverybody(data: LabelledScores, threshold: number, share: DecisionShare): ShareTotals {
  const made = known.get(data) ?? new Map<string, ShareTotals>();
  known.set(data, made);
  const key = `${share} ${threshold}`;
  const totals = made.get(key) ?? shareTotals(data, threshold, share);
  made.set(key, totals);
  return totals;
}
