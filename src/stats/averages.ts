import { type AucEstimate, areaUnderCurve, type LabelledScores, logisticLimits } from "./auc.js";
import { correlation, type Estimate, type Limits, type Result, standardErrorOf } from "./estimate.js";
import { type ErrorPart, mergedPart, type SamplingError, sumOfParts, type WeightedPart } from "./influence.js";

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

function heldOf({ weight, estimate: { value, limits } }: AverageTerm): HeldTerm {
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
 * sample depend on one another: the interval is always clustered by patient.
 */
export function microAuc(classes: readonly LabelledScores[]): Result<AucEstimate> {
  return areaUnderCurve(stacked(classes));
}

/** All classes' samples in one column, in patient order. */
export function stacked(classes: readonly LabelledScores[]): LabelledScores {
  const total = classes.reduce((sum, { labels }) => sum + labels.length, 0);
  const isWeighted = classes.some(({ weights }) => weights != null);
  const scores = new Float64Array(total);
  const labels = new Uint8Array(total);
  const patients = new Int32Array(total);
  const weights = isWeighted ? new Float64Array(total) : null;
  const next = new Uint32Array(classes.length);
  for (let filled = 0; filled < total; ) {
    let patient = Number.POSITIVE_INFINITY;
    for (let c = 0; c < classes.length; c++) {
      const code = classes[c]?.patients[next[c] as number];
      if (code !== undefined && code < patient) patient = code;
    }
    for (let c = 0; c < classes.length; c++) {
      const from = classes[c] as LabelledScores;
      let i = next[c] as number;
      while (from.patients[i] === patient) {
        scores[filled] = from.scores[i] as number;
        labels[filled] = from.labels[i] as number;
        patients[filled] = patient;
        if (weights !== null) weights[filled] = from.weights?.[i] ?? 1;
        filled++;
        i++;
      }
      next[c] = i;
    }
  }
  return { scores, labels, patients, clustered: true, weights };
}
