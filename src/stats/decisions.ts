import type { OperatingPoint } from "../core/audit.js";
import type { LabelledScores } from "./auc.js";
import { CALLED, decisionCounts, EVERYTHING, FN, FP, NEGATIVES, POSITIVES, UNCALLED } from "./decision-counts.js";
import { type NotEstimable, notEstimable, type Result } from "./estimate.js";
import { complementOf, NO_SAMPLES, type ProportionEstimate, proportion } from "./proportion.js";
import { shareOfCounts } from "./share-of-counts.js";
import { unequalWeights } from "./weights.js";

/** The four rates of a decision rule, each a share of the samples that it is about. */
export type Rate = "sensitivity" | "specificity" | "ppv" | "npv";
export const RATES: readonly Rate[] = ["sensitivity", "specificity", "ppv", "npv"];

/** A share of decisions: what it is of, and what counts, as sets of cells of the two-by-two table. */
interface ShareDefinition {
  readonly trials: number;
  readonly hits: number;
  /** What it is of, in words, for the reason where there are none. */
  readonly named: string;
}

const DEFINITIONS: Readonly<Record<Rate, ShareDefinition>> = {
  sensitivity: { trials: POSITIVES, hits: CALLED, named: "positives" },
  specificity: { trials: NEGATIVES, hits: UNCALLED, named: "negatives" },
  ppv: { trials: CALLED, hits: POSITIVES, named: "samples called positive" },
  npv: { trials: UNCALLED, hits: NEGATIVES, named: "samples called negative" },
};
const SELECTED: ShareDefinition = { trials: EVERYTHING, hits: CALLED, named: "samples" };
const WRONG: ShareDefinition = { trials: EVERYTHING, hits: (1 << FN) | (1 << FP), named: "samples" };

/** A rate at a threshold (score >= threshold is called positive); not estimable where it is about no sample. */
export function rateAt(data: LabelledScores, threshold: number, rate: Rate): Result<ProportionEstimate> {
  const definition = DEFINITIONS[rate];
  const share = shareAt(data, threshold, definition);
  if (share !== null) return share;
  const { named } = definition;
  return notEstimable(`0 ${named} among ${data.labels.length} samples: ${rate} is a share of ${named}`);
}

/** null where it is of no sample. */
function shareAt(data: LabelledScores, threshold: number, share: ShareDefinition): ProportionEstimate | null {
  const counts = decisionCounts(data, threshold);
  return counts === null
    ? shareOfSamples(data, threshold, share)
    : shareOfCounts(counts, share.trials, share.hits, data.clustered);
}

/** Sample by sample, as where samples differ in weight. */
function shareOfSamples(data: LabelledScores, threshold: number, share: ShareDefinition): ProportionEstimate | null {
  const { labels, scores } = data;
  const outcomes = new Uint8Array(labels.length);
  const patients = new Int32Array(labels.length);
  const all = unequalWeights(data);
  const weights = all === null ? null : new Float64Array(labels.length);
  let count = 0;
  for (let i = 0; i < labels.length; i++) {
    const cell = (labels[i] as number) + ((scores[i] as number) >= threshold ? FP : 0);
    if (((share.trials >> cell) & 1) === 0) continue;
    outcomes[count] = (share.hits >> cell) & 1;
    if (all !== null && weights !== null) weights[count] = all[i] as number;
    patients[count++] = data.patients[i] as number;
  }
  const kept = weights === null ? null : weights.subarray(0, count);
  const made = proportion(outcomes.subarray(0, count), patients.subarray(0, count), data.clustered, kept);
  return made.status === "estimated" ? made : null;
}

/** The share of samples that are called positive, whatever they are. Not estimable without samples. */
export function selectionRate(data: LabelledScores, threshold: number): Result<ProportionEstimate> {
  return shareAt(data, threshold, SELECTED) ?? notEstimable(NO_SAMPLES);
}

/** The share of samples whose decision at the threshold is right. */
export function accuracyAt(data: LabelledScores, threshold: number): Result<ProportionEstimate> {
  const wrong = errorRate(data, threshold);
  return wrong.status === "estimated" ? complementOf(wrong) : wrong;
}

/** False positive or false negative rate: one minus specificity or sensitivity, with its limits. */
export function falseRateAt(data: LabelledScores, threshold: number, rate: "fpr" | "fnr"): Result<ProportionEstimate> {
  const right = rateAt(data, threshold, rate === "fpr" ? "specificity" : "sensitivity");
  return right.status === "estimated" ? complementOf(right) : right;
}

/** The share of samples whose decision at the threshold is wrong. */
export function errorRate(data: LabelledScores, threshold: number): Result<ProportionEstimate> {
  return shareAt(data, threshold, WRONG) ?? notEstimable(NO_SAMPLES);
}

/** The share of samples whose decision at the threshold differs between two score columns of the same samples. */
export function flipRate(before: LabelledScores, after: LabelledScores, threshold: number): Result<ProportionEstimate> {
  const outcomes = callsAt(before.scores, threshold);
  const calls = callsAt(after.scores, threshold);
  for (let i = 0; i < outcomes.length; i++) outcomes[i] = outcomes[i] === calls[i] ? 0 : 1;
  return proportion(outcomes, before.patients, before.clustered, before.weights);
}

/** 1 where a sample is called positive. */
function callsAt(scores: Float64Array, threshold: number): Uint8Array {
  const calls = new Uint8Array(scores.length);
  for (let i = 0; i < scores.length; i++) calls[i] = (scores[i] as number) >= threshold ? 1 : 0;
  return calls;
}

/** Why nothing can be said at a point without a threshold. */
export function noThreshold(point: OperatingPoint): NotEstimable {
  return notEstimable(point.reason ?? "no threshold could be chosen");
}
