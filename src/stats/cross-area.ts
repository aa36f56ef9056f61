import { type AucEstimate, areaOfSides, areaUnderCurve, patientsOf } from "./auc.js";
import type { Counts } from "./cell.js";
import type { Result } from "./estimate.js";
import type { Pool, Side } from "./rank-sums.js";
import { takeCodes, takeDoubles } from "./take.js";
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
  const { data } = pool;
  const n = upper.positions.length + lower.positions.length;
  const positions = new Uint32Array(n);
  const labels = new Uint8Array(n);
  for (let next = 0, i = 0, j = 0; next < n; next++) {
    const isUpper = j === lower.positions.length || (upper.positions[i] as number) < (lower.positions[j] as number);
    positions[next] = (isUpper ? upper.positions[i++] : lower.positions[j++]) as number;
    labels[next] = isUpper ? 1 : 0;
  }
  return areaUnderCurve({
    scores: takeDoubles(data.scores, positions),
    labels,
    patients: takeCodes(data.patients, positions),
    clustered: data.clustered,
    weights: data.weights == null ? null : takeDoubles(data.weights, positions),
  });
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
