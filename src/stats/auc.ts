import {
  differenceOf,
  type Estimate,
  type Limits,
  type NotEstimable,
  normalLimits,
  notEstimable,
  type Result,
  rootOf,
} from "./estimate.js";
import { groupAreas, type PairSums, type SideSums } from "./group-areas.js";
import { declareProduct, deferredPart, type ErrorPart, ownVariance, productOf, sizeOf } from "./influence.js";
import { newcombeAucLimits } from "./newcombe-auc.js";
import { orderOf } from "./order.js";
import { LEFT_OUT, type Placements, placements, placementsOf } from "./placements.js";
import { type Pool, poolOf, type RankSums, rankSums, type Side, type SideError, sidesOf } from "./rank-sums.js";
import type { ScoreSteps } from "./steps.js";
import { kishCount, unequalWeights } from "./weights.js";

/**
 * Area under the ROC curve with a nonparametric variance: DeLong, DeLong and Clarke-Pearson (Biometrics 44 (1988)
 * 837–845) where every patient gives one sample, Obuchowski (Biometrics 53 (1997) 567–578) where patients repeat. The
 * positive class is label 1 and larger scores mean positive: the direction is never inferred and an area below one
 * half stays below one half.
 */
export interface AucEstimate extends Estimate {
  readonly positives: number;
  readonly negatives: number;
  /** Variance by DeLong or Obuchowski; 0 where all placements are equal. */
  readonly variance: number;
  /** Counts over the design effects of their placements; the counts where no patient repeats and all weigh alike. */
  readonly effectivePositives: number;
  readonly effectiveNegatives: number;
}

/** Scored and labelled samples in patient order: columns aligned by sample. */
export interface LabelledScores {
  /** No NaN; infinities are allowed. Larger means more positive. */
  readonly scores: Float64Array;
  /** 1 positive, 0 negative. */
  readonly labels: Uint8Array;
  /** Patient codes, ascending; equal for samples of one patient. */
  readonly patients: Int32Array;
  /** Whether patients repeat in the study that the samples are from: it names the method and changes no number. */
  readonly clustered: boolean;
  /** Sampling weights > 0, aligned with the scores; left out or null where all samples count alike. */
  readonly weights?: Float64Array | null;
}

/**
 * AUC with DeLong's or Obuchowski's variance; not estimable with fewer than two positives, two negatives, or two
 * patients of either.
 * @param order the scores' ascending order, where it is at hand
 * @param steps the steps of the scores, where they are at hand
 */
export function areaUnderCurve(data: LabelledScores, order?: Uint32Array, steps?: ScoreSteps): Result<AucEstimate> {
  let area = known.get(data);
  if (area === undefined) {
    const weights = unequalWeights(data);
    area = areaOfPlaced(data, weights, placements(data.scores, data.labels, order, weights, steps));
    known.set(data, area);
  }
  return area;
}

/** Areas of data that several audits look at. Estimates do not change, and neither do the data. */
const known = new WeakMap<LabelledScores, Result<AucEstimate>>();

/**
 * The area of all samples but a group's: what the group is held against. Everybody's order serves, nothing is sorted or copied.
 * @param isMember 1 for the group's samples, aligned with the data
 */
export function areaOutside(data: LabelledScores, isMember: Uint8Array): Result<AucEstimate> {
  const weights = unequalWeights(data);
  if (weights === null) return areaOfRest(poolOf(data), () => isMember, groupAreas(poolOf(data), isMember).rest);
  const labels = new Uint8Array(isMember.length);
  for (let i = 0; i < labels.length; i++) labels[i] = isMember[i] === 1 ? LEFT_OUT : (data.labels[i] as number);
  return areaOfPlaced({ ...data, labels }, weights, placementsOf(data.scores, labels, orderOf(data.scores), weights));
}

/** The same where the sums are at hand; the members are asked for where covariances with other estimates are. */
export function areaOfRest(pool: Pool, members: () => Uint8Array, rest: PairSums): Result<AucEstimate> {
  return areaOfPair(rest, pool.data.clustered, () => {
    const { backgroundNegatives, backgroundPositives } = sidesOf(pool, members());
    return rankSums(pool, backgroundPositives, backgroundNegatives);
  });
}

/** The area of samples that nobody else looks at, along an order that is at hand: nothing is kept for others. */
export function areaAlong(data: LabelledScores, order: Uint32Array): Result<AucEstimate> {
  const weights = unequalWeights(data);
  return areaOfPlaced(data, weights, placementsOf(data.scores, data.labels, order, weights));
}

/** The area between two sides of a pool whose samples all count alike; the upper side has the place of the positives. */
export function areaOfSides(pool: Pool, upper: Side, lower: Side): Result<AucEstimate> {
  const [positives, negatives] = [upper.positions.length, lower.positions.length];
  const few = tooFew(positives, negatives);
  if (few !== null) return few;
  const sums = rankSums(pool, upper, lower);
  const of = ({ part, squares, variance }: SideError, count: number) =>
    sideOf(part, sizeOf(part), count, variance, squares, count);
  return areaEstimate(sums.area, of(sums.upper, positives), of(sums.lower, negatives), pool.data.clustered);
}

/**
 * An area whose sums are at hand.
 * @param make the same by patient, where covariances with other estimates are asked for
 */
export function areaOfPair(
  { area, upper, lower, mixed }: PairSums,
  clustered: boolean,
  make: () => RankSums,
): Result<AucEstimate> {
  const few = tooFew(upper.count, lower.count);
  if (few !== null) return few;
  let made: RankSums | null = null;
  const lists = () => {
    made ??= make();
    return made;
  };
  const parts = {
    upper: deferredPart(upper.patients, upper.product, () => lists().upper.part),
    lower: deferredPart(lower.patients, lower.product, () => lists().lower.part),
  };
  declareProduct(parts.upper, parts.lower, mixed);
  const of = (part: ErrorPart, { count, patients, squares }: SideSums) =>
    sideOf(part, patients, count, ownVariance(part), squares, count);
  return areaEstimate(area, of(parts.upper, upper), of(parts.lower, lower), clustered);
}

/** @param data samples labelled LEFT_OUT count for nothing */
function areaOfPlaced(data: LabelledScores, weights: Float64Array | null, placed: Placements): Result<AucEstimate> {
  const few = tooFew(placed.positives, placed.negatives);
  if (few !== null) return few;
  const [positive, negative] = [classPart(data, weights, placed, 1), classPart(data, weights, placed, 0)];
  return areaEstimate(placed.auc, positive, negative, data.clustered);
}

function tooFew(positives: number, negatives: number): NotEstimable | null {
  if (positives >= 2 && negatives >= 2) return null;
  const [count, which] = positives < 2 ? [positives, "positive"] : [negatives, "negative"];
  return notEstimable(
    `${counted(count, which)} among ${counted(positives + negatives, "sample")}: AUC needs at least two of each class`,
  );
}

function areaEstimate(
  value: number,
  positive: ClassPart,
  negative: ClassPart,
  clustered: boolean,
): Result<AucEstimate> {
  const [ofPositives, ofNegatives] = [sizeOf(positive.part), sizeOf(negative.part)];
  if (ofPositives < 2 || ofNegatives < 2) {
    const which = ofPositives < 2 ? "positive" : "negative";
    return notEstimable(
      `all ${which}s come from one patient: the AUC's interval needs at least two patients of each class`,
    );
  }
  const { standardError, patients } = errorOfPair(positive, negative);
  const shared = {
    status: "estimated",
    value,
    error: [positive.part, negative.part],
    standardError,
    range: [0, 1],
    n: positive.count + negative.count,
    patients,
    positives: positive.count,
    negatives: negative.count,
    variance: standardError * standardError,
    effectivePositives: positive.effectiveCount,
    effectiveNegatives: negative.effectiveCount,
  } as const;
  if (standardError > 0) {
    const limits = normalLimits(value, standardError);
    return { ...shared, symmetric: true, limits, method: clustered ? "obuchowski" : "delong" };
  }
  return {
    ...shared,
    symmetric: false,
    limits: rigidLimits(value, positive.contributors, negative.contributors),
    method: clustered ? "newcombe-patients" : "newcombe",
  };
}

/**
 * Where all placements are equal, as where the classes are separated, the variance says nothing; Newcombe's interval does. A
 * repeated patient counts once, the most cautious assumption on how much his images repeat one another.
 */
function rigidLimits(value: number, positives: number, negatives: number): (z: number) => Limits {
  return (z) => newcombeAucLimits(value, positives, negatives, z);
}

/** The difference of two areas on the same samples, as under two conditions: DeLong et al.'s or Obuchowski's paired comparison. */
export function pairedAucDifference(a: AucEstimate, b: AucEstimate, clustered: boolean): Estimate {
  return differenceOf(a, b, { normal: `paired-${clustered ? "obuchowski" : "delong"}`, otherwise: SQUARE_AND_ADD }, a);
}

/** The difference of two groups' areas. Patients in both groups are allowed for. */
export function aucDifference(a: AucEstimate, b: AucEstimate, clustered: boolean): Estimate {
  const normal = `${clustered ? "obuchowski" : "delong"}-difference`;
  const counts = { n: a.n + b.n, patients: a.patients + b.patients };
  return differenceOf(a, b, { normal, otherwise: SQUARE_AND_ADD }, counts);
}

/** Where one of the areas has Newcombe's interval and no standard error. */
const SQUARE_AND_ADD = "square-and-add-newcombe";

/** DeLong's interval on the logit scale, never outside (0, 1). Null where the variance is 0 or the area 0 or 1. */
export function logitLimits(auc: AucEstimate, z: number): Limits | null {
  return logisticLimits(auc.value, auc.standardError, z);
}

/** This close to 0 or 1 a value is there but for rounding, and its logit says nothing. */
const AT_END = 1e-12;

/** Whether a value in [0, 1] varies and is not at an end, so that it has limits on the logit scale. */
export function hasLogit(value: number, standardError: number): boolean {
  return standardError > 0 && value > AT_END && value < 1 - AT_END;
}

/** Normal limits on the logit scale of a value in [0, 1]; null at its ends or without a standard error. */
export function logisticLimits(value: number, standardError: number, z: number): Limits | null {
  if (!hasLogit(value, standardError)) return null;
  const centre = Math.log(value / (1 - value));
  const margin = (z * standardError) / (value * (1 - value));
  return { lower: logistic(centre - margin), upper: logistic(centre + margin) };
}

/**
 * Why an area cannot have an interval: fewer than two samples or two patients of a class. null where it can.
 * @param quantity what is asked for, as it stands before "needs"
 */
export function twoOfEachClass({ labels, patients }: LabelledScores, quantity: string): NotEstimable | null {
  const counts = [0, 0];
  const distinct = [0, 0];
  const last = [-1, -1];
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number;
    counts[label] = (counts[label] as number) + 1;
    if (last[label] === patients[i]) continue;
    last[label] = patients[i] as number;
    distinct[label] = (distinct[label] as number) + 1;
  }
  for (const label of [1, 0]) {
    const [count, which] = [counts[label] as number, label === 1 ? "positive" : "negative"];
    if (count < 2) {
      const among = counted(labels.length, "sample");
      return notEstimable(`${counted(count, which)} among ${among}: ${quantity} needs at least two of each class`);
    }
  }
  for (const label of [1, 0]) {
    if (distinct[label] !== 1) continue;
    const which = label === 1 ? "positive" : "negative";
    return notEstimable(
      `all ${which}s come from one patient: the interval of ${quantity} needs at least two patients of each class`,
    );
  }
  return null;
}

/** How many patients there are among ascending codes. */
export function patientsOf(patients: Int32Array): number {
  let count = 0;
  for (let i = 0; i < patients.length; i++) if (i === 0 || patients[i] !== patients[i - 1]) count++;
  return count;
}

interface ClassPart {
  readonly part: ErrorPart;
  /** Its own variance. */
  readonly variance: number;
  readonly count: number;
  readonly effectiveCount: number;
  /** The class's patients, or as many of equal weight as these are worth: a repeated patient counts once. */
  readonly contributors: number;
}

/** Room for one class's patients and totals, which are copied out of it. */
const rooms = { patients: new Int32Array(0), totals: new Float64Array(0) };

/** One class's centred placements over its count, summed by patient, and the count over their design effect. */
function classPart(data: LabelledScores, weights: Float64Array | null, placed: Placements, label: 0 | 1): ClassPart {
  const count = label === 1 ? placed.positives : placed.negatives;
  const total = label === 1 ? placed.positiveWeight : placed.negativeWeight;
  if (rooms.patients.length < count) {
    rooms.patients = new Int32Array(2 * count);
    rooms.totals = new Float64Array(2 * count);
  }
  const { patients: codes, totals } = rooms;
  const { labels, patients } = data;
  const { auc, values } = placed;
  let squares = 0; // of the centred placements, weighted
  let last = -1;
  let current = -1;
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== label) continue;
    const weight = weights === null ? 1 : (weights[i] as number);
    const centred = (values[i] as number) - auc;
    const patient = patients[i] as number;
    squares += weight * centred * centred;
    if (patient !== current) {
      codes[++last] = patient;
      current = patient;
      sum = 0;
    }
    sum += (weight * centred) / total;
    totals[last] = sum;
  }
  const part = { patients: codes.slice(0, last + 1), totals: totals.slice(0, last + 1) };
  const contributors = weights === null ? last + 1 : kishOfLabel(data, weights, label, count);
  return sideOf(part, contributors, count, ownVariance(part), squares, total, weights !== null);
}

function kishOfLabel({ labels, patients }: LabelledScores, weights: Float64Array, label: 0 | 1, count: number): number {
  const codes = new Int32Array(count);
  const ofClass = new Float64Array(count);
  let next = 0;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== label) continue;
    codes[next] = patients[i] as number;
    ofClass[next++] = weights[i] as number;
  }
  return kishCount(codes, ofClass);
}

/** @param total the weight of the class: its count where all samples count alike */
function sideOf(
  part: ErrorPart,
  contributors: number,
  count: number,
  variance: number,
  squares: number,
  total: number,
  isWeighted = false,
): ClassPart {
  const made = { part, variance, count, contributors };
  if (!isWeighted && contributors === count) return { ...made, effectiveCount: count };
  if (squares === 0) return { ...made, effectiveCount: contributors };
  // As many independent samples of equal weight as would have this variance, at most the count.
  const spread = (count / (count - 1)) * (squares / total);
  return { ...made, effectiveCount: variance > 0 ? Math.min(count, spread / variance) : count };
}

/** The standard error of both parts together, and their patients. */
function errorOfPair(a: ClassPart, b: ClassPart): { readonly standardError: number; readonly patients: number } {
  const { product, shared } = productOf(a.part, b.part);
  const patients = sizeOf(a.part) + sizeOf(b.part) - shared;
  const mixed = patients < 2 ? 0 : (patients / (patients - 1)) * product;
  return { standardError: rootOf(a.variance + 2 * mixed + b.variance, a.variance + b.variance), patients };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
