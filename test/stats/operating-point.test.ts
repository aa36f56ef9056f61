import fc from "fast-check";
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
