import fc from "fast-check";
import { randomFrom } from "../../src/core/random.js";
import { areaUnderCurve, type LabelledScores } from "../../src/stats/auc.js";
import { areaBetween, type CrossArea } from "../../src/stats/cross-area.js";
import { groupAreas } from "../../src/stats/group-areas.js";
import { productOf } from "../../src/stats/influence.js";
import { poolOf, rankSums, sidesOf } from "../../src/stats/rank-sums.js";

const NAMES = { upper: "positives", lower: "negatives" };

/** Samples of patients with one to three images, scores with many ties, and a group that cuts through patients. */
function drawn(seed: number, n: number) {
  const random = randomFrom("cross-area", seed);
  const patients: number[] = [];
  while (patients.length < n) {
    const patient = (patients.at(-1) ?? -1) + 1;
    for (let image = 0; image <= random.integer(3); image++) patients.push(patient);
  }
  const data: LabelledScores = {
    scores: Float64Array.from({ length: n }, () => random.integer(12) / 4),
    labels: Uint8Array.from({ length: n }, () => random.integer(2)),
    patients: Int32Array.from(patients.slice(0, n)),
    clustered: true,
    weights: seed % 2 === 0 ? null : Float64Array.from({ length: n }, () => 1 + random.integer(3)),
  };
  return { data, isMember: Uint8Array.from({ length: n }, () => random.integer(2)) };
}

/** The same area by handing both sides to the estimator as classes. */
function plainly(data: LabelledScores, isUpper: (i: number) => boolean, isLower: (i: number) => boolean) {
  const kept = [...data.labels.keys()].filter((i) => isUpper(i) || isLower(i));
  return areaUnderCurve({
    scores: Float64Array.from(kept, (i) => data.scores[i] as number),
    labels: Uint8Array.from(kept, (i) => (isUpper(i) ? 1 : 0)),
    patients: Int32Array.from(kept, (i) => data.patients[i] as number),
    clustered: true,
    weights: data.weights === null ? null : Float64Array.from(kept, (i) => data.weights?.[i] as number),
  });
}

test("merged sides have the area, the variance and the counts of the samples handed over plainly", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 30, max: 90 }), (seed, n) => {
      const { data, isMember } = drawn(seed, n);
      const pool = poolOf(data);
      const sides = sidesOf(pool, isMember);
      const is = (member: number, label: number) => (i: number) => isMember[i] === member && data.labels[i] === label;
      const pairs: [CrossArea, (i: number) => boolean, (i: number) => boolean][] = [
        [areaBetween(pool, sides.positives, sides.negatives, NAMES), is(1, 1), is(1, 0)],
        [areaBetween(pool, sides.backgroundPositives, sides.negatives, NAMES), is(0, 1), is(1, 0)],
        [areaBetween(pool, sides.positives, sides.backgroundPositives, NAMES), is(1, 1), is(0, 1)],
        [areaBetween(pool, sides.negatives, sides.backgroundNegatives, NAMES), is(1, 0), is(0, 0)],
      ];
      for (const [{ area, counts }, isUpper, isLower] of pairs) {
        const wanted = plainly(data, isUpper, isLower);
        expect(area.status).toBe(wanted.status);
        const rows = [...data.labels.keys()].filter((i) => isUpper(i) || isLower(i));
        expect(counts.n).toBe(rows.length);
        expect(counts.positives).toBe(rows.filter((i) => data.labels[i] === 1).length);
        expect(counts.patients).toBe(new Set(rows.map((i) => data.patients[i])).size);
        if (area.status !== "estimated" || wanted.status !== "estimated") continue;
        expect(area.value).toBe(wanted.value);
        expect(area.standardError).toBeCloseTo(wanted.standardError, 14);
      }
    }),
    { numRuns: 60 },
  );
});

test("positives of a group against the background and the other way round are two sides of one half", () => {
  const { data, isMember } = drawn(2, 80);
  const pool = poolOf(data);
  const own = sidesOf(pool, isMember);
  const others = sidesOf(
    pool,
    isMember.map((member) => 1 - member),
  );
  const one = areaBetween(pool, own.positives, own.backgroundPositives, NAMES).area;
  const other = areaBetween(pool, others.positives, others.backgroundPositives, NAMES).area;
  if (one.status !== "estimated" || other.status !== "estimated") throw new Error("no area");
  expect(one.value + other.value).toBeCloseTo(1, 14);
  expect(one.standardError).toBeCloseTo(other.standardError, 14);
});

test("a side that is too small is named with its count; one patient is not enough", () => {
  const data: LabelledScores = {
    scores: Float64Array.of(1, 2, 3, 4, 5),
    labels: Uint8Array.of(1, 1, 0, 0, 1),
    patients: Int32Array.of(0, 0, 1, 2, 3),
    clustered: true,
  };
  const pool = poolOf(data);
  const names = { upper: "positives of site=a", lower: "negatives of the background" };
  const few = sidesOf(pool, Uint8Array.of(0, 0, 0, 0, 1));
  expect(areaBetween(pool, few.positives, few.backgroundNegatives, names).area).toEqual({
    status: "not-estimable",
    reason: "1 positives of site=a: an area needs at least two of each",
  });
  const one = sidesOf(pool, Uint8Array.of(1, 1, 0, 0, 0));
  expect(areaBetween(pool, one.positives, one.backgroundNegatives, names).area).toMatchObject({
    reason: expect.stringMatching(/^all positives of site=a come from one patient/),
  });
});

test("sums along everybody have the areas, variances and products of the sides' lists", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 30, max: 120 }), (seed, n) => {
      const { data: drawnData, isMember } = drawn(seed, n);
      const data: LabelledScores = { ...drawnData, weights: null };
      const pool = poolOf(data);
      const { positives, negatives, backgroundPositives, backgroundNegatives } = sidesOf(pool, isMember);
      const sums = groupAreas(pool, isMember);
      const own = rankSums(pool, positives, negatives);
      const rest = rankSums(pool, backgroundPositives, backgroundNegatives);
      for (const [found, wanted] of [
        [sums.rest, rest],
        [sums.bpsn, rankSums(pool, backgroundPositives, negatives)],
        [sums.bnsp, rankSums(pool, positives, backgroundNegatives)],
        [sums.positives, rankSums(pool, positives, backgroundPositives)],
        [sums.negatives, rankSums(pool, negatives, backgroundNegatives)],
      ] as const) {
        expect(found.area).toBe(wanted.area);
        const mixed = productOf(wanted.upper.part, wanted.lower.part);
        expect(found.mixed.shared).toBe(mixed.shared);
        expect(found.mixed.product).toBeCloseTo(mixed.product, 13);
        for (const [one, other] of [
          [found.upper, wanted.upper],
          [found.lower, wanted.lower],
        ] as const) {
          expect(one.patients).toBe(other.part.patients.length);
          expect(one.squares).toBeCloseTo(other.squares, 11);
          expect(one.product).toBeCloseTo(productOf(other.part, { ...other.part }).product, 13);
        }
      }
      for (const [found, a, b] of [
        [sums.mixed.positivesPositives, own.upper, rest.upper],
        [sums.mixed.positivesNegatives, own.upper, rest.lower],
        [sums.mixed.negativesPositives, own.lower, rest.upper],
        [sums.mixed.negativesNegatives, own.lower, rest.lower],
      ] as const) {
        const wanted = productOf(a.part, b.part);
        expect(found.shared).toBe(wanted.shared);
        expect(found.product).toBeCloseTo(wanted.product, 13);
      }
    }),
    { numRuns: 100 },
  );
});
