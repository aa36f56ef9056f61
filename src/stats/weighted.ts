import type { LabelledScores } from "./auc.js";
import { orderOf } from "./order.js";
import type { Multiplicities } from "./resample.js";

/**
 * Statistics of a replicate, given as how often each patient is in it: the samples are sorted once, and a replicate costs
 * one pass over them. A sample counts as often as its patient (times its sampling weight, where there are weights).
 * @returns NaN where the replicate does not allow the statistic, as where a class has vanished
 */
export type Statistic = (multiplicities: Multiplicities) => number;

/** Samples in ascending order of scores. */
interface Sorted {
  /** The number of each sample's patient in the resampling plan. */
  readonly patients: Uint32Array;
  readonly labels: Uint8Array;
  readonly weights: Float64Array | null;
  /** 1 where a sample is the last of its run of equal scores. */
  readonly isLast: Uint8Array;
}

function sorted(data: LabelledScores, numbers: Uint32Array): Sorted {
  const order = orderOf(data.scores);
  const n = order.length;
  const patients = new Uint32Array(n);
  const labels = new Uint8Array(n);
  const isLast = new Uint8Array(n);
  const weights = data.weights == null ? null : new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const sample = order[i] as number;
    patients[i] = numbers[sample] as number;
    labels[i] = data.labels[sample] === 1 ? 1 : 0;
    const isTied = i + 1 < n && data.scores[order[i + 1] as number] === data.scores[sample];
    isLast[i] = isTied ? 0 : 1;
    if (weights !== null) weights[i] = data.weights?.[sample] as number;
  }
  return { patients, labels, weights, isLast };
}

/**
 * The area under the ROC curve: wins and half the ties between positives and negatives, each pair counted as often as the
 * product of its samples' weights. NaN where a class has no weight.
 * @param numbers the number of each sample's patient (`ResamplingPlan.numbers` of the group)
 */
export function weightedAuc(data: LabelledScores, numbers: Uint32Array): Statistic {
  const { patients, labels, weights, isLast } = sorted(data, numbers);
  return (multiplicities) => {
    let [positives, negatives, twiceWins] = [0, 0, 0];
    let [runPositives, runNegatives] = [0, 0];
    for (let i = 0; i < patients.length; i++) {
      let weight = multiplicities[patients[i] as number] as number;
      if (weights !== null) weight *= weights[i] as number;
      const ofPositive = weight * (labels[i] as number);
      runPositives += ofPositive;
      runNegatives += weight - ofPositive;
      if (isLast[i] === 1) {
        twiceWins += runPositives * (2 * negatives + runNegatives);
        positives += runPositives;
        negatives += runNegatives;
        runPositives = 0;
        runNegatives = 0;
      }
    }
    return twiceWins / (2 * positives * negatives); // 0 / 0 where a class has no weight
  };
}

/**
 * Average precision: Σ over the distinct scores, from the largest down, of (recall gained) · precision, without
 * interpolation, as in scikit-learn. NaN without positives.
 */
export function weightedAveragePrecision(data: LabelledScores, numbers: Uint32Array): Statistic {
  const { patients, labels, weights, isLast } = sorted(data, numbers);
  return (multiplicities) => {
    let [positives, called, sum, gained] = [0, 0, 0, 0];
    for (let i = patients.length - 1; i >= 0; i--) {
      // Going down, the last of a run comes first: what was gathered until here is a run of equal scores.
      if (isLast[i] === 1 && gained > 0) {
        positives += gained;
        sum += (gained * positives) / called;
        gained = 0;
      }
      let weight = multiplicities[patients[i] as number] as number;
      if (weights !== null) weight *= weights[i] as number;
      called += weight;
      gained += weight * (labels[i] as number);
    }
    positives += gained;
    if (gained > 0) sum += (gained * positives) / called;
    return sum / positives;
  };
}

/** What a share at a threshold is of. */
export type WeightedRate = "sensitivity" | "specificity";

/** Sensitivity or specificity at a threshold (score >= threshold is called positive). NaN without a sample that it is of. */
export function weightedRate(
  data: LabelledScores,
  numbers: Uint32Array,
  threshold: number,
  rate: WeightedRate,
): Statistic {
  const is = rate === "sensitivity" ? 1 : 0;
  const { scores, labels, weights } = data;
  let count = 0;
  for (let p = 0; p < numbers.length; p++) count = Math.max(count, (numbers[p] as number) + 1);
  const trials = new Float64Array(count);
  const successes = new Float64Array(count);
  for (let i = 0; i < scores.length; i++) {
    if (labels[i] !== is) continue;
    const patient = numbers[i] as number;
    const weight = weights == null ? 1 : (weights[i] as number);
    const call = (scores[i] as number) >= threshold ? 1 : 0;
    trials[patient] = (trials[patient] as number) + weight;
    if (call === is) successes[patient] = (successes[patient] as number) + weight;
  }
  return ratioOfSums(successes, trials);
}

/** Σ multiplicity · numerator over Σ multiplicity · denominator, both by patient number. NaN where the latter is 0. */
export function ratioOfSums(numerators: Float64Array, denominators: Float64Array): Statistic {
  const involved: number[] = [];
  for (let p = 0; p < denominators.length; p++) if (denominators[p] !== 0) involved.push(p);
  const patients = Uint32Array.from(involved);
  return (multiplicities) => {
    let [numerator, denominator] = [0, 0];
    for (let i = 0; i < patients.length; i++) {
      const patient = patients[i] as number;
      const weight = multiplicities[patient] as number;
      numerator += weight * (numerators[patient] as number);
      denominator += weight * (denominators[patient] as number);
    }
    return numerator / denominator;
  };
}

/** a − b in the same replicate: two models on the same samples, or two groups. */
export function differenceOfStatistics(a: Statistic, b: Statistic): Statistic {
  return (multiplicities) => a(multiplicities) - b(multiplicities);
}

/** Largest minus smallest of several groups' statistics in the same replicate; NaN where one of them is. */
export function maxMinOfStatistics(groups: readonly Statistic[]): Statistic {
  return (multiplicities) => {
    let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const statistic of groups) {
      const value = statistic(multiplicities);
      if (Number.isNaN(value)) return Number.NaN;
      lowest = Math.min(lowest, value);
      highest = Math.max(highest, value);
    }
    return highest - lowest;
  };
}
