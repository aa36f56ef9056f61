import fc from "fast-check";
import { randomFrom } from "../../src/core/random.js";
import { chooseThreshold, nextUp, type ThresholdTarget } from "../../src/stats/operating-point.js";
import { expectClose, type ReferenceInputs, reference } from "../support/reference.js";

interface Attainable {
  sensitivity: number;
  specificity: number;
  threshold: number;
}
interface Dataset {
  inputs: Required<ReferenceInputs>;
  expected: {
    sklearn_statsmodels: {
      groups: Record<
        string,
        {
          "sens_at_spec_ge_0.9_attainable": Attainable;
          "spec_at_sens_ge_0.9_attainable": Attainable;
          youden_attainable: { J: number; thresholds: number[] };
        }
      >;
    };
  };
}

function choose(labels: readonly number[], scores: readonly number[], target: ThresholdTarget) {
  return chooseThreshold(Float64Array.from(scores), Uint8Array.from(labels), target);
}

describe.each(["random_n50.json", "random_n500.json"])("attainable points of scikit-learn's curve: %s", (file) => {
  const { inputs, expected } = reference<Dataset>(file);

  test.each(["overall", "A", "B", "C"])("group %s", (group) => {
    const rows = inputs.y.map((_, row) => row).filter((row) => group === "overall" || inputs.group[row] === group);
    const labels = rows.map((row) => inputs.y[row] as number);
    const scores = rows.map((row) => inputs.score[row] as number);
    const wanted = expected.sklearn_statsmodels.groups[group];

    const bySensitivity = choose(labels, scores, { sensitivity: 0.9 });
    if (bySensitivity.status !== "chosen") throw new Error(bySensitivity.reason);
    const best = wanted?.["spec_at_sens_ge_0.9_attainable"] as Attainable;
    expect(bySensitivity.threshold).toBe(best.threshold);
    expectClose(bySensitivity.sensitivity as number, best.sensitivity);
    expectClose(bySensitivity.specificity as number, best.specificity);

    // scikit-learn takes the highest of the thresholds with the best sensitivity, we the lowest that keeps the target.
    const bySpecificity = choose(labels, scores, { specificity: 0.9 });
    if (bySpecificity.status !== "chosen") throw new Error(bySpecificity.reason);
    const other = wanted?.["sens_at_spec_ge_0.9_attainable"] as Attainable;
    expectClose(bySpecificity.sensitivity as number, other.sensitivity);
    expect(bySpecificity.threshold).toBeLessThanOrEqual(other.threshold);
  });
});

describe("the rules, by brute force", () => {
  const scored = fc.array(
    fc.record({ label: fc.integer({ min: 0, max: 1 }), score: fc.integer({ min: 0, max: 9 }).map((n) => n / 10) }),
    { minLength: 4, maxLength: 40 },
  );
  const rateAt = (rows: { label: number; score: number }[], label: number, threshold: number) => {
    const about = rows.filter((row) => row.label === label);
    const hits = about.filter((row) => (label === 1 ? row.score >= threshold : row.score < threshold));
    return hits.length / about.length;
  };

  test("sensitivity: the largest observed score that reaches it", () => {
    fc.assert(
      fc.property(scored, fc.double({ min: 0.01, max: 1, noNaN: true }), (rows, target) => {
        fc.pre(rows.some((row) => row.label === 1));
        const chosen = choose(
          rows.map((row) => row.label),
          rows.map((row) => row.score),
          { sensitivity: target },
        );
        const reaching = rows.map((row) => row.score).filter((threshold) => rateAt(rows, 1, threshold) >= target);
        expect(chosen).toMatchObject({ status: "chosen", threshold: Math.max(...reaching) });
      }),
    );
  });

  test("specificity: the smallest observed score that reaches it, or just above all", () => {
    fc.assert(
      fc.property(scored, fc.double({ min: 0.01, max: 1, noNaN: true }), (rows, target) => {
        fc.pre(rows.some((row) => row.label === 0));
        const scores = rows.map((row) => row.score);
        const chosen = choose(
          rows.map((row) => row.label),
          scores,
          { specificity: target },
        );
        const reaching = scores.filter((threshold) => rateAt(rows, 0, threshold) >= target);
        const expected = reaching.length === 0 ? nextUp(Math.max(...scores)) : Math.min(...reaching);
        expect(chosen).toMatchObject({ status: "chosen", threshold: expected });
      }),
    );
  });
});

test("a target that only an empty call reaches: the next double above the largest score", () => {
  const chosen = choose([1, 0, 0], [0.2, 0.4, 0.9], { specificity: 1 });
  expect(chosen).toEqual({ status: "chosen", threshold: nextUp(0.9), sensitivity: 0, specificity: 1 });
  expect(nextUp(0.9)).toBeGreaterThan(0.9);
  expect((0.9 + nextUp(0.9)) / 2 === 0.9 || (0.9 + nextUp(0.9)) / 2 === nextUp(0.9)).toBe(true);
});

test("nine of ten positives reach 0.9 in floating point", () => {
  const scores = [0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.1];
  expect(choose([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0], scores, { sensitivity: 0.9 })).toMatchObject({ threshold: 0.55 });
});

test("without the class that the target is about there is no threshold", () => {
  expect(choose([0, 0, 0], [0.1, 0.2, 0.3], { sensitivity: 0.9 })).toEqual({
    status: "not-estimable",
    reason: "0 positives among 3 samples to choose a threshold on",
  });
  expect(choose([], [], { specificity: 0.9 })).toMatchObject({ status: "not-estimable" });
});

describe.each(["random_n50.json", "random_n500.json"])("Youden's point of scikit-learn's curve: %s", (file) => {
  const { inputs, expected } = reference<Dataset>(file);

  test.each(["overall", "A", "B", "C"])("group %s: the highest of the thresholds that are equally good", (group) => {
    const rows = inputs.y.map((_, row) => row).filter((row) => group === "overall" || inputs.group[row] === group);
    const wanted = expected.sklearn_statsmodels.groups[group]?.youden_attainable;
    const choice = choose(
      rows.map((row) => inputs.y[row] as number),
      rows.map((row) => inputs.score[row] as number),
      { youden: true },
    );
    if (choice.status !== "chosen") throw new Error(choice.reason);
    expect(choice.threshold).toBe(wanted?.thresholds[0]);
    expectClose((choice.sensitivity as number) + (choice.specificity as number) - 1, wanted?.J as number);
  });
});

describe("rules that weigh both errors", () => {
  const random = randomFrom(9, "operating-point");
  const labels = Uint8Array.from({ length: 80 }, (_, i) => (i % 4 === 0 ? 1 : 0));
  const scores = Float64Array.from(labels, (label) => Math.round(10 * (label + random.normal())) / 10);
  const candidates = [...new Set(scores), 100];
  const rates = (threshold: number) => {
    const share = (is: number, called: boolean) => {
      const of = [...labels.keys()].filter((i) => labels[i] === is);
      return of.filter((i) => (scores[i] as number) >= threshold === called).length / of.length;
    };
    return { sensitivity: share(1, true), specificity: share(0, false) };
  };

  test.each([
    [1, 5, 0.02],
    [1, 1, 0.5],
    [3, 1, 0.3],
  ])("cost %d to %d at prevalence %d: no other threshold costs less", (falsePositive, falseNegative, prevalence) => {
    const cost = (threshold: number) => {
      const { sensitivity, specificity } = rates(threshold);
      return prevalence * (1 - sensitivity) * falseNegative + (1 - prevalence) * (1 - specificity) * falsePositive;
    };
    const choice = chooseThreshold(scores, labels, { cost: { falsePositive, falseNegative, prevalence } });
    if (choice.status !== "chosen") throw new Error(choice.reason);
    const least = Math.min(...candidates.map(cost));
    expect(cost(choice.threshold)).toBeCloseTo(least, 12);
    for (const other of candidates.filter((one) => one > choice.threshold && one < 100))
      expect(cost(other)).toBeGreaterThan(least - 1e-12);
  });

  test.each([0.05, 0.2, 0.6])("net benefit at %d: no other threshold brings more", (thresholdProbability) => {
    const odds = thresholdProbability / (1 - thresholdProbability);
    const benefit = (threshold: number) => {
      const { sensitivity, specificity } = rates(threshold);
      return 0.25 * sensitivity - 0.75 * (1 - specificity) * odds;
    };
    const choice = chooseThreshold(scores, labels, { netBenefit: { thresholdProbability } });
    if (choice.status !== "chosen") throw new Error(choice.reason);
    expect(benefit(choice.threshold)).toBeCloseTo(Math.max(...candidates.map(benefit)), 12);
  });

  test("where false alarms are dear nothing is called positive", () => {
    // The highest score is a healthy patient's: every call costs a false alarm.
    const choice = choose([0, 1, 1], [3, 2, 1], { cost: { falsePositive: 1e6, falseNegative: 1 } });
    expect(choice).toMatchObject({ status: "chosen", threshold: nextUp(3), sensitivity: 0, specificity: 1 });
  });

  test("both classes are needed", () => {
    const healthy = new Uint8Array(scores.length);
    expect(chooseThreshold(scores, healthy, { youden: true })).toMatchObject({ status: "not-estimable" });
  });
});
