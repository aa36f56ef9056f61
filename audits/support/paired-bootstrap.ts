/**
 * Differences of two models on the same samples for which no formula is at hand: patients are drawn anew, all samples of a
 * patient together, and both models are held against the same draw (B. Efron, R. J. Tibshirani, An Introduction to the
 * Bootstrap, 1993, chapter 13: percentile intervals).
 */
import type { Finding, Interval } from "../../src/core/finding.js";
import { randomFrom } from "../../src/core/random.js";
import type { LabelledScores } from "../../src/stats/auc.js";
import { type Bootstrap, bootstrap, bootstrapInterval, fewReplicates } from "../../src/stats/bootstrap.js";
import { combinedCounts, type ScoredCell, withScores } from "../../src/stats/cell.js";
import { notEstimable } from "../../src/stats/estimate.js";
import { type Basis, type Extras, findingId, findingOf, measured, type Subject } from "../../src/stats/finding.js";
import { type ResamplingPlan, resamplingPlan } from "../../src/stats/resample.js";
import {
  differenceOfStatistics,
  maxMinOfStatistics,
  ratioOfSums,
  type Statistic,
  weightedAuc,
  weightedAveragePrecision,
  weightedRate,
} from "../../src/stats/weighted.js";

/** Measures of one group. */
export const RESAMPLED = ["average-precision", "ppv", "npv", "accuracy"] as const;
export type ResampledMeasure = (typeof RESAMPLED)[number];

/** Measures of a family of groups: the largest minus the smallest. */
export const RESAMPLED_GAPS = ["auc-gap", "sensitivity-gap", "specificity-gap"] as const;
export type ResampledGap = (typeof RESAMPLED_GAPS)[number];

/** How replicates are drawn. */
export interface Draws {
  readonly replicates: number;
  readonly seed: number;
  readonly level: number;
}

/** Both models' thresholds of one operating point; NaN where the measure needs none. */
export interface Thresholds {
  readonly own: number;
  readonly other: number;
}

/**
 * The audited model's measure minus the other's in one group.
 * @param pair columns: the audited model's scores, the other's
 */
export function resampledAdvantage(
  subject: Subject,
  measure: ResampledMeasure,
  pair: ScoredCell,
  { own, other }: Thresholds,
  draws: Draws,
  comparator: string,
): Finding {
  const { counts } = pair;
  const details = { comparator };
  if (counts.positives < 2 || counts.negatives < 2) {
    const reason = `${counts.positives} positives and ${counts.negatives} negatives: two of each are needed`;
    return findingOf(subject, notEstimable(reason), pair, draws.level, { details });
  }
  const plan = resamplingPlan([withScores(pair, 0)]);
  const numbers = plan.numbers[0] as Uint32Array;
  const [first, second] = [
    statisticOf(measure, withScores(pair, 0), numbers, own),
    statisticOf(measure, withScores(pair, 1), numbers, other),
  ];
  return resampled(subject, { first, second, sign: 1 }, plan, pair, draws, comparator, {});
}

/**
 * By how much the audited model's gap between the best and the worst of a family's groups is smaller than the other's.
 * Groups in which either model's measure is not defined are named in `details["groups-left-out"]`.
 */
export function resampledGapAdvantage(
  subject: Subject,
  gap: ResampledGap,
  groups: readonly { readonly name: string; readonly pair: ScoredCell }[],
  { own, other }: Thresholds,
  draws: Draws,
  comparator: string,
): Finding {
  const isDefined = ({ pair: { counts } }: (typeof groups)[number]) =>
    gap === "sensitivity-gap"
      ? counts.positives > 0
      : gap === "specificity-gap"
        ? counts.negatives > 0
        : counts.positives > 1 && counts.negatives > 1;
  const compared = groups.filter(isDefined);
  const leftOut = groups.filter((group) => !isDefined(group)).map(({ name }) => name);
  const basis: Basis = {
    counts: combinedCounts(compared.map(({ pair }) => pair)),
    unscored: compared.reduce((sum, { pair }) => sum + pair.unscored, 0),
  };
  const details = { comparator, "groups-compared": compared.length, "groups-left-out": leftOut.join(",") };
  if (compared.length < 2) {
    const reason = `${compared.length} of ${groups.length} groups can be compared: a gap needs two`;
    return findingOf(subject, notEstimable(reason), basis, draws.level, { details });
  }
  const plan = resamplingPlan(compared.map(({ pair }) => withScores(pair, 0)));
  const ofModel = (column: 0 | 1, threshold: number) =>
    maxMinOfStatistics(
      compared.map(({ pair }, group) => {
        const [data, numbers] = [withScores(pair, column), plan.numbers[group] as Uint32Array];
        if (gap === "auc-gap") return weightedAuc(data, numbers);
        return weightedRate(data, numbers, threshold, gap === "sensitivity-gap" ? "sensitivity" : "specificity");
      }),
    );
  const statistics = { first: ofModel(0, own), second: ofModel(1, other), sign: -1 } as const;
  return resampled(subject, statistics, plan, basis, draws, comparator, {
    ...details,
    ...(leftOut.length === 0 ? {} : { note: `left out: ${leftOut.join(", ")}` }),
  });
}

interface Statistics {
  readonly first: Statistic;
  readonly second: Statistic;
  /** −1 where less is better: an advantage is positive where the audited model is better. */
  readonly sign: 1 | -1;
}

function resampled(
  subject: Subject,
  { first, second, sign }: Statistics,
  plan: ResamplingPlan,
  basis: Basis,
  { replicates, seed, level }: Draws,
  comparator: string,
  { note, ...extra }: NonNullable<Extras["details"]> & { readonly note?: string },
): Finding {
  const once = new Uint32Array(plan.patients).fill(1);
  const [own, other] = [first(once), second(once)];
  const details = { comparator, "model-estimate": finite(own), "comparator-estimate": finite(other), ...extra };
  const notes = note === undefined ? [] : [note];
  const difference = sign === 1 ? differenceOfStatistics(first, second) : differenceOfStatistics(second, first);
  const drawn = bootstrap(difference, plan, replicates, randomFrom(seed, findingId(subject)));
  if (drawn.status === "not-estimable") {
    const reason = [drawn.reason, ...notes].join("; ");
    return findingOf(subject, notEstimable(reason), basis, level, { details });
  }
  const few = fewReplicates(drawn, level);
  return measured(
    subject,
    drawn.value,
    pairedInterval(drawn, level),
    basis,
    {
      details: { ...details, replicates: drawn.drawn, failed: drawn.failed, "standard-error": drawn.standardError },
      reason: [drawn.note, few, ...notes].filter((part) => part !== null).join("; ") || null,
    },
    (wanted) => pairedInterval(drawn, wanted),
  );
}

/**
 * The percentile interval of a difference in [−1, 1]. At levels at which less than one replicate lies beyond a limit
 * nothing is known: the interval is everything, so that no p-value falls below what the replicates can tell.
 */
function pairedInterval(drawn: Bootstrap, level: number): Interval {
  const method = "paired-bootstrap-percentile";
  if (((1 - level) / 2) * (drawn.replicates.length + 1) < 1) return { lower: -1, upper: 1, level, method };
  const interval = bootstrapInterval(drawn, level, "percentile");
  if ("status" in interval) return { lower: -1, upper: 1, level, method };
  // A statistic beyond its own replicates is no reason to leave it out of its interval.
  return {
    lower: Math.min(interval.lower, drawn.value),
    upper: Math.max(interval.upper, drawn.value),
    level,
    method,
  };
}

function statisticOf(
  measure: ResampledMeasure,
  data: LabelledScores,
  numbers: Uint32Array,
  threshold: number,
): Statistic {
  if (measure === "average-precision") return weightedAveragePrecision(data, numbers);
  let patients = 0;
  for (let i = 0; i < numbers.length; i++) patients = Math.max(patients, (numbers[i] as number) + 1);
  const [right, of] = [new Float64Array(patients), new Float64Array(patients)];
  const { labels, scores, weights } = data;
  const wanted = measure === "ppv" ? 1 : measure === "npv" ? 0 : null;
  for (let i = 0; i < scores.length; i++) {
    const call = (scores[i] as number) >= threshold ? 1 : 0;
    if (wanted !== null && call !== wanted) continue;
    const patient = numbers[i] as number;
    const weight = weights == null ? 1 : (weights[i] as number);
    of[patient] = (of[patient] as number) + weight;
    if (call === labels[i]) right[patient] = (right[patient] as number) + weight;
  }
  return ratioOfSums(right, of);
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
