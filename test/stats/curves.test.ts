/** Numbers of pROC 1.18 and scikit-learn 1.2 for curves and areas, every group and special case of the reference files. */
import { type AveragePrecisionEstimate, averagePrecision, rankedPrecision } from "../../src/stats/average-precision.js";
import { areaUnderCurve, type LabelledScores } from "../../src/stats/auc.js";
import { AGREEMENTS, type Agreement, agreementAt, confusionAt } from "../../src/stats/confusion.js";
import { type Estimate, intervalOf, type Result } from "../../src/stats/estimate.js";
import { hanleyMcNeilVariance } from "../../src/stats/power.js";
import { ascendingOrder } from "../../src/stats/order.js";
import { areaInRange, partialArea, type RocRange, standardisedPartial } from "../../src/stats/partial-auc.js";
import { placements } from "../../src/stats/placements.js";
import { type RocCorners, rocCorners, sensitivityAt } from "../../src/stats/roc.js";
import { scoreSteps } from "../../src/stats/steps.js";
import { expectClose, labelledScores, type ReferenceInputs, reference } from "../support/reference.js";

interface Points {
  fpr: number[];
  tpr: number[];
  thresholds: number[];
}
interface PRoc {
  auc: number | null;
  "pauc_sp_1_0.9": number;
  "pauc_sp_1_0.9_mcclish": number | null;
  "pauc_se_1_0.9": number;
  "pauc_se_1_0.9_mcclish": number | null;
  "sens_at_spec_0.9_interpolated": number;
  "spec_at_sens_0.9_interpolated": number;
  youden_midpoint_thresholds: number[];
  youden_sens: number[];
  youden_spec: number[];
  youden_J: number[];
  topleft_midpoint_thresholds: number[];
  coords: { threshold: string[]; sensitivity: number[]; specificity: number[] };
}
interface Sklearn {
  n_pos: number;
  n_neg: number;
  auc: number | null;
  delong_var_bruteforce: number | null;
  hanley_mcneil_var: number;
  average_precision: number;
  pr_auc_trapezoid: number;
  "pauc_max_fpr_0.1_standardised": number;
  "sens_at_spec_ge_0.9_attainable": { sensitivity: number; specificity: number; threshold: number };
  "spec_at_sens_ge_0.9_attainable": { sensitivity: number; specificity: number; threshold: number };
  youden_attainable: { J: number; thresholds: number[]; sensitivity: number[]; specificity: number[] };
  weighted?: { auc: number; average_precision: number };
  "at_threshold_0.5": Record<"tp" | "fp" | "tn" | "fn" | "f1" | "mcc" | "balanced_accuracy" | "kappa", number>;
  roc: Points;
  roc_drop_intermediate: Points;
}
interface Case {
  readonly name: string;
  readonly data: LabelledScores;
  readonly weights: Float64Array | null;
  readonly pROC: PRoc;
  readonly sklearn: Sklearn;
}

function randomCases(file: string): Case[] {
  const { inputs, expected } = reference<{
    inputs: Required<ReferenceInputs> & { weight: number[] };
    expected: { pROC: { groups: Record<string, PRoc> }; sklearn_statsmodels: { groups: Record<string, Sklearn> } };
  }>(file);
  return Object.entries(expected.sklearn_statsmodels.groups).map(([group, sklearn]) => {
    const keep = (row: number) => group === "overall" || inputs.group[row] === group;
    const weights = Float64Array.from(inputs.weight.filter((_, row) => keep(row)));
    const pROC = expected.pROC.groups[group] as PRoc;
    return { name: `${file} ${group}`, data: labelledScores(inputs, { keep }), weights, pROC, sklearn };
  });
}

function specialCases(): Case[] {
  const { inputs, expected } = reference<{
    inputs: Record<string, ReferenceInputs>;
    expected: { pROC: { cases: Record<string, PRoc> }; sklearn_statsmodels: { cases: Record<string, Sklearn> } };
  }>("special.json");
  return Object.entries(expected.sklearn_statsmodels.cases).map(([name, sklearn]) => ({
    name,
    data: labelledScores(inputs[name] as ReferenceInputs),
    weights: null,
    pROC: expected.pROC.cases[name] as PRoc,
    sklearn,
  }));
}

const all = [...randomCases("random_n50.json"), ...randomCases("random_n500.json"), ...specialCases()];
const oneClass = all.filter(({ sklearn }) => sklearn.auc === null);
const both = all.filter(({ sklearn }) => sklearn.auc !== null);

function estimated<E extends Estimate>(result: Result<E>): E {
  if (result.status !== "estimated") throw new Error(result.reason);
  return result;
}

const isEstimable = ({ sklearn }: Case) => sklearn.n_pos >= 2 && sklearn.n_neg >= 2;

test("the reference files hold the cases that these tests think they hold", () => {
  expect([all.length, both.length, oneClass.length]).toEqual([21, 19, 2]);
});

describe.each(both)("$name", (one) => {
  const { data, weights, pROC, sklearn } = one;
  const order = ascendingOrder(data.scores);

  test("area, and its variance where there is one", () => {
    expectClose(placements(data.scores, data.labels).auc, sklearn.auc as number);
    if (!isEstimable(one)) return expect(areaUnderCurve(data).status).toBe("not-estimable");
    return expectClose(estimated(areaUnderCurve(data)).variance, sklearn.delong_var_bruteforce as number);
  });

  test("average precision and the trapezoids beside it", () => {
    const ranked = rankedPrecision(scoreSteps(data.scores, data.labels, order), data.labels, null);
    expectClose(ranked.value, sklearn.average_precision);
    expectClose(ranked.trapezoidArea, sklearn.pr_auc_trapezoid);
    if (isEstimable(one)) expect(estimated(averagePrecision(data)).value).toBe(ranked.value);
    else expect(averagePrecision(data).status).toBe("not-estimable");
  });

  test("partial areas, raw and standardised", () => {
    const turned = { scores: data.scores.map((score) => -score), labels: data.labels.map((label) => 1 - label) };
    const bySpecificity = areaInRange(scoreSteps(data.scores, data.labels), 0, 0.1).area;
    const bySensitivity = areaInRange(scoreSteps(turned.scores, turned.labels), 0, 0.1).area;
    expectClose(bySpecificity, pROC["pauc_sp_1_0.9"]);
    expectClose(bySensitivity, pROC["pauc_se_1_0.9"]);
    if (!isEstimable(one)) return expect(partialArea(data, { specificity: [0.9, 1] }).status).toBe("not-estimable");
    const standardised = (range: RocRange) => standardisedPartial(estimated(partialArea(data, range)));
    const [specific, sensitive] = [standardised({ specificity: [0.9, 1] }), standardised({ sensitivity: [0.9, 1] })];
    expectClose(specific.value, sklearn["pauc_max_fpr_0.1_standardised"]);
    // pROC gives NA below chance; we give the number, as scikit-learn does.
    for (const [ours, theirs] of [
      [specific.value, pROC["pauc_sp_1_0.9_mcclish"]],
      [sensitive.value, pROC["pauc_se_1_0.9_mcclish"]],
    ] as const) {
      if (theirs === null) expect(ours).toBeLessThan(0.5);
      else expectClose(ours, theirs);
    }
    return expectClose(estimated(partialArea(data, { sensitivity: [0.9, 1] })).value, pROC["pauc_se_1_0.9"]);
  });

  test("weighted area and average precision", () => {
    if (sklearn.weighted === undefined || weights === null) return;
    const weighted = { ...data, weights };
    expectClose(estimated(areaUnderCurve(weighted)).value, sklearn.weighted.auc);
    expectClose(estimated(averagePrecision(weighted)).value, sklearn.weighted.average_precision);
  });

  test("Hanley and McNeil's variance", () => {
    expectClose(
      hanleyMcNeilVariance(sklearn.auc as number, { positives: sklearn.n_pos, negatives: sklearn.n_neg }),
      sklearn.hanley_mcneil_var,
    );
  });

  test("the two-by-two table at 0.5 and its summaries", () => {
    const wanted = sklearn["at_threshold_0.5"];
    expect(confusionAt(data, 0.5)).toEqual({
      truePositives: wanted.tp,
      falsePositives: wanted.fp,
      trueNegatives: wanted.tn,
      falseNegatives: wanted.fn,
    });
    const values: Partial<Record<Agreement, number>> = {
      accuracy: (wanted.tp + wanted.tn) / data.labels.length,
      "balanced-accuracy": wanted.balanced_accuracy,
      f1: wanted.f1,
      mcc: wanted.mcc,
      kappa: wanted.kappa,
    };
    for (const agreement of AGREEMENTS) {
      const result = agreementAt(data, 0.5, agreement);
      // scikit-learn writes 0 where Matthews' denominator is 0: nothing to estimate.
      if (agreement === "mcc" && (wanted.tp + wanted.fp === 0 || wanted.tn + wanted.fn === 0)) {
        expect([result.status, wanted.mcc]).toEqual(["not-estimable", 0]);
      } else expectClose(estimated(result).value, values[agreement] as number);
    }
  });

  test("the curve's corners, all and without those on straight lines", () => {
    const corners = rocCorners(data.scores, data.labels, order);
    expectPoints(pointsOf(corners), sklearn.roc);
    expectPoints(withoutIntermediate(corners, sklearn), sklearn.roc_drop_intermediate);
  });

  test("pROC's coordinates, whose thresholds lie between the scores", () => {
    const ours = midpointCoordinates(rocCorners(data.scores, data.labels, order));
    expect(ours.map(({ threshold }) => threshold).length).toBe(pROC.coords.threshold.length);
    ours.forEach(({ threshold, sensitivity, specificity }, i) => {
      const wanted = Number(pROC.coords.threshold[i]);
      if (Number.isFinite(wanted)) expectClose(threshold, wanted);
      else expect(threshold).toBe(wanted);
      expectClose(sensitivity, pROC.coords.sensitivity[i] as number);
      expectClose(specificity, pROC.coords.specificity[i] as number);
    });
  });

  test("Youden's and the nearest corner, pROC's midpoints and the attainable thresholds", () => {
    const coordinates = midpointCoordinates(rocCorners(data.scores, data.labels, order));
    const youden = best(coordinates, ({ sensitivity, specificity }) => sensitivity + specificity - 1);
    expectList(
      youden.map(({ threshold }) => threshold),
      pROC.youden_midpoint_thresholds,
    );
    expectList(
      youden.map(({ sensitivity }) => sensitivity),
      pROC.youden_sens,
    );
    expectList(
      youden.map(({ specificity }) => specificity),
      pROC.youden_spec,
    );
    expectList(
      youden.map(({ sensitivity, specificity }) => sensitivity + specificity - 1),
      pROC.youden_J,
    );
    const nearest = best(coordinates, (point) => -((1 - point.sensitivity) ** 2 + (1 - point.specificity) ** 2));
    expectList(
      nearest.map(({ threshold }) => threshold),
      pROC.topleft_midpoint_thresholds,
    );

    const attainable = best(
      attainablePoints(rocCorners(data.scores, data.labels, order)),
      (point) => point.tpr - point.fpr,
    );
    const wanted = sklearn.youden_attainable;
    expectList(
      attainable.map(({ threshold }) => (threshold === Infinity ? Math.max(...data.scores) + 1 : threshold)),
      wanted.thresholds,
    );
    expectList(
      attainable.map(({ tpr }) => tpr),
      wanted.sensitivity,
    );
    expectList(
      attainable.map(({ fpr }) => 1 - fpr),
      wanted.specificity,
    );
    for (const { tpr, fpr } of attainable) expectClose(tpr - fpr, wanted.J);
  });

  test("rates at a rate of 0.9: interpolated as pROC does, and attainable", () => {
    const corners = rocCorners(data.scores, data.labels, order);
    expectClose(sensitivityAt(corners, 0.1), pROC["sens_at_spec_0.9_interpolated"]);
    const turned = rocCorners(
      data.scores.map((score) => -score),
      data.labels.map((label) => 1 - label),
    );
    expectClose(sensitivityAt(turned, 0.1), pROC["spec_at_sens_0.9_interpolated"]);

    const points = attainablePoints(corners);
    const keepsSpecificity = points.filter(({ fpr }) => 1 - fpr >= 0.9 - 1e-12);
    const [sensitive] = best(keepsSpecificity, ({ tpr }) => tpr);
    const ofSpecificity = sklearn["sens_at_spec_ge_0.9_attainable"];
    expectClose(sensitive?.tpr, ofSpecificity.sensitivity);
    expectClose(1 - (sensitive?.fpr ?? Number.NaN), ofSpecificity.specificity);
    const [specific] = best(
      points.filter(({ tpr }) => tpr >= 0.9 - 1e-12),
      ({ fpr }) => -fpr,
    );
    const ofSensitivity = sklearn["spec_at_sens_ge_0.9_attainable"];
    expectClose(specific?.tpr, ofSensitivity.sensitivity);
    expectClose(1 - (specific?.fpr ?? Number.NaN), ofSensitivity.specificity);
    expect(specific?.threshold).toBe(ofSensitivity.threshold);
  });
});

test.each(oneClass)("$name: no area of any kind, with a reason", ({ data }) => {
  const area = { specificity: [0.9, 1] } as const;
  for (const result of [areaUnderCurve(data), averagePrecision(data), partialArea(data, area)]) {
    expect(result).toMatchObject({
      status: "not-estimable",
      reason: expect.stringMatching(/^0 (positive|negative)s among 3/),
    });
  }
});

test.each(["random_n50.json", "random_n500.json"])("Obuchowski's variance with the script's components: %s", (file) => {
  const { inputs, expected } = reference<{
    inputs: Required<ReferenceInputs>;
    expected: {
      sklearn_statsmodels: {
        clustered_obuchowski: Record<"overall" | "unclustered_check", Record<string, number> & { ci95: number[] }>;
      };
    };
  }>(file);
  const { overall, unclustered_check: unclustered } = expected.sklearn_statsmodels.clustered_obuchowski;
  const byPatient = estimated(areaUnderCurve(labelledScores(inputs, { patients: inputs.patient })));
  expect(byPatient.patients).toBe(overall.n_clusters);
  expectClose(byPatient.variance, overall.var as number);
  expectList(Object.values(intervalOf(byPatient, 0.95)).slice(0, 2) as number[], overall.ci95);
  expectClose(estimated(areaUnderCurve(labelledScores(inputs))).variance, unclustered.var as number);
});

test("average precision of scikit-learn's documentation, and with ties", () => {
  const { expected } = reference<{
    expected: { sklearn: { average_precision: { y: number[]; score: number[]; ap: number }[] } };
  }>("ranking_multiclass_multilabel.json");
  expect(expected.sklearn.average_precision.length).toBe(2);
  for (const { y, score, ap } of expected.sklearn.average_precision) {
    expectClose(estimated<AveragePrecisionEstimate>(averagePrecision(labelledScores({ y, score }))).value, ap);
  }
});

// What other tools print of a curve, out of our corners (observed scores, score >= threshold is positive).

function pointsOf({ falsePositiveRates, truePositiveRates, thresholds }: RocCorners): Points {
  return { fpr: [...falsePositiveRates], tpr: [...truePositiveRates], thresholds: [...thresholds] };
}

/** scikit-learn's drop_intermediate: corners are kept where the second difference of the counts is not 0. */
function withoutIntermediate(corners: RocCorners, { n_pos, n_neg }: Sklearn): Points {
  const { fpr, tpr, thresholds } = pointsOf(corners);
  const bends = (rates: number[], count: number, i: number) => {
    const at = (index: number) => Math.round((rates[index] as number) * count);
    return at(i + 1) - 2 * at(i) + at(i - 1) !== 0;
  };
  const last = fpr.length - 1;
  const kept = fpr.flatMap((_, i) => (i <= 1 || i === last || bends(fpr, n_neg, i) || bends(tpr, n_pos, i) ? [i] : []));
  const pick = (values: number[]) => kept.map((i) => values[i] as number);
  return { fpr: pick(fpr), tpr: pick(tpr), thresholds: pick(thresholds) };
}

/** pROC's: ascending thresholds half way between neighbouring scores, with the infinities at the ends. */
function midpointCoordinates(corners: RocCorners) {
  const { fpr, tpr, thresholds } = pointsOf(corners);
  return thresholds
    .map((threshold, i) => {
      const next = thresholds[i + 1];
      const middle = next === undefined ? -Infinity : i === 0 ? Infinity : threshold - (threshold - next) / 2;
      return { threshold: middle, sensitivity: tpr[i] as number, specificity: 1 - (fpr[i] as number) };
    })
    .reverse();
}

function attainablePoints(corners: RocCorners) {
  const { fpr, tpr, thresholds } = pointsOf(corners);
  return thresholds.map((threshold, i) => ({ threshold, fpr: fpr[i] as number, tpr: tpr[i] as number }));
}

/** All that reach the best value, in their order. */
function best<Point>(points: readonly Point[], value: (point: Point) => number): Point[] {
  const highest = Math.max(...points.map(value));
  return points.filter((point) => value(point) >= highest - 1e-12);
}

function expectPoints(ours: Points, wanted: Points): void {
  expectList(ours.thresholds.slice(1), wanted.thresholds.slice(1)); // the first: Infinity, and scikit-learn 1.2's maximum + 1
  expectList(ours.fpr, wanted.fpr);
  expectList(ours.tpr, wanted.tpr);
}

/** The files hold null for an infinite threshold: JSON has no infinity. */
function expectList(ours: readonly number[], wanted: readonly (number | null)[]): void {
  expect(ours.length).toBe(wanted.length);
  wanted.forEach((number, i) => {
    if (number !== null) expectClose(ours[i], number);
    else expect(Math.abs(ours[i] as number)).toBe(Infinity);
  });
}
