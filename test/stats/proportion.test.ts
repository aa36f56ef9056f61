import fc from "fast-check";
import { type Estimate, intervalOf, type Result } from "../../src/stats/estimate.js";
import { criticalValue } from "../../src/stats/normal.js";
import {
  type ProportionEstimate,
  pairedProportionDifference,
  proportion,
  proportionDifference,
  wilsonLimits,
} from "../../src/stats/proportion.js";
import { expectClose, reference } from "../support/reference.js";

type Pair = [number, number];
const { expected, published } = reference<{
  expected: {
    R: { one_proportion: { k: number; n: number; wilson95: Pair }[] };
    statsmodels: {
      one_proportion: { k: number; n: number; wilson95: Pair }[];
      two_proportions: { k1: number; n1: number; k2: number; n2: number; newcombe_score95: Pair }[];
    };
  };
  published: { wilson_newcombe1998: [number, number, number, number][] };
}>("intervals_multiplicity.json");
const Z = criticalValue(0.95);

function estimated<E extends Estimate>(result: Result<E>): E {
  if (result.status !== "estimated") throw new Error(result.reason);
  return result;
}

/** A share of `successes` among n samples, each of its own patient; codes start at `from`. */
function share(successes: number, n: number, from = 0): ProportionEstimate {
  const outcomes = Uint8Array.from({ length: n }, (_, row) => (row < successes ? 1 : 0));
  const patients = Int32Array.from({ length: n }, (_, row) => from + row);
  return estimated(proportion(outcomes, patients, false));
}

describe("Wilson's interval", () => {
  test.each([...expected.R.one_proportion, ...expected.statsmodels.one_proportion])(
    "R and statsmodels: $k of $n",
    ({ k, n, wilson95 }) => {
      const interval = intervalOf(share(k, n), 0.95);
      expectClose(interval.lower, wilson95[0]);
      expectClose(interval.upper, wilson95[1]);
    },
  );

  test.each(published.wilson_newcombe1998)("Newcombe's table: %d of %d", (k, n, lower, upper) => {
    const limits = wilsonLimits(k / n, n, Z);
    expect(limits.lower).toBeCloseTo(lower, 4);
    expect(limits.upper).toBeCloseTo(upper, 4);
  });

  test("of no samples there is none", () => {
    expect(proportion(new Uint8Array(0), new Int32Array(0), false)).toMatchObject({ status: "not-estimable" });
  });
});

describe("two groups: Newcombe's hybrid score", () => {
  test.each(expected.statsmodels.two_proportions)("$k1/$n1 against $k2/$n2", ({ k1, n1, k2, n2, newcombe_score95 }) => {
    const interval = intervalOf(proportionDifference(share(k1, n1), share(k2, n2, 1000), false), 0.95);
    expectClose(interval.lower, newcombe_score95[0]);
    expectClose(interval.upper, newcombe_score95[1]);
    expect(interval.method).toBe("newcombe-score");
  });
});

describe("the same samples twice: Newcombe's method 10", () => {
  /** Both shares of a table with `both` samples right twice, `first` and `second` right once, `neither` never. */
  function paired(both: number, first: number, second: number, neither: number): Estimate {
    const counts = [both, first, second, neither];
    const outcome = (hits: readonly number[]) => Uint8Array.from(counts.flatMap((n, i) => Array(n).fill(hits[i])));
    const patients = Int32Array.from({ length: both + first + second + neither }, (_, row) => row);
    const a = estimated(proportion(outcome([1, 1, 0, 0]), patients, false));
    const b = estimated(proportion(outcome([1, 0, 1, 0]), patients, false));
    return pairedProportionDifference(a, b, false);
  }

  test("airway hyper-responsiveness (Bentur et al. 2009; Fagerland et al. 2017): -0.507 to -0.026", () => {
    const { lower, upper } = intervalOf(paired(1, 1, 7, 12), 0.95);
    expect(lower).toBeCloseTo(-0.507, 3);
    expect(upper).toBeCloseTo(-0.026, 3);
  });

  test("the definition, with φ corrected for continuity, in a table of positive correlation", () => {
    const [e, f, g, h] = [14, 5, 0, 22];
    const n = e + f + g + h;
    const [p1, p2] = [(e + f) / n, (e + g) / n];
    const phi = Math.max(0, e * h - f * g - n / 2) / Math.sqrt((e + f) * (g + h) * (e + g) * (f + h));
    const [w1, w2] = [wilsonLimits(p1, n, Z), wilsonLimits(p2, n, Z)];
    const margin = (x: number, y: number) => Math.sqrt(x * x - 2 * phi * x * y + y * y);
    const { lower, upper } = intervalOf(paired(e, f, g, h), 0.95);
    expectClose(lower, p1 - p2 - margin(p1 - w1.lower, w2.upper - p2));
    expectClose(upper, p1 - p2 + margin(w1.upper - p1, p2 - w2.lower));
  });

  test("has width where nothing changed", () => {
    const { lower, upper } = intervalOf(paired(10, 0, 0, 10), 0.95);
    expect(lower).toBeLessThan(-0.01);
    expect(upper).toBeGreaterThan(0.01);
  });
});

describe("clustered shares", () => {
  const rows = fc
    .array(fc.record({ hit: fc.integer({ min: 0, max: 1 }), patient: fc.integer({ min: 0, max: 15 }) }), {
      minLength: 2,
      maxLength: 60,
    })
    .map((list) => list.sort((a, b) => a.patient - b.patient));

  test("the variance is the linearised one of a ratio estimator", () => {
    const outcomes = Uint8Array.of(1, 1, 0, 1, 0, 0, 1, 1, 1);
    const patients = Int32Array.of(0, 0, 1, 1, 2, 2, 2, 3, 4);
    const p = 6 / 9;
    const totals = [2 - 2 * p, 1 - 2 * p, 1 - 3 * p, 1 - p, 1 - p];
    const variance = (5 / 4) * totals.reduce((sum, total) => sum + (total / 9) ** 2, 0);
    const result = estimated(proportion(outcomes, patients, true));
    expectClose(result.standardError ** 2, variance);
    expectClose(result.effectiveN, Math.min(9, 1 + (p * (1 - p)) / variance));
    expect(result).toMatchObject({ n: 9, patients: 5, successes: 6, method: "wilson-effective-n" });
  });

  test("copies of the same samples add nothing: every patient twice is every patient once", () => {
    const once = share(30, 50);
    const twice = estimated(
      proportion(
        Uint8Array.from({ length: 100 }, (_, row) => (row < 60 ? 1 : 0)),
        Int32Array.from({ length: 100 }, (_, row) => row >> 1),
        true,
      ),
    );
    expectClose(twice.standardError, once.standardError);
    expectClose(twice.effectiveN, 50);
  });

  test("with no variation between patients, a patient counts once", () => {
    const all = estimated(proportion(new Uint8Array(6).fill(1), Int32Array.of(0, 0, 0, 1, 1, 1), true));
    expectClose(all.effectiveN, 2);
    expect(intervalOf(all, 0.95)).toMatchObject({ lower: wilsonLimits(1, 2, Z).lower, upper: 1 });
  });

  test("with one sample per patient it is the unclustered share", () => {
    fc.assert(
      fc.property(rows, (list) => {
        const outcomes = Uint8Array.from(list, (row) => row.hit);
        const alone = Int32Array.from(list.keys());
        const [clustered, plain] = [proportion(outcomes, alone, true), proportion(outcomes, alone, false)];
        const { lower, upper } = intervalOf(estimated(clustered), 0.95);
        expect({ lower, upper }).toEqual(estimated(plain).limits(Z));
      }),
    );
  });

  test("intervals lie in [0, 1], hold the share and have width", () => {
    fc.assert(
      fc.property(rows, (list) => {
        const result = estimated(
          proportion(
            Uint8Array.from(list, (row) => row.hit),
            Int32Array.from(list, (row) => row.patient),
            true,
          ),
        );
        const { lower, upper } = intervalOf(result, 0.95);
        expect(lower >= 0 && lower <= result.value && result.value <= upper && upper <= 1 && lower < upper).toBe(true);
      }),
    );
  });
});
