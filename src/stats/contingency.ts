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
