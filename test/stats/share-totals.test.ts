import fc from "fast-check";
import type { OperatingPoint } from "../../src/core/audit.js";
import { randomFrom } from "../../src/core/random.js";
import { areaOutside, areaUnderCurve, type LabelledScores } from "../../src/stats/auc.js";
import { accuracyAt, rateAt, selectionRate } from "../../src/stats/decisions.js";
import type { Result } from "../../src/stats/estimate.js";
import { areaMeasure, shareMeasure } from "../../src/stats/measures.js";
import { type ProportionEstimate, proportionOfTotals } from "../../src/stats/proportion.js";
import { type DecisionShare, shareTotals, totalsWithout } from "../../src/stats/share-totals.js";

const HALF = 0.5;
const SHARES: Readonly<Record<DecisionShare, (data: LabelledScores) => Result<ProportionEstimate>>> = {
  sensitivity: (data) => rateAt(data, HALF, "sensitivity"),
  specificity: (data) => rateAt(data, HALF, "specificity"),
  ppv: (data) => rateAt(data, HALF, "ppv"),
  npv: (data) => rateAt(data, HALF, "npv"),
  "selection-rate": (data) => selectionRate(data, HALF),
  accuracy: (data) => accuracyAt(data, HALF),
};
const NAMES = Object.keys(SHARES) as DecisionShare[];

/** Patients of one to three images, tied scores, a group that cuts through patients; weights in every second sample set. */
function drawn(seed: number, n: number) {
  const random = randomFrom("share totals", seed);
  const patients: number[] = [];
  while (patients.length < n) {
    const patient = (patients.at(-1) ?? -1) + 1;
    for (let image = 0; image <= random.integer(3); image++) patients.push(patient);
  }
  const data: LabelledScores = {
    scores: Float64Array.from({ length: n }, () => random.integer(9) / 8),
    labels: Uint8Array.from({ length: n }, () => random.integer(2)),
    patients: Int32Array.from(patients.slice(0, n)),
    clustered: true,
    weights: seed % 2 === 0 ? null : Float64Array.from({ length: n }, () => 1 + random.integer(3)),
  };
  return { data, isMember: Uint8Array.from({ length: n }, () => (random.uniform() < 0.3 ? 1 : 0)) };
}

function part({ scores, labels, patients, weights = null, clustered }: LabelledScores, keep: (i: number) => boolean) {
  const rows = [...scores.keys()].filter(keep);
  return {
    rows: Uint32Array.from(rows),
    data: {
      scores: Float64Array.from(rows, (i) => scores[i] as number),
      labels: Uint8Array.from(rows, (i) => labels[i] as number),
      patients: Int32Array.from(rows, (i) => patients[i] as number),
      weights: weights === null ? null : Float64Array.from(rows, (i) => weights[i] as number),
      clustered,
    } satisfies LabelledScores,
  };
}

function expectAlike(a: Result<ProportionEstimate> | null, b: Result<ProportionEstimate>): void {
  if (a === null || a.status !== "estimated" || b.status !== "estimated") {
    expect([a?.status ?? "not-estimable", b.status]).toEqual(["not-estimable", "not-estimable"]);
    return;
  }
  expect([a.n, a.patients, a.successes]).toEqual([b.n, b.patients, b.successes]);
  expect(a.value).toBeCloseTo(b.value, 13);
  expect(a.standardError).toBeCloseTo(b.standardError, 13);
  expect(a.effectiveN / b.effectiveN).toBeCloseTo(1, 9);
  const [first, second] = [a.limits(1.96), b.limits(1.96)];
  expect(first.lower).toBeCloseTo(second.lower, 12);
  expect(first.upper).toBeCloseTo(second.upper, 12);
}

const SEEDS = fc.integer({ min: 0, max: 1e6 });
const SIZES = fc.integer({ min: 1, max: 80 });

test("totals by patient give every share as its samples do: value, error, limits, counts", () => {
  fc.assert(
    fc.property(SEEDS, SIZES, (seed, n) => {
      const { data } = drawn(seed, n);
      for (const share of NAMES) expectAlike(proportionOfTotals(shareTotals(data, HALF, share)), SHARES[share](data));
    }),
  );
});

test("everybody's totals less a group's are those of the others", () => {
  fc.assert(
    fc.property(SEEDS, SIZES, (seed, n) => {
      const { data, isMember } = drawn(seed, n);
      const [inside, outside] = [part(data, (i) => isMember[i] === 1).data, part(data, (i) => isMember[i] === 0).data];
      for (const share of NAMES) {
        const whole = shareTotals(data, HALF, share, data.weights ?? null);
        const rest = totalsWithout(whole, shareTotals(inside, HALF, share, inside.weights));
        expectAlike(proportionOfTotals(rest), SHARES[share](outside));
      }
    }),
  );
});

test("the area outside a group is the area of the others, with its variance and its reasons", () => {
  fc.assert(
    fc.property(SEEDS, SIZES, (seed, n) => {
      const { data, isMember } = drawn(seed, n);
      const outside = areaUnderCurve(part(data, (i) => isMember[i] === 0).data);
      const found = areaOutside(data, isMember);
      if (found.status !== "estimated" || outside.status !== "estimated") {
        expect(found).toEqual(outside);
        return;
      }
      expect([found.n, found.patients, found.positives, found.method]).toEqual([
        outside.n,
        outside.patients,
        outside.positives,
        outside.method,
      ]);
      expect(found.value).toBeCloseTo(outside.value, 13);
      expect(found.standardError).toBeCloseTo(outside.standardError, 13);
      expect(found.effectiveNegatives).toBeCloseTo(outside.effectiveNegatives, 8);
    }),
  );
});

test("a measure's own and rest are what it says of either alone, also where a group is of one weight", () => {
  const point = { id: "half", threshold: HALF, reason: null } as OperatingPoint;
  fc.assert(
    fc.property(SEEDS, fc.integer({ min: 20, max: 80 }), fc.boolean(), (seed, n, ofOneWeight) => {
      const { data: drawnData, isMember } = drawn(seed, n);
      const weights = ofOneWeight ? Float64Array.from(isMember, (inside) => (inside === 1 ? 2 : 1)) : drawnData.weights;
      const data = { ...drawnData, weights: weights ?? null };
      const cell = (keep: (i: number) => boolean) => {
        const { rows, data: kept } = part(data, keep);
        const counts = { n: rows.length, positives: 0, negatives: 0, patients: 0 };
        return { ...kept, rows, scores: [kept.scores], counts, unscored: 0 };
      };
      const [everybody, group, rest] = [
        () => true,
        (i: number) => isMember[i] === 1,
        (i: number) => isMember[i] === 0,
      ].map(cell);
      if (everybody === undefined || group === undefined || rest === undefined) throw new Error("no cells");
      const scoresOf = (of: typeof group): LabelledScores => ({ ...of, scores: of.scores[0] as Float64Array });
      for (const name of [...NAMES, "fpr", "fnr"] as const) {
        const measure = shareMeasure(name, point, true);
        const found = measure.withRest(everybody, group);
        expectAlike(found.own, measure.estimate(scoresOf(group)));
        expectAlike(found.rest, measure.estimate(scoresOf(rest)));
      }
      const area = areaMeasure(true);
      const found = area.withRest(everybody, group);
      const own = area.estimate(scoresOf(group));
      expect(found.own).toEqual(own.status === "estimated" ? { ...own, limits: expect.anything() } : own);
      const wanted = area.estimate(scoresOf(rest));
      if (found.rest.status === "estimated" && wanted.status === "estimated") {
        expect(found.rest.value).toBeCloseTo(wanted.value, 13);
      } else expect(found.rest).toEqual(wanted);
    }),
    { numRuns: 60 },
  );
});
