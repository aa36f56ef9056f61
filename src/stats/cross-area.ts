import { type AucEstimate, areaAlong, areaOfSides, patientsOf } from "./auc.js";
import type { Counts } from "./cell.js";
import type { Result } from "./estimate.js";
import { LEFT_OUT } from "./placements.js";
import type { Pool, Side } from "./rank-sums.js";
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
  return { area: area.status === "estimated" ? area : notBetween(pool, upper, lower, names), counts };
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

/** Why there is no area, in terms of the sides: to the estimator they are classes. */
function notBetween(
  { data }: Pool,
  upper: Side,
  lower: Side,
  names: { readonly upper: string; readonly lower: string },
): CrossArea["area"] {
  const few = [
    { name: names.upper, count: upper.positions.length, side: upper },
    { name: names.lower, count: lower.positions.length, side: lower },
  ];
  for (const { name, count } of few) {
    if (count < 2) return { status: "not-estimable", reason: `${count} ${name}: an area needs at least two of each` };
  }
  const one = few.find(({ side }) => patientsOf(takeCodes(data.patients, side.positions)) < 2);
  return {
    status: "not-estimable",
    reason: `all ${one?.name} come from one patient: the area's interval needs at least two patients of each`,
  };
}
