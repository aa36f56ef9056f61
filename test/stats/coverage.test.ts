/*
 * A small version of docs/coverage.md (bench/coverage.ts): intervals cover as they say, on studies drawn from a known truth
 * with a fixed seed. Bounds are about four binomial standard errors from what the large simulation found, and would be missed by
 * an interval that takes images for patients, or by a z of another level.
 */
import {
  areasOf,
  covers,
  drawStudy,
  estimateCovers,
  mixture,
  type Population,
  sensitivitiesOf,
  sensitivityOf,
  Tally,
  thresholdFor,
} from "../../bench/support/simulation.js";
import { randomFrom } from "../../src/core/random.js";
import { pValue } from "../../src/stats/assessment.js";
import {
  type AucEstimate,
  areaUnderCurve,
  aucDifference,
  type LabelledScores,
  logitLimits,
  pairedAucDifference,
} from "../../src/stats/auc.js";
import { coverageCaution } from "../../src/stats/coverage-caution.js";
import { rateAt } from "../../src/stats/decisions.js";
import { maxMinGap } from "../../src/stats/gap.js";
import { homogeneityTest } from "../../src/stats/homogeneity.js";
import {
  pairedProportionDifference,
  type ProportionEstimate,
  proportionDifference,
} from "../../src/stats/proportion.js";

const Z = 1.959963984540054;
const AREAS = [0.88, 0.8];
const SHARES = [0.6, 0.4];
const DROP = 0.1;
const THRESHOLD = thresholdFor(0.9, 0.88);

function studies(
  count: number,
  key: string,
  population: Population,
  judge: (study: ReturnType<typeof drawStudy>) => void,
) {
  for (let r = 0; r < count; r++) judge(drawStudy(population, randomFrom("coverage-test", key, r)));
}

function expectBetween(tally: Tally, low: number, high: number): void {
  expect(tally.judged).toBeGreaterThan(0.95 * tally.drawn);
  expect(tally.percent).toBeGreaterThanOrEqual(low);
  expect(tally.percent).toBeLessThanOrEqual(high);
}

/** The samples as if each were a patient of his own. */
function unclustered(data: LabelledScores): LabelledScores {
  return { ...data, patients: Int32Array.from(data.patients, (_, i) => i), clustered: false };
}

describe.each([
  ["one image a patient", false],
  ["one to five images a patient", true],
])("%s", (_, clustered) => {
  test("areas, shares, differences and drops", () => {
    const names = [
      "auc",
      "logit",
      "sensitivity",
      "aucDifference",
      "rateDifference",
      "aucDrop",
      "rateDrop",
      "naive",
    ] as const;
    const tallies = Object.fromEntries(names.map((name) => [name, new Tally()])) as Record<
      (typeof names)[number],
      Tally
    >;
    const rates = AREAS.map((area) => sensitivityOf(area, THRESHOLD));
    const attacked = AREAS.map((area) => sensitivityOf(area - DROP, THRESHOLD));
    const trueArea = mixture(SHARES, AREAS);
    const trueRate = mixture(SHARES, rates);
    const population = { samples: 600, prevalence: 0.3, clustered, areas: AREAS, shares: SHARES, drop: DROP };
    studies(1200, "singles", population, ({ first, second, groups }) => {
      const [before, after] = [areaUnderCurve(first), areaUnderCurve(second)];
      const [rate, rateAfter] = [rateAt(first, THRESHOLD, "sensitivity"), rateAt(second, THRESHOLD, "sensitivity")];
      const areas = areasOf(groups) as AucEstimate[] | null;
      const shares = sensitivitiesOf(groups, THRESHOLD);
      if (before.status !== "estimated" || after.status !== "estimated" || areas === null) return;
      if (rate.status !== "estimated" || rateAfter.status !== "estimated" || shares === null) return;
      const [a, b] = areas as [AucEstimate, AucEstimate];
      const [p, q] = shares as [ProportionEstimate, ProportionEstimate];
      tallies.auc.add(estimateCovers(before, trueArea));
      tallies.logit.add(covers(logitLimits(before, Z) ?? { lower: 0, upper: 0 }, trueArea));
      tallies.sensitivity.add(estimateCovers(rate, trueRate));
      tallies.aucDifference.add(estimateCovers(aucDifference(a, b, clustered), 0.88 - 0.8));
      tallies.rateDifference.add(
        estimateCovers(proportionDifference(p, q, clustered), (rates[0] as number) - (rates[1] as number)),
      );
      tallies.aucDrop.add(estimateCovers(pairedAucDifference(before, after, clustered), DROP));
      tallies.rateDrop.add(
        estimateCovers(pairedProportionDifference(rate, rateAfter, clustered), trueRate - mixture(SHARES, attacked)),
      );
      tallies.naive.add(estimateCovers(areaUnderCurve(unclustered(first)), trueArea));
    });
    // Four standard errors of 1,200 draws at 95 %: 2.5; a z of 1.645 or of 2.576 would give 90 or 99.
    for (const name of names) if (name !== "naive") expectBetween(tallies[name], 91.5, 97.5);
    if (clustered) expect(tallies.naive.percent).toBeLessThan(86);
    else expect(tallies.naive.held).toBe(tallies.auc.held);
  });

  test("max–min gap of three groups: honest where there is none and where there is one, and less biased", () => {
    const shares = [1 / 3, 1 / 3, 1 / 3];
    for (const [truth, areas, low, high] of [
      [0, [0.85, 0.85, 0.85], 92, 97.6],
      [0.1, [0.88, 0.78, 0.83], 94, 100],
    ] as const) {
      const [tally, width, conservativeWidth] = [new Tally(), [] as number[], [] as number[]];
      let [bias, corrected] = [0, 0];
      const population = { samples: 900, prevalence: 0.3, clustered, areas, shares, drop: 0 };
      studies(400, `gap/${truth}`, population, ({ groups }) => {
        const estimates = areasOf(groups);
        if (estimates === null) return tally.add(null);
        const gap = maxMinGap(estimates, 0.95, (a, b) => aucDifference(a, b, clustered));
        tally.add(covers(gap.correctedInterval, truth));
        width.push(gap.correctedInterval.upper - gap.correctedInterval.lower);
        conservativeWidth.push(gap.interval.upper - gap.interval.lower);
        bias += gap.value - truth;
        corrected += gap.corrected - truth;
      });
      expectBetween(tally, low, high);
      const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(mean(width)).toBeLessThan(0.93 * mean(conservativeWidth));
      expect(Math.abs(corrected)).toBeLessThan(truth === 0 ? 0.6 * bias : Math.abs(bias) + 0.01 * 400);
    }
  });

  test("tests raise no more false alarms than they say, and find what is there", () => {
    const tallies = { difference: new Tally(), drop: new Tally(), homogeneity: new Tally(), planted: new Tally() };
    const shares = [1 / 3, 1 / 3, 1 / 3];
    const population = { samples: 900, prevalence: 0.3, clustered, shares, areas: [0.85, 0.85, 0.85], drop: 0 };
    const isSmall = (p: number | null | undefined) => (p === null || p === undefined ? null : p < 0.05);
    studies(800, "null", population, ({ first, second, groups }) => {
      const areas = areasOf(groups);
      const [before, after] = [areaUnderCurve(first), areaUnderCurve(second)];
      if (areas === null || before.status !== "estimated" || after.status !== "estimated") return;
      tallies.difference.add(
        isSmall(pValue(aucDifference(areas[0] as AucEstimate, areas[1] as AucEstimate, clustered))),
      );
      tallies.drop.add(isSmall(pValue(pairedAucDifference(before, after, clustered))));
      tallies.homogeneity.add(isSmall(homogeneityTest(areas)?.p));
    });
    studies(200, "planted", { ...population, areas: [0.9, 0.9, 0.7] }, ({ groups }) => {
      const areas = areasOf(groups);
      tallies.planted.add(areas === null ? null : isSmall(homogeneityTest(areas)?.p));
    });
    for (const tally of [tallies.difference, tallies.drop, tallies.homogeneity]) expectBetween(tally, 2, 8.5);
    expect(tallies.planted.percent).toBeGreaterThan(90);
  });
});

test("where no caution is given intervals cover, where one is given they may not", () => {
  const [silent, warned] = [new Tally(), new Tally()];
  for (const samples of [40, 100, 400]) {
    for (const areas of [[0.75], [0.95]]) {
      const population = { samples, prevalence: 0.25, clustered: false, areas, shares: [1], drop: 0 };
      studies(500, `caution/${samples}/${areas}`, population, ({ first }) => {
        const auc = areaUnderCurve(first);
        if (auc.status !== "estimated" || !auc.symmetric) return;
        (coverageCaution([auc]) === null ? silent : warned).add(estimateCovers(auc, areas[0] as number));
      });
    }
  }
  expect(silent.judged).toBeGreaterThan(500);
  expect(silent.percent).toBeGreaterThan(93);
  expect(warned.percent).toBeLessThan(92);
});

describe("cautions", () => {
  const auc = (positives: number, negatives: number, overlap: number): AucEstimate => {
    const scores = Float64Array.from({ length: positives + negatives }, (_, i) =>
      i < positives ? i : i - positives - negatives + overlap,
    );
    const labels = Uint8Array.from(scores, (_, i) => (i < positives ? 1 : 0));
    const found = areaUnderCurve({ scores, labels, patients: Int32Array.from(scores, (_, i) => i), clustered: false });
    if (found.status !== "estimated") throw new Error(found.reason);
    return found;
  };
  test("say what is scarce", () => {
    expect(coverageCaution([auc(200, 200, 120)])).toBeNull();
    expect(coverageCaution([auc(12, 200, 30)])).toMatch(/^only 12 positives: .*logit interval/);
    expect(coverageCaution([auc(200, 12, 30)])).toMatch(/^only 12 negatives/);
    expect(coverageCaution([auc(60, 60, 20)])).toMatch(/^few of the 60 positives rank on the wrong side/);
    expect(coverageCaution([auc(200, 200, 120), auc(12, 200, 30)], "groups")).toMatch(/^only 12 positives: [^;]*$/);
    expect(coverageCaution([auc(60, 60, 20)], "groups")).toBeNull();
    expect(coverageCaution([auc(5, 5, 0)])).toBeNull(); // Newcombe's interval stands in
  });
  test("of shares only where patients repeat", () => {
    const scores = new Float64Array(40).fill(1);
    const labels = new Uint8Array(40).fill(1);
    const shareOf = (patients: Int32Array) => {
      const found = rateAt({ scores, labels, patients, clustered: true }, 0.5, "sensitivity");
      if (found.status !== "estimated") throw new Error(found.reason);
      return found;
    };
    expect(coverageCaution([shareOf(Int32Array.from(scores, (_, i) => i))])).toBeNull();
    const repeated = shareOf(Int32Array.from(scores, (_, i) => i >> 1));
    expect(coverageCaution([repeated])).toBe("40 samples of only 20 patients: the interval tends to be too short");
    expect(coverageCaution([repeated, repeated], "paired")).toBeNull();
  });
});
