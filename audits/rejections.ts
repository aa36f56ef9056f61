/**
 * Are the data complete? Per class, subgroup and condition "clean": the share of labelled samples that have no score,
 * because their image could not be read or the table holds none, and what the results would be in the worst and in the
 * best case. Leaving such samples out assumes that they are like the others; often they are not: a device that fails on
 * the very obese, or on children, fails where the model is weakest.
 *
 * Worst case: every unscored positive is missed, every unscored negative is a false alarm. Best case: the reverse. These are
 * the sharp bounds of Manski (1989) where nothing is assumed of what is missing. Intervals are those of the number with the
 * unscored samples filled in: they cover sampling, as if the filled-in outcomes were known.
 */
import { type AuditMeta, defineAudit, type OperatingPoint, type Study, type Subgroup } from "../src/core/audit.js";
import { CLEAN } from "../src/core/condition.js";
import type { Finding } from "../src/core/finding.js";
import { areaUnderCurve } from "../src/stats/auc.js";
import {
  distinctSubgroups,
  familiesOf,
  labelledCell,
  type ScoredCell,
  scoredCell,
  withScores,
} from "../src/stats/cell.js";
import { rateAt } from "../src/stats/decisions.js";
import { notEstimable, type Result } from "../src/stats/estimate.js";
import { type GroupResult, gapFinding } from "../src/stats/family-gap.js";
import { amended, findingOf, type Subject } from "../src/stats/finding.js";
import { homogeneityTest } from "../src/stats/homogeneity.js";
import { type ProportionEstimate, proportion, proportionDifference } from "../src/stats/proportion.js";

const AUDIT = "rejections";

const CASES = ["worst", "best"] as const;
type Case = (typeof CASES)[number];

const WHERE = "Only where some sample of the class has no score. ";

const meta: AuditMeta = {
  id: AUDIT,
  title: "Data completeness",
  why: "Images that could not be read are patients who got no answer. If they are left out in silence, a model looks better than it is, and worst for those whose images fail most often.",
  needs: ["labels"],
  metrics: [
    {
      id: "rejection-rate",
      title: "Labelled samples without a score",
      unit: "1",
      description:
        "The share of labelled samples that have no clean score: the image could not be read, did not fit the model, or the table holds no score (data.unreadable: reject). Interval: Wilson (1927), at the effective sample size where patients repeat. All other results leave these samples out.",
      better: "lower",
    },
    {
      id: "rejection-rate-gap",
      title: "Gap between groups in samples without a score",
      unit: "1",
      description: `${WHERE}Largest minus smallest rejection rate among the groups of a family. Interval: Newcombe's score (1998), simultaneous over the family's pairs of groups (Bonferroni) and conservative; the estimate is a maximum and therefore biased upward. With Wald's test that all groups have one rate, where every group's rate varies.`,
      better: "lower",
    },
    ...CASES.flatMap((kind) => [
      ...(["sensitivity", "specificity"] as const).map(
        (rate) =>
          ({
            id: `${rate}-${kind}-case`,
            title: `${rate === "sensitivity" ? "Sensitivity" : "Specificity"} in the ${kind} case`,
            unit: "1",
            description: `${WHERE}The ${rate} over all labelled samples if the model had been ${kind === "worst" ? "wrong" : "right"} on every sample without a score: a sharp bound (Manski 1989), whatever these samples are like. Interval: Wilson (1927), at the effective sample size where patients repeat, as if the filled-in decisions were known.`,
            better: "higher",
          }) as const,
      ),
      {
        id: `auc-${kind}-case`,
        title: `AUC in the ${kind} case`,
        unit: "1",
        description: `${WHERE}The area if every positive without a score ranked ${kind === "worst" ? "below" : "above"} all others and every such negative ${kind === "worst" ? "above" : "below"}: the ${kind === "worst" ? "lower" : "upper"} bound when nothing is assumed of these samples (Manski 1989). Interval: DeLong (1988) or Obuchowski (1997) on the filled-in ranks.`,
        better: "higher",
      } as const,
    ]),
  ],
  references: [
    "C. F. Manski, Anatomy of the selection problem, Journal of Human Resources 24 (1989) 343–360",
    "E. B. Wilson, Journal of the American Statistical Association 22 (1927) 209–212",
    "R. G. Newcombe, Statistics in Medicine 17 (1998) 873–890",
    "E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988) 837–845",
    "N. A. Obuchowski, Biometrics 53 (1997) 567–578",
  ],
};

export default defineAudit({
  meta,
  evaluate(study, { level }) {
    return study.classes.flatMap((className) => {
      const filled = filledIn(study, className);
      const groups = filled.isComplete ? study.subgroups.slice(0, 1) : distinctSubgroups(study);
      return [
        ...groups.flatMap((group) => groupFindings(study, className, group, filled, level)),
        ...(filled.isComplete ? [] : rateGaps(study, className, filled, level)),
      ];
    });
  },
});

/** A class's labelled samples, whether or not they have a score. */
interface FilledIn {
  readonly isComplete: boolean;
  /** By sample: a mark (1 where unscored), and the scores filled in for the worst and for the best case. */
  readonly columns: readonly [marks: Float64Array, worst: Float64Array, best: Float64Array];
}

function filledIn(study: Study, className: string): FilledIn {
  const scores = study.scores(CLEAN, className);
  const labels = study.labels(className);
  const marks = new Float64Array(study.count);
  const worst = scores.slice();
  const best = scores.slice();
  let isComplete = true;
  for (let row = 0; row < study.count; row++) {
    if (labels[row] === -1 || !Number.isNaN(scores[row])) continue;
    const right = labels[row] === 1 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    isComplete = false;
    marks[row] = 1;
    worst[row] = -right;
    best[row] = right;
  }
  return { isComplete, columns: [marks, worst, best] };
}

function groupFindings(
  study: Study,
  className: string,
  subgroup: Subgroup,
  { columns, isComplete }: FilledIn,
  level: number,
): Finding[] {
  const { family, values } = subgroup;
  const cell = scoredCell(labelledCell(study, subgroup, className), columns);
  const subject = (metric: string, operatingPoint: string | null = null): Subject => {
    return { audit: AUDIT, metric, class: className, operatingPoint, subgroup: values, family, condition: CLEAN };
  };
  const unscored = unscoredOf(cell);
  const details = { unscored, "unscored-positives": unscoredPositives(cell), of: cell.counts.n };
  const rate = findingOf(subject("rejection-rate"), rejectionRate(cell), cell, level, { details });
  if (isComplete) return [rate];
  const points = study.operatingPoints.filter((point) => point.class === className);
  const bounds = CASES.flatMap((kind) => [
    findingOf(subject(`auc-${kind}-case`), areaUnderCurve(inCase(cell, kind)), cell, level),
    ...points.flatMap((point) =>
      (["sensitivity", "specificity"] as const).map((rate) =>
        findingOf(subject(`${rate}-${kind}-case`, point.id), rateInCase(cell, kind, point, rate), cell, level),
      ),
    ),
  ]);
  return [rate, ...bounds];
}

function unscoredOf({ scores }: ScoredCell): number {
  return (scores[0] ?? new Float64Array(0)).reduce((sum, mark) => sum + mark, 0);
}

function unscoredPositives({ labels, scores }: ScoredCell): number {
  return (scores[0] ?? new Float64Array(0)).reduce((sum, mark, i) => sum + mark * (labels[i] as number), 0);
}

function rejectionRate(cell: ScoredCell): Result<ProportionEstimate> {
  return proportion(Uint8Array.from(cell.scores[0] ?? []), cell.patients, cell.clustered);
}

function inCase(cell: ScoredCell, kind: Case) {
  return withScores(cell, kind === "worst" ? 1 : 2);
}

function rateInCase(
  cell: ScoredCell,
  kind: Case,
  { reason, threshold }: OperatingPoint,
  rate: "sensitivity" | "specificity",
): Result {
  if (threshold === null) return notEstimable(reason ?? "no threshold could be chosen");
  return rateAt(inCase(cell, kind), threshold, rate);
}

/** Per family: the largest difference between groups in the share of samples without a score. */
function rateGaps(study: Study, className: string, { columns }: FilledIn, level: number): Finding[] {
  return [...familiesOf(study)].map(([family, subgroups]) => {
    const groups = subgroups.map((subgroup): GroupResult<ProportionEstimate> => {
      const cell = scoredCell(labelledCell(study, subgroup, className), columns);
      return { subgroup, cell, result: rejectionRate(cell) };
    });
    const subject: Subject = {
      audit: AUDIT,
      metric: "rejection-rate-gap",
      class: className,
      operatingPoint: null,
      subgroup: {},
      family,
      acrossFamily: true,
      condition: CLEAN,
    };
    const difference = (a: ProportionEstimate, b: ProportionEstimate) => proportionDifference(a, b, study.clustered);
    const gap = gapFinding(subject, groups, { difference, better: "lower", quantity: "rejection rate" }, level);
    const test = homogeneityTest(groups.flatMap(({ result }) => (result.status === "estimated" ? [result] : [])));
    if (test === null) return gap;
    const { chiSquare, degrees, p } = test;
    const hypothesis = "one rejection rate in all groups";
    return amended(gap, { tests: [{ method: "wald", hypothesis, statistic: chiSquare, degrees, p }] });
  });
}
