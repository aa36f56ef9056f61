import type { LabelledScores } from "./auc.js";

/** A whole and one of its groups; the rest is what they leave. */
export interface Complement {
  readonly whole: LabelledScores;
  readonly group: LabelledScores;
  /** Where the group's samples stand in the whole, ascending. */
  readonly positions: Uint32Array;
}

const complements = new WeakMap<LabelledScores, Complement>();

/**
 * Says that some samples are those of a whole outside one of its groups: statistics of the rest that follow from the whole and the
 * group need not look at the rest's own columns, which are large and many.
 */
export function declareComplement(rest: LabelledScores, of: Complement): void {
  complements.set(rest, of);
}

/** What some samples are the rest of; null where nothing is known. */
export function complementOfWhole(data: LabelledScores): Complement | null {
  return complements.get(data) ?? null;
}
