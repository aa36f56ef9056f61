import fc from "fast-check";
import { ndcg } from "../../src/stats/ranking.js";
import { expectClose, reference } from "../support/reference.js";

interface Case {
  readonly relevance: readonly number[];
  readonly scores: readonly number[];
  readonly k: number | null;
  readonly ndcg: number;
  readonly note?: string;
}
const cases = reference<{ expected: { sklearn: { ndcg: Case[] } } }>("ranking_multiclass_multilabel.json").expected
  .sklearn.ndcg;

function value(relevance: readonly number[], scores: readonly number[], ...rest: [(number | null)?, "later-first"?]) {
  const result = ndcg(Float64Array.from(relevance), Float64Array.from(scores), ...rest);
  if (result.status !== "measured") throw new Error(result.reason);
  return result.value;
}

test.each(cases)("scikit-learn: $scores at $k ($note)", ({ relevance, scores, k, ndcg: wanted, note }) => {
  const ignored = note?.includes("ignore_ties=True") === true;
  expectClose(value(relevance, scores, k, ignored ? "later-first" : undefined), wanted);
});

test("both rules of ties are in the reference", () => {
  expect(new Set(cases.filter(({ note }) => note !== undefined).map((row) => row.ndcg)).size).toBe(2);
});

test("averaged ties are the mean over all orders of the tied items", () => {
  const gains = [3, 0, 1];
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ];
  const mean = orders.reduce(
    (sum, order) => sum + value([5, ...order.map((i) => gains[i] as number)], [9, 3, 2, 1], 3),
    0,
  );
  expectClose(value([5, ...gains], [9, 1, 1, 1], 3), mean / 6);
});

test("1 in the ideal order, in [0, 1] in any; the order of the rows and the scale of the scores do not matter", () => {
  const items = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: -5, max: 5 })), {
    minLength: 1,
    maxLength: 30,
  });
  fc.assert(
    fc.property(items, fc.integer({ min: 1, max: 35 }), (list, k) => {
      const gains = list.map(([gain]) => gain);
      if (gains.every((gain) => gain === 0)) return;
      const scores = list.map(([, score]) => score);
      const result = value(gains, scores, k);
      expect(result).toBeGreaterThanOrEqual(0);
      expect(result).toBeLessThanOrEqual(1 + 1e-12);
      expectClose(value(gains, gains, k), 1, 1e-12);
      expectClose(
        value(
          [...gains].reverse(),
          [...scores].reverse().map((score) => 2 ** score),
          k,
        ),
        result,
        1e-12,
      );
    }),
  );
});

test("no relevant item, or a relevance below 0", () => {
  expect(ndcg(Float64Array.of(0, 0), Float64Array.of(1, 2))).toEqual({
    status: "not-estimable",
    reason: "none of 2 items is relevant: nDCG has nothing to rank",
  });
  expect(() => ndcg(Float64Array.of(1, -1), Float64Array.of(1, 2))).toThrow(RangeError);
});
