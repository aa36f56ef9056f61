import { type AucEstimate, type LabelledScores, logisticLimits } from "./auc.js";
import {
  correlation,
  type Estimate,
  type Limits,
  type NotEstimable,
  type Result,
  standardErrorOf,
} from "./estimate.js";
import { type ErrorPart, mergedPart, type SamplingError, sumOfParts, type WeightedPart } from "./influence.js";
import { ascendingOrder } from "./order.js";
import { areaOfPairs, siftDown, tooFewPairs } from "./pair-areas.js";
import { unequalWeights } from "./weights.js";

/** One class's estimate and what it counts for in an average. */
export interface AverageTerm {
  readonly weight: number;
  readonly estimate: Estimate;
}

/** Samples and patients that an average over classes rests on. */
export interface AverageCounts {
  readonly n: number;
  readonly patients: number;
}

/**
 * Σ weight · share of several classes, the weights summing to 1. The error is the sum of the classes' errors by patient, so
 * that the covariances between classes are in it. Limits: square-and-add over the classes' own limits (Zou and Donner
 * 2008, see `squareAndAdd`), with the errors' correlations: margin² = Σ Σ ρ_ij w_i m_i w_j m_j.
 */
export function averageOfShares(terms: readonly AverageTerm[], counts: AverageCounts): Estimate {
  const summed = sumOf(terms, []);
  return {
    ...summed,
    symmetric: false,
    limits: squaredLimits(summed.value, terms.map(heldOf), correlationsOf(terms)),
    method: "square-and-add",
    ...counts,
  };
}

/** What the limits need of a term. The errors of all patients are large, and findings keep the limits. */
export interface HeldTerm {
  readonly weight: number;
  readonly value: number;
  limits(z: number): Limits;
}

export function heldOf({ weight, estimate: { value, limits } }: AverageTerm): HeldTerm {
  return { weight, value, limits };
}

function sumOf(terms: readonly AverageTerm[], further: readonly ErrorPart[]) {
  const parts: WeightedPart[] = further.map((part) => ({ weight: 1, part }));
  let value = 0;
  for (const { weight, estimate } of terms) {
    value += weight * estimate.value;
    for (const part of estimate.error) parts.push({ weight, part });
  }
  const error: SamplingError = [mergedPart(parts)];
  const standardError = standardErrorOf(error);
  return { status: "estimated", value, error, standardError, range: [0, 1] } as const;
}

function squaredLimits(value: number, terms: readonly HeldTerm[], correlations: readonly number[][]) {
  return (z: number): Limits => {
    const own = terms.map(({ limits }) => limits(z));
    const margin = (side: "lower" | "upper") => {
      const margins = terms.map((term, i) => term.weight * Math.abs(term.value - (own[i] as Limits)[side]));
      let square = 0;
      margins.forEach((first, i) => {
        margins.forEach((second, j) => {
          square += (correlations[i]?.[j] ?? 0) * first * second;
        });
      });
      return Math.sqrt(Math.max(0, square));
    };
    return { lower: value - margin("lower"), upper: value + margin("upper") };
  };
}

/**
 * Limits of an average of areas: normal on the logit of the average. Terms without variance, such as a class that is
 * separated perfectly, add the squares of their own margins, by Newcombe's interval, as if independent.
 * @param rigid the terms without variance
 */
export function averageAreaLimits(value: number, standardError: number, rigid: readonly HeldTerm[]) {
  return (z: number): Limits => {
    const { lower, upper } = logisticLimits(value, standardError, z) ?? { lower: value, upper: value };
    let [below, above] = [(value - lower) ** 2, (upper - value) ** 2];
    for (const term of rigid) {
      const own = term.limits(z);
      below += (term.weight * (term.value - own.lower)) ** 2;
      above += (term.weight * (own.upper - term.value)) ** 2;
    }
    return { lower: value - Math.sqrt(below), upper: value + Math.sqrt(above) };
  };
}

/** How the limits of an average of areas are made. */
export function averageAreaMethod(clustered: boolean, hasRigid: boolean): string {
  return hasRigid ? "square-and-add-average" : `${clustered ? "obuchowski" : "delong"}-logit-average`;
}

/** @param further parts of the error beside the classes' own, as where the weights are estimated */
function averageOfAreas(
  terms: readonly AverageTerm[],
  counts: AverageCounts,
  clustered: boolean,
  further: readonly ErrorPart[] = [],
): Estimate {
  const summed = sumOf(terms, further);
  const rigid = terms.filter(({ estimate }) => estimate.standardError === 0).map(heldOf);
  return {
    ...summed,
    symmetric: false,
    limits: averageAreaLimits(summed.value, summed.standardError, rigid),
    method: averageAreaMethod(clustered, rigid.length > 0),
    ...counts,
  };
}

/** Correlations of the terms' errors: 1 with themselves, also where they have none. */
function correlationsOf(terms: readonly AverageTerm[]): number[][] {
  const matrix = terms.map((_, i) => terms.map((__, j) => (i === j ? 1 : 0)));
  terms.forEach(({ estimate }, i) => {
    for (let j = i + 1; j < terms.length; j++) {
      const rho = correlation(estimate, (terms[j] as AverageTerm).estimate);
      (matrix[i] as number[])[j] = rho;
      (matrix[j] as number[])[i] = rho;
    }
  });
  return matrix;
}

/** A class's area with the samples that it is of. */
export interface ClassArea {
  readonly data: LabelledScores;
  readonly area: AucEstimate;
}

/** The plain mean of one-versus-rest areas (scikit-learn's "macro"). At least one. */
export function macroAuc(classes: readonly ClassArea[], counts: AverageCounts, clustered: boolean): Estimate {
  const terms = classes.map(({ area }) => ({ weight: 1 / classes.length, estimate: area }));
  return averageOfAreas(terms, counts, clustered);
}

/**
 * The mean of one-versus-rest areas weighted by the classes' positives (scikit-learn's "weighted"). How many positives
 * there are is estimated, too: a positive of class c moves the average by (AUC_c − average) / positives of all classes.
 */
export function prevalenceWeightedAuc(
  classes: readonly ClassArea[],
  counts: AverageCounts,
  clustered: boolean,
): Estimate {
  const positives = classes.map(({ data }) => positiveWeight(data));
  const total = positives.reduce((sum, one) => sum + one, 0);
  const terms = classes.map(({ area }, c) => ({ weight: (positives[c] as number) / total, estimate: area }));
  const value = terms.reduce((sum, { weight, estimate }) => sum + weight * estimate.value, 0);
  const ofWeights = classes.map(({ data, area }) => ({
    weight: (area.value - value) / total,
    part: positivesPart(data),
  }));
  // One stratum: that a class has more positives is that the others have fewer.
  return averageOfAreas(terms, counts, clustered, [sumOfParts(ofWeights)]);
}

/** The weight of each patient's positives. */
function positivesPart({ labels, patients, weights }: LabelledScores): ErrorPart {
  const codes = new Int32Array(labels.length);
  const totals = new Float64Array(labels.length);
  let last = -1;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== 1) continue;
    if (last < 0 || codes[last] !== patients[i]) codes[++last] = patients[i] as number;
    totals[last] = (totals[last] as number) + (weights == null ? 1 : (weights[i] as number));
  }
  return { patients: codes.subarray(0, last + 1), totals: totals.subarray(0, last + 1) };
}

function positiveWeight({ labels, weights }: LabelledScores): number {
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === 1) sum += weights == null ? 1 : (weights[i] as number);
  }
  return sum;
}

/**
 * The area over all pairs of a sample and a class taken as one column (scikit-learn's "micro"): a positive pair is held
 * against negative pairs of every class, so that it also asks whether the classes' scores are on one scale. The pairs of a
 * sample depend on one another: the error is always clustered by patient (Obuchowski's). Limits: normal on the logit scale;
 * Newcombe's over patients where nothing varies.
 *
 * The classes' sorted columns are merged and placements summed by patient on the way, so that the long column is never made.
 * @param orders the ascending orders of the classes' scores, where they are at hand
 */
export function microAuc(given: readonly LabelledScores[], orders?: readonly Uint32Array[]): Result<Estimate> {
  const classes = withoutEqualWeights(given);
  const totals = pairTotals(classes);
  const refused = refusedOf(totals);
  if (refused !== null) return refused;
  const sums = {
    positives: new Float64Array(totals.positives.byPatient.length),
    negatives: new Float64Array(totals.positives.byPatient.length),
  };
  const value = mergePlacements(sortedPairs(classes, totals, orders), totals, sums);
  const error = [
    centredPart(sums.positives, totals.positives, value, totals.first),
    centredPart(sums.negatives, totals.negatives, value, totals.first),
  ];
  const [first, second] = [kishOf(totals.positives.byPatient), kishOf(totals.negatives.byPatient)];
  const { pairs, patients } = totals;
  return areaOfPairs({ value, error, first, second, n: pairs, patients });
}

/** Weights that are one number in all classes are no weights. */
function withoutEqualWeights(classes: readonly LabelledScores[]): readonly LabelledScores[] {
  const first = classes.find(({ weights }) => weights != null && weights.length > 0)?.weights?.[0];
  const areEqual = classes.every(
    (data) => data.weights == null || (unequalWeights(data) === null && (data.weights[0] ?? first) === first),
  );
  return first !== undefined && areEqual ? classes.map((data) => ({ ...data, weights: null })) : classes;
}

/** All pairs, class by class, in each class by ascending score. */
interface SortedPairs {
  /** Where each class begins; one more for the end. */
  readonly starts: Uint32Array;
  readonly scores: Float64Array;
  readonly labels: Uint8Array;
  /** Patient codes less the first. */
  readonly places: Int32Array;
  readonly weights: Float64Array | null;
}

function sortedPairs(
  classes: readonly LabelledScores[],
  { pairs, first }: PairTotals,
  orders?: readonly Uint32Array[],
): SortedPairs {
  const starts = new Uint32Array(classes.length + 1);
  const scores = new Float64Array(pairs);
  const labels = new Uint8Array(pairs);
  const places = new Int32Array(pairs);
  const weights = classes.some((data) => data.weights != null) ? new Float64Array(pairs) : null;
  let next = 0;
  classes.forEach((data, c) => {
    const order = orders?.[c] ?? ascendingOrder(data.scores);
    for (let i = 0; i < order.length; i++) {
      const sample = order[i] as number;
      scores[next] = data.scores[sample] as number;
      labels[next] = data.labels[sample] as number;
      places[next] = (data.patients[sample] as number) - first;
      if (weights !== null) weights[next] = data.weights?.[sample] ?? 1;
      next++;
    }
    starts[c + 1] = next;
  });
  return { starts, scores, labels, places, weights };
}

/** What the pairs with one label come to. */
interface PairsOfLabel {
  count: number;
  weight: number;
  /** Weight by patient code, from the first on. */
  readonly byPatient: Float64Array;
}

interface PairTotals {
  readonly pairs: number;
  readonly patients: number;
  /** The lowest patient code. */
  readonly first: number;
  readonly positives: PairsOfLabel;
  readonly negatives: PairsOfLabel;
}

function pairTotals(classes: readonly LabelledScores[]): PairTotals {
  let first = Number.POSITIVE_INFINITY;
  let last = -1;
  let pairs = 0;
  for (const { patients } of classes) {
    pairs += patients.length;
    if (patients.length === 0) continue;
    first = Math.min(first, patients[0] as number);
    last = Math.max(last, patients[patients.length - 1] as number);
  }
  const codes = last < 0 ? 0 : last - first + 1;
  const positives: PairsOfLabel = { count: 0, weight: 0, byPatient: new Float64Array(codes) };
  const negatives: PairsOfLabel = { count: 0, weight: 0, byPatient: new Float64Array(codes) };
  for (const { labels, patients, weights } of classes) {
    for (let i = 0; i < labels.length; i++) {
      const of = labels[i] === 1 ? positives : negatives;
      const weight = weights == null ? 1 : (weights[i] as number);
      const place = (patients[i] as number) - first;
      of.count++;
      of.weight += weight;
      of.byPatient[place] = (of.byPatient[place] as number) + weight;
    }
  }
  let distinct = 0;
  for (let place = 0; place < codes; place++) {
    if ((positives.byPatient[place] as number) + (negatives.byPatient[place] as number) > 0) distinct++;
  }
  return { pairs, patients: distinct, first, positives, negatives };
}

function refusedOf({ pairs, positives, negatives }: PairTotals): NotEstimable | null {
  const of = ({ count, byPatient }: PairsOfLabel) => ({ count, patients: countAbove0(byPatient) });
  return tooFewPairs(pairs, of(positives), of(negatives));
}

function countAbove0(values: Float64Array): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if ((values[i] as number) > 0) count++;
  return count;
}

/**
 * Merges the classes run by run of equal scores and adds each pair's placement, times its weight, to its patient's. Returns
 * the area. The classes stand in a heap by their lowest score that is left.
 */
function mergePlacements(
  { starts, scores, labels, places, weights }: SortedPairs,
  { positives, negatives }: PairTotals,
  sums: { readonly positives: Float64Array; readonly negatives: Float64Array },
): number {
  const k = starts.length - 1;
  const next = starts.slice(0, k);
  const heads = new Float64Array(k);
  const heap = new Uint16Array(k);
  let size = 0;
  for (let c = 0; c < k; c++) {
    if (next[c] === starts[c + 1]) continue;
    heads[c] = scores[next[c] as number] as number;
    heap[size++] = c;
  }
  for (let at = (size >> 1) - 1; at >= 0; at--) siftDown(heap, heads, size, at);
  const froms = new Uint32Array(k); // the segments of a run, one for each class that is in it
  const ends = new Uint32Array(k);
  let positivesBelow = 0;
  let negativesBelow = 0;
  let twiceWins = 0;
  while (size > 0) {
    const score = heads[heap[0] as number] as number;
    let segments = 0;
    let runPositives = 0;
    let runNegatives = 0;
    while (size > 0) {
      const c = heap[0] as number;
      if (heads[c] !== score) break;
      const last = starts[c + 1] as number;
      let i = next[c] as number;
      froms[segments] = i;
      do {
        const weight = weights === null ? 1 : (weights[i] as number);
        if (labels[i] === 1) runPositives += weight;
        else runNegatives += weight;
        i++;
      } while (i < last && scores[i] === score);
      ends[segments++] = i;
      next[c] = i;
      if (i < last) heads[c] = scores[i] as number;
      else heap[0] = heap[--size] as number;
      siftDown(heap, heads, size, 0);
    }
    const ofPositive = (negativesBelow + runNegatives / 2) / negatives.weight;
    const ofNegative = (positives.weight - positivesBelow - runPositives / 2) / positives.weight;
    for (let segment = 0; segment < segments; segment++) {
      const end = ends[segment] as number;
      for (let i = froms[segment] as number; i < end; i++) {
        const weight = weights === null ? 1 : (weights[i] as number);
        const place = places[i] as number;
        if (labels[i] === 1) sums.positives[place] = (sums.positives[place] as number) + weight * ofPositive;
        else sums.negatives[place] = (sums.negatives[place] as number) + weight * ofNegative;
      }
    }
    twiceWins += runPositives * (2 * negativesBelow + runNegatives);
    positivesBelow += runPositives;
    negativesBelow += runNegatives;
  }
  return Math.min(1, twiceWins / (2 * positives.weight * negatives.weight));
}

function centredPart(sums: Float64Array, { weight, byPatient }: PairsOfLabel, value: number, first: number): ErrorPart {
  const patients = new Int32Array(sums.length);
  const totals = new Float64Array(sums.length);
  let count = 0;
  for (let place = 0; place < sums.length; place++) {
    const own = byPatient[place] as number;
    if (own === 0) continue;
    patients[count] = first + place;
    totals[count++] = ((sums[place] as number) - own * value) / weight;
  }
  return { patients: patients.slice(0, count), totals: totals.slice(0, count) };
}

/** Kish's effective number of patients, out of their weights. */
function kishOf(byPatient: Float64Array): number {
  let [total, squares] = [0, 0];
  for (let place = 0; place < byPatient.length; place++) {
    total += byPatient[place] as number;
    squares += (byPatient[place] as number) ** 2;
  }
  return (total * total) / squares;
}
