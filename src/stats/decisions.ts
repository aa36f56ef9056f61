import type { OperatingPoint } from "../core/audit.js";
import type { LabelledScores } from "./auc.js";
import { decisionCounts } from "./decision-counts.js";
import { type NotEstimable, notEstimable, type Result } from "./estimate.js";
import { complementOf, type ProportionEstimate, proportion } from "./proportion.js";
import { shareOfCounts } from "./share-of-counts.js";
import { noTrials } from "./share-totals.js";
import { unequalWeights } from "./weights.js";

/** The four rates of a decision rule, each a share of the samples that it is about. */
export type Rate = "sensitivity" | "specificity" | "ppv" | "npv";
export const RATES: readonly Rate[] = ["sensitivity", "specificity", "ppv", "npv"];

/** A rate is about the samples whose label, or call, is `is`; those count whose call, or label, is the same. */
interface RateDefinition {
  readonly given: "label" | "call";
  readonly is: 0 | 1;
}

const DEFINITIONS: Readonly<Record<Rate, RateDefinition>> = {
  sensitivity: { given: "label", is: 1 },
  specificity: { given: "label", is: 0 },
  ppv: { given: "call", is: 1 },
  npv: { given: "call", is: 0 },
};

/** A rate at a threshold (score >= threshold is called positive); not estimable where it is about no sample. */
export function rateAt(data: LabelledScores, threshold: number, rate: Rate): Result<ProportionEstimate> {
  const counts = decisionCounts(data, threshold);
  if (counts === null) return rateOfSamples(data, threshold, rate);
  return shareOfCounts(counts, rate, data.clustered) ?? noTrials(rate, data.labels.length);
}

/** Sample by sample, as where samples differ in weight. */
function rateOfSamples(data: LabelledScores, threshold: number, rate: Rate): Result<ProportionEstimate> {
  const { given, is } = DEFINITIONS[rate];
  const calls = callsAt(data.scores, threshold);
  const [condition, outcome] = given === "label" ? [data.labels, calls] : [calls, data.labels];
  const outcomes = new Uint8Array(condition.length);
  const patients = new Int32Array(condition.length);
  const all = unequalWeights(data);
  const weights = all === null ? null : new Float64Array(condition.length);
  let count = 0;
  for (let i = 0; i < condition.length; i++) {
    if (condition[i] !== is) continue;
    outcomes[count] = outcome[i] === is ? 1 : 0;
    if (all !== null && weights !== null) weights[count] = all[i] as number;
    patients[count++] = data.patients[i] as number;
  }
  if (count === 0) return noTrials(rate, condition.length);
  const kept = weights === null ? null : weights.subarray(0, count);
  return proportion(outcomes.subarray(0, count), patients.subarray(0, count), data.clustered, kept);
}

/** The share of samples that are called positive, whatever they are. Not estimable without samples. */
export function selectionRate({ scores, patients, clustered, weights }: LabelledScores, threshold: number) {
  return proportion(callsAt(scores, threshold), patients, clustered, weights);
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
export function errorRate({ scores, labels, patients, clustered, weights }: LabelledScores, threshold: number) {
  const outcomes = callsAt(scores, threshold);
  for (let i = 0; i < outcomes.length; i++) outcomes[i] = outcomes[i] === labels[i] ? 0 : 1;
  return proportion(outcomes, patients, clustered, weights);
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
