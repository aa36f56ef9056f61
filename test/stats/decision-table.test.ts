import fc from "fast-check";
import type { LabelledScores } from "../../src/stats/auc.js";
import { AGREEMENTS, agreementAt, confusionAt } from "../../src/stats/confusion.js";
import {
  confusionOf,
  decisionTable,
  EVERYBODY,
  errorOfWeighted,
  FP,
  shareCorrelation,
  TN,
  TP,
  tableAgreement,
  tableShare,
} from "../../src/stats/decision-table.js";
import { accuracyAt, falseRateAt, rateAt } from "../../src/stats/decisions.js";
import { correlation, type Estimate, intervalOf, type NotEstimable, type Summary } from "../../src/stats/estimate.js";
import { errorOfDifference, variance } from "../../src/stats/influence.js";
import { labelRate } from "../../src/stats/likelihood-ratio.js";
import { expectClose } from "../support/reference.js";

const sample = fc.record({
  label: fc.integer({ min: 0, max: 1 }),
  score: fc.constantFrom(0.1, 0.5, 0.9),
  patient: fc.integer({ min: 0, max: 12 }),
  weight: fc.constantFrom(0.5, 1, 3.25),
});

/** Any samples: patients once or repeatedly, weights alike or not, cells full or empty. */
const samples = fc
  .tuple(fc.array(sample, { maxLength: 40 }), fc.boolean(), fc.boolean())
  .map(([rows, isSingle, isWeighted]): LabelledScores => {
    const drawn = isSingle ? rows.map((row, patient) => ({ ...row, patient })) : rows;
    const ordered = [...drawn].sort((a, b) => a.patient - b.patient);
    return {
      scores: Float64Array.from(ordered, ({ score }) => score),
      labels: Uint8Array.from(ordered, ({ label }) => label),
      patients: Int32Array.from(ordered, ({ patient }) => patient),
      clustered: !isSingle,
      weights: isWeighted ? Float64Array.from(ordered, ({ weight }) => weight) : null,
    };
  });

function expectSame(found: Summary | NotEstimable, wanted: Summary | NotEstimable): void {
  expect(found.status).toBe(wanted.status);
  if (found.status === "not-estimable" || wanted.status === "not-estimable") {
    expect("reason" in found && found.reason).toBe("reason" in wanted && wanted.reason);
    return;
  }
  expectClose(found.value, wanted.value, 1e-12);
  expectClose(found.standardError, wanted.standardError, 1e-6, 1e-9);
  const [ours, theirs] = [intervalOf(found, 0.9), intervalOf(wanted, 0.9)];
  expectClose(ours.lower, theirs.lower, 1e-6, 1e-9);
  expectClose(ours.upper, theirs.upper, 1e-6, 1e-9);
  expect([found.n, found.patients]).toEqual([wanted.n, wanted.patients]);
  // Where weights differ in the table but not in the part that a share is about, the table still names them.
  if (theirs.method !== "wilson") expect(ours.method).toBe(theirs.method);
}

test("one pass gives the numbers of the estimators that look at every sample", () => {
  fc.assert(
    fc.property(samples, (data) => {
      const table = decisionTable(data, 0.5);
      expect(confusionOf(table)).toEqual(confusionAt(data, 0.5));
      for (const rate of ["sensitivity", "specificity"] as const) {
        expectSame(labelRate(table, rate), rateAt(data, 0.5, rate));
      }
      if (labelRate(table, "fpr").status === "estimated") {
        expectSame(labelRate(table, "fpr"), falseRateAt(data, 0.5, "fpr"));
      }
      if (data.labels.length > 0) {
        expectSame(tableShare(table, TP | TN, EVERYBODY, ["accuracy", "samples"]), accuracyAt(data, 0.5));
        expectSame(tableShare(table, TP, TP | FP, ["ppv", "samples called positive"]), rateAt(data, 0.5, "ppv"));
      }
      for (const agreement of AGREEMENTS)
        expectSame(tableAgreement(table, agreement), agreementAt(data, 0.5, agreement));
    }),
    { numRuns: 300 },
  );
});

test("covariances of its shares are those of the influence functions", () => {
  const estimated = (result: Estimate | NotEstimable) => (result.status === "estimated" ? result : null);
  fc.assert(
    fc.property(samples, (data) => {
      const table = decisionTable(data, 0.5);
      const [a, b] = [labelRate(table, "sensitivity"), labelRate(table, "fpr")];
      const [first, second] = [rateAt(data, 0.5, "sensitivity"), falseRateAt(data, 0.5, "fpr")].map(estimated);
      if (a.status !== "estimated" || b.status !== "estimated" || !first || !second) return;
      const rho = shareCorrelation(table, a, b);
      expectClose(rho, correlation(first, second), 1e-6, 1e-9);
      const error = Math.sqrt(Math.max(0, variance(errorOfDifference(first.error, second.error))));
      // Negative and rounded-off variances count as 0 on both sides.
      expectClose(errorOfWeighted(1, a, 1, b, rho), error, 1e-6, 1e-6);
    }),
    { numRuns: 300 },
  );
});
