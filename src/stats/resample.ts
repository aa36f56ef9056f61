import type { Random } from "../core/random.js";
import type { LabelledScores } from "./auc.js";
import { orderOf } from "./order.js";

/**
 * Patients as the units of resampling: who they are, in which stratum each is drawn, and how often each was drawn. A
 * replicate is nothing but one whole number for every patient; the samples stay where they are, sorted once.
 */
export interface ResamplingPlan {
  readonly patients: number;
  /** Stratum s holds the patients starts[s] … starts[s + 1] − 1. */
  readonly starts: Uint32Array;
  /** For each group of samples: the number, 0 … patients − 1, of each sample's patient. */
  readonly numbers: readonly Uint32Array[];
  /** Patients whose stratum had nobody else, so that they are drawn with others. */
  readonly pooled: number;
}

/** How often each patient is in a replicate, by patient number. */
export type Multiplicities = Uint32Array;

/**
 * Numbers the patients of one or more groups of samples and lays out their strata. Patients are alike, and share a stratum,
 * who have samples of the same classes in the same groups: only positives, only negatives, or both, for every group.
 * Then every replicate has as many patients of each kind as the data. Somebody who is alone in his stratum would never
 * vary: all such patients are drawn together, and where there is just one of them, with the largest stratum.
 *
 * Numbers follow the order of scores, not of rows (within a stratum: by the patient's lowest score of the first group
 * that he is in, negatives first), so that a seed gives the same replicates whatever the order of rows, as long as no two
 * patients tie in that.
 * @param groups samples by group; a patient may be in several. Only labels, scores and patient codes (>= 0) are read
 * @param stratified false: all patients are one stratum
 */
export function resamplingPlan(groups: readonly LabelledScores[], stratified = true): ResamplingPlan {
  const { patientOf, count } = numberByScore(groups);
  const strata = stratified ? strataOf(groups, patientOf, count) : new Uint32Array(count);
  const sizes = countsOf(strata);
  const pooled = poolSingletons(strata, sizes);
  const { starts, rank } = contiguous(strata);
  const numbers = patientOf.map((patients) => {
    const ranked = new Uint32Array(patients.length);
    for (let i = 0; i < patients.length; i++) ranked[i] = rank[patients[i] as number] as number;
    return ranked;
  });
  return { patients: count, starts, numbers, pooled };
}

/** Draws a replicate: in every stratum as many patients as it has, with replacement. Overwrites the multiplicities. */
export function drawPatients(plan: ResamplingPlan, random: Random, multiplicities: Multiplicities): void {
  multiplicities.fill(0);
  for (let s = 0; s + 1 < plan.starts.length; s++) {
    const first = plan.starts[s] as number;
    const size = (plan.starts[s + 1] as number) - first;
    random.tally(size, size, multiplicities, first);
  }
}

/** Patients numbered in the order in which they first appear among ascending scores, group by group. */
function numberByScore(groups: readonly LabelledScores[]): { patientOf: Uint32Array[]; count: number } {
  let highest = -1;
  for (const { patients } of groups) highest = Math.max(highest, patients.at(-1) ?? -1);
  const numbers = new Int32Array(highest + 1).fill(-1);
  let count = 0;
  const meet = (code: number) => {
    if (numbers[code] === -1) numbers[code] = count++;
  };
  for (const { scores, labels, patients } of groups) {
    const order = orderOf(scores);
    for (let start = 0; start < order.length; ) {
      let end = start + 1;
      const score = scores[order[start] as number];
      while (end < order.length && scores[order[end] as number] === score) end++;
      for (const label of end - start === 1 ? ANY_LABEL : EACH_LABEL) {
        for (let i = start; i < end; i++) {
          const sample = order[i] as number;
          if (label === -1 || labels[sample] === label) meet(patients[sample] as number);
        }
      }
      start = end;
    }
  }
  const patientOf = groups.map(({ patients }) => {
    const numbered = new Uint32Array(patients.length);
    for (let i = 0; i < patients.length; i++) numbered[i] = numbers[patients[i] as number] as number;
    return numbered;
  });
  return { patientOf, count };
}

const ANY_LABEL = [-1] as const;
const EACH_LABEL = [0, 1] as const;

/** The stratum of each patient: one for every set of (group, label) that occurs, numbered as patients first show it. */
function strataOf(groups: readonly LabelledScores[], patientOf: readonly Uint32Array[], count: number): Uint32Array {
  let strata = new Uint32Array(count);
  // Refined step by step: patients of one stratum part where one has samples of this kind and another has not.
  groups.forEach(({ labels }, group) => {
    const patients = patientOf[group] as Uint32Array;
    for (const label of EACH_LABEL) {
      const has = new Uint8Array(count);
      for (let i = 0; i < labels.length; i++) if (labels[i] === label) has[patients[i] as number] = 1;
      const refined = new Map<number, number>();
      const next = new Uint32Array(count);
      for (let p = 0; p < count; p++) {
        const key = 2 * (strata[p] as number) + (has[p] as number);
        let stratum = refined.get(key);
        if (stratum === undefined) {
          stratum = refined.size;
          refined.set(key, stratum);
        }
        next[p] = stratum;
      }
      strata = next;
    }
  });
  return strata;
}

function countsOf(strata: Uint32Array): Uint32Array {
  let highest = -1;
  for (let p = 0; p < strata.length; p++) highest = Math.max(highest, strata[p] as number);
  const sizes = new Uint32Array(highest + 1);
  for (let p = 0; p < strata.length; p++) {
    const stratum = strata[p] as number;
    sizes[stratum] = (sizes[stratum] as number) + 1;
  }
  return sizes;
}

/** Puts patients who are alone in their stratum together, or the only one with the largest stratum; says how many. */
function poolSingletons(strata: Uint32Array, sizes: Uint32Array): number {
  const alone: number[] = [];
  for (let p = 0; p < strata.length; p++) if (sizes[strata[p] as number] === 1) alone.push(p);
  const [first] = alone;
  if (first === undefined || strata.length === 1) return 0;
  let largest = 0;
  for (let s = 0; s < sizes.length; s++) if ((sizes[s] as number) > (sizes[largest] as number)) largest = s;
  const target = alone.length > 1 ? (strata[first] as number) : largest;
  for (const patient of alone) strata[patient] = target;
  return alone.length;
}

/** Patients renumbered so that every stratum is one stretch, in the order in which strata and patients first come. */
function contiguous(strata: Uint32Array): { starts: Uint32Array; rank: Uint32Array } {
  const sizes = countsOf(strata);
  const occupied: number[] = [];
  for (let s = 0; s < sizes.length; s++) if ((sizes[s] as number) > 0) occupied.push(s);
  const starts = new Uint32Array(occupied.length + 1);
  const next = new Uint32Array(sizes.length);
  occupied.forEach((stratum, index) => {
    next[stratum] = starts[index] as number;
    starts[index + 1] = (starts[index] as number) + (sizes[stratum] as number);
  });
  const rank = new Uint32Array(strata.length);
  for (let p = 0; p < strata.length; p++) {
    const stratum = strata[p] as number;
    rank[p] = next[stratum] as number;
    next[stratum] = (next[stratum] as number) + 1;
  }
  return { starts, rank };
}
