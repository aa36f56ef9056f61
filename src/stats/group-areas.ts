import { familyAreas } from "./family-areas.js";
import type { Product } from "./influence.js";
import type { Pool } from "./rank-sums.js";

/**
 * Everything that a group's scores and everybody else's are compared in: the areas among the group, among the others (the rest), and
 * across both, each with its variance by DeLong or Obuchowski and no list of patients. `familyAreas` makes those of all groups of a
 * family at once.
 */
export interface GroupAreas {
  /** Positives of the rest above negatives of the rest. */
  readonly rest: PairSums;
  /** Positives of the rest above the group's negatives. */
  readonly bpsn: PairSums;
  /** The group's positives above negatives of the rest. */
  readonly bnsp: PairSums;
  /** The group's positives above positives of the rest, and negatives above negatives. */
  readonly positives: PairSums;
  readonly negatives: PairSums;
  /** Of the errors within the group and within the rest: positives and negatives of either. */
  readonly mixed: {
    readonly positivesPositives: Product;
    readonly positivesNegatives: Product;
    readonly negativesPositives: Product;
    readonly negativesNegatives: Product;
  };
}

/** One side of an area: its samples, their patients, and the sums of squares by patient and by sample. */
export interface SideSums {
  readonly count: number;
  readonly patients: number;
  /** Σ over patients of the square of their summed centred placements over the count. */
  readonly product: number;
  /** Σ over samples of the squared centred placements. */
  readonly squares: number;
}

/** The area between two sides, ties by half, with what its error is made of. 0 where a side is empty. */
export interface PairSums {
  readonly area: number;
  readonly upper: SideSums;
  readonly lower: SideSums;
  readonly mixed: Product;
}

/**
 * @param pool everybody; all samples count alike
 * @param isMember 1 for the group's samples, by position
 */
export function groupAreas(pool: Pool, isMember: Uint8Array): GroupAreas {
  const codes = Uint16Array.from(isMember, (one) => 1 - one);
  return familyAreas(pool, codes, 1).groups[0] as GroupAreas;
}
