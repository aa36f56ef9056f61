import { randomFrom } from "../../src/core/random.js";
import { criticalValue, normalCdf, normalQuantile } from "../../src/stats/normal.js";
import { type RocCorners, rocCorners, rocCurve, sensitivityAt } from "../../src/stats/roc.js";
import { expectClose, type ReferenceInputs, reference } from "../support/reference.js";

function cornersOf(labels: readonly number[], scores: readonly number[]): RocCorners {
  return rocCorners(Float64Array.from(scores), Uint8Array.from(labels));
}

describe.each(["random_n50.json", "random_n500.json"])("corners of scikit-learn and pROC: %s", (file) => {
  const { inputs, expected } = reference<{
    inputs: Required<ReferenceInputs>;
    expected: {
      pROC: { groups: { overall: { auc: number; "sens_at_spec_0.9_interpolated": number } } };
      sklearn_statsmodels: { groups: { overall: { roc: { fpr: number[]; tpr: number[]; thresholds: number[] } } } };
    };
  }>(file);
  const corners = cornersOf(inputs.y, inputs.score);

  test("thresholds, false and true positive rates", () => {
    const wanted = expected.sklearn_statsmodels.groups.overall.roc;
    expect([...corners.thresholds.slice(1)]).toEqual(wanted.thresholds.slice(1)); // its first is max + 1, ours Infinity
    wanted.fpr.forEach((fpr, i) => {
      expectClose(corners.falsePositiveRates[i], fpr);
    });
    wanted.tpr.forEach((tpr, i) => {
      expectClose(corners.truePositiveRates[i], tpr);
    });
  });

  test("the polygon's area is the AUC with ties by half", () => {
    const { falsePositiveRates: x, truePositiveRates: y } = corners;
    let area = 0;
    for (let i = 1; i < x.length; i++) {
      area += (((x[i] as number) - (x[i - 1] as number)) * ((y[i] as number) + (y[i - 1] as number))) / 2;
    }
    expectClose(area, expected.pROC.groups.overall.auc);
  });

  test("between corners linear, as pROC interpolates", () => {
    expectClose(sensitivityAt(corners, 0.1), expected.pROC.groups.overall["sens_at_spec_0.9_interpolated"]);
  });
});

test("at a vertical rise the top counts, and the ends are the ends", () => {
  const corners = cornersOf([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9]);
  expect([0, 0.25, 0.5, 0.75, 1].map((x) => sensitivityAt(corners, x))).toEqual([0.5, 0.5, 1, 1, 1]);
});

test("the pointwise band covers the binormal curve at least about as often as it says", () => {
  const random = randomFrom(9, "band");
  const separation = 1.5;
  const z = criticalValue(0.95);
  const rates = [0.01, 0.05, 0.1, 0.2, 0.4];
  const covered = rates.map(() => 0);
  const repeats = 400;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const labels = Array.from({ length: 140 }, (_, row) => (row < 40 ? 1 : 0));
    const scores = labels.map((label) => separation * label + random.normal());
    const curve = rocCurve(cornersOf(labels, scores), 40, 100, z);
    rates.forEach((rate, i) => {
      const truth = normalCdf(separation + normalQuantile(rate));
      const at = Math.round(rate * 100);
      if ((curve.lower[at] as number) <= truth && truth <= (curve.upper[at] as number))
        covered[i] = (covered[i] ?? 0) + 1;
    });
  }
  expect((covered[3] ?? 0) / repeats).toBeLessThan(0.99); // at 0.2 it is not so wide as to say nothing
  for (const count of covered) {
    expect(count / repeats).toBeGreaterThan(0.93);
  }
});
