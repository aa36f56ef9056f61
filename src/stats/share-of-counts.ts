import { countedPart, countIn, type DecisionCounts, kishIn, patientsIn } from "./decision-counts.js";
import { type ProportionEstimate, shareEstimate } from "./proportion.js";

/**
 * The share of hits among trials, both sets of cells of the two-by-two table: the estimate of `proportion`, out of counts by
 * patient. null without trials.
 */
export function shareOfCounts(
  counts: DecisionCounts,
  trials: number,
  hits: number,
  clustered: boolean,
): ProportionEstimate | null {
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
