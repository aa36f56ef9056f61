/**
 * Decisions counted at many thresholds in one pass: what `decisionTable` counts at one threshold, over a grid. From sums over
 * patients of products of counts follow the clustered variances of all shares of decisions and their covariances
 * (influence.ts), so a reader can move the threshold without the scores and still be told honest intervals.
 */
import type { ClusteredCounts, SharedCounts, ThresholdCounts } from "../core/explorer.js";
import type { LabelledScores } from "./auc.js";
import { orderOf } from "./order.js";

/** A grid of thresholds, falling, and where the given ones stand in it. */
export interface ThresholdGrid {
  readonly thresholds: Float64Array;
  /** Aligned with the given thresholds. */
  readonly places: readonly number[];
}

/**
 * Thresholds at evenly spaced ranks of the scores, and the given ones, exactly. Between two neighbours lie at least `least`
 * samples, however close the given thresholds lie to a rank, so that no step tells the score of a few. Thresholds other than
 * the given ones are the shortest decimals that part the same scores.
 * @param scores no NaN
 * @param given thresholds that must be in the grid
 * @param most how many others there may be
 */
export function thresholdGrid(
  scores: Float64Array,
  given: readonly number[],
  { most, least }: { readonly most: number; readonly least: number },
): ThresholdGrid {
  const sorted = Float64Array.from(orderOf(scores), (place) => scores[place] as number).reverse();
  const n = sorted.length;
  const step = Math.max(1, Math.ceil(n / most), least);
  const calledAt = (threshold: number) => firstBelow(sorted, threshold);
  const taken = given.map(calledAt);
  const grid = [...new Set(given)];
  let last = 0;
  for (let rank = step; rank < n; rank++) {
    const score = sorted[rank - 1] as number;
    const below = sorted[rank] as number;
    // Equal scores are not parted; the next rank that parts some is taken.
    if (score === below || rank - last < step || n - rank < least) continue;
    // Between two of which one is infinite there is no telling where.
    if (!Number.isFinite(score) || !Number.isFinite(below)) continue;
    last = rank;
    if (taken.some((other) => Math.abs(other - rank) < Math.max(step / 2, least))) continue;
    grid.push(shortestBetween(below, score));
  }
  const thresholds = Float64Array.from(grid).sort().reverse();
  return { thresholds, places: given.map((threshold) => thresholds.indexOf(threshold)) };
}

/** How many of the falling values are at or above a threshold. */
function firstBelow(sorted: Float64Array, threshold: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) >= threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A short decimal in (below, above]. */
function shortestBetween(below: number, above: number): number {
  const middle = below + (above - below) / 2;
  for (let digits = 1; digits <= 17; digits++) {
    const value = Number(middle.toPrecision(digits));
    if (value > below && value <= above) return value;
  }
  return above;
}

/** The counts of one group, without those that it shares with another. */
export type OwnCounts = Omit<ThresholdCounts, "reference">;

/**
 * The counts of one group over a grid.
 * @param data in patient order; all samples count alike
 * @param thresholds falling
 * @param minimum fewer repeating patients than this are not told of
 */
export function thresholdCounts(data: LabelledScores, thresholds: Float64Array, minimum = 0): OwnCounts {
  const tally = new Tally(data, thresholds);
  const { repeating, patients } = repeatsIn(data.patients);
  const clustered = repeating === 0 ? null : repeating < minimum ? "withheld" : tally.clustered();
  return { ...tally.counts(), patients, clustered };
}

/** How many patients there are, and how many of them have several samples. */
function repeatsIn(codes: Int32Array): { readonly patients: number; readonly repeating: number } {
  let [patients, repeating] = [0, 0];
  for (const { from, to } of patientRuns(codes)) {
    patients++;
    if (to - from > 1) repeating++;
  }
  return { patients, repeating };
}

const SUMS = ["aa", "bb", "ab", "am", "bk", "ak", "bm"] as const;

class Tally {
  readonly #steps: number;
  readonly #firsts: Uint32Array;
  readonly #hits: Float64Array;
  readonly #alarms: Float64Array;
  #positives = 0;

  constructor(
    private readonly data: LabelledScores,
    thresholds: Float64Array,
  ) {
    this.#steps = thresholds.length;
    this.#firsts = firstCalls(data.scores, thresholds);
    this.#hits = new Float64Array(this.#steps + 1);
    this.#alarms = new Float64Array(this.#steps + 1);
    for (let i = 0; i < this.#firsts.length; i++) {
      const list = data.labels[i] === 1 ? this.#hits : this.#alarms;
      const step = this.#firsts[i] as number;
      list[step] = (list[step] as number) + 1;
      this.#positives += data.labels[i] as number;
    }
  }

  counts() {
    const n = this.#firsts.length;
    return {
      positives: this.#positives,
      negatives: n - this.#positives,
      truePositives: this.#summed(this.#hits),
      falsePositives: this.#summed(this.#alarms),
    };
  }

  clustered(): ClusteredCounts {
    const steps = this.#steps + 1;
    const changes = Object.fromEntries(SUMS.map((name) => [name, new Float64Array(steps)])) as Record<
      (typeof SUMS)[number],
      Float64Array
    >;
    const called = new Float64Array(steps);
    const allCalled = new Float64Array(steps);
    const totals = { positivePatients: 0, negativePatients: 0, mm: 0, kk: 0, mk: 0 };
    for (const { from, to } of patientRuns(this.data.patients)) {
      const { m, k, order } = this.#patient(from, to);
      totals.positivePatients += m > 0 ? 1 : 0;
      totals.negativePatients += k > 0 ? 1 : 0;
      totals.mm += m * m;
      totals.kk += k * k;
      totals.mk += m * k;
      let [a, b] = [0, 0];
      for (const place of order) {
        const step = this.#firsts[place] as number;
        const add = (list: Float64Array, change: number) => {
          list[step] = (list[step] as number) + change;
        };
        // What one more call of this patient's adds to each sum.
        if (this.data.labels[place] === 1) {
          add(changes.aa, 2 * a + 1);
          add(changes.ab, b);
          add(changes.am, m);
          add(changes.ak, k);
          a++;
        } else {
          add(changes.bb, 2 * b + 1);
          add(changes.ab, a);
          add(changes.bk, k);
          add(changes.bm, m);
          b++;
        }
        if (a + b === 1) add(called, 1);
        if (a + b === m + k) add(allCalled, 1);
      }
    }
    const [aa, bb, ab, am, bk, ak, bm] = SUMS.map((name) => this.#summed(changes[name])) as [
      number[],
      number[],
      number[],
      number[],
      number[],
      number[],
      number[],
    ];
    return { ...totals, called: this.#summed(called), allCalled: this.#summed(allCalled), aa, bb, ab, am, bk, ak, bm };
  }

  #patient(from: number, to: number): { m: number; k: number; order: readonly number[] } {
    let m = 0;
    for (let i = from; i < to; i++) m += this.data.labels[i] as number;
    const order = Array.from({ length: to - from }, (_, i) => from + i);
    if (order.length > 1) order.sort((x, y) => (this.#firsts[x] as number) - (this.#firsts[y] as number));
    return { m, k: to - from - m, order };
  }

  /** Sums from the highest threshold on, without those who are called at none. */
  #summed(changes: Float64Array): number[] {
    let sum = 0;
    return Array.from({ length: this.#steps }, (_, step) => {
      sum += changes[step] as number;
      return sum;
    });
  }
}

/** The first threshold at which each sample is called positive; their number where it is called at none. */
function firstCalls(scores: Float64Array, thresholds: Float64Array): Uint32Array {
  return Uint32Array.from(scores, (score) => {
    let [low, high] = [0, thresholds.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (score >= (thresholds[middle] as number)) high = middle;
      else low = middle + 1;
    }
    return low;
  });
}

function* patientRuns(patients: Int32Array): Generator<{ readonly from: number; readonly to: number }> {
  for (let from = 0; from < patients.length; ) {
    let to = from + 1;
    while (to < patients.length && patients[to] === patients[from]) to++;
    yield { from, to };
    from = to;
  }
}

/**
 * What two groups share: sums over the patients of both, over the same grid. null where there are none, "withheld" where there
 * are fewer than `minimum`.
 * @param own, other in patient order
 */
export function sharedCounts(
  own: LabelledScores,
  other: LabelledScores,
  thresholds: Float64Array,
  minimum = 0,
): SharedCounts | "withheld" | null {
  const steps = thresholds.length;
  const [ofOwn, ofOther] = [firstCalls(own.scores, thresholds), firstCalls(other.scores, thresholds)];
  const sums = [0, 1, 2, 3, 4, 5].map(() => new Float64Array(steps));
  const [aa, am, ma, bb, bk, kb] = sums as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const totals = { positivePatients: 0, negativePatients: 0, mm: 0, kk: 0 };
  const others = new Map<number, { readonly from: number; readonly to: number }>();
  for (const run of patientRuns(other.patients)) others.set(other.patients[run.from] as number, run);
  let patients = 0;
  for (const run of patientRuns(own.patients)) {
    const match = others.get(own.patients[run.from] as number);
    if (match === undefined) continue;
    patients++;
    const mine = countedBy(own, ofOwn, run, steps);
    const theirs = countedBy(other, ofOther, match, steps);
    if (mine.m > 0 && theirs.m > 0) totals.positivePatients++;
    if (mine.k > 0 && theirs.k > 0) totals.negativePatients++;
    totals.mm += mine.m * theirs.m;
    totals.kk += mine.k * theirs.k;
    for (let step = Math.min(mine.first, theirs.first); step < steps; step++) {
      const [a, b] = [mine.a[step] as number, mine.b[step] as number];
      const [c, d] = [theirs.a[step] as number, theirs.b[step] as number];
      aa[step] = (aa[step] as number) + a * c;
      am[step] = (am[step] as number) + a * theirs.m;
      ma[step] = (ma[step] as number) + mine.m * c;
      bb[step] = (bb[step] as number) + b * d;
      bk[step] = (bk[step] as number) + b * theirs.k;
      kb[step] = (kb[step] as number) + mine.k * d;
    }
  }
  if (patients === 0) return null;
  if (patients < minimum) return "withheld";
  return { patients, ...totals, aa: [...aa], am: [...am], ma: [...ma], bb: [...bb], bk: [...bk], kb: [...kb] };
}

/** One patient's calls by threshold. */
function countedBy(
  { labels }: LabelledScores,
  firsts: Uint32Array,
  { from, to }: { readonly from: number; readonly to: number },
  steps: number,
) {
  const a = new Uint32Array(steps);
  const b = new Uint32Array(steps);
  let [m, first] = [0, steps];
  for (let i = from; i < to; i++) {
    const at = firsts[i] as number;
    m += labels[i] as number;
    first = Math.min(first, at);
    const list = labels[i] === 1 ? a : b;
    for (let step = at; step < steps; step++) list[step] = (list[step] as number) + 1;
  }
  return { a, b, m, k: to - from - m, first };
}
