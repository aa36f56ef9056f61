import { hasLogit, type LabelledScores, logisticLimits, patientsOf, twoOfEachClass } from "./auc.js";
import { type Estimate, type Result, standardErrorOf } from "./estimate.js";
import { errorPart } from "./influence.js";
import { orderOf } from "./order.js";
import { wilsonLimits } from "./proportion.js";
import { kishCount, unequalWeights } from "./weights.js";

/** Average precision with its sampling error by patient. */
export interface AveragePrecisionEstimate extends Estimate {
  readonly positives: number;
  readonly negatives: number;
  readonly positivePatients: number;
  /** Share of positives: what scores that know nothing would reach in a large sample. */
  readonly prevalence: number;
  /** The area under the precision-recall points joined by straight lines, for comparison with other tools alone. */
  readonly trapezoidArea: number;
}

/**
 * Average precision Σ (R_k − R_{k−1}) P_k over the distinct thresholds from the highest down (scikit-learn's definition:
 * steps, no interpolation): the mean, over positives, of the precision at the positive's own score as threshold.
 *
 * Its error is the infinitesimal jackknife: with A and B the positives and all samples at or above a score, P = A/B, and
 * M positives, a sample's weight moves the area by
 *
 *   positive at x: (P(x) − AP + Σ over positives i with x_i <= x of (1 − P_i)/B_i) / M
 *   negative at x: −(Σ over positives i with x_i <= x of P_i/B_i) / M.
 *
 * These sum to 0 over the samples and are summed by patient. Prevalence varies from sample to sample with the patients,
 * so both classes are one stratum; where a design fixes the class counts the interval errs on the wide side.
 *
 * Limits: normal on the logit scale (K. Boyd, K. H. Eng, C. D. Page, ECML PKDD 2013, LNCS 8190, 451–466, with our
 * variance for theirs); where nothing varies, as under perfect separation, Wilson's with the positives' patients as
 * trials. The estimate is biased upward in small samples, since every positive counts itself.
 *
 * Not estimable with fewer than two positives or negatives, or where all of a class come from one patient.
 * @param order the scores' ascending order, where it is at hand
 */
export function averagePrecision(data: LabelledScores, order = orderOf(data.scores)): Result<AveragePrecisionEstimate> {
  const refused = twoOfEachClass(data, "average precision");
  if (refused !== null) return refused;
  const weights = unequalWeights(data);
  const ranked = rankedPrecision(data.scores, data.labels, order, weights);
  const { value, positives, negatives, prevalence, trapezoidArea } = ranked;
  const error = [errorPart(data.patients, ranked.contributions)];
  const standardError = standardErrorOf(error);
  const { positivePatients, contributors } = positivesOf(data, weights, positives);
  return {
    status: "estimated",
    value,
    error,
    standardError,
    symmetric: false,
    limits: (z) => logisticLimits(value, standardError, z) ?? wilsonLimits(value, contributors, z),
    range: [0, 1],
    method: hasLogit(value, standardError) ? "logit" : "wilson-positive-patients",
    n: data.labels.length,
    patients: patientsOf(data.patients),
    positives,
    negatives,
    positivePatients,
    prevalence,
    trapezoidArea,
  };
}

export interface RankedPrecision {
  readonly positives: number;
  readonly negatives: number;
  /** Share of the weight that is positive. */
  readonly prevalence: number;
  /** 0 without positives. */
  readonly value: number;
  readonly trapezoidArea: number;
  /** By how much each sample's weight moves the value, times the weight; aligned with the scores. */
  readonly contributions: Float64Array;
}

/**
 * Average precision and its influences, by two passes over the runs of equal scores.
 * @param scores no NaN
 * @param labels 1 positive, 0 negative
 * @param order the scores' ascending order
 * @param weights > 0; null where all samples count alike
 */
export function rankedPrecision(
  scores: Float64Array,
  labels: Uint8Array,
  order: Uint32Array,
  weights: Float64Array | null,
): RankedPrecision {
  const n = order.length;
  const runs: Runs = {
    count: 0,
    starts: new Uint32Array(n + 1),
    positives: new Float64Array(n),
    hits: new Float64Array(n),
    calls: new Float64Array(n),
  };
  const positives = fillRuns(runs, scores, labels, order, weights);
  const total = runs.count === 0 ? 0 : (runs.hits[runs.count - 1] as number);
  const everything = runs.count === 0 ? 0 : (runs.calls[runs.count - 1] as number);
  let sum = 0;
  let trapezoids = 0;
  for (let run = 0, last = 1; run < runs.count; run++) {
    const precision = (runs.hits[run] as number) / (runs.calls[run] as number);
    sum += (runs.positives[run] as number) * precision;
    trapezoids += ((runs.positives[run] as number) * (precision + last)) / 2;
    last = precision;
  }
  const value = total === 0 ? 0 : sum / total;
  const contributions = new Float64Array(n);
  if (total > 0) influences(contributions, runs, value, labels, order, weights);
  return {
    positives,
    negatives: n - positives,
    prevalence: everything === 0 ? 0 : total / everything,
    value,
    trapezoidArea: total === 0 ? 0 : trapezoids / total,
    contributions,
  };
}

/** Runs of equal scores, highest first. */
interface Runs {
  count: number;
  /** Ranks from the highest: a run holds start … next start − 1. */
  readonly starts: Uint32Array;
  /** Weight of its positives. */
  readonly positives: Float64Array;
  /** Weight of the positives, and of all samples, at or above its score. */
  readonly hits: Float64Array;
  readonly calls: Float64Array;
}

/** Returns the number of positives. */
function fillRuns(
  runs: Runs,
  scores: Float64Array,
  labels: Uint8Array,
  order: Uint32Array,
  weights: Float64Array | null,
): number {
  const n = order.length;
  let positives = 0;
  let hits = 0;
  let calls = 0;
  for (let rank = 0; rank < n; ) {
    const score = scores[order[n - 1 - rank] as number] as number;
    let ofRun = 0;
    let all = 0;
    runs.starts[runs.count] = rank;
    while (rank < n) {
      const sample = order[n - 1 - rank] as number;
      if (scores[sample] !== score) break;
      const weight = weights === null ? 1 : (weights[sample] as number);
      all += weight;
      if (labels[sample] === 1) {
        ofRun += weight;
        positives++;
      }
      rank++;
    }
    hits += ofRun;
    calls += all;
    runs.positives[runs.count] = ofRun;
    runs.hits[runs.count] = hits;
    runs.calls[runs.count] = calls;
    runs.count++;
  }
  runs.starts[runs.count] = n;
  return positives;
}

/** From the lowest run up: what a sample changes are the precisions at and below its own score. */
function influences(
  contributions: Float64Array,
  runs: Runs,
  value: number,
  labels: Uint8Array,
  order: Uint32Array,
  weights: Float64Array | null,
): void {
  const n = order.length;
  const total = runs.hits[runs.count - 1] as number;
  let gain = 0;
  let loss = 0;
  for (let run = runs.count - 1; run >= 0; run--) {
    const calls = runs.calls[run] as number;
    const precision = (runs.hits[run] as number) / calls;
    gain += ((runs.positives[run] as number) * (1 - precision)) / calls;
    loss += ((runs.positives[run] as number) * precision) / calls;
    const ofPositive = (precision - value + gain) / total;
    const ofNegative = -loss / total;
    for (let rank = runs.starts[run] as number; rank < (runs.starts[run + 1] as number); rank++) {
      const sample = order[n - 1 - rank] as number;
      const weight = weights === null ? 1 : (weights[sample] as number);
      contributions[sample] = weight * (labels[sample] === 1 ? ofPositive : ofNegative);
    }
  }
}

/** The patients with positives, and as many of equal weight as they are worth. */
function positivesOf(data: LabelledScores, weights: Float64Array | null, positives: number) {
  const patients = new Int32Array(positives);
  const ofPositives = new Float64Array(positives);
  let next = 0;
  for (let i = 0; i < data.labels.length; i++) {
    if (data.labels[i] !== 1) continue;
    patients[next] = data.patients[i] as number;
    ofPositives[next++] = weights === null ? 1 : (weights[i] as number);
  }
  const positivePatients = patientsOf(patients);
  return { positivePatients, contributors: weights === null ? positivePatients : kishCount(patients, ofPositives) };
}
