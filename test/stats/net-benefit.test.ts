import fc from "fast-check";
import { type Random, randomFrom } from "../../src/core/random.js";
import type { LabelledScores } from "../../src/stats/auc.js";
import { decisionTable } from "../../src/stats/decision-table.js";
import { intervalOf, type NotEstimable, type Summary } from "../../src/stats/estimate.js";
import { decisionCurve, netBenefit, treatAll } from "../../src/stats/net-benefit.js";
import { normalCdf } from "../../src/stats/normal.js";
import { expectClose, labelledScores, type ReferenceInputs, reference } from "../support/reference.js";

const Z = 1.959963984540054;
const GRID = [0.05, 0.1, 0.2, 0.35, 0.5, 0.8];

function estimated(result: Summary | NotEstimable): Summary {
  if (result.status === "not-estimable") throw new Error(result.reason);
  return result;
}

interface Drawn {
  readonly label: number;
  readonly score: number;
  readonly patient: number;
  readonly weight: number;
}

function dataOf(rows: readonly Drawn[], isWeighted: boolean): LabelledScores {
  const ordered = [...rows].sort((a, b) => a.patient - b.patient);
  const patients = Int32Array.from(ordered, ({ patient }) => patient);
  return {
    scores: Float64Array.from(ordered, ({ score }) => score),
    labels: Uint8Array.from(ordered, ({ label }) => label),
    patients,
    clustered: new Set(patients).size < rows.length,
    weights: isWeighted ? Float64Array.from(ordered, ({ weight }) => weight) : null,
  };
}

describe("net benefit by its definition", () => {
  const { inputs } = reference<{ inputs: Required<ReferenceInputs> }>("random_n500.json");
  const data = labelledScores(inputs);
  const rows = inputs.y.map((label, row) => ({ label, score: inputs.score[row] as number }));
  const share = (keep: (row: (typeof rows)[number]) => boolean) => rows.filter(keep).length / rows.length;

  test.each(GRID)("at %d", (t) => {
    const w = t / (1 - t);
    const own =
      share(({ label, score }) => label === 1 && score >= t) - w * share((row) => row.label === 0 && row.score >= t);
    expectClose(estimated(netBenefit(decisionTable(data, t), t, null)).value, own);
    const all = share(({ label }) => label === 1) - w * share(({ label }) => label === 0);
    expectClose(
      treatAll(
        t,
        share(({ label }) => label === 1),
      ),
      all,
    );
    expectClose(
      estimated(netBenefit(decisionTable(data, t), t, null, "net-benefit-over-treat-all")).value,
      own - all,
      1e-9,
      1e-12,
    );
    // At the prevalence of the samples, stated or not, the estimate is one; stated, its luck is not in the interval.
    const prevalence = share(({ label }) => label === 1);
    const stated = estimated(netBenefit(decisionTable(data, t), t, prevalence));
    expectClose(stated.value, own);
    expect(stated.standardError).toBeLessThan(estimated(netBenefit(decisionTable(data, t), t, null)).standardError);
  });

  test("its standard error is that of the mean of 1, −w and 0", () => {
    const w = 0.25;
    const values = rows.map(({ label, score }) => (score < 0.2 ? 0 : label === 1 ? 1 : -w));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    expectClose(
      estimated(netBenefit(decisionTable(data, 0.2), 0.2, null)).standardError,
      Math.sqrt(squares / 499 / 500),
    );
  });
});

describe("the curve in one pass", () => {
  const row = fc.record({
    label: fc.integer({ min: 0, max: 1 }),
    score: fc.constantFrom(0, 0.05, 0.07, 0.1, 0.2, 0.30000000000000004, 0.35, 0.5, 0.6, 0.8, 0.9, 1),
    patient: fc.integer({ min: 0, max: 30 }),
    weight: fc.constantFrom(0.5, 1, 2.25, 7),
  });

  test("has the numbers of each point by itself, clustered or not, weighted or not, at any prevalence", () => {
    const rows = fc.array(row, { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(
        rows,
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(null, 0.02, 0.6),
        (drawn, single, weighted, stated) => {
          const data = dataOf(single ? drawn.map((one, patient) => ({ ...one, patient })) : drawn, weighted);
          const curve = decisionCurve(data, GRID, stated, Z);
          GRID.forEach((t, j) => {
            const point = netBenefit(decisionTable(data, t), t, stated);
            if (point.status === "not-estimable") {
              expect("status" in curve && curve.status).toBe("not-estimable");
              return;
            }
            if ("status" in curve) throw new Error(curve.reason);
            const interval = intervalOf(point, 0.95);
            expectClose(curve.y[j], point.value, 1e-9, 1e-12);
            expectClose(curve.lower[j], interval.lower, 1e-7, 1e-9);
            expectClose(curve.upper[j], interval.upper, 1e-7, 1e-9);
          });
        },
      ),
      { numRuns: 400 },
    );
  });

  test("limits have width and hold the estimate, also where nobody is called", () => {
    const data = dataOf(
      Array.from({ length: 40 }, (_, patient) => ({
        label: patient % 4 === 0 ? 1 : 0,
        score: 0.01,
        patient,
        weight: 1,
      })),
      false,
    );
    const curve = decisionCurve(data, GRID, null, Z);
    if ("status" in curve) throw new Error(curve.reason);
    curve.y.forEach((y, j) => {
      expect(y).toBeCloseTo(0, 12);
      expect(curve.lower[j]).toBeLessThan(-0.001);
      expect(curve.upper[j]).toBeGreaterThan(0.05);
    });
    expect(curve.references?.["treat-all"]?.[0]).toBeCloseTo(0.25 - (0.05 / 0.95) * 0.75, 12);
  });
});

describe("degenerate samples", () => {
  const one = { label: 1, score: 0.4, patient: 3, weight: 1 };

  test("one patient, one label", () => {
    expect(netBenefit(decisionTable(dataOf([one, one], false), 0.1), 0.1, null)).toMatchObject({
      status: "not-estimable",
    });
    expect(netBenefit(decisionTable(dataOf([], false), 0.1), 0.1, null)).toMatchObject({ status: "not-estimable" });
    const positives = dataOf([one, { ...one, patient: 4 }], false);
    expect(estimated(netBenefit(decisionTable(positives, 0.1), 0.1, null)).value).toBe(1);
    expect(netBenefit(decisionTable(positives, 0.1), 0.1, 0.2)).toMatchObject({
      reason: expect.stringContaining("0 negatives"),
    });
  });
});

describe("coverage of the nominal 95 %", () => {
  /** `images` of a patient share the label and half the variance of the score. */
  function draw(random: Random, patients: number, images: number): LabelledScores {
    const rows = Array.from({ length: patients }, (_, patient) => {
      const label = random.uniform() < 0.2 ? 1 : 0;
      const own = random.normal() * Math.SQRT1_2;
      return Array.from({ length: images }, () => {
        const latent = -1.5 + 1.5 * label + own + random.normal() * Math.SQRT1_2;
        return { label, score: 1 / (1 + Math.exp(-latent)), patient, weight: 1 };
      });
    });
    return dataOf(rows.flat(), false);
  }

  test.each([
    [100, 1],
    [60, 3],
  ])("%d patients with %d images each", (patients, images) => {
    const random = randomFrom(11, `net-benefit-${images}`);
    const t = 0.25;
    // Latent scores are normal about 0 in positives and −1.5 in negatives, with variance 1.
    const cut = Math.log(t / (1 - t));
    const truth = 0.2 * normalCdf(-cut) - (t / (1 - t)) * 0.8 * normalCdf(-1.5 - cut);
    let covered = 0;
    const runs = 1000;
    for (let run = 0; run < runs; run++) {
      const { lower, upper } = intervalOf(
        estimated(netBenefit(decisionTable(draw(random, patients, images), t), t, null)),
        0.95,
      );
      if (lower <= truth && truth <= upper) covered++;
    }
    expect(covered / runs).toBeGreaterThan(0.93);
    expect(covered / runs).toBeLessThan(0.98);
  });
});
