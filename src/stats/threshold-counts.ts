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
 * @param firsts `firstCalls` of its scores, where it is at hand
 */
export function thresholdCounts(
  data: LabelledScores,
  thresholds: Float64Array,
  minimum = 0,
  firsts: Uint16Array = firstCalls(data.scores, thresholds),
): OwnCounts {
  const steps = thresholds.length;
  const { repeating, patients } = repeatsIn(data.patients);
  const clustered = repeating === 0 ? null : repeating < minimum ? "withheld" : clusteredCounts(data, firsts, steps);
  return { ...plainCounts(data.labels, firsts, steps), patients, clustered };
}

/** How many patients there are, and how many of them have several samples. */
function repeatsIn(codes: Int32Array): { readonly patients: number; readonly repeating: number } {
  let [patients, repeating] = [0, 0];
  for (let from = 0; from < codes.length; ) {
    const to = endOfRun(codes, from);
    patients++;
    if (to - from > 1) repeating++;
    from = to;
  }
  return { patients, repeating };
}

/** Where the run of a patient's samples that begins at `from` ends. */
function endOfRun(codes: Int32Array, from: number): number {
  const code = codes[from];
  let to = from + 1;
  while (to < codes.length && codes[to] === code) to++;
  return to;
}

function plainCounts(labels: Uint8Array, firsts: Uint16Array, steps: number) {
  const hits = new Float64Array(steps + 1);
  const alarms = new Float64Array(steps + 1);
  let positives = 0;
  for (let i = 0; i < firsts.length; i++) {
    const list = labels[i] === 1 ? hits : alarms;
    const step = firsts[i] as number;
    list[step] = (list[step] as number) + 1;
    positives += labels[i] as number;
  }
  return {
    positives,
    negatives: firsts.length - positives,
    truePositives: summed(hits),
    falsePositives: summed(alarms),
  };
}

/** Sums from the highest threshold on, without the last: those who are called at none. */
function summed(changes: Float64Array): number[] {
  const sums: number[] = [];
  let sum = 0;
  for (let step = 0; step < changes.length - 1; step++) {
    sum += changes[step] as number;
    sums.push(sum);
  }
  return sums;
}

/** What one more call adds to each sum is laid down at the step of the call; whole numbers throughout. */
function clusteredCounts({ labels, patients }: LabelledScores, firsts: Uint16Array, steps: number): ClusteredCounts {
  const list = () => new Float64Array(steps + 1);
  const [aa, bb, ab, am, bk, ak, bm] = [list(), list(), list(), list(), list(), list(), list()];
  const [called, allCalled] = [list(), list()];
  const totals = { positivePatients: 0, negativePatients: 0, mm: 0, kk: 0, mk: 0 };
  const events = new Events();
  const add = (to: Float64Array, step: number, change: number) => {
    to[step] = (to[step] as number) + change;
  };
  for (let from = 0; from < patients.length; ) {
    const to = endOfRun(patients, from);
    events.clear();
    let m = 0;
    for (let i = from; i < to; i++) {
      const label = labels[i] as number;
      m += label;
      events.insert((firsts[i] as number) * KINDS + label);
    }
    const k = to - from - m;
    from = to;
    totals.positivePatients += m > 0 ? 1 : 0;
    totals.negativePatients += k > 0 ? 1 : 0;
    totals.mm += m * m;
    totals.kk += k * k;
    totals.mk += m * k;
    let [a, b] = [0, 0];
    for (let place = 0; place < events.count; place++) {
      const event = events.list[place] as number;
      const step = event >>> KIND_BITS;
      if ((event & 1) === 1) {
        add(aa, step, 2 * a + 1);
        add(ab, step, b);
        add(am, step, m);
        add(ak, step, k);
        a++;
      } else {
        add(bb, step, 2 * b + 1);
        add(ab, step, a);
        add(bk, step, k);
        add(bm, step, m);
        b++;
      }
      if (a + b === 1) add(called, step, 1);
      if (a + b === m + k) add(allCalled, step, 1);
    }
  }
  return {
    ...totals,
    called: summed(called),
    allCalled: summed(allCalled),
    aa: summed(aa),
    bb: summed(bb),
    ab: summed(ab),
    am: summed(am),
    bk: summed(bk),
    ak: summed(ak),
    bm: summed(bm),
  };
}

/** Of an event: bit 0 says whether it is about a positive, bit 1 whether about the other group. */
const KIND_BITS = 2;
const KINDS = 1 << KIND_BITS;
const OTHER = 2;

/** One patient's first calls in the order of their steps, each as step · KINDS + kind. */
class Events {
  list = new Uint32Array(64);
  count = 0;

  clear(): void {
    this.count = 0;
  }

  /** By insertion: most patients have few samples. */
  insert(event: number): void {
    if (this.count === this.list.length) {
      const wider = new Uint32Array(2 * this.count);
      wider.set(this.list);
      this.list = wider;
    }
    const { list } = this;
    let place = this.count++;
    while (place > 0 && (list[place - 1] as number) > event) {
      list[place] = list[place - 1] as number;
      place--;
    }
    list[place] = event;
  }
}

/**
 * The first threshold at which each sample is called positive; their number where it is called at none.
 * @param thresholds falling, fewer than 2^16
 */
export function firstCalls(scores: Float64Array, thresholds: Float64Array): Uint16Array {
  const firsts = new Uint16Array(scores.length);
  const order = orderOf(scores);
  let step = 0;
  for (let rank = order.length - 1; rank >= 0; rank--) {
    const place = order[rank] as number;
    const score = scores[place] as number;
    while (step < thresholds.length && score < (thresholds[step] as number)) step++;
    firsts[place] = step;
  }
  return firsts;
}

/**
 * What two groups share: sums over the patients of both, over the same grid. null where there are none, "withheld" where there
 * are fewer than `minimum`.
 * @param own, other in patient order
 * @param firsts `firstCalls` of the scores of both, where they are at hand
 */
export function sharedCounts(
  own: LabelledScores,
  other: LabelledScores,
  thresholds: Float64Array,
  minimum = 0,
  firsts: { readonly own: Uint16Array; readonly other: Uint16Array } = {
    own: firstCalls(own.scores, thresholds),
    other: firstCalls(other.scores, thresholds),
  },
): SharedCounts | "withheld" | null {
  const list = () => new Float64Array(thresholds.length + 1);
  const [aa, am, ma, bb, bk, kb] = [list(), list(), list(), list(), list(), list()];
  const totals = { positivePatients: 0, negativePatients: 0, mm: 0, kk: 0 };
  const events = new Events();
  const add = (to: Float64Array, step: number, change: number) => {
    to[step] = (to[step] as number) + change;
  };
  let patients = 0;
  for (let i = 0, j = 0; i < own.patients.length && j < other.patients.length; ) {
    const [mine, theirs] = [own.patients[i] as number, other.patients[j] as number];
    if (mine !== theirs) {
      if (mine < theirs) i++;
      else j++;
      continue;
    }
    patients++;
    events.clear();
    const [fromOwn, fromOther] = [i, j];
    let [m, n] = [0, 0]; // positives: here, and of the other group
    for (; i < own.patients.length && own.patients[i] === mine; i++) {
      const label = own.labels[i] as number;
      m += label;
      events.insert((firsts.own[i] as number) * KINDS + label);
    }
    for (; j < other.patients.length && other.patients[j] === mine; j++) {
      const label = other.labels[j] as number;
      n += label;
      events.insert((firsts.other[j] as number) * KINDS + OTHER + label);
    }
    const [k, l] = [i - fromOwn - m, j - fromOther - n];
    if (m > 0 && n > 0) totals.positivePatients++;
    if (k > 0 && l > 0) totals.negativePatients++;
    totals.mm += m * n;
    totals.kk += k * l;
    let [a, b, c, d] = [0, 0, 0, 0]; // calls of positives and negatives: here, then of the other group
    for (let place = 0; place < events.count; place++) {
      const event = events.list[place] as number;
      const step = event >>> KIND_BITS;
      switch (event & (KINDS - 1)) {
        case 1:
          a++;
          add(aa, step, c);
          add(am, step, n);
          break;
        case 0:
          b++;
          add(bb, step, d);
          add(bk, step, l);
          break;
        case OTHER + 1:
          c++;
          add(aa, step, a);
          add(ma, step, m);
          break;
        default:
          d++;
          add(bb, step, b);
          add(kb, step, k);
      }
    }
  }
  if (patients === 0) return null;
  if (patients < minimum) return "withheld";
  return {
    patients,
    ...totals,
    aa: summed(aa),
    am: summed(am),
    ma: summed(ma),
    bb: summed(bb),
    bk: summed(bk),
    kb: summed(kb),
  };
}
