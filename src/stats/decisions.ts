import type { LabelledScores } from "./auc.js";
import { notEstimable, type Result } from "./estimate.js";
import { type ProportionEstimate, proportion } from "./proportion.js";

/** The four rates of a decision rule, each a share of the samples that it is about. */
export type Rate = "sensitivity" | "specificity" | "ppv" | "npv";
export const RATES: readonly Rate[] = ["sensitivity", "specificity", "ppv", "npv"];

interface RateDefinition {
  /** Which samples it is about. */
  readonly about: (label: number, called: boolean) => boolean;
  /** Which of them count. */
  readonly hit: (label: number, called: boolean) => boolean;
  /** The samples in words, for the reason where there are none. */
  readonly trials: string;
}

const DEFINITIONS: Readonly<Record<Rate, RateDefinition>> = {
  sensitivity: { about: (label) => label === 1, hit: (_, called) => called, trials: "positives" },
  specificity: { about: (label) => label === 0, hit: (_, called) => !called, trials: "negatives" },
  ppv: { about: (_, called) => called, hit: (label) => label === 1, trials: "samples called positive" },
  npv: { about: (_, called) => !called, hit: (label) => label === 0, trials: "samples called negative" },
};

/** A rate at a threshold (score >= threshold is called positive); not estimable where it is about no sample. */
export function rateAt(data: LabelledScores, threshold: number, rate: Rate): Result<ProportionEstimate> {
  const { about, hit, trials } = DEFINITIONS[rate];
  const outcomes = new Uint8Array(data.labels.length);
  const patients = new Int32Array(data.labels.length);
  let count = 0;
  for (let i = 0; i < outcomes.length; i++) {
    const label = data.labels[i] as number;
    const called = (data.scores[i] as number) >= threshold;
    if (!about(label, called)) continue;
    outcomes[count] = hit(label, called) ? 1 : 0;
    patients[count++] = data.patients[i] as number;
  }
  if (count === 0) return notEstimable(`0 ${trials} among ${outcomes.length} samples: ${rate} is a share of ${trials}`);
  return proportion(outcomes.subarray(0, count), patients.subarray(0, count), data.clustered);
}

/** The share of samples whose decision at the threshold differs between two score columns. */
export function flipRate(before: LabelledScores, after: LabelledScores, threshold: number): Result<ProportionEstimate> {
  const outcomes = new Uint8Array(before.scores.length);
  for (let i = 0; i < outcomes.length; i++) {
    const differs = (before.scores[i] as number) >= threshold !== (after.scores[i] as number) >= threshold;
    outcomes[i] = differs ? 1 : 0;
  }
  return proportion(outcomes, before.patients, before.clustered);
}
