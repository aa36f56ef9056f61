import fc from "fast-check";
import { randomFrom } from "../../src/core/random.js";
import type { LabelledScores } from "../../src/stats/auc.js";
import { countsOutside, type DecisionCounts, decisionCounts } from "../../src/stats/decision-counts.js";
import { covariance, hasNoError, type SamplingError, variance } from "../../src/stats/influence.js";
import { type ProportionEstimate, proportionOfTotals } from "../../src/stats/proportion.js";
import { shareOfCounts } from "../../src/stats/share-of-counts.js";
import { type DecisionShare, shareTotals } from "../../src/stats/share-totals.js";

const HALF = 0.5;
const SHARES: readonly DecisionShare[] = ["sensitivity", "specificity", "ppv", "npv", "selection-rate", "accuracy"];

/** Patients of one to four images, tied scores, groups that cut through patients. */
function drawn(seed: number, n: number) {
  const random = randomFrom("decision counts", seed);
  const patients: number[] = [];
  while (patients.length < n) {
    const patient = (patients.at(-1) ?? -1) + 1 + random.integer(2);
    for (let image = 0; image <= random.integer(4); image++) patients.push(patient);
  }
  const data: LabelledScores = {
    scores: Float64Array.from({ length: n }, () => random.integer(9) / 8),
    labels: Uint8Array.from({ length: n }, () => random.integer(2)),
    patients: Int32Array.from(patients.slice(0, n)),
    clustered: true,
  };
  return { data, group: Uint8Array.from({ length: n }, () => random.integer(3)) };
}

function part({ scores, labels, patients, clustered }: LabelledScores, keep: (i: number) => boolean): LabelledScores {
  const rows = [...scores.keys()].filter(keep);
  return {
    scores: Float64Array.from(rows, (i) => scores[i] as number),
    labels: Uint8Array.from(rows, (i) => labels[i] as number),
    patients: Int32Array.from(rows, (i) => patients[i] as number),
    clustered,
  };
}

/** The same error with nothing known of where it comes from. */
function plain(error: SamplingError): SamplingError {
  return error.map(({ patients, totals }) => ({ patients, totals }));
}

function countsOf(data: LabelledScores): DecisionCounts {
  return decisionCounts(data, HALF) as DecisionCounts;
}

test("shares out of counts are those out of totals by patient, within groups and outside them", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 6, max: 60 }), (seed, n) => {
      const { data, group } = drawn(seed, n);
      const inside = part(data, (i) => group[i] === 0);
      const outside = part(data, (i) => group[i] !== 0);
      const rest = countsOutside(countsOf(data), countsOf(inside)) as DecisionCounts;
      for (const share of SHARES) {
        for (const [counts, samples] of [
          [countsOf(data), data],
          [countsOf(inside), inside],
          [rest, outside],
        ] as const) {
          const found = shareOfCounts(counts, share, true);
          const wanted = proportionOfTotals(shareTotals(samples, HALF, share));
          expect(found === null).toBe(wanted === null);
          if (found === null || wanted === null) continue;
          expect([found.n, found.patients, found.successes, found.value]).toEqual([
            wanted.n,
            wanted.patients,
            wanted.successes,
            wanted.value,
          ]);
          expect(found.standardError).toBeCloseTo(wanted.standardError, 13);
          expect(found.effectiveN).toBeCloseTo(wanted.effectiveN, 8);
          expect([...(found.error[0]?.patients ?? [])]).toEqual([...(wanted.error[0]?.patients ?? [])]);
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("covariances out of products of counts are those patient by patient", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 12, max: 80 }), (seed, n) => {
      const { data, group } = drawn(seed, n);
      const groups = [0, 1].map((own) => countsOf(part(data, (i) => group[i] === own)));
      const whole = countsOf(data);
      const rest = countsOutside(whole, groups[0] as DecisionCounts) as DecisionCounts;
      const estimates = [whole, ...groups, rest].flatMap((counts) =>
        SHARES.map((share) => shareOfCounts(counts, share, true)).filter((one) => one !== null),
      );
      for (const a of estimates) {
        expect(variance(a.error)).toBeCloseTo(variance(plain(a.error)), 13);
        for (const b of estimates) {
          expect(covariance(a.error, b.error)).toBeCloseTo(covariance(plain(a.error), plain(b.error)), 13);
        }
      }
    }),
    { numRuns: 40 },
  );
});

test("patients who all have the same share make no error, to the last bit", () => {
  const patients = Int32Array.from({ length: 30 }, (_, i) => Math.floor(i / 3));
  const scores = Float64Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? 0.9 : 0.1));
  const data: LabelledScores = { scores, labels: new Uint8Array(30).fill(1), patients, clustered: true };
  const share = shareOfCounts(countsOf(data), "sensitivity", true) as ProportionEstimate;
  expect(share.value).toBeCloseTo(1 / 3, 15);
  expect(share.standardError).toBe(0);
  expect(hasNoError(share.error)).toBe(true);
  // Ten patients are worth ten.
  expect(share.effectiveN).toBeCloseTo(10, 12);
});

test("nothing is counted where samples differ in weight", () => {
  const { data } = drawn(1, 20);
  expect(
    decisionCounts({ ...data, weights: Float64Array.from({ length: 20 }, (_, i) => 1 + (i % 2)) }, HALF),
  ).toBeNull();
  expect(decisionCounts({ ...data, weights: new Float64Array(20).fill(3) }, HALF)).not.toBeNull();
});
