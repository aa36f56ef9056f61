import { type AucEstimate, areaAlong, areaOfPair, areaOfSides, patientsOf } from "./auc.js";
import { type Counts, type ScoredCell, withScores } from "./cell.js";
import { codesIn } from "./family.js";
import type { NotEstimable, Result } from "./estimate.js";
import { familyAreas, type OwnProducts } from "./family-areas.js";
import type { GroupAreas, PairSums } from "./group-areas.js";
import { LEFT_OUT } from "./placements.js";
import { type Pool, poolOf, type Side } from "./rank-sums.js";
import { takeCodes } from "./take.js";
import { unequalWeights } from "./weights.js";

/** An area between two sets of samples, which are counted by their own labels. */
export interface CrossArea {
  readonly area: Result<AucEstimate>;
  readonly counts: Counts;
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
  const n = upper.positions.length + lower.positions.length;
  const positives = (upper.label === 1 ? upper.positions.length : 0) + (lower.label === 1 ? lower.positions.length : 0);
  const area = unequalWeights(pool.data) === null ? areaOfSides(pool, upper, lower) : areaByWeight(pool, upper, lower);
  const patients = area.status === "estimated" ? area.patients : patientsOf(patientsOfBoth(pool, upper, lower));
  const counts = { n, positives, negatives: n - positives, patients };
  if (area.status === "estimated") return { area, counts };
  const sideOf = (name: string, { positions }: Side) => ({
    name,
    count: positions.length,
    patients: patientsOf(takeCodes(pool.data.patients, positions)),
  });
  return { area: notBetween([sideOf(names.upper, upper), sideOf(names.lower, lower)]), counts };
}

/** Both sides handed over as classes, as where samples differ in weight. */
function areaByWeight(pool: Pool, upper: Side, lower: Side): Result<AucEstimate> {
  const { data, order } = pool;
  const label = new Uint8Array(order.length).fill(LEFT_OUT);
  for (let i = 0; i < upper.positions.length; i++) label[upper.positions[i] as number] = 1;
  for (let i = 0; i < lower.positions.length; i++) label[lower.positions[i] as number] = 0;
  return areaAlong({ ...data, labels: label }, order);
}

/** The patients of all samples of two sides, ascending. */
function patientsOfBoth({ data }: Pool, upper: Side, lower: Side): Int32Array {
  const patients = new Int32Array(upper.positions.length + lower.positions.length);
  patients.set(takeCodes(data.patients, upper.positions));
  patients.set(takeCodes(data.patients, lower.positions), upper.positions.length);
  return patients.sort();
}

/** More groups than this are looked at one part after the other, since what all samples are among all groups takes room. */
const AT_ONCE = 12;

interface Known {
  readonly everybody: ScoredCell;
  readonly areas: GroupAreas;
  /** With the groups that it was looked at together with. */
  readonly pairs: ReadonlyMap<ScoredCell, { readonly across: PairSums; readonly own: OwnProducts }>;
}

const known = new WeakMap<ScoredCell, Known>();

/**
 * A group's areas with everybody else's, made once; null where samples differ in weight.
 * @param family the group with those that it shares no sample with: what is made of one of them is made of all at once
 */
export function areasAcross(
  everybody: ScoredCell,
  group: ScoredCell,
  family: readonly ScoredCell[] = [group],
): GroupAreas | null {
  const before = known.get(group);
  if (before?.everybody === everybody) return before.areas;
  const data = withScores(everybody, 0);
  if (unequalWeights(data) !== null) return null;
  const place = family.indexOf(group);
  const first = place - (place % AT_ONCE);
  const together = place === -1 ? [group] : family.slice(first, first + AT_ONCE);
  const { groups, pairs, shared } = familyAreas(poolOf(data), codesIn(everybody, together), together.length);
  together.forEach((cell, g) => {
    const others = together.flatMap((other, h) => {
      const across = pairs[g * together.length + h] ?? null;
      const own = shared[g * together.length + h] ?? null;
      return across === null || own === null ? [] : [[other, { across, own }] as const];
    });
    known.set(cell, { everybody, areas: groups[g] as GroupAreas, pairs: new Map(others) });
  });
  return known.get(group)?.areas ?? null;
}

/** The sums of the area of a group's positives above another's negatives; null where they were not looked at together. */
export function sumsBetween(everybody: ScoredCell, upper: ScoredCell, lower: ScoredCell): PairSums | null {
  const before = known.get(upper);
  return before?.everybody === everybody ? (before.pairs.get(lower)?.across ?? null) : null;
}

/** What the errors of two groups' own areas have in common; null where they were not looked at together. */
export function sharedErrors(everybody: ScoredCell, first: ScoredCell, second: ScoredCell): OwnProducts | null {
  const before = known.get(first);
  return before?.everybody === everybody ? (before.pairs.get(second)?.own ?? null) : null;
}

/** An area across two sets of samples out of its sums. */
export function crossAreaOf(
  sums: PairSums,
  labels: { readonly upper: 0 | 1; readonly lower: 0 | 1 },
  clustered: boolean,
  names: { readonly upper: string; readonly lower: string },
): CrossArea {
  const { upper, lower, mixed } = sums;
  const n = upper.count + lower.count;
  const positives = labels.upper * upper.count + labels.lower * lower.count;
  const patients = upper.patients + lower.patients - mixed.shared;
  const counts = { n, positives, negatives: n - positives, patients };
  const area = areaOfPair(sums, clustered, () => {
    throw new Error("an area across groups is not compared with others");
  });
  if (area.status === "estimated") return { area, counts };
  const sides = [
    { name: names.upper, count: upper.count, patients: upper.patients },
    { name: names.lower, count: lower.count, patients: lower.patients },
  ];
  return { area: notBetween(sides), counts };
}

/** Why there is no area, in terms of the sides: to the estimator they are classes. */
function notBetween(
  sides: readonly { readonly name: string; readonly count: number; readonly patients: number }[],
): NotEstimable {
  for (const { name, count } of sides) {
    if (count < 2) return { status: "not-estimable", reason: `${count} ${name}: an area needs at least two of each` };
  }
  const one = sides.find(({ patients }) => patients < 2);
  return {
    status: "not-estimable",
    reason: `all ${one?.name} come from one patient: the area's interval needs at least two patients of each`,
  };
}
