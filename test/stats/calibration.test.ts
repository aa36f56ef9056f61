import fc from "fast-check";
import { randomFrom } from "../../src/core/random.js";
import type { LabelledScores } from "../../src/stats/auc.js";
import { binsOf, reliability } from "../../src/stats/calibration/bins.js";
import { expectedCalibrationError, maximumCalibrationError } from "../../src/stats/calibration/errors.js";
import {
  calibrationIntercept,
  calibrationSlope,
  recalibrated,
  recalibrationFit,
} from "../../src/stats/calibration/logistic.js";
import { brierScore, logLoss } from "../../src/stats/calibration/losses.js";
import { multiclassLosses } from "../../src/stats/calibration/multiclass.js";
import { observedOverExpected } from "../../src/stats/calibration/observed-expected.js";
import { predictionsOf } from "../../src/stats/calibration/predictions.js";
import { spiegelhalterTest } from "../../src/stats/calibration/spiegelhalter.js";
import { type Estimate, intervalOf, type Result } from "../../src/stats/estimate.js";
import { expectClose, labelledScores, type ReferenceInputs, reference } from "../support/reference.js";

interface Bin {
  readonly count: number;
  readonly mean_pred: number | null;
  readonly frac_pos: number | null;
}
interface Numbers {
  readonly n_pos: number;
  readonly n_neg: number;
  readonly brier: number;
  readonly log_loss?: number;
  readonly ece10_right_closed: number;
  readonly mce10_right_closed: number;
  readonly ece10_bins: readonly Bin[];
  readonly ece10_equal_count: number;
  readonly spiegelhalter_z: number | null;
  readonly mean_pred: number;
  readonly weighted?: { readonly brier: number };
}
interface Regression {
  readonly slope: number;
  readonly slope_se: number;
  readonly intercept: number;
  readonly calibration_in_the_large: number;
  readonly citl_se: number;
  readonly O_over_E: number;
}
interface RandomStudy {
  readonly inputs: ReferenceInputs & { readonly weight: readonly number[] };
  readonly expected: {
    readonly pROC: { readonly calibration_glm?: Readonly<Record<string, Regression>> };
    readonly sklearn_statsmodels: { readonly groups: Readonly<Record<string, Numbers>> };
  };
}

function known<E extends Estimate>(result: Result<E>): E {
  if (result.status === "not-estimable") throw new Error(result.reason);
  return result;
}

function expectNumbers(data: LabelledScores, wanted: Numbers): void {
  expectClose(known(brierScore(data)).value, wanted.brier);
  if (wanted.log_loss !== undefined) expectClose(known(logLoss(data)).value, wanted.log_loss);
  expectClose(known(expectedCalibrationError(data, 10, "equal-width")).value, wanted.ece10_right_closed);
  expectClose(known(expectedCalibrationError(data, 10, "equal-count")).value, wanted.ece10_equal_count);
  expectClose(known(maximumCalibrationError(data, 10)).value, wanted.mce10_right_closed);
  const test = spiegelhalterTest(data);
  if (wanted.spiegelhalter_z === null) expect(test).toBeNull();
  else expectClose(test?.statistic as number, wanted.spiegelhalter_z);
  const predictions = predictionsOf(data);
  if ("status" in predictions) throw new Error(predictions.reason);
  const bins = reliability(predictions, binsOf(predictions, 10, "equal-width"));
  const filled = wanted.ece10_bins.filter(({ count }) => count > 0);
  expect(bins.map(({ n }) => n)).toEqual(filled.map(({ count }) => count));
  bins.forEach(({ meanPredicted, observed }, i) => {
    expectClose(meanPredicted, filled[i]?.mean_pred as number);
    expectClose(observed.value, filled[i]?.frac_pos as number);
  });
}

describe.each(["random_n50", "random_n500"])("%s: the numbers of scikit-learn and R's glm, group by group", (name) => {
  const { inputs, expected } = reference<RandomStudy>(`${name}.json`);
  const of = (group: string, weights?: readonly number[]): LabelledScores => {
    const keep = (row: number) => group === "overall" || inputs.group?.[row] === group;
    const data = labelledScores(inputs, { keep });
    if (weights === undefined) return data;
    const rows = inputs.y.map((_, row) => row).filter(keep);
    return { ...data, weights: Float64Array.from(rows, (row) => weights[row] as number) };
  };

  test.each(Object.entries(expected.sklearn_statsmodels.groups))("group %s", (group, wanted) => {
    expectNumbers(of(group), wanted);
    const weighted = wanted.weighted?.brier;
    if (weighted !== undefined) expectClose(known(brierScore(of(group, inputs.weight))).value, weighted);
  });

  test.each(Object.entries(expected.pROC.calibration_glm ?? {}))("regression in group %s", (group, wanted) => {
    const data = of(group);
    const [intercept, slope] = [known(calibrationIntercept(data)), known(calibrationSlope(data))];
    // glm stops when the deviance changes by less than 1e-8 of itself: its digits end there.
    expectClose(intercept.value, wanted.calibration_in_the_large, 1e-6, 1e-7);
    expectClose(intercept.modelStandardError, wanted.citl_se, 1e-5);
    expectClose(slope.value, wanted.slope, 1e-6, 1e-7);
    expectClose(slope.modelStandardError, wanted.slope_se, 1e-5);
    const fit = recalibrationFit(data);
    if ("status" in fit) throw new Error(fit.reason);
    expectClose(fit.intercept, wanted.intercept, 1e-6, 1e-7);
    expectClose(known(observedOverExpected(data)).value, wanted.O_over_E);
  });
});

describe("special cases, as computed elsewhere", () => {
  const special = reference<{
    inputs: Record<string, ReferenceInputs>;
    expected: { sklearn_statsmodels: { cases: Record<string, Partial<Numbers>> } };
  }>("special.json");
  const cases = Object.entries(special.expected.sklearn_statsmodels.cases).filter(([, one]) => one.brier !== undefined);

  test.each(cases)("%s", (name, wanted) => {
    expectNumbers(labelledScores(special.inputs[name] as ReferenceInputs), wanted as Numbers);
  });
});

test("documented examples: Brier, log loss, bin edges, several classes", () => {
  const { expected } = reference<{
    expected: {
      sklearn: {
        brier_doc: { y: number[]; p: number[]; brier: number; log_loss: number };
        calibration_curve_edges: { y: number[]; p: number[]; ece10_right_closed: number; bins_right_closed: Bin[] };
        multiclass: { y: number[]; proba: number[][]; brier_multiclass_sum: number; log_loss: number };
      };
    };
  }>("ranking_multiclass_multilabel.json");
  const { brier_doc: doc, calibration_curve_edges: edges, multiclass } = expected.sklearn;
  const example = labelledScores({ y: doc.y, score: doc.p });
  expectClose(known(brierScore(example)).value, doc.brier);
  expectClose(known(logLoss(example)).value, doc.log_loss);

  const onEdges = labelledScores({ y: edges.y, score: edges.p });
  expectClose(known(expectedCalibrationError(onEdges, 10, "equal-width")).value, edges.ece10_right_closed);
  const predictions = predictionsOf(onEdges);
  if ("status" in predictions) throw new Error(predictions.reason);
  expect(reliability(predictions, binsOf(predictions, 10, "equal-width")).map(({ n }) => n)).toEqual(
    edges.bins_right_closed.filter(({ count }) => count > 0).map(({ count }) => count),
  );

  const columns = [0, 1, 2].map((index) => Float64Array.from(multiclass.proba, (row) => row[index] as number));
  const losses = multiclassLosses(columns, multiclass.y);
  expectClose(losses.brier, multiclass.brier_multiclass_sum);
  expectClose(losses.logLoss, multiclass.log_loss);
});

/** Samples whose probabilities are right, or off by a shift on the logit. */
function drawn(seed: number, n: number, { perPatient = 1, shift = 0, slope = 1 } = {}): LabelledScores {
  const random = randomFrom(seed, "calibration");
  const patients = Int32Array.from({ length: n }, (_, i) => Math.floor(i / perPatient));
  const scores = new Float64Array(n);
  const labels = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const isNew = i % perPatient === 0;
    const truth = isNew ? 1.5 * random.normal() - 0.5 : Number.NaN;
    if (isNew) {
      scores[i] = 1 / (1 + Math.exp(-((truth - shift) / slope)));
      labels[i] = random.uniform() < 1 / (1 + Math.exp(-truth)) ? 1 : 0;
    } else {
      scores[i] = scores[i - 1] as number;
      labels[i] = labels[i - 1] as number;
    }
  }
  return { scores, labels, patients, clustered: perPatient > 1 };
}

describe("intervals", () => {
  const estimators: [string, (data: LabelledScores) => Result, number][] = [
    ["intercept", calibrationIntercept, 0],
    ["slope", calibrationSlope, 1],
    ["observed over expected", observedOverExpected, 1],
  ];

  test.each(estimators)("%s: of calibrated models 95 % of the intervals hold the truth", (_, estimator, truth) => {
    let held = 0;
    const studies = 400;
    for (let seed = 0; seed < studies; seed++) {
      const { lower, upper } = intervalOf(known(estimator(drawn(seed, 300))), 0.95);
      if (lower <= truth && truth <= upper) held++;
    }
    // 380 are expected, with a standard deviation of 4.4.
    expect(held).toBeGreaterThan(380 - 18);
    expect(held).toBeLessThan(380 + 16);
  });

  test.each(estimators)("%s: a patient's copies add nothing", (_, estimator) => {
    const once = drawn(3, 200);
    const copies = (column: "scores" | "labels" | "patients") =>
      Float64Array.from({ length: 600 }, (_value, i) => once[column][Math.floor(i / 3)] as number);
    const thrice: LabelledScores = {
      scores: copies("scores"),
      labels: Uint8Array.from(copies("labels")),
      patients: Int32Array.from(copies("patients")),
      clustered: true,
    };
    const [one, three] = [known(estimator(once)), known(estimator(thrice))];
    expect(three.value).toBeCloseTo(one.value, 9);
    expect(three.standardError).toBeCloseTo(one.standardError, 9);
  });

  test("where the form is right the sandwich comes near the model's standard error", () => {
    const slope = known(calibrationSlope(drawn(5, 5000)));
    expect(slope.standardError / slope.modelStandardError).toBeGreaterThan(0.93);
    expect(slope.standardError / slope.modelStandardError).toBeLessThan(1.07);
  });

  test("ECE: its bias is most of it where the model is calibrated, and its interval then reaches 0", () => {
    let [plugIn, corrected, reaches] = [0, 0, 0];
    for (let seed = 0; seed < 100; seed++) {
      const ece = known(expectedCalibrationError(drawn(seed, 300), 10, "equal-width"));
      plugIn += ece.value / 100;
      corrected += ece.corrected / 100;
      if (intervalOf(ece, 0.95).lower === 0) reaches++;
    }
    expect(plugIn).toBeGreaterThan(0.04);
    expect(corrected).toBeLessThan(0.6 * plugIn);
    expect(reaches).toBeGreaterThan(95);
  });

  test("ECE: a large error is found, and covered", () => {
    // A shift of 1.2 on the logit; the truth by a study of 200,000.
    const truth = known(expectedCalibrationError(drawn(999, 200_000, { shift: -1.2 }), 10, "equal-width")).value;
    let held = 0;
    for (let seed = 0; seed < 200; seed++) {
      const { lower, upper } = intervalOf(
        known(expectedCalibrationError(drawn(seed, 400, { shift: -1.2 }), 10, "equal-width")),
        0.95,
      );
      if (lower <= truth && truth <= upper) held++;
      expect(lower).toBeGreaterThan(0);
    }
    expect(held).toBeGreaterThan(180);
  });
});

test("Spiegelhalter's test rejects calibrated models as often as it says, also where patients repeat", () => {
  for (const perPatient of [1, 4]) {
    let rejected = 0;
    for (let seed = 0; seed < 300; seed++) {
      if ((spiegelhalterTest(drawn(seed, 400, { perPatient }))?.p as number) < 0.05) rejected++;
    }
    expect(rejected).toBeLessThan(15 + 13);
    expect(rejected).toBeGreaterThan(3);
  }
});

test("recalibration undoes a shift and a slope", () => {
  const fit = recalibrationFit(drawn(1, 20_000, { shift: 0.8, slope: 0.5 }));
  if ("status" in fit) throw new Error(fit.reason);
  expect(fit.slope).toBeCloseTo(0.5, 1);
  expect(fit.intercept).toBeCloseTo(0.8, 1);
  const other = drawn(2, 5000, { shift: 0.8, slope: 0.5 });
  const mended = { ...other, scores: recalibrated(fit, other.scores) };
  expect(Math.abs(known(calibrationSlope(mended)).value - 1)).toBeLessThan(0.12);
  expect(known(brierScore(mended)).value).toBeLessThan(known(brierScore(other)).value);
});

describe("degenerate inputs end in a reason", () => {
  const data = (scores: number[], labels: number[]): LabelledScores => labelledScores({ y: labels, score: scores });
  const separated = data([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]);
  const constant = data([0.4, 0.4, 0.4, 0.4], [0, 1, 0, 1]);
  const healthy = data([0.1, 0.2, 0.3], [0, 0, 0]);

  test("separation, constant probabilities, one class, no samples, scores that are no probabilities", () => {
    expect(calibrationSlope(separated)).toMatchObject({ reason: expect.stringContaining("separated") });
    expect(calibrationSlope(constant)).toMatchObject({ reason: expect.stringContaining("alike") });
    expect(calibrationIntercept(healthy)).toMatchObject({ reason: expect.stringContaining("0 positives") });
    for (const estimator of [brierScore, logLoss, calibrationSlope, observedOverExpected]) {
      expect(estimator(data([], []))).toMatchObject({ status: "not-estimable" });
      expect(estimator(data([0.2, 1.5, 0.1], [0, 1, 0]))).toMatchObject({ reason: expect.stringContaining("1.5") });
    }
  });

  test("without positives observed over expected is 0, with an upper limit", () => {
    const ratio = known(observedOverExpected(healthy));
    expect(ratio.value).toBe(0);
    expect(intervalOf(ratio, 0.95).upper).toBeGreaterThan(1);
  });

  test("probabilities of 0 and 1 are moved and counted, and cost no infinity", () => {
    const sure = data([0, 1, 0.3, 0.6, 0, 0.7], [0, 1, 0, 1, 1, 0]);
    expect(known(calibrationIntercept(sure)).clipped).toBe(3);
    expect(known(logLoss(sure)).value).toBeLessThan(10);
  });

  test("no number is ever NaN, and intervals hold their estimates", () => {
    const sample = fc.record({ p: fc.double({ min: 0, max: 1, noNaN: true }), y: fc.integer({ min: 0, max: 1 }) });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 2, maxLength: 40 }), (samples) => {
        const one = data(
          samples.map(({ p }) => p),
          samples.map(({ y }) => y),
        );
        const results: Result[] = [
          brierScore(one),
          logLoss(one),
          observedOverExpected(one),
          calibrationIntercept(one),
          calibrationSlope(one),
          expectedCalibrationError(one, 10, "equal-width"),
          maximumCalibrationError(one, 10),
        ];
        return results.every((result) => {
          if (result.status === "not-estimable") return result.reason.length > 0;
          const { lower, upper } = intervalOf(result, 0.95);
          return lower <= result.value + 1e-9 && upper >= result.value - 1e-9;
        });
      }),
    );
  });
});

test("many samples are fitted to where the score equations hold, wherever the search starts", () => {
  const random = randomFrom("many samples", 1);
  const n = 25_000;
  const scores = Float64Array.from({ length: n }, (_, i) => (i < 3 ? i / 2 : 0.02 + 0.9 * random.uniform() ** 3));
  const labels = Uint8Array.from(scores, (p) => (random.uniform() < 0.1 + 0.5 * p ? 1 : 0));
  const patients = Int32Array.from({ length: n }, (_, i) => i);
  const data: LabelledScores = { scores, labels, patients, clustered: false };
  const fit = recalibrationFit(data);
  if ("status" in fit) throw new Error(fit.reason);
  const intercept = known(calibrationIntercept(data)).value;
  const sums = (probabilities: Float64Array) => {
    let [first, second] = [0, 0];
    probabilities.forEach((mu, i) => {
      const p = Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, scores[i] as number));
      first += (labels[i] as number) - mu;
      second += ((labels[i] as number) - mu) * Math.log(p / (1 - p));
    });
    return [Math.abs(first), Math.abs(second)] as const;
  };
  const both = sums(recalibrated(fit, scores));
  expect(Math.max(...both)).toBeLessThan(1e-7);
  expect(sums(recalibrated({ ...fit, intercept, slope: 1 }, scores))[0]).toBeLessThan(1e-7);
  expect(known(calibrationSlope(data)).value).toBe(fit.slope);
});
