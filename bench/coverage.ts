/*
 * How often do the nominal 95 % intervals cover, how often do tests raise a false alarm, and what do they find? Studies
 * drawn from a known truth (bench/support/simulation.ts), in the sizes and prevalences of medical evaluation sets.
 *
 *   npm run build && node dist/bench/coverage.js [replications] > docs/coverage.md
 *
 * One stream of random numbers per table row and replication: rows do not depend on one another.
 */
import { randomFrom } from "../src/core/random.js";
import { equivalenceTest, nonInferiorityTest, pValue } from "../src/stats/assessment.js";
import { type AucEstimate, areaUnderCurve, aucDifference, logitLimits, pairedAucDifference } from "../src/stats/auc.js";
import { quantile } from "../src/stats/bootstrap.js";
import { coverageCaution } from "../src/stats/coverage-caution.js";
import { rateAt } from "../src/stats/decisions.js";
import { type Estimate, normalLimits } from "../src/stats/estimate.js";
import { maxMinGap } from "../src/stats/gap.js";
import { homogeneityTest } from "../src/stats/homogeneity.js";
import { criticalValue } from "../src/stats/normal.js";
import { type ProportionEstimate, pairedProportionDifference, proportionDifference } from "../src/stats/proportion.js";
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
} from "./support/simulation.js";

const SEED = 20_240_501;
const LEVEL = 0.95;
const REPLICATIONS = Number(process.argv[2] ?? 4000);
const Z = criticalValue(LEVEL);

const lines: string[] = [];
const write = (line = "") => lines.push(line);
const row = (cells: readonly string[]) => write(`| ${cells.join(" | ")} |`);
const progress = (text: string) => process.stderr.write(`${text}\n`);

/** Draws the studies of a table row. */
function replicate(key: string, population: Population, judge: (study: ReturnType<typeof drawStudy>) => void): void {
  for (let r = 0; r < REPLICATIONS; r++) judge(drawStudy(population, randomFrom("coverage", SEED, key, r)));
  progress(key);
}

/** Coverage in percent; with the share of the draws that allowed the quantity, where not all did. */
function percent(tally: Tally): string {
  if (tally.judged < 0.02 * tally.drawn) return "–";
  const flag = tally.percent < 94 - 2 * errorOf(tally) ? "**" : "";
  const estimable = tally.judged === tally.drawn ? "" : ` (${((100 * tally.judged) / tally.drawn).toFixed(0)})`;
  return `${flag}${tally.percent.toFixed(1)}${flag}${estimable}`;
}

/** Monte-Carlo standard error in percent. */
function errorOf(tally: Tally): number {
  const share = tally.held / tally.judged;
  return 100 * Math.sqrt((share * (1 - share)) / tally.judged);
}

/** Coverage over all rows: where `coverageCaution` says nothing, and where it warns. */
interface Cautioned {
  readonly silent: Tally;
  readonly warned: Tally;
}

const QUANTITIES = [
  "AUC",
  "AUC, logit",
  "sensitivity",
  "AUC difference",
  "sensitivity difference",
  "AUC drop",
  "sensitivity drop",
] as const;

function singles(): void {
  write("## Areas, shares, differences and drops");
  write();
  write(
    "Two groups of 60 and 40 % with areas 0.88 and 0.80 (together 0.848), sensitivities 0.90 and 0.81 at one threshold; the second column has areas 0.10 lower.",
  );
  write();
  row(["n", "positive", "patients", ...QUANTITIES]);
  row(["---:", "---:", "---", ...QUANTITIES.map(() => "---:")]);
  const areas = [0.88, 0.8];
  const shares = [0.6, 0.4];
  const drop = 0.1;
  const threshold = thresholdFor(0.9, 0.88);
  const sensitivities = areas.map((area) => sensitivityOf(area, threshold));
  const attacked = areas.map((area) => sensitivityOf(area - drop, threshold));
  const trueAuc = mixture(shares, areas);
  const trueSensitivity = mixture(shares, sensitivities);
  const trueSensitivityDrop = trueSensitivity - mixture(shares, attacked);
  const summary = [false, true].map(() =>
    QUANTITIES.map((): Cautioned => ({ silent: new Tally(), warned: new Tally() })),
  );
  for (const clustered of [false, true]) {
    for (const samples of [30, 100, 300, 1000, 5000]) {
      for (const prevalence of [0.02, 0.1, 0.3, 0.5]) {
        const tallies = QUANTITIES.map(() => new Tally());
        const ofRow = summary[clustered ? 1 : 0] as Cautioned[];
        const key = `singles/${clustered}/${samples}/${prevalence}`;
        replicate(key, { samples, prevalence, clustered, areas, shares, drop }, ({ first, second, groups }) => {
          const [one, two] = [areaUnderCurve(first), areaUnderCurve(second)];
          const [sens, sensTwo] = [rateAt(first, threshold, "sensitivity"), rateAt(second, threshold, "sensitivity")];
          const both = one.status === "estimated" && two.status === "estimated" ? ([one, two] as const) : null;
          const rates =
            sens.status === "estimated" && sensTwo.status === "estimated" ? ([sens, sensTwo] as const) : null;
          const byGroup = areasOf(groups) as [AucEstimate, AucEstimate] | null;
          const ratesByGroup = sensitivitiesOf(groups, threshold) as [ProportionEstimate, ProportionEstimate] | null;
          const covered = estimateCovers(one, trueAuc);
          const outcomes = [
            covered,
            one.status === "estimated" ? covers(logitLimits(one, Z) ?? one.limits(Z), trueAuc) : null,
            estimateCovers(sens, trueSensitivity),
            byGroup &&
              estimateCovers(aucDifference(...byGroup, clustered), (areas[0] as number) - (areas[1] as number)),
            ratesByGroup &&
              estimateCovers(
                proportionDifference(...ratesByGroup, clustered),
                (sensitivities[0] as number) - (sensitivities[1] as number),
              ),
            both && estimateCovers(pairedAucDifference(...both, clustered), drop),
            rates && estimateCovers(pairedProportionDifference(...rates, clustered), trueSensitivityDrop),
          ];
          const alone = one.status === "estimated" ? coverageCaution([one]) : null;
          const cautions = [
            alone,
            alone,
            sens.status === "estimated" ? coverageCaution([sens]) : null,
            byGroup && coverageCaution(byGroup, "groups"),
            ratesByGroup && coverageCaution(ratesByGroup, "groups"),
            both && coverageCaution(both, "paired"),
            rates && coverageCaution(rates, "paired"),
          ];
          outcomes.forEach((outcome, q) => {
            tallies[q]?.add(outcome);
            const { silent, warned } = ofRow[q] as Cautioned;
            silent.add(cautions[q] === null ? outcome : null);
            warned.add(cautions[q] === null ? null : outcome);
          });
        });
        row([String(samples), `${100 * prevalence} %`, clustered ? "repeat" : "once", ...tallies.map(percent)]);
      }
    }
  }
  write();
  write("### Where the report warns");
  write();
  write(
    "Over all rows of the table above: coverage in percent among the studies in which `coverageCaution` says nothing, and among those in which it warns, with the share of the estimable studies in brackets. (Where the variance is nil the finding says that Newcombe's interval stands in; those studies count as not warned.)",
  );
  write();
  row(["", "patients", ...QUANTITIES]);
  row(["---", "---", ...QUANTITIES.map(() => "---:")]);
  summary.forEach((cautioned, clustered) => {
    const patients = clustered === 1 ? "repeat" : "once";
    const share = (tally: Tally, { silent, warned }: Cautioned) =>
      tally.judged === 0
        ? "–"
        : `${tally.percent.toFixed(1)} (${((100 * tally.judged) / (silent.judged + warned.judged)).toFixed(0)})`;
    row(["silent", patients, ...cautioned.map((both) => share(both.silent, both))]);
    row(["warned", patients, ...cautioned.map((both) => share(both.warned, both))]);
  });
  write();
}

/** True areas of k groups with a true gap: the others at the ends in turn, or in the middle. */
function spread(k: number, gap: number, where: "ends" | "middle"): number[] {
  const best = 0.88;
  return Array.from({ length: k }, (_, g) =>
    g === 0 ? best : g === 1 ? best - gap : where === "middle" ? best - gap / 2 : best - (g % 2) * gap,
  );
}

function gaps(): void {
  write("## Max–min gaps");
  write();
  write(
    "k groups of equal size on average. `interval` is the Bonferroni one, `corrected` the shorter one (`correctedInterval`); widths are means. The bias is that of the plug-in maximum and of the corrected estimate.",
  );
  write();
  row([
    "quantity",
    "k",
    "true gap",
    "others",
    "n",
    "patients",
    "interval",
    "corrected",
    "width",
    "corrected width",
    "bias",
    "corrected bias",
  ]);
  row(["---", "---:", "---:", "---", "---:", "---", "---:", "---:", "---:", "---:", "---:", "---:"]);
  for (const clustered of [false, true]) {
    for (const samples of [300, 3000]) {
      for (const k of [2, 3, 5]) {
        for (const [gap, where] of k === 2
          ? ([
              [0, "ends"],
              [0.1, "ends"],
            ] as const)
          : ([
              [0, "ends"],
              [0.1, "ends"],
              [0.1, "middle"],
            ] as const)) {
          const areas = spread(k, gap, where);
          const threshold = thresholdFor(0.9, 0.88);
          const rates = areas.map((area) => sensitivityOf(area, threshold));
          const population = { samples, prevalence: 0.3, clustered, areas, shares: areas.map(() => 1 / k), drop: 0 };
          const area = gapTally("AUC", gap, (a: AucEstimate, b: AucEstimate) => aucDifference(a, b, clustered));
          const rate = gapTally(
            "sensitivity",
            Math.max(...rates) - Math.min(...rates),
            (a: ProportionEstimate, b: ProportionEstimate) => proportionDifference(a, b, clustered),
          );
          replicate(`gaps/${clustered}/${samples}/${k}/${gap}/${where}`, population, ({ groups }) => {
            area.add(areasOf(groups));
            rate.add(sensitivitiesOf(groups, threshold));
          });
          for (const tally of [area, rate]) {
            row([
              tally.name,
              String(k),
              tally.truth.toFixed(3),
              gap === 0 ? "" : where,
              String(samples),
              clustered ? "repeat" : "once",
              ...tally.cells(),
            ]);
          }
        }
      }
    }
  }
  write();
}

/** Groups with exactly normal errors of known size: the procedures themselves, without anything that they are fed. */
function procedures(): void {
  write("### Procedures for the gap, under normal errors");
  write();
  write(
    `k independent groups with errors N(0, 1) and true values in units of it, ${REPLICATIONS / 4} draws a row. \`percentile\` and \`basic\`: ${RESAMPLES} resamples of the estimates' errors about the estimates, as the bootstrap of large samples makes them (basic clipped at 0).`,
  );
  write();
  const names = ["Bonferroni", "corrected", "percentile", "basic"] as const;
  row(["k", "true gap", "others", ...names, ...names.map((name) => `${name}, width`)]);
  row(["---:", "---:", "---", ...names.map(() => "---:"), ...names.map(() => "---:")]);
  for (const k of [3, 5, 10]) {
    for (const [gap, where] of [
      [0, "ends"],
      [2, "ends"],
      [2, "middle"],
      [6, "ends"],
      [6, "middle"],
    ] as const) {
      const truth = spread(k, gap, where);
      const tallies = names.map(() => new Tally());
      const widths = names.map(() => 0);
      for (let r = 0; r < REPLICATIONS / 4; r++) {
        const random = randomFrom("coverage", SEED, "procedures", k, gap, where, r);
        const values = truth.map((value) => value + random.normal());
        const found = maxMinGap(values.map(withUnitError), LEVEL, differenceOfUnits);
        const replicates = Float64Array.from({ length: RESAMPLES }, () => {
          const resampled = values.map((value) => value + random.normal());
          return Math.max(...resampled) - Math.min(...resampled);
        }).sort();
        const [low, high] = [quantile(replicates, (1 - LEVEL) / 2), quantile(replicates, (1 + LEVEL) / 2)];
        const basic = { lower: Math.max(0, 2 * found.value - high), upper: Math.max(0, 2 * found.value - low) };
        [found.interval, found.correctedInterval, { lower: low, upper: high }, basic].forEach((interval, i) => {
          tallies[i]?.add(covers(interval, gap));
          widths[i] = (widths[i] as number) + interval.upper - interval.lower;
        });
      }
      row([
        String(k),
        String(gap),
        gap === 0 ? "" : where,
        ...tallies.map(percent),
        ...widths.map((width) => (width / (REPLICATIONS / 4)).toFixed(2)),
      ]);
      progress(`procedures/${k}/${gap}/${where}`);
    }
  }
  write();
}

const RESAMPLES = 400;

function withUnitError(value: number): Estimate {
  return unitEstimate(value, 1);
}

function differenceOfUnits(a: Estimate, b: Estimate): Estimate {
  return unitEstimate(a.value - b.value, Math.SQRT2);
}

function unitEstimate(value: number, standardError: number): Estimate {
  return {
    status: "estimated",
    value,
    error: [],
    standardError,
    symmetric: true,
    limits: normalLimits(value, standardError),
    range: [-100, 100],
    method: "normal",
    n: 1,
    patients: 1,
  };
}

function gapTally<E extends Estimate>(name: string, truth: number, difference: (a: E, b: E) => Estimate) {
  const [conservative, corrected] = [new Tally(), new Tally()];
  let [width, correctedWidth, bias, correctedBias] = [0, 0, 0, 0];
  return {
    name,
    truth,
    add(groups: readonly E[] | null): void {
      if (groups === null) {
        conservative.add(null);
        corrected.add(null);
        return;
      }
      const gap = maxMinGap(groups, LEVEL, difference);
      // A share's true gap is found by rounding: allow for it at a limit of exactly 0.
      conservative.add(gap.interval.lower <= truth + 1e-12 && truth <= gap.interval.upper);
      corrected.add(gap.correctedInterval.lower <= truth + 1e-12 && truth <= gap.correctedInterval.upper);
      width += gap.interval.upper - gap.interval.lower;
      correctedWidth += gap.correctedInterval.upper - gap.correctedInterval.lower;
      bias += gap.value - truth;
      correctedBias += gap.corrected - truth;
    },
    cells(): string[] {
      const mean = (sum: number) => (sum / corrected.judged).toFixed(3);
      return [
        percent(conservative),
        percent(corrected),
        mean(width),
        mean(correctedWidth),
        mean(bias),
        mean(correctedBias),
      ];
    },
  };
}

function tests(): void {
  write("## False alarms and power");
  write();
  write(
    "Share of studies in which p < 0.05, in percent (nominal 5 at most where there is nothing to find). Difference: two groups of equal size on average, `null` both areas 0.85, `planted` 0.88 and 0.80. Homogeneity: Wald's chi-square test, and the largest pairwise z (`maxMinGap`'s test), of k groups of area 0.85, `planted` half of them 0.80 and the others 0.88. Drop: two columns of equal areas 0.85, `planted` 0.85 and 0.80. TOST and non-inferiority of the areas' difference at a margin of 0.05: `edge` with the true difference at the margin, `inside` with none.",
  );
  write();
  const columns = [
    "difference, null",
    "planted",
    "homogeneity 3, null",
    "planted",
    "homogeneity 5, null",
    "planted",
    "largest z 3, null",
    "planted",
    "largest z 5, null",
    "planted",
    "drop, null",
    "planted",
    "sensitivity difference, null",
    "planted",
    "non-inferiority, edge",
    "inside",
    "TOST, edge",
    "inside",
  ];
  row(["n", "positive", "patients", ...columns]);
  row(["---:", "---:", "---", ...columns.map(() => "---:")]);
  const MARGIN = 0.05;
  for (const clustered of [false, true]) {
    for (const samples of [200, 1000, 5000]) {
      for (const prevalence of [0.1, 0.3]) {
        const run = (
          name: string,
          areas: readonly number[],
          drop: number,
          p: (study: ReturnType<typeof drawStudy>) => number | null | undefined,
        ) => {
          const tally = new Tally();
          const population = { samples, prevalence, clustered, areas, shares: areas.map(() => 1 / areas.length), drop };
          replicate(`tests/${name}/${clustered}/${samples}/${prevalence}`, population, (study) => {
            const value = p(study);
            tally.add(value === null || value === undefined ? null : value < 1 - LEVEL);
          });
          return alarm(tally);
        };
        type Study = ReturnType<typeof drawStudy>;
        const difference = ({ groups }: Study): Estimate | null => {
          const pair = areasOf(groups);
          return pair && aucDifference(pair[0] as AucEstimate, pair[1] as AucEstimate, clustered);
        };
        const ofDifference = (study: Study) => {
          const estimate = difference(study);
          return estimate && pValue(estimate, 0);
        };
        const homogeneity = ({ groups }: Study) => {
          const estimates = areasOf(groups);
          return estimates && homogeneityTest(estimates)?.p;
        };
        const largestPair = ({ groups }: Study) => {
          const estimates = areasOf(groups);
          return estimates && maxMinGap(estimates, LEVEL, (a, b) => aucDifference(a, b, clustered)).test?.p;
        };
        const ofDrop = ({ first, second }: Study) => {
          const [a, b] = [areaUnderCurve(first), areaUnderCurve(second)];
          if (a.status !== "estimated" || b.status !== "estimated") return null;
          return pValue(pairedAucDifference(a, b, clustered), 0);
        };
        const ofSensitivity = ({ groups }: Study) => {
          const pair = sensitivitiesOf(groups, thresholdFor(0.9, 0.88));
          return (
            pair &&
            pValue(proportionDifference(pair[0] as ProportionEstimate, pair[1] as ProportionEstimate, clustered), 0)
          );
        };
        const nonInferiority = (study: Study) => {
          const estimate = difference(study);
          return estimate && nonInferiorityTest(estimate, MARGIN)[0]?.p;
        };
        const equivalence = (study: Study) => {
          const estimate = difference(study);
          return estimate && equivalenceTest(estimate, MARGIN)[0]?.p;
        };
        const planted = (k: number) => Array.from({ length: k }, (_, g) => (g % 2 === 0 ? 0.88 : 0.8));
        const same = (k: number) => Array.from({ length: k }, () => 0.85);
        row([
          String(samples),
          `${100 * prevalence} %`,
          clustered ? "repeat" : "once",
          run("difference-null", same(2), 0, ofDifference),
          run("difference", planted(2), 0, ofDifference),
          run("homogeneity3-null", same(3), 0, homogeneity),
          run("homogeneity3", planted(3), 0, homogeneity),
          run("homogeneity5-null", same(5), 0, homogeneity),
          run("homogeneity5", planted(5), 0, homogeneity),
          run("homogeneity3-null", same(3), 0, largestPair),
          run("homogeneity3", planted(3), 0, largestPair),
          run("homogeneity5-null", same(5), 0, largestPair),
          run("homogeneity5", planted(5), 0, largestPair),
          run("drop-null", same(1), 0, ofDrop),
          run("drop", same(1), 0.05, ofDrop),
          run("sensitivity-null", same(2), 0, ofSensitivity),
          run("sensitivity", planted(2), 0, ofSensitivity),
          run("non-inferiority-edge", [0.82, 0.87], 0, nonInferiority),
          run("non-inferiority", same(2), 0, nonInferiority),
          run("tost-edge", [0.82, 0.87], 0, equivalence),
          run("tost", same(2), 0, equivalence),
        ]);
      }
    }
  }
  write();
}

function alarm(tally: Tally): string {
  if (tally.judged < 0.02 * tally.drawn) return "–";
  const estimable = tally.judged === tally.drawn ? "" : ` (${((100 * tally.judged) / tally.drawn).toFixed(0)})`;
  return `${tally.percent.toFixed(1)}${estimable}`;
}

write("# Coverage by simulation");
write();
write(
  `Written by \`node dist/bench/coverage.js ${REPLICATIONS}\`: seed ${SEED}, ${REPLICATIONS} studies a row, nominal 95 %. Monte-Carlo standard error of a coverage near 95 %: ${errorAt(0.95)} percentage points, near 90 %: ${errorAt(0.9)}. In brackets: the share of the studies, in percent, in which the quantity was estimable, where not all; coverage is among those, and has a larger error there. **Bold**: below 94 % by more than two standard errors. "repeat": patients with 1 to 5 images of one class, half of the scores' variance between patients (n counts images); "once": one image a patient. Which interval is which, and what follows: [methods.md](methods.md).`,
);
write();

function errorAt(share: number): string {
  return (100 * Math.sqrt((share * (1 - share)) / REPLICATIONS)).toFixed(2);
}

singles();
gaps();
procedures();
tests();
process.stdout.write(`${lines.join("\n").trimEnd()}\n`);
