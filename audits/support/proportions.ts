/** How shares get their limits, as audits let the protocol choose. */
import { z } from "zod";
import type { NotEstimable } from "../../src/stats/estimate.js";
import { exactShare } from "../../src/stats/exact-share.js";
import type { ProportionEstimate } from "../../src/stats/proportion.js";

/** The audit parameter `proportions`. */
export const proportions = z
  .enum(["wilson", "clopper-pearson"])
  .default("wilson")
  .describe(
    "Intervals of shares: Wilson's score, or Clopper and Pearson's exact one (where patients repeat, Korn and Graubard's adjustment of it).",
  );

export type Proportions = z.output<typeof proportions>;

export function withLimits<S extends Omit<ProportionEstimate, "error">>(
  share: S | NotEstimable,
  asked: Proportions,
): S | NotEstimable {
  return share.status === "estimated" && asked === "clopper-pearson" ? exactShare(share) : share;
}
