import type { LabelledScores } from "./auc.js";
import { type NotEstimable, notEstimable } from "./estimate.js";
import { unequalWeights } from "./weights.js";

/**
 * A share by patient: of how many samples it is, and how many of them count. Totals add up over samples, so the share of
 * everybody outside a group is everybody's totals less the group's: no sample is looked at again.
 */
export interface ShareTotals {
  /** Patients with at least one sample that the share is about, ascending. */
  readonly patients: Int32Array;
  /** Samples of each that it is about. */
  readonly trials: Uint32Array;
  /** Those of them that count. */
  readonly hits: Uint32Array;
  /** The same by weight; null where all samples count alike. */
  readonly weights: { readonly trials: Float64Array; readonly hits: Float64Array } | null;
  readonly n: number;
  readonly successes: number;
  readonly clustered: boolean;
}

/** Shares of decisions at a threshold (score >= threshold is called positive). */
export type DecisionShare = "sensitivity" | "specificity" | "ppv" | "npv" | "selection-rate" | "accuracy";

const NOT = 0;
const MISS = 1;
const HIT = 2;
/** What a sample is to a share, by 2 · label + call. */
const ROLES: Readonly<Record<DecisionShare, { readonly roles: readonly number[]; readonly trials: string }>> = {
  sensitivity: { roles: [NOT, NOT, MISS, HIT], trials: "positives" },
  specificity: { roles: [HIT, MISS, NOT, NOT], trials: "negatives" },
  ppv: { roles: [NOT, MISS, NOT, HIT], trials: "samples called positive" },
  npv: { roles: [HIT, NOT, MISS, NOT], trials: "samples called negative" },
  "selection-rate": { roles: [MISS, HIT, MISS, HIT], trials: "samples" },
  accuracy: { roles: [HIT, MISS, MISS, HIT], trials: "samples" },
};

/**
 * A share's totals at a threshold, in one pass.
 * @param weights those of the data, where totals by weight are asked for
 */
export function shareTotals(
  data: LabelledScores,
  threshold: number,
  share: DecisionShare,
  weights = unequalWeights(data),
): ShareTotals {
  const { scores, labels, patients } = data;
  const roles = Uint8Array.from(ROLES[share].roles);
  const codes = new Int32Array(labels.length);
  const trials = new Uint32Array(labels.length);
  const hits = new Uint32Array(labels.length);
  const weighted =
    weights === null ? null : { trials: new Float64Array(labels.length), hits: new Float64Array(labels.length) };
  let last = -1;
  let n = 0;
  let successes = 0;
  for (let i = 0; i < labels.length; i++) {
    const role = roles[2 * (labels[i] as number) + ((scores[i] as number) >= threshold ? 1 : 0)] as number;
    if (role === NOT) continue;
    const patient = patients[i] as number;
    if (last < 0 || codes[last] !== patient) codes[++last] = patient;
    const hit = role >> 1;
    trials[last] = (trials[last] as number) + 1;
    hits[last] = (hits[last] as number) + hit;
    n++;
    successes += hit;
    if (weights === null || weighted === null) continue;
    weighted.trials[last] = (weighted.trials[last] as number) + (weights[i] as number);
    weighted.hits[last] = (weighted.hits[last] as number) + hit * (weights[i] as number);
  }
  const kept = last + 1;
  return {
    patients: codes.slice(0, kept),
    trials: trials.slice(0, kept),
    hits: hits.slice(0, kept),
    weights: weighted === null ? null : { trials: weighted.trials.slice(0, kept), hits: weighted.hits.slice(0, kept) },
    n,
    successes,
    clustered: data.clustered,
  };
}

/**
 * The totals of all samples but some.
 * @param part totals of samples that are among the whole's, by weight where the whole's are
 */
export function totalsWithout(whole: ShareTotals, part: ShareTotals): ShareTotals {
  const count = whole.patients.length;
  const patients = new Int32Array(count);
  const trials = new Uint32Array(count);
  const hits = new Uint32Array(count);
  const isWeighted = whole.weights !== null && part.weights !== null;
  const weights = isWeighted ? { trials: new Float64Array(count), hits: new Float64Array(count) } : null;
  let next = 0;
  for (let i = 0, j = 0; i < count; i++) {
    const patient = whole.patients[i] as number;
    const isInPart = part.patients[j] === patient;
    const left = (whole.trials[i] as number) - (isInPart ? (part.trials[j] as number) : 0);
    if (left > 0) {
      patients[next] = patient;
      trials[next] = left;
      hits[next] = (whole.hits[i] as number) - (isInPart ? (part.hits[j] as number) : 0);
      if (weights !== null) {
        weights.trials[next] =
          (whole.weights?.trials[i] as number) - (isInPart ? (part.weights?.trials[j] as number) : 0);
        weights.hits[next] = (whole.weights?.hits[i] as number) - (isInPart ? (part.weights?.hits[j] as number) : 0);
      }
      next++;
    }
    if (isInPart) j++;
  }
  return {
    patients: patients.subarray(0, next),
    trials: trials.subarray(0, next),
    hits: hits.subarray(0, next),
    weights:
      weights === null ? null : { trials: weights.trials.subarray(0, next), hits: weights.hits.subarray(0, next) },
    n: whole.n - part.n,
    successes: whole.successes - part.successes,
    clustered: whole.clustered,
  };
}

/** Why a share that is about no sample cannot be estimated. */
export function noTrials(share: DecisionShare, samples: number): NotEstimable {
  const { trials } = ROLES[share];
  return trials === "samples"
    ? notEstimable("no samples: a share needs at least one")
    : notEstimable(`0 ${trials} among ${samples} samples: ${share} is a share of ${trials}`);
}
