import fc from "fast-check";
import { randomFrom } from "../../src/core/random.js";
import type { LabelledScores } from "../../src/stats/auc.js";
import { drawPatients, resamplingPlan } from "../../src/stats/resample.js";
import {
  differenceOfStatistics,
  maxMinOfStatistics,
  weightedAuc,
  weightedAveragePrecision,
  weightedRate,
} from "../../src/stats/weighted.js";
import { expectClose, type ReferenceInputs, reference } from "../support/reference.js";

interface Row {
  readonly score: number;
  readonly label: number;
  readonly patient: number;
}

function samples(rows: readonly Row[], weights?: readonly number[]): LabelledScores {
  return {
    scores: Float64Array.from(rows, (row) => row.score),
    labels: Uint8Array.from(rows, (row) => row.label),
    patients: Int32Array.from(rows, (row) => row.patient),
    clustered: true,
    ...(weights === undefined ? {} : { weights: Float64Array.from(weights) }),
  };
}

/** Few distinct scores, so that ties abound; up to eight patients. */
const rowsOf = fc
  .array(
    fc.record({
      score: fc.integer({ min: 0, max: 6 }),
      label: fc.constantFrom(0, 1),
      patient: fc.integer({ min: 0, max: 7 }),
    }),
    { minLength: 4, maxLength: 30 },
  )
  .map((rows) => [...rows].sort((a, b) => a.patient - b.patient));

/** The rows as often as their patient was drawn. */
function repeated(rows: readonly Row[], numbers: Uint32Array, multiplicities: Uint32Array): Row[] {
  return rows.flatMap((row, i) => Array.from({ length: multiplicities[numbers[i] as number] as number }, () => row));
}

function aucByPairs(rows: readonly Row[]): number {
  const [positives, negatives] = [1, 0].map((label) => rows.filter((row) => row.label === label)) as [Row[], Row[]];
  let wins = 0;
  for (const p of positives) for (const n of negatives) wins += p.score > n.score ? 1 : p.score === n.score ? 0.5 : 0;
  return wins / (positives.length * negatives.length);
}

function precisionByThreshold(rows: readonly Row[]): number {
  const thresholds = [...new Set(rows.map((row) => row.score))].sort((a, b) => b - a);
  const positives = rows.filter((row) => row.label === 1).length;
  let [sum, recall] = [0, 0];
  for (const threshold of thresholds) {
    const called = rows.filter((row) => row.score >= threshold);
    const hits = called.filter((row) => row.label === 1).length;
    sum += (hits / positives - recall) * (hits / called.length);
    recall = hits / positives;
  }
  return sum;
}

function same(actual: number, expected: number): void {
  if (Number.isNaN(expected)) expect(actual).toBeNaN();
  else expect(actual).toBeCloseTo(expected, 12);
}

test("a replicate by weights is the replicate by rows: areas, average precision, rates", () => {
  fc.assert(
    fc.property(rowsOf, fc.integer(), (rows, seed) => {
      const data = samples(rows);
      const plan = resamplingPlan([data], false);
      const numbers = plan.numbers[0] as Uint32Array;
      const multiplicities = new Uint32Array(plan.patients);
      drawPatients(plan, randomFrom(seed), multiplicities);
      const drawn = repeated(rows, numbers, multiplicities);
      same(weightedAuc(data, numbers)(multiplicities), aucByPairs(drawn));
      same(weightedAveragePrecision(data, numbers)(multiplicities), precisionByThreshold(drawn));
      for (const [rate, label] of [
        ["sensitivity", 1],
        ["specificity", 0],
      ] as const) {
        const about = drawn.filter((row) => row.label === label);
        const right = about.filter((row) => (row.score >= 3 ? 1 : 0) === label);
        same(weightedRate(data, numbers, 3, rate)(multiplicities), right.length / about.length);
      }
    }),
  );
});

test("whole sampling weights count a sample as often", () => {
  fc.assert(
    fc.property(rowsOf, (rows) => {
      const weights = rows.map((_, i) => 1 + (i % 3));
      const data = samples(rows, weights);
      const plan = resamplingPlan([data]);
      const numbers = plan.numbers[0] as Uint32Array;
      const ones = new Uint32Array(plan.patients).fill(1);
      const drawn = rows.flatMap((row, i) => Array.from({ length: weights[i] as number }, () => row));
      same(weightedAuc(data, numbers)(ones), aucByPairs(drawn));
      same(weightedAveragePrecision(data, numbers)(ones), precisionByThreshold(drawn));
      const about = drawn.filter((row) => row.label === 1);
      same(
        weightedRate(data, numbers, 3, "sensitivity")(ones),
        about.filter((row) => row.score >= 3).length / about.length,
      );
    }),
  );
});

test.each(["random_n50.json", "random_n500.json"])(
  "scikit-learn's numbers, weighted and not, of every group: %s",
  (file) => {
    type Numbers = { auc: number; average_precision: number };
    const { inputs, expected } = reference<{
      inputs: Required<ReferenceInputs> & { weight: number[] };
      expected: { sklearn_statsmodels: { groups: Record<string, Numbers & { weighted: Numbers }> } };
    }>(file);
    for (const name of ["overall", "A", "B", "C"]) {
      const kept = inputs.y.map((_, row) => row).filter((row) => name === "overall" || inputs.group[row] === name);
      const rows = kept.map((row, patient) => ({
        label: inputs.y[row] as number,
        patient,
        score: inputs.score[row] as number,
      }));
      const wanted = expected.sklearn_statsmodels.groups[name];
      for (const [data, numbers] of [
        [samples(rows), wanted],
        [
          samples(
            rows,
            kept.map((row) => inputs.weight[row] as number),
          ),
          wanted?.weighted,
        ],
      ] as const) {
        const plan = resamplingPlan([data]);
        const ones = new Uint32Array(plan.patients).fill(1);
        expectClose(weightedAuc(data, plan.numbers[0] as Uint32Array)(ones), numbers?.auc as number);
        expectClose(
          weightedAveragePrecision(data, plan.numbers[0] as Uint32Array)(ones),
          numbers?.average_precision as number,
        );
      }
    }
  },
);

test("every replicate has as many patients of each kind as the data", () => {
  const kinds = ["only positive", "only negative", "both"] as const;
  const rows: Row[] = [];
  const kindOf: string[] = [];
  for (let patient = 0; patient < 60; patient++) {
    const kind = kinds[patient % 3] as string;
    kindOf.push(kind);
    if (kind !== "only negative") rows.push({ score: patient / 7, label: 1, patient });
    if (kind !== "only positive") rows.push({ score: patient / 9, label: 0, patient });
  }
  const plan = resamplingPlan([samples(rows)]);
  expect([plan.patients, plan.starts.length - 1, plan.pooled]).toEqual([60, 3, 0]);
  const numberOf = new Map(rows.map((row, i) => [row.patient, plan.numbers[0]?.[i] as number]));
  const multiplicities = new Uint32Array(60);
  for (let b = 0; b < 20; b++) {
    drawPatients(plan, randomFrom("kinds", b), multiplicities);
    for (const kind of kinds) {
      let drawn = 0;
      kindOf.forEach((other, patient) => {
        if (other === kind) drawn += multiplicities[numberOf.get(patient) as number] as number;
      });
      expect(drawn).toBe(20);
    }
  }
});

test("a patient in two groups is one patient, and strata tell the groups apart", () => {
  const inA = samples([0, 1, 2, 3].map((patient) => ({ score: patient, label: patient % 2, patient })));
  const inB = samples([2, 3, 4, 5, 6, 7].map((patient) => ({ score: 10 - patient, label: patient % 2, patient })));
  const plan = resamplingPlan([inA, inB]);
  expect(plan.patients).toBe(8);
  // 0 and 1 (in A alone), 2 and 3 (in both) are alone of their kinds; 4 and 6, 5 and 7 are pairs.
  expect([plan.pooled, plan.starts.length - 1]).toEqual([4, 3]);
  expect(plan.numbers[0]?.[2]).toBe(plan.numbers[1]?.[0]);
  expect(plan.numbers[0]?.[3]).toBe(plan.numbers[1]?.[1]);
});

test("somebody alone of his kind is drawn with the largest stratum, so that he varies", () => {
  const rows = Array.from({ length: 11 }, (_, patient) => ({ score: patient, label: patient === 0 ? 1 : 0, patient }));
  const plan = resamplingPlan([samples(rows)]);
  expect([plan.pooled, plan.starts.length - 1]).toEqual([1, 1]);
});

test("multiplicities are multinomial: mean 1, variance 1 − 1/m, covariance −1/m", () => {
  const m = 7;
  const draws = 40_000;
  const random = randomFrom("multinomial");
  const counts = new Uint32Array(m + 2);
  let [sum, squares, products] = [0, 0, 0];
  for (let b = 0; b < draws; b++) {
    counts.fill(0);
    random.tally(m, m, counts, 1);
    expect(counts[0] === 0 && counts[m + 1] === 0).toBe(true);
    const [first, last] = [counts[1] as number, counts[m] as number];
    sum += first;
    squares += (first - 1) ** 2;
    products += (first - 1) * (last - 1);
  }
  expect(Math.abs(sum / draws - 1)).toBeLessThan(0.02);
  expect(Math.abs(squares / draws - (1 - 1 / m))).toBeLessThan(0.03);
  expect(Math.abs(products / draws + 1 / m)).toBeLessThan(0.02);
});

test.each([
  ["two images a patient", 2, 1e6],
  ["one, with ties across the classes", 1, 0.5],
])("replicates do not depend on the order of rows or the codes of patients: %s", (_, images, steps) => {
  const random = randomFrom("order");
  const rows = Array.from({ length: 90 }, (_, i) => ({
    score: Math.round(steps * random.normal()) / steps,
    label: i % 3 === 0 ? 1 : 0,
    patient: Math.floor(i / images),
  }));
  const areas = (data: LabelledScores) => {
    const plan = resamplingPlan([data]);
    const statistic = weightedAuc(data, plan.numbers[0] as Uint32Array);
    const multiplicities = new Uint32Array(plan.patients);
    return [0, 1, 2].map((b) => {
      drawPatients(plan, randomFrom("order", b), multiplicities);
      return statistic(multiplicities);
    });
  };
  const wanted = areas(samples(rows));
  for (let shuffle = 0; shuffle < 6; shuffle++) {
    const codes = randomFrom("codes", shuffle).permutation(90 / images);
    const recoded = rows
      .map((row) => ({ ...row, patient: codes[row.patient] as number }))
      .reverse()
      .sort((a, b) => a.patient - b.patient);
    expect(areas(samples(recoded))).toEqual(wanted);
  }
});

test("differences and max–min are of the same replicate", () => {
  const group = (shift: number, first: number) =>
    samples(
      Array.from({ length: 20 }, (_, i) => ({ score: (i * 7) % 20, label: (i + shift) % 2, patient: first + i })),
    );
  const groups = [group(0, 0), group(1, 20), group(0, 40)];
  const plan = resamplingPlan(groups);
  const areas = groups.map((data, g) => weightedAuc(data, plan.numbers[g] as Uint32Array));
  const multiplicities = new Uint32Array(plan.patients);
  drawPatients(plan, randomFrom("groups"), multiplicities);
  const values = areas.map((area) => area(multiplicities));
  const [a, b] = areas as [(typeof areas)[0], (typeof areas)[0]];
  expect(differenceOfStatistics(a, b)(multiplicities)).toBe((values[0] as number) - (values[1] as number));
  expect(maxMinOfStatistics(areas)(multiplicities)).toBe(Math.max(...values) - Math.min(...values));
  expect(maxMinOfStatistics([...areas, () => Number.NaN])(multiplicities)).toBeNaN();
});
