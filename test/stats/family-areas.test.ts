import fc from "fast-check";
import { randomFrom } from "../../src/core/random.js";
import { areaUnderCurve, type LabelledScores } from "../../src/stats/auc.js";
import { type ClassArea, macroAuc, microAuc, prevalenceWeightedAuc } from "../../src/stats/averages.js";
import type { Estimate } from "../../src/stats/estimate.js";
import { familyAreas } from "../../src/stats/family-areas.js";
import { familyAverages, rankedClass } from "../../src/stats/family-averages.js";
import { orderWithin } from "../../src/stats/family.js";
import { groupAreas } from "../../src/stats/group-areas.js";
import { productOf, writtenPart, writtenParts } from "../../src/stats/influence.js";
import { ascendingOrder, orderOf } from "../../src/stats/order.js";
import { orderedPairs, pairAreas } from "../../src/stats/pair-areas.js";
import { poolOf, rankSums, sidesOf } from "../../src/stats/rank-sums.js";

const GROUPS = 3;

/** Samples of patients with one to three images, many ties, three groups that cut through patients, and samples of no group. */
function drawn(seed: number, n: number) {
  const random = randomFrom("family", seed);
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
  };
  return { data, codes: Uint16Array.from({ length: n }, () => random.integer(GROUPS + 1)), random };
}

const seeds = fc.integer({ min: 0, max: 1e6 });
const sizes = fc.integer({ min: 30, max: 120 });

function expectProduct(found: { product: number; shared: number }, wanted: { product: number; shared: number }) {
  expect(found.shared).toBe(wanted.shared);
  expect(found.product).toBeCloseTo(wanted.product, 13);
}

test("a family looked at together has the areas, variances and products of its groups looked at one by one", () => {
  fc.assert(
    fc.property(seeds, sizes, (seed, n) => {
      const { data, codes } = drawn(seed, n);
      const pool = poolOf(data);
      const found = familyAreas(pool, codes, GROUPS);
      const sides = Array.from({ length: GROUPS }, (_, g) =>
        sidesOf(
          pool,
          Uint8Array.from(codes, (code) => (code === g ? 1 : 0)),
        ),
      );
      sides.forEach((row, g) => {
        const member = Uint8Array.from(codes, (code) => (code === g ? 1 : 0));
        const alone = groupAreas(pool, member);
        const together = found.groups[g];
        for (const name of ["rest", "bpsn", "bnsp", "positives", "negatives"] as const) {
          expect(together?.[name].area).toBe(alone[name].area);
          expect(together?.[name].upper.product).toBeCloseTo(alone[name].upper.product, 13);
          expect(together?.[name].lower.product).toBeCloseTo(alone[name].lower.product, 13);
        }
        sides.forEach((column, h) => {
          const pair = found.pairs[g * GROUPS + h];
          const shared = found.shared[g * GROUPS + h];
          if (g === h) {
            expect([pair, shared]).toEqual([null, null]);
            return;
          }
          if (!pair || !shared) throw new Error("a pair is missing");
          const [upper, lower] = [row.positives, column.negatives];
          if (upper.ranks.length === 0 || lower.ranks.length === 0) return;
          const wanted = rankSums(pool, upper, lower);
          expect(pair.area).toBe(wanted.area);
          expectProduct(pair.mixed, productOf(wanted.upper.part, wanted.lower.part));
          for (const side of ["upper", "lower"] as const) {
            expect(pair[side].patients).toBe(wanted[side].part.patients.length);
            expect(pair[side].squares).toBeCloseTo(wanted[side].squares, 11);
            const { totals } = wanted[side].part;
            expect(pair[side].product).toBeCloseTo(
              totals.reduce((sum, total) => sum + total * total, 0),
              13,
            );
          }
          if (row.negatives.ranks.length === 0 || column.positives.ranks.length === 0) return;
          const [own, other] = [row, column].map((one) => rankSums(pool, one.positives, one.negatives));
          if (!own || !other) throw new Error("an area is missing");
          expectProduct(shared.positivesPositives, productOf(own.upper.part, other.upper.part));
          expectProduct(shared.positivesNegatives, productOf(own.upper.part, other.lower.part));
          expectProduct(shared.negativesPositives, productOf(own.lower.part, other.upper.part));
          expectProduct(shared.negativesNegatives, productOf(own.lower.part, other.lower.part));
        });
      });
    }),
    { numRuns: 60 },
  );
});

test("where all of a side rank alike nothing varies", () => {
  const n = 300;
  const labels = Uint8Array.from({ length: n }, (_, i) => (i % 3 === 0 ? 1 : 0));
  const data: LabelledScores = {
    scores: Float64Array.from(labels, (label) => label / 7),
    labels,
    patients: Int32Array.from({ length: n }, (_, i) => Math.floor(i / 2)),
    clustered: true,
  };
  const codes = Uint16Array.from({ length: n }, (_, i) => i % 7);
  for (const { rest, bpsn, bnsp } of familyAreas(poolOf(data), codes, 6).groups) {
    for (const { area, upper, lower } of [rest, bpsn, bnsp]) {
      expect([area, upper.product, lower.product, upper.squares, lower.squares]).toEqual([1, 0, 0, 0, 0]);
    }
  }
});

test("an order picked apart by group is each group's own order", () => {
  fc.assert(
    fc.property(seeds, sizes, (seed, n) => {
      const { data, codes } = drawn(seed, n);
      const members = Array.from({ length: GROUPS }, (_, g) => [...codes.keys()].filter((i) => codes[i] === g));
      const found = orderWithin(
        orderOf(data.scores),
        codes,
        members.map(({ length }) => length),
      );
      members.forEach((rows, g) => {
        expect(found[g]).toEqual(ascendingOrder(Float64Array.from(rows, (row) => data.scores[row] as number)));
      });
    }),
  );
});

/** Four classes of the same samples, of which some lack labels and some scores. */
function drawnClasses(seed: number, n: number) {
  const { data, codes, random } = drawn(seed, n);
  const classes = Array.from({ length: 4 }, () => {
    const rarity = 2 + random.integer(30); // some classes are too rare for an area in some group
    const labels = Int8Array.from({ length: n }, () =>
      random.integer(7) === 0 ? -1 : Number(random.integer(rarity) < 1),
    );
    const scores = Float64Array.from({ length: n }, () => random.integer(9) / 8);
    for (let i = 0; i < n; i++) if (random.integer(10) === 0) scores[i] = Number.NaN;
    const kept = [...labels.keys()].filter((i) => labels[i] !== -1 && !Number.isNaN(scores[i]));
    const order = ascendingOrder(Float64Array.from(kept, (i) => scores[i] as number));
    return { labels, scores, kept, order: order.map((place) => kept[place] as number) };
  });
  const ofGroup = (g: number) =>
    classes.map(({ kept, labels, scores }): LabelledScores => {
      const own = kept.filter((i) => codes[i] === g);
      return {
        scores: Float64Array.from(own, (i) => scores[i] as number),
        labels: Uint8Array.from(own, (i) => labels[i] as number),
        patients: Int32Array.from(own, (i) => data.patients[i] as number),
        clustered: true,
      };
    });
  return { classes, codes, ofGroup, patients: data.patients };
}

function expectEstimate(found: Estimate, wanted: Estimate) {
  const { value, n, patients, method } = wanted;
  expect(found).toMatchObject({ n, patients, method });
  expect(found.value).toBeCloseTo(value, 14);
  expect(found.standardError).toBeCloseTo(wanted.standardError, 13);
  const [mine, theirs] = [found.limits(1.96), wanted.limits(1.96)];
  expect(mine.lower).toBeCloseTo(theirs.lower, 12);
  expect(mine.upper).toBeCloseTo(theirs.upper, 12);
}

test("areas over all pairs, made for a family at once, are those of its groups' columns merged", () => {
  fc.assert(
    fc.property(seeds, sizes, (seed, n) => {
      const { classes, codes, ofGroup, patients } = drawnClasses(seed, n);
      pairAreas(orderedPairs(classes, n), codes, GROUPS, patients).forEach((area, g) => {
        const wanted = microAuc(ofGroup(g));
        if (area.status === "not-estimable" || wanted.status === "not-estimable") expect(area).toEqual(wanted);
        else expectEstimate(area, wanted);
      });
    }),
  );
});

test("means of areas over classes, made for a family at once, are those of each group's classes", () => {
  const counts = { n: 60, patients: 30 };
  fc.assert(
    fc.property(seeds, sizes, (seed, n) => {
      const { classes, codes, ofGroup, patients } = drawnClasses(seed, n);
      const ranked = classes.map(({ labels, order, scores }) => rankedClass(order, labels, scores));
      familyAverages(ranked, codes, GROUPS, patients, true).forEach(({ areas, macro, weighted }, g) => {
        const used = ofGroup(g).flatMap((data, c): ClassArea[] => {
          const [found, wanted] = [areas[c], areaUnderCurve(data)];
          if (found?.status !== "estimated" || wanted.status !== "estimated") {
            expect(found).toEqual(wanted);
            return [];
          }
          expectEstimate(found, wanted);
          expect(found.effectivePositives).toBeCloseTo(wanted.effectivePositives, 8);
          expect(found.effectiveNegatives).toBeCloseTo(wanted.effectiveNegatives, 8);
          return [{ data, area: wanted }];
        });
        if (used.length === 0) {
          expect([macro(counts), weighted(counts)]).toEqual([null, null]);
          return;
        }
        expectEstimate(macro(counts) as Estimate, macroAuc(used, counts, true));
        expectEstimate(weighted(counts) as Estimate, prevalenceWeightedAuc(used, counts, true));
      });
    }),
  );
});

test("parts whose lists are made later have the variance and the products of their lists", () => {
  fc.assert(
    fc.property(seeds, sizes, (seed, n) => {
      const { data, random } = drawn(seed, n);
      const contributions = Float64Array.from({ length: n }, () => random.uniform() - 0.5);
      const write = (to: Float64Array) => to.set(contributions);
      const [negatives, positives] = writtenParts(data.patients, data.labels, write);
      const whole = writtenPart(data.patients, write);
      const squares = (totals: Float64Array) => totals.reduce((sum, total) => sum + total * total, 0);
      for (const part of [whole, negatives, positives]) {
        expect(part.patientCount).toBe(part.patients.length);
        expect(part.squares).toBeCloseTo(squares(part.totals), 12);
      }
      expectProduct(
        productOf(negatives, positives),
        productOf({ patients: negatives.patients, totals: negatives.totals }, { ...positives }),
      );
    }),
    { numRuns: 50 },
  );
});
