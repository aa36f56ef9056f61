import { hasLogit, type LabelledScores, logisticLimits, patientsOf, twoOfEachClass } from "./auc.js";
import { type Estimate, type Result, standardErrorOf } from "./estimate.js";
import { type ErrorPart, writtenPart } from "./influence.js";
import { wilsonLimits } from "./proportion.js";
import { type ScoreSteps, scoreSteps } from "./steps.js";
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
 * @param steps the steps of the scores, where they are at hand
 */
export function averagePrecision(data: LabelledScores, steps?: ScoreSteps): Result<AveragePrecisionEstimate> {
  const refused = twoOfEachClass(data, "average precision");
  if (refused !== null) return refused;
  const weights = unequalWeights(data);
  const ranked = rankedPrecision(
    steps ?? scoreSteps(data.scores, data.labels, undefined, weights),
    data.labels,
    weights,
  );
  const { value, positives, negatives, prevalence, trapezoidArea } = ranked;
  const error = [errorOf(data, ranked, weights)];
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

/** Made apart from the estimate, whose limits findings keep. Steps may be in room that is used again. */
function errorOf(data: LabelledScores, { write }: RankedPrecision, weights: Float64Array | null): ErrorPart {
  return writtenPart(data.patients, write, (contributions) => {
    const fresh = scoreSteps(data.scores, data.labels, undefined, weights);
    rankedPrecision(fresh, data.labels, weights).write(contributions);
  });
}

export interface RankedPrecision {
  readonly positives: number;
  readonly negatives: number;
  /** Share of the weight that is positive. */
  readonly prevalence: number;
  /** 0 without positives. */
  readonly value: number;
  readonly trapezoidArea: number;
  /** Writes by how much each sample's weight moves the value, times the weight; aligned with the scores. */
  readonly write: (contributions: Float64Array) => void;
}

/**
 * Average precision and its influences, by two passes over the steps of the scores: down for the value, up for what a
 * sample's weight changes, which are the precisions at and below its own score.
 * @param labels 1 positive, 0 negative
 * @param weights those of the steps; null where all samples count alike
 */
export function rankedPrecision(steps: ScoreSteps, labels: Uint8Array, weights: Float64Array | null): RankedPrecision {
  const { count, hits, alarms, positives, negatives } = steps;
  const total = hits[count] as number;
  const everything = total + (alarms[count] as number);
  const shared = { positives, negatives, prevalence: everything === 0 ? 0 : total / everything };
  if (total === 0) {
    return { ...shared, value: 0, trapezoidArea: 0, write: (contributions) => contributions.fill(0) };
  }
  let sum = 0;
  let trapezoids = 0;
  let last = 1;
  for (let step = 0; step < count; step++) {
    const hit = hits[step + 1] as number;
    const precision = hit / (hit + (alarms[step + 1] as number));
    const gained = hit - (hits[step] as number);
    sum += gained * precision;
    trapezoids += (gained * (precision + last)) / 2;
    last = precision;
  }
  const value = sum / total;
  return {
    ...shared,
    value,
    trapezoidArea: trapezoids / total,
    write: (contributions) => writePrecisions(contributions, steps, labels, weights, value),
  };
}

function writePrecisions(
  contributions: Float64Array,
  { count, samples, starts, hits, alarms }: ScoreSteps,
  labels: Uint8Array,
  weights: Float64Array | null,
  value: number,
): void {
  const total = hits[count] as number;
  let gain = 0;
  let loss = 0;
  for (let step = count - 1; step >= 0; step--) {
    const hit = hits[step + 1] as number;
    const calls = hit + (alarms[step + 1] as number);
    const precision = hit / calls;
    const gained = hit - (hits[step] as number);
    gain += (gained * (1 - precision)) / calls;
    loss += (gained * precision) / calls;
    const ofPositive = (precision - value + gain) / total;
    const ofNegative = -loss / total;
    const end = starts[step + 1] as number;
    for (let place = starts[step] as number; place < end; place++) {
      const sample = samples[place] as number;
      const contribution = labels[sample] === 1 ? ofPositive : ofNegative;
      contributions[sample] = weights === null ? contribution : contribution * (weights[sample] as number);
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
