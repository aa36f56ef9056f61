import { type AucEstimate, areaAlong, type LabelledScores, patientsOf } from "./auc.js";
import type { Counts } from "./cell.js";
import type { Result } from "./estimate.js";
import { orderOf } from "./order.js";

/** Samples in patient order with their scores sorted once, for areas between any two sets of them. */
export interface Pool {
  readonly data: LabelledScores;
  /** Positions by ascending score. */
  readonly order: Uint32Array;
  /** Room for a number per position, which every area writes before it reads. */
  readonly scratch: Uint32Array;
}

/** Some samples of a pool, as positions in it. */
export interface Side {
  /** Ascending, hence in patient order. */
  readonly positions: Uint32Array;
  /** The same by ascending score, with their places in the pool's order, ascending. */
  readonly sorted: Uint32Array;
  readonly ranks: Uint32Array;
}

/** A group and everybody outside it, by label. */
export interface Sides {
  readonly positives: Side;
  readonly negatives: Side;
  readonly backgroundPositives: Side;
  readonly backgroundNegatives: Side;
}

/** An area between two sets of samples, which are counted by their own labels. */
export interface CrossArea {
  readonly area: Result<AucEstimate>;
  readonly counts: Counts;
}

export function poolOf(data: LabelledScores): Pool {
  return { data, order: orderOf(data.scores), scratch: new Uint32Array(data.scores.length) };
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
  const empty = () => Array.from(counts, (count) => new Uint32Array(count));
  const [positions, sorted, ranks] = [empty(), empty(), empty()];
  const next = new Uint32Array(4);
  for (let i = 0; i < kinds.length; i++) {
    const kind = kinds[i] as number;
    (positions[kind] as Uint32Array)[next[kind] as number] = i;
    next[kind] = (next[kind] as number) + 1;
  }
  next.fill(0);
  for (let i = 0; i < order.length; i++) {
    const position = order[i] as number;
    const kind = kinds[position] as number;
    (sorted[kind] as Uint32Array)[next[kind] as number] = position;
    (ranks[kind] as Uint32Array)[next[kind] as number] = i;
    next[kind] = (next[kind] as number) + 1;
  }
  const side = (kind: number): Side => ({
    positions: positions[kind] as Uint32Array,
    sorted: sorted[kind] as Uint32Array,
    ranks: ranks[kind] as Uint32Array,
  });
  return { backgroundNegatives: side(0), backgroundPositives: side(1), negatives: side(2), positives: side(3) };
}

/**
 * The probability that a sample of one side scores higher than one of the other, ties by half, whatever their labels: the AUC
 * with the sides in place of the classes, with DeLong's or Obuchowski's variance; patients with samples on both sides are
 * allowed for. The sides are merged, nothing is sorted. Not estimable where either side has fewer than two samples or patients.
 * @param names what the sides are, for the reason
 */
export function areaBetween(
  pool: Pool,
  upper: Side,
  lower: Side,
  names: { readonly upper: string; readonly lower: string },
): CrossArea {
  const { data, scratch: placeOf } = pool;
  const n = upper.positions.length + lower.positions.length;
  const scores = new Float64Array(n);
  const labels = new Uint8Array(n);
  const patients = new Int32Array(n);
  const all = data.weights ?? null;
  const weights = all === null ? null : new Float64Array(n);
  let positives = 0;
  for (let next = 0, i = 0, j = 0; next < n; next++) {
    const isUpper = j === lower.positions.length || (upper.positions[i] as number) < (lower.positions[j] as number);
    const position = (isUpper ? upper.positions[i++] : lower.positions[j++]) as number;
    placeOf[position] = next;
    scores[next] = data.scores[position] as number;
    labels[next] = isUpper ? 1 : 0;
    patients[next] = data.patients[position] as number;
    positives += data.labels[position] as number;
    if (all !== null && weights !== null) weights[next] = all[position] as number;
  }
  const order = new Uint32Array(n);
  for (let next = 0, i = 0, j = 0; next < n; next++) {
    const isUpper = j === lower.ranks.length || (upper.ranks[i] as number) < (lower.ranks[j] as number);
    order[next] = placeOf[(isUpper ? upper.sorted[i++] : lower.sorted[j++]) as number] as number;
  }
  const counts = { n, positives, negatives: n - positives, patients: patientsOf(patients) };
  const area = areaAlong({ scores, labels, patients, clustered: data.clustered, weights }, order);
  return { area: area.status === "estimated" ? area : notBetween(upper, lower, patients, labels, names), counts };
}

/** Why there is no area, in terms of the sides: to the estimator they are classes. */
function notBetween(
  upper: Side,
  lower: Side,
  patients: Int32Array,
  labels: Uint8Array,
  names: { readonly upper: string; readonly lower: string },
): CrossArea["area"] {
  const few = [
    { name: names.upper, count: upper.positions.length, label: 1 },
    { name: names.lower, count: lower.positions.length, label: 0 },
  ];
  for (const { name, count } of few) {
    if (count < 2) return { status: "not-estimable", reason: `${count} ${name}: an area needs at least two of each` };
  }
  const one = few.find(({ label }) => patientsOf(patients.filter((_, i) => labels[i] === label)) < 2);
  return {
    status: "not-estimable",
    reason: `all ${one?.name} come from one patient: the area's interval needs at least two patients of each`,
  };
}
