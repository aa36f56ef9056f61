import {
  differenceTest,
  equivalenceTest,
  minimumDetectable,
  nonInferiorityTest,
  pAtLeast,
  pAtMost,
  pValue,
  signedZ,
} from "../../src/stats/assessment.js";
import { aucDifference, areaUnderCurve } from "../../src/stats/auc.js";
import { type Estimate, intervalOf } from "../../src/stats/estimate.js";
import { type ProportionEstimate, proportion, proportionDifference } from "../../src/stats/proportion.js";
import { expectClose, labelledScores, type ReferenceInputs, reference } from "../support/reference.js";

interface Unpaired {
  readonly z: number;
  readonly p_two_sided_normal: number;
  readonly "noninferiority_margin_0.05": { readonly z: number; readonly p_one_sided: number };
  readonly "tost_margin_0.05": { readonly p: number; readonly ci90: readonly [number, number] };
}

function shareOf(successes: number, n: number): ProportionEstimate {
  const outcomes = Uint8Array.from({ length: n }, (_, i) => (i < successes ? 1 : 0));
  const share = proportion(outcomes, Int32Array.from(outcomes.keys()), false);
  if (share.status !== "estimated") throw new Error(share.reason);
  return share;
}

describe.each(["random_n50", "random_n500"])("tests of AUC differences of %s, as pROC's numbers give them", (name) => {
  const file = reference<{
    inputs: ReferenceInputs;
    expected: { pROC: { unpaired: Record<string, Unpaired> } };
  }>(`${name}.json`);
  const { inputs } = file;
  const area = (group: string) => {
    const auc = areaUnderCurve(labelledScores(inputs, { keep: (row) => inputs.group?.[row] === group }));
    if (auc.status !== "estimated") throw new Error(auc.reason);
    return auc;
  };

  test.each(Object.entries(file.expected.pROC.unpaired))("%s", (pair, expected) => {
    const [first = "", second = ""] = pair.split("_vs_");
    const difference = aucDifference(area(first), area(second), false);
    const [normal] = differenceTest(difference);
    expectClose(normal?.statistic ?? undefined, expected.z);
    expectClose(normal?.p, expected.p_two_sided_normal, 1e-6);
    const inferior = expected["noninferiority_margin_0.05"];
    const [nonInferiority] = nonInferiorityTest(difference, 0.05);
    expectClose(nonInferiority?.statistic ?? undefined, inferior.z);
    expectClose(nonInferiority?.p, inferior.p_one_sided, 1e-6);
    const equivalence = expected["tost_margin_0.05"];
    expectClose(equivalenceTest(difference, 0.05)[0]?.p, equivalence.p, 1e-6);
    const { lower, upper } = difference.limits(1.6448536269514722);
    expectClose(lower, equivalence.ci90[0]);
    expectClose(upper, equivalence.ci90[1]);
  });
});

test("p-values agree with the interval of every method: the limits of level 1 − p just reach the value", () => {
  const estimates: Estimate[] = [
    shareOf(7, 20),
    shareOf(0, 12),
    proportionDifference(shareOf(9, 10), shareOf(3, 10), false),
    proportionDifference(shareOf(10, 10), shareOf(20, 20), false),
  ];
  for (const estimate of estimates) {
    for (const value of [estimate.value + 0.04, estimate.value + 0.2, estimate.value - 0.1]) {
      const p = pValue(estimate, value) as number;
      const { lower, upper } = estimate.limits(Math.abs(signedZ(estimate, value) as number));
      if (p > 1e-12) expect(value > estimate.value ? upper : lower).toBeCloseTo(value, 9);
    }
    for (const level of [0.5, 0.9, 0.95, 0.999]) {
      const { upper } = intervalOf(estimate, level);
      if (upper < estimate.range[1]) expect(pValue(estimate, upper)).toBeCloseTo(1 - level, 9);
    }
  }
});

test("one share against a value is the score test", () => {
  // z = (p − p0) / √(p0 (1 − p0) / n)
  const share = shareOf(14, 20);
  expect(signedZ(share, 0.5)).toBeCloseTo((0.7 - 0.5) / Math.sqrt(0.25 / 20), 9);
  expect(pAtMost(share, 0.5)).toBeCloseTo(0.0368191351, 6);
  expect((pAtMost(share, 0.5) as number) + (pAtLeast(share, 0.5) as number)).toBeCloseTo(1, 12);
});

test("an estimate without error tests nothing", () => {
  const same = aucDifference(unmoved, unmoved, false);
  expect(pValue({ ...same, standardError: 0, symmetric: true }, 0.1)).toBeNull();
  expect(differenceTest({ ...same, standardError: 0, symmetric: true })).toEqual([]);
});

const unmoved = (() => {
  const auc = areaUnderCurve({
    scores: Float64Array.of(1, 3, 2, 4, 2.5, 6),
    labels: Uint8Array.of(0, 0, 0, 1, 1, 1),
    patients: Int32Array.of(0, 1, 2, 3, 4, 5),
    clustered: false,
  });
  if (auc.status !== "estimated") throw new Error(auc.reason);
  return auc;
})();

test("equivalence is claimed exactly where the 1 − 2α interval lies within the margin", () => {
  for (const [a, b] of [
    [shareOf(80, 100), shareOf(78, 100)],
    [shareOf(800, 1000), shareOf(795, 1000)],
    [shareOf(50, 100), shareOf(20, 100)],
  ] as const) {
    const difference = proportionDifference(a, b, false);
    const { lower, upper } = intervalOf(difference, 0.9);
    const p = equivalenceTest(difference, 0.05)[0]?.p as number;
    expect(p < 0.05).toBe(lower > -0.05 && upper < 0.05);
  }
});

test("the minimum detectable difference is 2.80 standard errors at 95 % and 80 % power", () => {
  expect((minimumDetectable(unmoved, 0.95) as number) / unmoved.standardError).toBeCloseTo(
    1.959963985 + 0.841621234,
    8,
  );
  expect(minimumDetectable(shareOf(0, 12), 0.95)).toBeGreaterThan(0); // no standard error, but an interval
});
