import { type LabelledScores, patientsOf } from "./auc.js";
import { averageAreaLimits, averageAreaMethod, averageOfShares, type HeldTerm } from "./averages.js";
import { type Estimate, notEstimable, type Result, standardErrorOf } from "./estimate.js";
import { errorPart, mergedPart } from "./influence.js";
import { newcombeAucLimits } from "./newcombe-auc.js";
import { ascendingOrder } from "./order.js";
import { proportion } from "./proportion.js";
import { unequalWeights } from "./weights.js";

/** Samples of which each is of exactly one class, in patient order; columns aligned by sample. */
export interface MulticlassScores {
  /** Scores of each class; no NaN. */
  readonly scores: readonly Float64Array[];
  /** Each sample's class, as its position among the classes. */
  readonly classes: Uint16Array;
  readonly patients: Int32Array;
  readonly clustered: boolean;
  readonly weights?: Float64Array | null;
}

/** How many samples and patients each class has. */
export interface ClassCounts {
  readonly samples: Uint32Array;
  readonly patients: Uint32Array;
}

export function classCounts({ scores, classes, patients }: MulticlassScores): ClassCounts {
  const counts = { samples: new Uint32Array(scores.length), patients: new Uint32Array(scores.length) };
  const last = new Int32Array(scores.length).fill(-1);
  for (let i = 0; i < classes.length; i++) {
    const c = classes[i] as number;
    counts.samples[c] = (counts.samples[c] as number) + 1;
    if (last[c] === patients[i]) continue;
    last[c] = patients[i] as number;
    counts.patients[c] = (counts.patients[c] as number) + 1;
  }
  return counts;
}

/** A class against all others, as a binary problem. */
export function oneVersusRest(data: MulticlassScores, index: number): LabelledScores {
  const labels = new Uint8Array(data.classes.length);
  for (let i = 0; i < labels.length; i++) labels[i] = data.classes[i] === index ? 1 : 0;
  const { patients, clustered, weights } = data;
  return { scores: data.scores[index] as Float64Array, labels, patients, clustered, weights: weights ?? null };
}

/** 1 where the class with the largest score is the sample's; of equal scores the first class in the protocol's order. */
function correctDecisions({ scores, classes }: MulticlassScores): Uint8Array {
  const correct = new Uint8Array(classes.length);
  for (let i = 0; i < classes.length; i++) {
    let best = 0;
    for (let c = 1; c < scores.length; c++) {
      if (((scores[c] as Float64Array)[i] as number) > ((scores[best] as Float64Array)[i] as number)) best = c;
    }
    correct[i] = best === classes[i] ? 1 : 0;
  }
  return correct;
}

/** The share of samples whose largest score is that of their class. */
export function multiclassAccuracy(data: MulticlassScores): Result<Estimate> {
  return proportion(correctDecisions(data), data.patients, data.clustered, data.weights);
}

/**
 * The mean, over classes, of the share of a class's samples that are decided right (scikit-learn's `balanced_accuracy_score`).
 * Limits: square-and-add of the shares' Wilson limits.
 * @param used the classes that count, each with at least two patients
 */
export function balancedAccuracy(data: MulticlassScores, used: readonly number[]): Result<Estimate> {
  if (used.length < 2) return tooFewClasses(used.length, "balanced accuracy");
  const correct = correctDecisions(data);
  const all = unequalWeights(data);
  const terms = used.flatMap((index) => {
    let count = 0;
    const outcomes = new Uint8Array(correct.length);
    const patients = new Int32Array(correct.length);
    const weights = all === null ? null : new Float64Array(correct.length);
    for (let i = 0; i < correct.length; i++) {
      if (data.classes[i] !== index) continue;
      if (all !== null && weights !== null) weights[count] = all[i] as number;
      patients[count] = data.patients[i] as number;
      outcomes[count++] = correct[i] as number;
    }
    const kept = weights === null ? null : weights.subarray(0, count);
    const share = proportion(outcomes.subarray(0, count), patients.subarray(0, count), data.clustered, kept);
    return share.status === "estimated" ? [{ weight: 1 / used.length, estimate: share }] : [];
  });
  const counts = { n: correct.length, patients: patientsOf(data.patients) };
  return averageOfShares(terms, counts);
}

/** How pairs of classes are averaged: all alike, or by the share of samples that are of either class. */
export type PairWeighting = "equal" | "prevalence";

/**
 * Hand and Till's M (Machine Learning 45 (2001) 171–186; scikit-learn's one-versus-one): the mean over pairs of classes
 * i, j of (A(i|j) + A(j|i))/2, with A(i|j) the area of class i's score among the samples of the two classes alone, i as
 * positive. Blind to the classes' shares. With `prevalence` pairs count by their share of the samples.
 *
 * Each A(i|j) has its placements (DeLong); a sample's contributions to all pairs of its class are summed, then by
 * patient: one stratum per class. Limits: normal on the logit of the area. Where the placements of a pair do not vary at all, as under perfect separation, the
 * square of Newcombe's margin of that pair is added. Cost: one sort per class, then O(classes · samples).
 * @param used the classes that count, each with at least two samples of two patients
 * @param orders the ascending orders of the classes' scores, where they are at hand
 */
export function handTill(
  data: MulticlassScores,
  used: readonly number[],
  weighting: PairWeighting = "equal",
  orders?: readonly Uint32Array[],
): Result<Estimate> {
  if (used.length < 2) return tooFewClasses(used.length, "Hand and Till's area");
  const n = data.classes.length;
  const k = data.scores.length;
  const weights = unequalWeights(data);
  const totals = new Float64Array(k);
  const isUsed = new Uint8Array(k);
  for (const c of used) isUsed[c] = 1;
  let total = 0;
  for (let i = 0; i < n; i++) {
    const c = data.classes[i] as number;
    if (isUsed[c] === 0) continue;
    const weight = weights === null ? 1 : (weights[i] as number);
    totals[c] = (totals[c] as number) + weight;
    total += weight;
  }
  const pairs = (used.length * (used.length - 1)) / 2;
  const share = (i: number, j: number) =>
    weighting === "equal" ? 1 / pairs : ((totals[i] as number) + (totals[j] as number)) / ((used.length - 1) * total);
  const pairwise = pairwiseAreas(data, weights, totals, isUsed, share, orders);
  let value = 0;
  used.forEach((i, place) => {
    for (const j of used.slice(place + 1)) value += share(i, j) * pairwise.mean(i, j);
  });
  const parts = used.map((c) => classPart(data, weights, totals, pairwise, used, share, c));
  if (weighting === "prevalence") parts.push(prevalencePart(data, weights, pairwise, used, isUsed, value, total));
  const error = [mergedPart(parts.map((part) => ({ weight: 1, part })))];
  const standardError = standardErrorOf(error);
  const counts = classCounts(data);
  const rigid = used.flatMap((i, place) =>
    used.slice(place + 1).flatMap((j): HeldTerm[] => {
      const [first, second] = [counts.patients[i] as number, counts.patients[j] as number];
      return pairwise.isRigid(i, j) ? [rigidTerm(share(i, j), pairwise.mean(i, j), first, second)] : [];
    }),
  );
  return {
    status: "estimated",
    value,
    error,
    standardError,
    symmetric: false,
    limits: averageAreaLimits(value, standardError, rigid),
    range: [0, 1],
    method: averageAreaMethod(data.clustered, rigid.length > 0),
    n,
    patients: patientsOf(data.patients),
  };
}

/** A pair of classes whose placements do not vary, with Newcombe's limits over the classes' patients. */
function rigidTerm(weight: number, value: number, first: number, second: number): HeldTerm {
  return { weight, value, limits: (z) => newcombeAucLimits(value, first, second, z) };
}

interface PairwiseAreas {
  /** (A(i|j) + A(j|i)) / 2. */
  mean(i: number, j: number): number;
  /** Whether no placement of the pair varies. */
  isRigid(i: number, j: number): boolean;
  /** Σ over a sample's pairs of share/2 · placement; aligned with the samples, not yet centred. */
  readonly sums: Float64Array;
}

function pairwiseAreas(
  data: MulticlassScores,
  weights: Float64Array | null,
  totals: Float64Array,
  isUsed: Uint8Array,
  share: (i: number, j: number) => number,
  orders?: readonly Uint32Array[],
): PairwiseAreas {
  const k = totals.length;
  const areas = new Float64Array(k * k); // A(i|j) at i·k + j
  const varies = new Uint8Array(k * k);
  const sums = new Float64Array(data.classes.length);
  for (let i = 0; i < k; i++)
    if (isUsed[i] === 1)
      rankAgainstOthers(data, weights, totals, isUsed, share, i, { areas, varies, sums }, orders?.[i]);
  return {
    mean: (i, j) => ((areas[i * k + j] as number) + (areas[j * k + i] as number)) / 2,
    isRigid: (i, j) => varies[i * k + j] === 0 && varies[j * k + i] === 0,
    sums,
  };
}

interface PairwiseSums {
  readonly areas: Float64Array;
  readonly varies: Uint8Array;
  readonly sums: Float64Array;
}

/** One pass through the ascending scores of class i: its samples against those of every other class. */
function rankAgainstOthers(
  data: MulticlassScores,
  weights: Float64Array | null,
  totals: Float64Array,
  isUsed: Uint8Array,
  share: (i: number, j: number) => number,
  i: number,
  { areas, varies, sums }: PairwiseSums,
  given?: Uint32Array,
): void {
  const k = totals.length;
  const scores = data.scores[i] as Float64Array;
  const { classes } = data;
  const order = given ?? ascendingOrder(scores);
  const below = new Float64Array(k);
  const run = new Float64Array(k);
  const coefficients = Float64Array.from({ length: k }, (_, j) => (j === i || isUsed[j] === 0 ? 0 : share(i, j) / 2));
  const firstOfOwn = new Float64Array(k).fill(Number.NaN); // the first placement seen, to see whether any differs
  const firstOfOther = new Float64Array(k).fill(Number.NaN);
  for (let start = 0; start < order.length; ) {
    const score = scores[order[start] as number] as number;
    let end = start;
    while (end < order.length && scores[order[end] as number] === score) {
      const sample = order[end++] as number;
      const c = classes[sample] as number;
      run[c] = (run[c] as number) + (weights === null ? 1 : (weights[sample] as number));
    }
    let ofOwn = 0;
    if ((run[i] as number) > 0) {
      for (let j = 0; j < k; j++) {
        if (j === i || isUsed[j] === 0) continue;
        const placement = ((below[j] as number) + (run[j] as number) / 2) / (totals[j] as number);
        ofOwn += (coefficients[j] as number) * placement;
        areas[i * k + j] = (areas[i * k + j] as number) + (run[i] as number) * placement;
        if (Number.isNaN(firstOfOwn[j])) firstOfOwn[j] = placement;
        else if (firstOfOwn[j] !== placement) varies[i * k + j] = 1;
      }
    }
    const ofOther = ((totals[i] as number) - (below[i] as number) - (run[i] as number) / 2) / (totals[i] as number);
    for (let place = start; place < end; place++) {
      const sample = order[place] as number;
      const c = classes[sample] as number;
      // Whole runs of many classes are rare: what a run has is cleared sample by sample, not class by class.
      below[c] = (below[c] as number) + (weights === null ? 1 : (weights[sample] as number));
      run[c] = 0;
      if (isUsed[c] === 0) continue;
      sums[sample] = (sums[sample] as number) + (c === i ? ofOwn : (coefficients[c] as number) * ofOther);
      if (c === i) continue;
      if (Number.isNaN(firstOfOther[c])) firstOfOther[c] = ofOther;
      else if (firstOfOther[c] !== ofOther) varies[i * k + c] = 1;
    }
    start = end;
  }
  for (let j = 0; j < k; j++) areas[i * k + j] = (areas[i * k + j] as number) / (totals[i] as number);
}

/** The contributions of a class's samples: their summed placements, centred by the areas, over the class's weight. */
function classPart(
  data: MulticlassScores,
  weights: Float64Array | null,
  totals: Float64Array,
  { sums, mean }: PairwiseAreas,
  used: readonly number[],
  share: (i: number, j: number) => number,
  c: number,
) {
  const centre = used.reduce((sum, j) => (j === c ? sum : sum + share(c, j) * mean(c, j)), 0);
  const patients = new Int32Array(data.classes.length);
  const contributions = new Float64Array(data.classes.length);
  let count = 0;
  for (let i = 0; i < data.classes.length; i++) {
    if (data.classes[i] !== c) continue;
    const weight = weights === null ? 1 : (weights[i] as number);
    patients[count] = data.patients[i] as number;
    contributions[count++] = (weight * ((sums[i] as number) - centre)) / (totals[c] as number);
  }
  return errorPart(patients.subarray(0, count), contributions.subarray(0, count));
}

/** Where pairs count by their samples: a sample of class c adds to the shares of all pairs with c. */
function prevalencePart(
  data: MulticlassScores,
  weights: Float64Array | null,
  { mean }: PairwiseAreas,
  used: readonly number[],
  isUsed: Uint8Array,
  value: number,
  total: number,
) {
  const each = new Float64Array(isUsed.length);
  for (const c of used) {
    for (const j of used) if (j !== c) each[c] = (each[c] as number) + (mean(c, j) - value);
  }
  const patients = new Int32Array(data.classes.length);
  const contributions = new Float64Array(data.classes.length);
  let count = 0;
  for (let i = 0; i < data.classes.length; i++) {
    const c = data.classes[i] as number;
    if (isUsed[c] === 0) continue;
    const weight = weights === null ? 1 : (weights[i] as number);
    patients[count] = data.patients[i] as number;
    contributions[count++] = (weight * (each[c] as number)) / ((used.length - 1) * total);
  }
  return errorPart(patients.subarray(0, count), contributions.subarray(0, count));
}

function tooFewClasses(count: number, what: string) {
  return notEstimable(`${count} classes with at least two samples of two patients: ${what} needs two`);
}
