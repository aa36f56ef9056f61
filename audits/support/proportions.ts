/** How shares get their limits, as audits let the protocol choose. */
import { z } from "zod";
import type { Result } from "../../src/stats/estimate.js";
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

export function withLimits(share: Result<ProportionEstimate>, asked: Proportions): Result<ProportionEstimate> {
  return share.status === "estimated" && asked === "clopper-pearson" ? exactShare(share) : share;
}
