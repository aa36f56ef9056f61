/**
 * Do the intervals hold without their formulas? The other audits' intervals rest on large-sample formulas. Here patients
 * are drawn again and again from the data instead, within strata of the classes that they have samples of, and what
 * varies between the draws makes the interval: Efron's BCa or percentile bootstrap, all samples of a patient together.
 *
 * Only on clean images, and only for groups of limited size: where groups are large both ways agree, and resampling says
 * nothing new. Replicates in which a class vanishes are counted and reported.
 */
import { z } from "zod";
import { type AuditMeta, defineAudit, type OperatingPoint, type Study, type Subgroup } from "../src/core/audit.js";
import { CLEAN } from "../src/core/condition.js";
import type { Finding } from "../src/core/finding.js";
import { randomFrom } from "../src/core/random.js";
import { areaUnderCurve, type LabelledScores } from "../src/stats/auc.js";
import { acceleration, bootstrap, bootstrapInterval, fewReplicates } from "../src/stats/bootstrap.js";
import { distinctSubgroups, labelledCell, type ScoredCell, scoredCell, withScores } from "../src/stats/cell.js";
import { noThreshold, rateAt } from "../src/stats/decisions.js";
import { notEstimable, type Result } from "../src/stats/estimate.js";
import { findingId, findingOf, measured, type Subject } from "../src/stats/finding.js";
import { type ResamplingPlan, resamplingPlan } from "../src/stats/resample.js";
import { type Statistic, weightedAuc, weightedRate } from "../src/stats/weighted.js";

const AUDIT = "resampling";

const parameters = z.strictObject({
  replicates: z.int().min(100).max(100_000).default(1000).describe("Bootstrap replicates of each finding."),
  interval: z
    .enum(["bca", "percentile"])
    .default("bca")
    .describe("Bias-corrected and accelerated, or the plain percentiles of the replicates."),
  largest: z
    .int()
    .min(0)
    .default(2000)
    .describe("Groups with more samples are left out: there the formulas need no check."),
});
type Parameters = z.output<typeof parameters>;

const HOW =
  "Interval: bootstrap of patients, stratified by the classes that they have samples of, seeded; bias-corrected and accelerated (Efron 1987), the acceleration from the influence of each patient, or percentile. The details hold replicates, failed replicates, bias and standard error. Where all replicates are equal it is not estimable: resampling cannot see an error that no patient shows.";

const RATES = ["sensitivity", "specificity"] as const;

const meta: AuditMeta = {
  id: AUDIT,
  title: "Resampling check",
  why: "An interval by formula assumes much data. Resampling the patients themselves shows, in small groups, whether it can be relied on.",
  needs: ["labels"],
  parameters,
  metrics: [
    {
      id: "auc-resampled",
      title: "AUC with a bootstrap interval",
      unit: "1",
      description: `The same estimate as auc. ${HOW}`,
      better: "higher",
    },
    ...RATES.map(
      (rate) =>
        ({
          id: `${rate}-resampled`,
          title: `${rate.charAt(0).toUpperCase()}${rate.slice(1)} with a bootstrap interval`,
          unit: "1",
          description: `The same estimate as ${rate}, at the frozen threshold. ${HOW}`,
          better: "higher",
        }) as const,
    ),
  ],
  references: [
    "B. Efron, Better bootstrap confidence intervals, JASA 82 (1987) 171–185",
    "A. C. Davison, D. V. Hinkley, Bootstrap Methods and their Application, Cambridge 1997",
    "J. Carpenter, J. Bithell, Statistics in Medicine 19 (2000) 1141–1164",
  ],
};

/** What is resampled: its estimate by formula, and the statistic of a replicate. */
interface Quantity {
  readonly metric: string;
  readonly operatingPoint: string | null;
  readonly estimate: (data: LabelledScores) => Result;
  readonly statistic: (data: LabelledScores, numbers: Uint32Array) => Statistic;
}

export default defineAudit<typeof parameters>({
  meta,
  evaluate(study, { level, parameters: given, seed }) {
    return study.classes.flatMap((className) => {
      const column = study.scores(CLEAN, className);
      const quantities = quantitiesOf(study, className);
      return distinctSubgroups(study).flatMap((subgroup) => {
        if (subgroup.members.length > given.largest) return [];
        const cell = scoredCell(labelledCell(study, subgroup, className), [column]);
        const data = withScores(cell, 0);
        const plan = resamplingPlan([data]);
        return quantities.map((quantity) =>
          resampledFinding(
            subjectOf(className, subgroup, quantity),
            quantity,
            { cell, data, plan },
            given,
            level,
            seed,
          ),
        );
      });
    });
  },
});

function quantitiesOf(study: Study, className: string): Quantity[] {
  const points = study.operatingPoints.filter((point) => point.class === className);
  return [
    { metric: "auc-resampled", operatingPoint: null, estimate: (data) => areaUnderCurve(data), statistic: weightedAuc },
    ...points.flatMap((point) => RATES.map((rate) => rateQuantity(rate, point))),
  ];
}

function rateQuantity(rate: (typeof RATES)[number], point: OperatingPoint): Quantity {
  const { threshold } = point;
  return {
    metric: `${rate}-resampled`,
    operatingPoint: point.id,
    estimate: (data) => (threshold === null ? noThreshold(point) : rateAt(data, threshold, rate)),
    statistic: (data, numbers) => weightedRate(data, numbers, threshold ?? Number.NaN, rate),
  };
}

function subjectOf(className: string, { family, values }: Subgroup, quantity: Quantity): Subject {
  const { metric, operatingPoint } = quantity;
  return { audit: AUDIT, metric, class: className, operatingPoint, subgroup: values, family, condition: CLEAN };
}

interface Sample {
  readonly cell: ScoredCell;
  readonly data: LabelledScores;
  readonly plan: ResamplingPlan;
}

function resampledFinding(
  subject: Subject,
  { estimate, statistic }: Quantity,
  { cell, data, plan }: Sample,
  { replicates, interval: method }: Parameters,
  level: number,
  seed: number,
): Finding {
  const byFormula = estimate(data);
  if (byFormula.status === "not-estimable") return findingOf(subject, byFormula, cell, level);
  const numbers = plan.numbers[0] as Uint32Array;
  const drawn = bootstrap(statistic(data, numbers), plan, replicates, randomFrom(seed, findingId(subject)));
  if (drawn.status === "not-estimable") return findingOf(subject, drawn, cell, level);
  const interval = bootstrapInterval(drawn, level, method, { acceleration: acceleration(byFormula.error) });
  const details = {
    replicates: drawn.drawn,
    failed: drawn.failed,
    bias: drawn.bias,
    "standard-error": drawn.standardError,
    "formula-standard-error": byFormula.standardError,
  };
  if ("status" in interval) return findingOf(subject, notEstimable(interval.reason), cell, level, { details });
  const notes = [drawn.note, fewReplicates(drawn, level)].filter((note) => note !== null);
  return measured(subject, byFormula.value, interval, cell, {
    details,
    reason: notes.length === 0 ? null : notes.join("; "),
  });
}
