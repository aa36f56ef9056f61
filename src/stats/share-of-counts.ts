import {
  CALLED,
  countedPart,
  countIn,
  type DecisionCounts,
  EVERYTHING,
  kishIn,
  NEGATIVES,
  POSITIVES,
  patientsIn,
  RIGHT,
  UNCALLED,
} from "./decision-counts.js";
import { type ProportionEstimate, shareEstimate } from "./proportion.js";
import type { DecisionShare } from "./share-totals.js";

/** What shares of decisions are of, and what counts, as sets of cells. */
const SETS: Readonly<Record<DecisionShare, { readonly trials: number; readonly hits: number }>> = {
  sensitivity: { trials: POSITIVES, hits: CALLED },
  specificity: { trials: NEGATIVES, hits: UNCALLED },
  ppv: { trials: CALLED, hits: POSITIVES },
  npv: { trials: UNCALLED, hits: NEGATIVES },
  "selection-rate": { trials: EVERYTHING, hits: CALLED },
  accuracy: { trials: EVERYTHING, hits: RIGHT },
};

/**
 * A share of decisions out of counts by patient: the numbers of `proportion` but for rounding, and covariances with other such
 * shares at the cost of a few products. null where it is of no sample.
 */
export function shareOfCounts(
  counts: DecisionCounts,
  share: DecisionShare,
  clustered: boolean,
): ProportionEstimate | null {
  const { trials, hits } = SETS[share];
  const n = countIn(counts, trials);
  if (n === 0) return null;
  const successes = countIn(counts, trials & hits);
  const value = successes / n;
  const coefficients = counts.totals.map((_, cell) => {
    if (((trials >> cell) & 1) === 0) return 0;
    return (((hits >> cell) & 1) - value) / n;
  });
  const patients = patientsIn(counts, trials);
  return shareEstimate({
    value,
    part: countedPart(counts, coefficients, trials),
    n,
    patients,
    successes,
    isPlain: patients === n,
    isClustered: clustered,
    kish: () => kishIn(counts, trials),
  });
}
