/** Comparisons of the same samples under two conditions, as several audits make them. */
import { type AucEstimate, pairedAucDifference } from "../../src/stats/auc.js";
import type { Result } from "../../src/stats/estimate.js";
import { type ProportionEstimate, pairedProportionDifference } from "../../src/stats/proportion.js";

/** The first area minus the second, on the same samples. */
export function pairedAreas(first: Result<AucEstimate>, second: Result<AucEstimate>, clustered: boolean): Result {
  if (first.status === "not-estimable") return first;
  if (second.status === "not-estimable") return second;
  return pairedAucDifference(first, second, clustered);
}

/** The first share minus the second, on the same samples. */
export function pairedShares(
  first: Result<ProportionEstimate>,
  second: Result<ProportionEstimate>,
  clustered: boolean,
): Result {
  if (first.status === "not-estimable") return first;
  if (second.status === "not-estimable") return second;
  return pairedProportionDifference(first, second, clustered);
}
