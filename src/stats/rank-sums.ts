import type { LabelledScores } from "./auc.js";
import { type ErrorPart, ownVariance } from "./influence.js";
import { orderOf } from "./order.js";

/** Samples in patient order with their scores sorted once, for areas between any two sets of them. */
export interface Pool {
  readonly data: LabelledScores;
  /** Positions by ascending score. */
  readonly order: Uint32Array;
  /** By rank: the number of the run of equal scores that it is in. */
  readonly runs: Uint32Array;
  /** The same by position, and how many runs there are. */
  readonly runOf: Uint32Array;
  readonly runCount: number;
  /** Room for a number per position, which every area writes before it reads. */
  readonly scratch: Float64Array;
}

/** Some samples of a pool with one label. */
export interface Side {
  readonly label: 0 | 1;
  /** Positions in the pool, ascending, hence in patient order. */
  readonly positions: Uint32Array;
  /** Places in the pool's order, ascending. */
  readonly ranks: Uint32Array;
}

/** A group and everybody outside it, by label. */
export interface Sides {
  readonly positives: Side;
  readonly negatives: Side;
  readonly backgroundPositives: Side;
  readonly backgroundNegatives: Side;
}

const known = new WeakMap<LabelledScores, Pool>();

/** The samples as a pool, made once for as long as they live. */
export function poolOf(data: LabelledScores): Pool {
  let pool = known.get(data);
  if (pool === undefined) {
    const order = orderOf(data.scores);
    const runs = runsOf(data.scores, order);
    const runOf = new Uint32Array(order.length);
    for (let rank = 0; rank < order.length; rank++) runOf[order[rank] as number] = runs[rank] as number;
    const runCount = order.length === 0 ? 0 : (runs[order.length - 1] as number) + 1;
    pool = { data, order, runs, runOf, runCount, scratch: new Float64Array(order.length) };
    known.set(data, pool);
  }
  return pool;
}

function runsOf(scores: Float64Array, order: Uint32Array): Uint32Array {
  const runs = new Uint32Array(order.length);
  let run = 0;
  for (let rank = 1; rank < order.length; rank++) {
    if (scores[order[rank] as number] !== scores[order[rank - 1] as number]) run++;
    runs[rank] = run;
  }
  return runs;
}

/**
 * Splits the pool into a group and its background, by label, in two passes.
 * @param isMember 1 for the group's samples, by position
 */
export function sidesOf({ data, order }: Pool, isMember: Uint8Array): Sides {
  const kinds = new Uint8Array(order.length);
  const counts = new Uint32Array(4);
  for (let i = 0; i < kinds.length; i++) {
    const kind = 2 * (isMember[i] as number) + (data.labels[i] as number);
    kinds[i] = kind;
    counts[kind] = (counts[kind] as number) + 1;
  }
  const [ofHealthyOutside, ofIllOutside, ofHealthy, ofIll] = counts as unknown as [number, number, number, number];
  const starts = Uint32Array.of(0, ofHealthyOutside, ofHealthyOutside + ofIllOutside, order.length - ofIll);
  const positions = new Uint32Array(order.length);
  const ranks = new Uint32Array(order.length);
  const next = starts.slice();
  for (let i = 0; i < kinds.length; i++) {
    const kind = kinds[i] as number;
    const place = next[kind] as number;
    positions[place] = i;
    next[kind] = place + 1;
  }
  next.set(starts);
  for (let rank = 0; rank < order.length; rank++) {
    const kind = kinds[order[rank] as number] as number;
    const place = next[kind] as number;
    ranks[place] = rank;
    next[kind] = place + 1;
  }
  const side = (kind: number, count: number): Side => {
    const start = starts[kind] as number;
    const label = (kind & 1) as 0 | 1;
    return { label, positions: positions.subarray(start, start + count), ranks: ranks.subarray(start, start + count) };
  };
  return {
    backgroundNegatives: side(0, ofHealthyOutside),
    backgroundPositives: side(1, ofIllOutside),
    negatives: side(2, ofHealthy),
    positives: side(3, ofIll),
  };
}

/** One side of an area: its centred placements over their count, summed by patient. */
export interface SideError {
  readonly part: ErrorPart;
  /** Its own variance. */
  readonly variance: number;
  /** Σ of the squared centred placements. */
  readonly squares: number;
}

/** The area between two sides of a pool, ties by half, with what its error is made of. */
export interface RankSums {
  readonly area: number;
  readonly upper: SideError;
  readonly lower: SideError;
}

/** For pools whose samples all count alike. Either side must have samples. */
export function rankSums(pool: Pool, upper: Side, lower: Side): RankSums {
  const twiceWins = placeSides(pool, upper.ranks, lower.ranks);
  const area = Math.min(1, twiceWins / (2 * upper.ranks.length * lower.ranks.length));
  return { area, upper: sideError(pool, upper.positions, area), lower: sideError(pool, lower.positions, area) };
}

/**
 * Writes into the scratch, by position, the share of the lower side that scores below each sample of the upper one, and the share
 * of the upper side above each of the lower; ties by half. Returns twice the wins.
 */
function placeSides({ order, runs, scratch }: Pool, upper: Uint32Array, lower: Uint32Array): number {
  const [above, below] = [upper.length, lower.length];
  let twiceWins = 0;
  let i = 0;
  let j = 0;
  let ofI = runAt(runs, upper, 0);
  let ofJ = runAt(runs, lower, 0);
  while (i < above || j < below) {
    const run = Math.min(ofI, ofJ);
    const [fromI, fromJ] = [i, j];
    while (ofI === run) ofI = runAt(runs, upper, ++i);
    while (ofJ === run) ofJ = runAt(runs, lower, ++j);
    const [tiedUpper, tiedLower] = [i - fromI, j - fromJ];
    const ofUpper = (fromJ + tiedLower / 2) / below;
    const ofLower = (above - i + tiedUpper / 2) / above;
    for (let k = fromI; k < i; k++) scratch[order[upper[k] as number] as number] = ofUpper;
    for (let k = fromJ; k < j; k++) scratch[order[lower[k] as number] as number] = ofLower;
    twiceWins += tiedUpper * (2 * fromJ + tiedLower);
  }
  return twiceWins;
}

const BEYOND = 0xffffffff;

/** The run of a side's k-th sample by score; beyond all runs past its end. */
function runAt(runs: Uint32Array, ranks: Uint32Array, k: number): number {
  return k < ranks.length ? (runs[ranks[k] as number] as number) : BEYOND;
}

function sideError({ data, scratch }: Pool, positions: Uint32Array, area: number): SideError {
  const count = positions.length;
  const codes = new Int32Array(count);
  const totals = new Float64Array(count);
  let squares = 0;
  let last = -1;
  let current = -1;
  let total = 0;
  for (let i = 0; i < count; i++) {
    const position = positions[i] as number;
    const patient = data.patients[position] as number;
    const centred = (scratch[position] as number) - area;
    squares += centred * centred;
    if (patient !== current) {
      current = patient;
      codes[++last] = patient;
      total = 0;
    }
    total += centred / count;
    totals[last] = total;
  }
  const part = { patients: codes.slice(0, last + 1), totals: totals.slice(0, last + 1) };
  return { part, variance: ownVariance(part), squares };
}
