import { betaTails } from "./beta.js";
import { chiSquareTail } from "./chi-square.js";
import { type NotEstimable, notEstimable } from "./estimate.js";

/** The outcome of a test on counts. */
export interface CountTest {
  readonly status: "tested";
  /** null where the test has none, as an exact test. */
  readonly statistic: number | null;
  readonly degrees?: number;
  /** Two-sided. */
  readonly p: number;
}

/**
 * McNemar's exact test that two paired shares are equal: twice the smaller tail of the binomial distribution of the
 * discordant pairs with probability one half, at most 1 (Q. McNemar, Psychometrika 12 (1947) 153–157; R's
 * binom.test(b, b + c)). Without discordant pairs p = 1: nothing speaks for a difference. Pairs must be independent:
 * where patients repeat, test the clustered difference of the shares instead.
 * @param onlyFirst pairs with a success in the first alone
 * @param onlySecond pairs with a success in the second alone
 */
export function mcnemarExact(onlyFirst: number, onlySecond: number): CountTest {
  const discordant = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  // P(X <= fewer) = I_{1/2}(n − fewer, fewer + 1).
  const p = discordant === 0 ? 1 : Math.min(1, 2 * betaTails(0.5, discordant - fewer, fewer + 1).lower);
  return { status: "tested", statistic: null, p };
}

/**
 * McNemar's mid-p test: the exact p-value less the probability of what was seen. The exact test rejects too seldom; this one
 * comes close to its nominal level and rarely passes it by little (M. W. Fagerland, S. Lydersen, P. Laake, BMC Medical
 * Research Methodology 13 (2013) 91). Without discordant pairs p = 1.
 */
export function mcnemarMidP(onlyFirst: number, onlySecond: number): CountTest {
  const discordant = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  // Tails P(X <= fewer) and P(X <= fewer − 1): half the probability of what was seen counts.
  const upTo = (count: number) => (count < 0 ? 0 : betaTails(0.5, discordant - count, count + 1).lower);
  const p = discordant === 0 ? 1 : Math.min(1, upTo(fewer) + upTo(fewer - 1));
  return { status: "tested", statistic: null, p };
}

/**
 * McNemar's test with Edwards's correction for continuity, (|b − c| − 1)²/(b + c), chi-square with one degree of
 * freedom (A. L. Edwards, Psychometrika 13 (1948) 185–187; R's mcnemar.test, which corrects nothing where b = c). A
 * large-sample test. Not defined without discordant pairs.
 */
export function mcnemarCorrected(onlyFirst: number, onlySecond: number): CountTest | NotEstimable {
  const discordant = onlyFirst + onlySecond;
  if (discordant === 0) return notEstimable("no pair differs: McNemar's chi-square needs at least one that does");
  const excess = Math.max(0, Math.abs(onlyFirst - onlySecond) - 1);
  const statistic = (excess * excess) / discordant;
  return { status: "tested", statistic, degrees: 1, p: chiSquareTail(statistic, 1) };
}

/** A 2 × 2 table of counts: successes and failures of two independent groups. */
export interface FourfoldTable {
  readonly firstSuccesses: number;
  readonly firstFailures: number;
  readonly secondSuccesses: number;
  readonly secondFailures: number;
}

export type Alternative = "two-sided" | "less" | "greater";

/** As R: tables count as no likelier than the one that was seen if they are so within this factor. */
const AS_LIKELY = 1 + 1e-7;

/**
 * Fisher's exact test that two independent shares are equal (R. A. Fisher, Statistical Methods for Research Workers,
 * 1934): given the margins, the count of the first successes is hypergeometric. Two-sided, p is the probability of all
 * tables that are no likelier than the one that was seen, as in R's fisher.test; "greater" is the alternative that the
 * first share is the larger. Exact for independent samples, and conservative. Linear in the smallest margin.
 * @param table whole counts
 */
export function fisherExact(table: FourfoldTable, alternative: Alternative = "two-sided"): CountTest {
  const { firstSuccesses: seen, firstFailures, secondSuccesses, secondFailures } = table;
  const first = seen + firstFailures;
  const successes = seen + secondSuccesses;
  const total = first + secondSuccesses + secondFailures;
  const lowest = Math.max(0, first + successes - total);
  const weights = hypergeometricWeights(first, successes, total);
  const least = (weights[seen - lowest] as number) * AS_LIKELY;
  let [sum, beyond] = [0, 0];
  weights.forEach((weight, i) => {
    sum += weight;
    const at = lowest + i;
    const counts = alternative === "two-sided" ? weight <= least : alternative === "less" ? at <= seen : at >= seen;
    if (counts) beyond += weight;
  });
  return { status: "tested", statistic: null, p: Math.min(1, beyond / sum) };
}

/**
 * Probabilities of the first group's successes, from the lowest to the highest that the margins allow, over that of the
 * likeliest: by the ratio of neighbours outward from there, so that nothing overflows and no digits are lost.
 */
function hypergeometricWeights(first: number, successes: number, total: number): Float64Array {
  const lowest = Math.max(0, first + successes - total);
  const highest = Math.min(first, successes);
  const weights = new Float64Array(highest - lowest + 1);
  const mode = Math.min(highest, Math.max(lowest, Math.floor(((first + 1) * (successes + 1)) / (total + 2))));
  // P(k + 1)/P(k)
  const ratio = (k: number) => ((first - k) * (successes - k)) / ((k + 1) * (total - first - successes + k + 1));
  weights[mode - lowest] = 1;
  for (let k = mode; k < highest; k++) weights[k + 1 - lowest] = (weights[k - lowest] as number) * ratio(k);
  for (let k = mode; k > lowest; k--) weights[k - 1 - lowest] = (weights[k - lowest] as number) / ratio(k - 1);
  return weights;
}

export interface SharesTest extends CountTest {
  /** The smallest count that is expected anywhere if all shares are equal: below 5 the chi-square is a poor guide. */
  readonly leastExpected: number;
}

/**
 * Pearson's chi-square test that k independent shares are equal: Σ (observed − expected)²/expected over successes and
 * failures, k − 1 degrees of freedom, without a continuity correction (K. Pearson, Phil. Mag. 50 (1900) 157–175; R's
 * chisq.test(correct = FALSE)). Groups without samples are left out. Not defined for fewer than two groups, nor where
 * all samples are successes or all failures. A large-sample test of independent samples: where patients repeat, use the
 * clustered homogeneity test (homogeneity.ts).
 */
export function equalSharesTest(groups: readonly { successes: number; n: number }[]): SharesTest | NotEstimable {
  const used = groups.filter(({ n }) => n > 0);
  if (used.length < 2) return notEstimable(`${used.length} of ${groups.length} groups have samples: two are needed`);
  const total = used.reduce((sum, { n }) => sum + n, 0);
  const successes = used.reduce((sum, group) => sum + group.successes, 0);
  if (successes === 0 || successes === total) {
    return notEstimable(`${successes} of ${total} samples are successes: the shares do not differ at all`);
  }
  const share = successes / total;
  const spread = share * (1 - share);
  const statistic = used.reduce((sum, group) => sum + (group.successes - group.n * share) ** 2 / (group.n * spread), 0);
  const degrees = used.length - 1;
  const smallest = used.reduce((least, { n }) => Math.min(least, n), Infinity);
  return {
    status: "tested",
    statistic,
    degrees,
    p: chiSquareTail(statistic, degrees),
    leastExpected: smallest * Math.min(share, 1 - share),
  };
}
