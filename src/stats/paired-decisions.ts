import type { FindingTest } from "../core/finding.js";
import { differenceTest } from "./assessment.js";
import { mcnemarExact, mcnemarMidP } from "./contingency.js";
import type { Estimate } from "./estimate.js";
import { normalCdf } from "./normal.js";
import type { ProportionEstimate } from "./proportion.js";

/** Two models' decisions on the same samples, each at its own threshold (score >= threshold is called positive). */
export interface PairedDecisions {
  /** 1 positive, 0 negative. */
  readonly labels: Uint8Array;
  readonly first: Float64Array;
  readonly firstThreshold: number;
  readonly second: Float64Array;
  readonly secondThreshold: number;
}

/** Samples that one of two models alone decides rightly. */
export interface Discordance {
  readonly onlyFirst: number;
  readonly onlySecond: number;
}

/** Among the positives (label 1), or the negatives: how many samples one model gets right and the other wrong. */
export function discordance(decisions: PairedDecisions, label: 0 | 1): Discordance {
  const { labels, first, firstThreshold, second, secondThreshold } = decisions;
  let onlyFirst = 0;
  let onlySecond = 0;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== label) continue;
    const a = (first[i] as number) >= firstThreshold;
    const b = (second[i] as number) >= secondThreshold;
    if (a === b) continue;
    if (a === (label === 1)) onlyFirst++;
    else onlySecond++;
  }
  return { onlyFirst, onlySecond };
}

/**
 * Tests of no difference between two shares of the same samples. McNemar's, exact and mid-p, where every sample is of
 * another patient and all weigh alike. Else pairs are not independent and McNemar's p is too small: then z = difference
 * over its clustered standard error, the ratio estimator's as in N. A. Obuchowski, Statistics in Medicine 17 (1998)
 * 1495–1507, but at the shares that were seen, not at a common one. Where that error is nil, by inverting the interval.
 * @param shares the two shares, of which `difference` is the first minus the second
 * @param weighted whether samples count unequally
 */
export function pairedSharesTests(
  difference: Estimate,
  shares: readonly ProportionEstimate[],
  { onlyFirst, onlySecond }: Discordance,
  weighted: boolean,
): FindingTest[] {
  const hypothesis = "no difference";
  const isIndependent = !weighted && shares.every(({ n, patients }) => n === patients);
  if (isIndependent) {
    return [
      { method: "mcnemar-exact", hypothesis, statistic: null, p: mcnemarExact(onlyFirst, onlySecond).p },
      { method: "mcnemar-mid-p", hypothesis, statistic: null, p: mcnemarMidP(onlyFirst, onlySecond).p },
    ];
  }
  if (difference.standardError === 0) return differenceTest(difference);
  const z = difference.value / difference.standardError;
  return [{ method: "clustered-z", hypothesis, statistic: z, p: Math.min(1, 2 * normalCdf(-Math.abs(z))) }];
}
