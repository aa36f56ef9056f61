import fc from "fast-check";
import { ndcg } from "../../src/stats/ranking.js";
import { averagePrecisionOfRanks, firstHitRank, ndcgAt, precisionAt, recallAt } from "../../src/stats/retrieval.js";
import { expectClose, reference } from "../support/reference.js";

interface Sklearn {
  readonly ndcg: readonly { relevance: number[]; scores: number[]; k: number | null; ndcg: number; note?: string }[];
  readonly average_precision: readonly { y: number[]; score: number[]; ap: number }[];
}
const { sklearn } = reference<{ expected: { sklearn: Sklearn } }>("ranking_multiclass_multilabel.json").expected;

/** Gains in the order of descending scores. */
function ranked(gains: readonly number[], scores: readonly number[]): Float64Array {
  const order = [...scores.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number));
  return Float64Array.from(order, (at) => gains[at] as number);
}
const hasTies = (scores: readonly number[]) => new Set(scores).size < scores.length;

test.each(sklearn.ndcg.filter(({ scores }) => !hasTies(scores)))(
  "nDCG is scikit-learn's: $scores at $k",
  ({ relevance, scores, k, ndcg: wanted }) => {
    expectClose(ndcgAt(ranked(relevance, scores), k ?? relevance.length), wanted);
  },
);

test("average precision is scikit-learn's where no scores are equal", () => {
  const untied = sklearn.average_precision.filter(({ score }) => !hasTies(score));
  expect(untied.length).toBeGreaterThan(0);
  for (const { ap, score, y } of untied) expectClose(averagePrecisionOfRanks(ranked(y, score)), ap);
});

test("a worked example: hits at ranks 1, 3 and 6 of 8", () => {
  const gains = Float64Array.of(1, 0, 1, 0, 0, 1, 0, 0);
  expect(precisionAt(gains, 3)).toBe(2 / 3);
  expect(recallAt(gains, 3)).toBe(2 / 3);
  expectClose(averagePrecisionOfRanks(gains), (1 + 2 / 3 + 3 / 6) / 3);
  expect(firstHitRank(gains)).toBe(1);
  expect(firstHitRank(gains.subarray(1))).toBe(2);
});

test("without a relevant item nothing but precision is defined", () => {
  const gains = new Float64Array(5);
  expect(precisionAt(gains, 2)).toBe(0);
  for (const value of [recallAt(gains, 2), averagePrecisionOfRanks(gains), ndcgAt(gains, 2), firstHitRank(gains)])
    expect(value).toBeNaN();
});

test("nDCG is that of ranking.ts, graded or not, and moving a hit forward lowers nothing", () => {
  const list = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2, maxLength: 30 });
  fc.assert(
    fc.property(list, fc.integer({ min: 1, max: 35 }), fc.nat(28), (gains, k, place) => {
      if (gains.every((gain) => gain === 0)) return;
      const own = Float64Array.from(gains);
      const whole = ndcg(
        own,
        Float64Array.from(gains, (_, rank) => -rank),
        k,
      );
      if (whole.status === "measured") expectClose(ndcgAt(own, k), whole.value, 1e-12);
      const at = place % (gains.length - 1);
      if (!((own[at] as number) < (own[at + 1] as number))) return;
      const swapped = own.slice();
      [swapped[at], swapped[at + 1]] = [own[at + 1] as number, own[at] as number];
      expect(ndcgAt(swapped, k)).toBeGreaterThanOrEqual(ndcgAt(own, k) - 1e-12);
      expect(averagePrecisionOfRanks(swapped)).toBeGreaterThanOrEqual(averagePrecisionOfRanks(own) - 1e-12);
      expect(recallAt(swapped, Math.min(k, gains.length))).toBeGreaterThanOrEqual(
        recallAt(own, Math.min(k, gains.length)),
      );
    }),
  );
});
