import { hasLogit, logisticLimits } from "./auc.js";
import { type Estimate, type NotEstimable, notEstimable, type Result, standardErrorOf } from "./estimate.js";
import { FETCHED, fetched } from "./fetched.js";
import { declareProduct, deferredPart, type SamplingError } from "./influence.js";
import { newcombeAucLimits } from "./newcombe-auc.js";

/**
 * The pairs of a sample and a class of a whole study, by ascending score, for the areas over all pairs ("micro") of any of its groups:
 * one pass along them serves all groups of a family. The numbers are those of `microAuc`, but for rounding. All samples count alike.
 */
export interface OrderedPairs {
  /** Twice the sample's position, times two, with 2 where a run of equal scores begins and 1 where the label is positive. */
  readonly codes: Uint32Array;
  /** Positive and negative pairs of each sample. */
  readonly positives: Uint16Array;
  readonly negatives: Uint16Array;
}

/** More samples than this have no room in a pair's code. */
export const MOST_SAMPLES = 2 ** 30;

/** One class's samples: labels and scores by position, and the positions that have both, by ascending score. */
export interface OrderedClass {
  /** 1, 0, or -1 where there is none. */
  readonly labels: Int8Array;
  readonly scores: Float64Array;
  readonly order: Uint32Array;
}

/** Merges the classes' orders: they stand in a heap by their lowest score that is left. */
export function orderedPairs(classes: readonly OrderedClass[], samples: number): OrderedPairs {
  const codes = new Uint32Array(classes.reduce((sum, { order }) => sum + order.length, 0));
  const positives = new Uint16Array(samples);
  const negatives = new Uint16Array(samples);
  const next = new Uint32Array(classes.length);
  const heads = new Float64Array(classes.length);
  const heap = new Uint16Array(classes.length);
  let size = 0;
  classes.forEach(({ order, scores }, c) => {
    if (order.length === 0) return;
    heads[c] = scores[order[0] as number] as number;
    heap[size++] = c;
  });
  for (let at = (size >> 1) - 1; at >= 0; at--) siftDown(heap, heads, size, at);
  let last = Number.NaN;
  for (let pair = 0; pair < codes.length; pair++) {
    const c = heap[0] as number;
    const { labels, order, scores } = classes[c] as OrderedClass;
    const place = next[c] as number;
    const position = order[place] as number;
    const score = heads[c] as number;
    const label = labels[position] === 1 ? 1 : 0;
    codes[pair] = 4 * position + (score === last ? 0 : 2) + label;
    last = score;
    const counts = label === 1 ? positives : negatives;
    counts[position] = (counts[position] as number) + 1;
    next[c] = place + 1;
    if (place + 1 < order.length) heads[c] = scores[order[place + 1] as number] as number;
    else heap[0] = heap[--size] as number;
    siftDown(heap, heads, size, 0);
  }
  return { codes, positives, negatives };
}

/** Lets the class at a place of the heap sink below those with lower heads. */
export function siftDown(heap: Uint16Array, heads: Float64Array, size: number, from: number): void {
  let at = from;
  const c = heap[at] as number;
  const head = heads[c] as number;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && (heads[heap[child + 1] as number] as number) < (heads[heap[child] as number] as number))
      child++;
    const lower = heap[child] as number;
    if ((heads[lower] as number) >= head) break;
    heap[at] = lower;
    at = child;
  }
  heap[at] = c;
}

/**
 * The area over all pairs of each of some groups that share no sample.
 * @param group the group of each sample, by position; `groups` for samples of none
 * @param patients patient codes by position, ascending
 */
export function pairAreas(
  pairs: OrderedPairs,
  group: Uint16Array,
  groups: number,
  patients: Int32Array,
): Result<Estimate>[] {
  const placed = placePairs(pairs, group, groups);
  const sums = sumsByGroup(pairs, placed, group, groups, patients);
  return sums.map((one, g) => areaOf(one, placed.twiceWins[g] as number));
}

interface PlacedPairs {
  /** By position: Σ over its positive pairs of twice the group's negative pairs below, and over its negative ones of the positive above. */
  readonly ofPositives: Float64Array;
  readonly ofNegatives: Float64Array;
  readonly positives: Float64Array;
  readonly negatives: Float64Array;
  readonly twiceWins: Float64Array;
}

function placePairs({ codes, positives: own, negatives: others }: OrderedPairs, group: Uint16Array, groups: number) {
  const n = group.length;
  const positives = new Float64Array(groups + 1);
  const negatives = new Float64Array(groups + 1);
  for (let i = 0; i < n; i++) {
    const g = group[i] as number;
    positives[g] = (positives[g] as number) + (own[i] as number);
    negatives[g] = (negatives[g] as number) + (others[i] as number);
  }
  const ofPositives = new Float64Array(n);
  const ofNegatives = new Float64Array(n);
  const twiceWins = new Float64Array(groups + 1);
  // Twice the pairs below, those of the run at hand once: negatives and positives of each group.
  const below = new Float64Array(2 * (groups + 1));
  const count = (from: number, to: number) => {
    for (let pair = from; pair < to; pair++) {
      const code = codes[pair] as number;
      const at = 2 * (group[code >>> 2] as number) + (code & 1);
      below[at] = (below[at] as number) + 1;
    }
  };
  for (let start = 0, ahead = 0; start < codes.length; ) {
    let end = start + 1;
    while (end < codes.length && ((codes[end] as number) & 2) === 0) end++;
    if (end > ahead) {
      ahead = Math.min(codes.length, Math.max(end, start + FETCHED));
      fetched.sum += touch(codes, start, ahead, group, ofPositives, ofNegatives);
    }
    count(start, end);
    for (let pair = start; pair < end; pair++) {
      const code = codes[pair] as number;
      const position = code >>> 2;
      const g = group[position] as number;
      if ((code & 1) === 1) {
        const wins = below[2 * g] as number;
        ofPositives[position] = (ofPositives[position] as number) + wins;
        twiceWins[g] = (twiceWins[g] as number) + wins;
      } else {
        const above = 2 * (positives[g] as number) - (below[2 * g + 1] as number);
        ofNegatives[position] = (ofNegatives[position] as number) + above;
      }
    }
    count(start, end);
    start = end;
  }
  return { ofPositives, ofNegatives, positives, negatives, twiceWins };
}

function touch(
  codes: Uint32Array,
  from: number,
  to: number,
  group: Uint16Array,
  ofPositives: Float64Array,
  ofNegatives: Float64Array,
): number {
  let sum = 0;
  for (let pair = from; pair < to; pair++) {
    const code = codes[pair] as number;
    const position = code >>> 2;
    const of = (code & 1) === 1 ? ofPositives : ofNegatives;
    sum += (group[position] as number) + (of[position] as number);
  }
  return sum;
}

/** Sums over a group's patients, in squares of twice the number of pairs. */
interface GroupSums {
  readonly pairs: number;
  /** Patients with pairs. */
  readonly patients: number;
  readonly positives: LabelSums;
  readonly negatives: LabelSums;
  readonly mixed: number;
  readonly shared: number;
}

interface LabelSums {
  readonly count: number;
  readonly patients: number;
  /** Σ of the squares of the patients' centred totals, and of their numbers of pairs. */
  readonly product: number;
  readonly squares: number;
}

function sumsByGroup(
  { positives: ownPositives, negatives: ownNegatives }: OrderedPairs,
  placed: PlacedPairs,
  group: Uint16Array,
  groups: number,
  patients: Int32Array,
): GroupSums[] {
  const { ofPositives, ofNegatives, positives, negatives, twiceWins } = placed;
  const zeros = () => new Float64Array(groups + 1);
  const centreP = twiceWins.map((wins, g) => wins / (positives[g] || 1));
  const centreN = twiceWins.map((wins, g) => wins / (negatives[g] || 1));
  // Of the patient at hand, by group.
  const [totalP, totalN, countP, countN] = [zeros(), zeros(), zeros(), zeros()];
  const [patientsAny, patientsP, patientsN, shared] = [zeros(), zeros(), zeros(), zeros()];
  const [productP, productN, mixed, squaresP, squaresN] = [zeros(), zeros(), zeros(), zeros(), zeros()];
  const add = (to: Float64Array, g: number, value: number) => {
    to[g] = (to[g] as number) + value;
  };
  const n = group.length;
  for (let start = 0; start < n; ) {
    const patient = patients[start] as number;
    let end = start;
    do {
      const g = group[end] as number;
      const [p, q] = [ownPositives[end] as number, ownNegatives[end] as number];
      add(totalP, g, (ofPositives[end] as number) - p * (centreP[g] as number));
      add(totalN, g, (ofNegatives[end] as number) - q * (centreN[g] as number));
      add(countP, g, p);
      add(countN, g, q);
      end++;
    } while (end < n && patients[end] === patient);
    for (; start < end; start++) {
      const g = group[start] as number;
      const [p, q] = [countP[g] as number, countN[g] as number];
      if (p + q === 0) continue; // done with, or without pairs
      const [a, b] = [totalP[g] as number, totalN[g] as number];
      add(patientsAny, g, 1);
      if (p > 0) add(patientsP, g, 1);
      if (q > 0) add(patientsN, g, 1);
      add(productP, g, a * a);
      add(productN, g, b * b);
      add(squaresP, g, p * p);
      add(squaresN, g, q * q);
      if (p > 0 && q > 0) {
        add(shared, g, 1);
        add(mixed, g, a * b);
      }
      totalP[g] = 0;
      totalN[g] = 0;
      countP[g] = 0;
      countN[g] = 0;
    }
  }
  return Array.from({ length: groups }, (_, g): GroupSums => {
    const of = (values: Float64Array) => values[g] as number;
    return {
      pairs: of(positives) + of(negatives),
      patients: of(patientsAny),
      positives: { count: of(positives), patients: of(patientsP), product: of(productP), squares: of(squaresP) },
      negatives: { count: of(negatives), patients: of(patientsN), product: of(productN), squares: of(squaresN) },
      mixed: of(mixed),
      shared: of(shared),
    };
  });
}

function areaOf(sums: GroupSums, twiceWins: number): Result<Estimate> {
  const { negatives, pairs, patients, positives } = sums;
  const refused = tooFewPairs(pairs, positives, negatives);
  if (refused !== null) return refused;
  const value = Math.min(1, twiceWins / (2 * positives.count * negatives.count));
  const error = errorOf(sums);
  const first = positives.count ** 2 / positives.squares;
  const second = negatives.count ** 2 / negatives.squares;
  return areaOfPairs({ value, error, first, second, n: pairs, patients });
}

/** What the area over all pairs of a sample and a class rests on. */
interface PairArea extends Pick<Estimate, "value" | "error" | "n" | "patients"> {
  /** Effective numbers of patients with positive and with negative pairs. */
  readonly first: number;
  readonly second: number;
}

/** The estimate, with limits on the logit scale; Newcombe's by patients where the area has no variance. */
export function areaOfPairs({ error, first, n, patients, second, value }: PairArea): Estimate {
  const standardError = standardErrorOf(error);
  return {
    status: "estimated",
    value,
    error,
    standardError,
    symmetric: false,
    limits: (z) => logisticLimits(value, standardError, z) ?? newcombeAucLimits(value, first, second, z),
    range: [0, 1],
    method: hasLogit(value, standardError) ? "obuchowski-logit" : "newcombe-patients",
    n,
    patients,
  };
}

function errorOf({ positives, negatives, mixed, shared }: GroupSums): SamplingError {
  const scale = (2 * positives.count * negatives.count) ** 2;
  const part = ({ patients, product }: LabelSums) =>
    deferredPart(patients, product / scale, () => {
      throw new Error("an area over all pairs is not compared with others");
    });
  const parts = [part(positives), part(negatives)] as const;
  declareProduct(parts[0], parts[1], { product: mixed / scale, shared });
  return parts;
}

/** Why there is no area over the pairs; null where there is one. */
export function tooFewPairs(
  pairs: number,
  positives: { readonly count: number; readonly patients: number },
  negatives: { readonly count: number; readonly patients: number },
): NotEstimable | null {
  for (const [of, which] of [
    [positives, "positive"],
    [negatives, "negative"],
  ] as const) {
    if (of.count < 2) {
      const pair = of.count === 1 ? "pair" : "pairs";
      return notEstimable(
        `${of.count} ${which} ${pair} among ${pairs} of a sample and a class: AUC needs at least two of each kind`,
      );
    }
    if (of.patients < 2) {
      return notEstimable(
        `all ${which} pairs come from one patient: the AUC's interval needs at least two patients of each kind`,
      );
    }
  }
  return null;
}
