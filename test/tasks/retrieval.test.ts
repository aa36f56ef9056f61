import fc from "fast-check";
import type { SampleBank } from "../../src/core/task.js";
import { nearestNeighbours, measured } from "../../src/stats/neighbours.js";
import { randomFrom } from "../../src/core/random.js";
import retrieval from "../../src/tasks/retrieval.js";

const OUTCOMES = retrieval.meta.outcomes;
const geometry = { channels: 1, height: 1, width: 1 };

interface Item {
  readonly at: number;
  readonly person: number;
  readonly labels: readonly number[];
  readonly evaluated?: boolean;
}

/** Items on the unit circle, at angles in degrees: cosine falls with the angle between them. */
function bankOf(items: readonly Item[]): SampleBank {
  const classes = items[0]?.labels.length ?? 0;
  return {
    count: items.length,
    width: 2,
    values: Float32Array.from(items.flatMap(({ at }) => point(at))),
    sources: Int32Array.from(items, (_, index) => 100 + index),
    rows: Int32Array.from(items, (_, index) => index),
    evaluated: Uint8Array.from(items, ({ evaluated }) => Number(evaluated === true)),
    persons: Int32Array.from(items, ({ person }) => person),
    labels: Array.from({ length: classes }, (_, c) => Int8Array.from(items, ({ labels }) => labels[c] as number)),
  };
}
const point = (degrees: number) => [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];

function open(items: readonly Item[], parameters: object = {}, classes = ["a", "b"]) {
  const judge = retrieval.open({
    classes,
    parameters: retrieval.meta.parameters.parse(parameters),
    geometry,
    width: 2,
    bank: bankOf(items),
  });
  const ask = (query: number, degrees = items[query]?.at as number) => {
    const references = classes.map((_, c) =>
      items[query]?.labels[c] === 1 ? ({ kind: "sample", row: 100 + query } as const) : null,
    );
    const answer = Float32Array.from(point(degrees));
    const values = judge.outcomes(answer, references);
    const of = (c: number) => Object.fromEntries(OUTCOMES.map((id, i) => [id, values[c * OUTCOMES.length + i]]));
    return {
      a: of(0),
      b: of(1),
      success: judge.success(answer, references),
      evidence: judge.evidence?.(answer, references),
    };
  };
  return ask;
}

const gallery: readonly Item[] = [
  { at: 10, person: 1, labels: [1, 0] },
  { at: 20, person: 2, labels: [0, 1] },
  { at: 30, person: 3, labels: [1, 0] },
  { at: 40, person: 4, labels: [0, 1] },
  { at: 50, person: 5, labels: [1, 0] },
];
const query: Item = { at: 0, person: 9, labels: [1, 0], evaluated: true };

test("hits at ranks 1, 3 and 5 of 5", () => {
  const { a, b, success, evidence } = open([...gallery, query], { k: 2 })(5);
  expect(a).toMatchObject({
    "precision-at-k": 0.5,
    "recall-at-k": 1 / 3,
    "hit-at-k": 1,
    "first-hit-rank": 1,
    "clean-similarity": 1,
    "neighbour-overlap": 1,
    "vote-correct": 1, // One vote each: the nearer first sample decides.
  });
  expect(a["mean-average-precision"]).toBeCloseTo((1 + 2 / 3 + 3 / 5) / 3, 12);
  expect(a["ndcg-at-k"]).toBeCloseTo(1 / (1 + 1 / Math.log2(3)), 12);
  expect(a["nearest-distance"]).toBeCloseTo(1 - Math.cos((10 * Math.PI) / 180), 6);
  expect(success[0]).toBe(a["mean-average-precision"]);
  // The query lacks the other class: nothing is asked there.
  expect(Object.values(b).every(Number.isNaN)).toBe(true);
  expect(success[1]).toBeNaN();
  expect([...(evidence ?? [])].slice(0, 2)).toEqual([0, 1]);
});

test("the same patient is never found, nor missed: it is not in the ranking at all", () => {
  const sister: Item = { ...query, person: 1 };
  const { a } = open([...gallery, sister], { k: 2 })(5);
  // Without patient 1: hits at ranks 2 and 4 of 4.
  expect(a).toMatchObject({ "precision-at-k": 0.5, "recall-at-k": 0.5, "first-hit-rank": 2 });
  expect(a["mean-average-precision"]).toBeCloseTo((1 / 2 + 2 / 4) / 2, 12);
  // A sample of the tuning split does not find itself.
  expect(open([...gallery, query], { k: 2 })(0).a["nearest-distance"]).toBeGreaterThan(0.01);
});

test("evaluation queries search the split that they are told to; tuning queries the tuning split alone", () => {
  const others = gallery.map((item) => ({ ...item, at: item.at + 1, person: item.person + 20, evaluated: true }));
  const items = [...gallery, ...others, query];
  const found = (side: "tuning" | "evaluation", of: number) =>
    [...(open(items, { k: 3, gallery: side })(of).evidence ?? [])].slice(0, 3);
  expect(found("tuning", 10)).toEqual([0, 1, 2]);
  expect(found("evaluation", 10)).toEqual([5, 6, 7]);
  expect(found("evaluation", 0)).toEqual([1, 2, 3]);
});

test("a moved embedding drifts: its cosine to the clean one falls, and neighbours are lost", () => {
  const ask = open([...gallery, query], { k: 2 });
  const { a } = ask(5, 60);
  expect(a["clean-similarity"]).toBeCloseTo(0.5, 6);
  expect(a["neighbour-overlap"]).toBe(0);
  const displaced = open([...gallery, query], { k: 2, attacked: "displacement" })(5, 60);
  expect(displaced.success[0]).toBeCloseTo(0.75, 6);
  expect(displaced.a).toEqual(a);
});

test("samples without a label of the class are passed over; shared classes are graded", () => {
  const items: Item[] = [
    { at: 5, person: 1, labels: [-1, 1] },
    { at: 10, person: 2, labels: [1, 0] },
    { at: 20, person: 3, labels: [0, 1] },
    { at: 30, person: 4, labels: [1, 1] },
    { at: 40, person: 5, labels: [0, 0] },
    { at: 0, person: 9, labels: [1, 1], evaluated: true },
  ];
  const each = open(items, { k: 1 })(5);
  expect(each.a["first-hit-rank"]).toBe(1);
  expect(each.b["first-hit-rank"]).toBe(1);
  const shared = open(items, { k: 3, relevance: "shared" })(5);
  // Without the first, whose label is missing: gains 1, 1, 2, 0.
  const gains = [1, 1, 2];
  const sum = (list: readonly number[]) => list.reduce((total, gain, rank) => total + gain / Math.log2(rank + 2), 0);
  expect(shared.a["ndcg-at-k"]).toBeCloseTo(sum(gains) / sum([2, 1, 1]), 12);
  expect(shared.a["precision-at-k"]).toBe(1);
  expect(shared.b).toEqual(shared.a);
});

test("what cannot be searched is refused", () => {
  expect(() => open(gallery, { k: 5 })).toThrow(/k is 5; some patient's others are 4/);
  expect(() =>
    open(
      gallery.map((item) => ({ ...item, labels: [1, Number(item.person === 2)] })),
      { k: 2 },
    ),
  ).toThrow(/1 patients of the tuning split have class "b"/);
});

test.each(["cosine", "euclidean"] as const)("the first k are the exact neighbours, by %s", (metric) => {
  fc.assert(
    fc.property(fc.integer({ min: 12, max: 60 }), fc.integer({ min: 1, max: 6 }), (count, seed) => {
      const random = randomFrom("retrieval", seed, count);
      const items = Array.from({ length: count }, (_, index): Item => {
        const own = random.integer(2);
        return { at: random.integer(90), person: index >> 1, labels: [own, 1 - own], evaluated: index % 4 > 1 };
      });
      const classes = new Set(
        items.filter(({ evaluated }) => !evaluated).map(({ labels, person }) => `${labels[0]} ${person}`),
      );
      if ([0, 1].some((one) => [...classes].filter((key) => key.startsWith(`${one}`)).length < 2)) return;
      const bank = bankOf(items);
      const ask = open(items, { k: 3, metric });
      const set = { count, width: 2, values: bank.values };
      const use = bank.evaluated.map((one) => 1 - one);
      const groups = { queries: bank.persons, references: bank.persons };
      const near = nearestNeighbours(set, measured(set), { k: 3, metric, use, groups });
      for (let index = 0; index < count; index++) {
        const evidence = [...(ask(index).evidence ?? [])];
        expect(evidence.slice(0, 3)).toEqual([...near.indices.subarray(index * 3, index * 3 + 3)]);
        expect(evidence.slice(3)).toEqual([...near.values.subarray(index * 3, index * 3 + 3)]);
      }
    }),
    { numRuns: 30 },
  );
});
