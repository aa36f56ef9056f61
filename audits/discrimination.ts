/**
 * Does the model tell the diseased from the healthy? Per class, subgroup and condition: the area under the ROC curve, all
 * of it and the part at high specificity, average precision, and sensitivity, specificity and predictive values at each
 * operating point, whose threshold was frozen on tuning patients. Every number carries an interval that allows for repeated patients.
 *
 * Areas: DeLong et al. 1988; Obuchowski 1997 where patients repeat; Newcombe 2006 where that variance is nil. Shares:
 * Wilson 1927, at the effective sample size where patients repeat. Intervals are per finding: they are not corrected
 * for how many findings there are.
 */
import { z } from "zod";
import { type AuditMeta, defineAudit, type OperatingPoint, type Study, type Subgroup } from "../src/core/audit.js";
import { type Condition, isClean } from "../src/core/condition.js";
import type { Curve, Finding } from "../src/core/finding.js";
import { type AucEstimate, areaUnderCurve, type LabelledScores, logitLimits } from "../src/stats/auc.js";
import { type AveragePrecisionEstimate, averagePrecision } from "../src/stats/average-precision.js";
import {
  distinctSubgroups,
  familiesOf,
  labelledCell,
  type ScoredCell,
  scoredCell,
  withScores,
} from "../src/stats/cell.js";
import { coverageCaution } from "../src/stats/coverage-caution.js";
import { orderTogether } from "../src/stats/family.js";
import { RATES, type Rate, rateAt } from "../src/stats/decisions.js";
import { notEstimable, type Result } from "../src/stats/estimate.js";
import { findingOf, type Subject } from "../src/stats/finding.js";
import { criticalValue } from "../src/stats/normal.js";
import { type PartialAreaEstimate, partialArea, type RocRange, standardisedPartial } from "../src/stats/partial-auc.js";
import { ratesOf, rocCurve } from "../src/stats/roc.js";
import { type ScoreSteps, scoreSteps, stepsRoom } from "../src/stats/steps.js";
import { unequalWeights } from "../src/stats/weights.js";
import { type Proportions, proportions, withLimits } from "./support/proportions.js";

const AUDIT = "discrimination";

const share = z.number().min(0).max(1);
const range = z
  .tuple([share, share])
  .refine(([low, high]) => low < high, { message: "must go from the lower to the higher value" });

const parameters = z.strictObject({
  partialAuc: z
    .union([z.strictObject({ specificity: range }), z.strictObject({ sensitivity: range })])
    .default({ specificity: [0.9, 1] })
    .describe("The part of the ROC curve that partial-auc measures: a range of specificity or of sensitivity."),
  proportions,
});

const meta: AuditMeta = {
  id: AUDIT,
  title: "Discrimination",
  why: "A model that cannot tell the diseased from the healthy, in some group or on some images, helps nobody there. Averages hide this; subgroups show it.",
  needs: ["labels"],
  parameters,
  metrics: [
    {
      id: "auc",
      title: "Area under the ROC curve",
      unit: "1",
      description:
        "The probability that a random positive sample scores higher than a random negative one, ties counting one half. Interval: DeLong, DeLong and Clarke-Pearson (1988), clipped to [0, 1]; Obuchowski's clustered variance (1997) where patients repeat; Newcombe's interval (2006) where that variance is nil, as under perfect separation. Larger scores mean positive; the direction is never inferred. Blind to a shift of all scores together: read it beside the operating points. The normal interval stays the primary one, for agreement with other tools; with fewer than 20 positives or negatives, or an area so high that few samples rank on the wrong side, it tends to be too short: the finding then says so, and its details hold the interval on the logit scale, which covers better.",
      better: "higher",
    },
    {
      id: "partial-auc",
      title: "Partial area under the ROC curve, standardised",
      unit: "1",
      description:
        "The area under the ROC curve between two specificities (default 0.9 to 1; audit parameter partialAuc), or to its right between two sensitivities, standardised after McClish (1989): one half for chance, 1 for a perfect curve, below one half where it is worse than chance. Corners are joined by straight lines and the ends interpolated, as in pROC's partial.auc and scikit-learn's max_fpr. Variance: placements restricted to the range (after Zhang et al. 2002, Dodd and Pepe 2003), clustered by patient; interval: normal on the logit of the curve's mean height in the range, Newcombe's where nothing varies. It rests on the few negatives (for a sensitivity range: positives) in the range: with fewer than 20 of them the interval tends to be too short, for a sensitivity range much too short, and the finding says so. The raw area stands in the details.",
      better: "higher",
    },
    {
      id: "average-precision",
      title: "Average precision",
      unit: "1",
      description:
        "The mean, over positives, of the share of positives among the samples that score at least as high: Σ (R_k − R_(k−1)) P_k over the distinct scores, scikit-learn's definition, without interpolation. Variance: infinitesimal jackknife, clustered by patient; interval: normal on the logit scale (Boyd, Eng and Page 2013), Wilson's with the positives' patients as trials under perfect separation. It depends on prevalence (in the details), which is what scores that know nothing reach: groups or data sets of different prevalence must not be compared by it. Biased upward with few positives. The trapezoid area in the details is for comparison with other tools alone; it is too optimistic (Davis and Goadrich 2006).",
      better: "higher",
    },
    {
      id: "sensitivity",
      title: "Sensitivity",
      unit: "1",
      description:
        "The share of positives that score at or above the operating point's threshold, which was frozen before evaluation. Interval: Wilson (1927); where patients repeat, at the sample size over the design effect (Rao and Scott 1992). With the audit parameter proportions: clopper-pearson, the exact limits (Clopper and Pearson 1934), where patients repeat Korn and Graubard's adjustment of them (1998). Says nothing of negatives.",
      better: "higher",
    },
    {
      id: "specificity",
      title: "Specificity",
      unit: "1",
      description:
        "The share of negatives that score below the operating point's threshold, which was frozen before evaluation. Interval: as for sensitivity. Says nothing of positives.",
      better: "higher",
    },
    {
      id: "ppv",
      title: "Positive predictive value",
      unit: "1",
      description:
        "The share of positives among the samples that score at or above the threshold. Interval: as for sensitivity. Holds at the prevalence of the evaluation set alone, which is often enriched.",
      better: "higher",
    },
    {
      id: "npv",
      title: "Negative predictive value",
      unit: "1",
      description:
        "The share of negatives among the samples that score below the threshold. Interval: as for sensitivity. Holds at the prevalence of the evaluation set alone, which is often enriched.",
      better: "higher",
    },
  ],
  references: [
    "E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988) 837–845",
    "N. A. Obuchowski, Biometrics 53 (1997) 567–578",
    "R. G. Newcombe, Statistics in Medicine 25 (2006) 559–573",
    "D. K. McClish, Medical Decision Making 9 (1989) 190–195",
    "D. D. Zhang et al., Statistics in Medicine 21 (2002) 701–715",
    "L. E. Dodd, M. S. Pepe, Biometrics 59 (2003) 614–623",
    "K. Boyd, K. H. Eng, C. D. Page, ECML PKDD 2013, LNCS 8190, 451–466",
    "E. B. Wilson, Journal of the American Statistical Association 22 (1927) 209–212",
    "J. N. K. Rao, A. J. Scott, Biometrics 48 (1992) 577–585",
    "C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404–413",
    "E. L. Korn, B. I. Graubard, Survey Methodology 24 (1998) 193–201",
  ],
};

export default defineAudit<typeof parameters>({
  meta,
  evaluate(study, { level, parameters: { partialAuc, proportions: limits } }) {
    const withCurve = curveConditions(study.conditions);
    return study.classes.flatMap((className) => {
      const points = study.operatingPoints.filter((point) => point.class === className);
      const columns = study.conditions.map((condition) => study.scores(condition, className));
      orderGroups(study, className, columns);
      return distinctSubgroups(study).flatMap((subgroup) => {
        const cell = labelledCell(study, subgroup, className);
        return study.conditions.flatMap((condition, index) => {
          const scored = scoredCell(cell, [columns[index] as Float64Array]);
          const { values, family } = subgroup;
          const subject = { audit: AUDIT, class: className, subgroup: values, family, condition };
          return [
            ...areaFindings({ ...subject, operatingPoint: null }, scored, level, partialAuc, withCurve.has(condition)),
            ...points.flatMap((point) =>
              RATES.map((rate) =>
                rateFinding({ ...subject, metric: rate, operatingPoint: point.id }, scored, point, rate, limits, level),
              ),
            ),
          ];
        });
      });
    });
  },
});

/** Sorts everybody's scores for all groups at once; under several conditions all scores would have to be held. */
function orderGroups(study: Study, className: string, columns: readonly Float64Array[]): void {
  const [whole] = study.subgroups;
  const [column] = columns;
  if (whole === undefined || column === undefined || columns.length > 1) return;
  const scored = (group: Subgroup) => scoredCell(labelledCell(study, group, className), [column]);
  for (const groups of familiesOf(study).values()) orderTogether(scored(whole), groups.map(scored));
}

/** The steps of one cell after the other. */
const room = stepsRoom();

/** All that rests on the order of the scores, by one sort. */
function areaFindings(
  subject: Omit<Subject, "metric">,
  cell: ScoredCell,
  level: number,
  partialAuc: RocRange,
  withCurve: boolean,
): Finding[] {
  const data = withScores(cell, 0);
  const steps = scoreSteps(data.scores, data.labels, undefined, unequalWeights(data), room);
  return [
    aucFinding({ ...subject, metric: "auc" }, cell, data, steps, level, withCurve),
    partialAucFinding(
      { ...subject, metric: "partial-auc" },
      cell,
      partialArea(data, partialAuc, steps),
      partialAuc,
      level,
    ),
    averagePrecisionFinding({ ...subject, metric: "average-precision" }, cell, averagePrecision(data, steps), level),
  ];
}

function aucFinding(
  subject: Subject,
  cell: ScoredCell,
  data: LabelledScores,
  steps: ScoreSteps,
  level: number,
  withCurve: boolean,
): Finding {
  const auc = areaUnderCurve(data, undefined, steps);
  if (auc.status === "not-estimable") return findingOf(subject, auc, cell, level);
  const logit = logitLimits(auc, criticalValue(level));
  return findingOf(subject, auc, cell, level, {
    reason: caution(auc),
    details: {
      "standard-error": auc.standardError,
      ...(logit === null ? {} : { "logit-lower": logit.lower, "logit-upper": logit.upper }),
    },
    ...(withCurve ? { curve: curveOf(steps, auc, level) } : {}),
  });
}

/** Below this many patients in the range, or positives, intervals were seen to cover less than they say. */
const FEW = 20;

function partialAucFinding(
  subject: Subject,
  cell: ScoredCell,
  area: Result<PartialAreaEstimate>,
  range: RocRange,
  level: number,
): Finding {
  if (area.status === "not-estimable") return findingOf(subject, area, cell, level);
  const [rate, [low, high], counted] =
    "specificity" in range
      ? (["specificity", range.specificity, "negatives"] as const)
      : (["sensitivity", range.sensitivity, "positives"] as const);
  const inRange = Math.round(area.inRange);
  const standardised = standardisedPartial(area);
  return findingOf(subject, standardised, cell, level, {
    reason:
      area.inRange < FEW
        ? `the range holds about ${inRange} ${inRange === 1 ? "patient" : "patients"} with ${counted}: the interval tends to be too short`
        : null,
    details: {
      rate,
      low,
      high,
      area: area.value,
      "standard-error": standardised.standardError,
      "in-range": area.inRange,
    },
  });
}

function averagePrecisionFinding(
  subject: Subject,
  cell: ScoredCell,
  precision: Result<AveragePrecisionEstimate>,
  level: number,
): Finding {
  if (precision.status === "not-estimable") return findingOf(subject, precision, cell, level);
  const { positivePatients } = precision;
  return findingOf(subject, precision, cell, level, {
    reason:
      positivePatients < FEW
        ? `only ${positivePatients} patients with positives: the estimate is biased upward and the interval tends to be too short`
        : null,
    details: {
      prevalence: precision.prevalence,
      "standard-error": precision.standardError,
      "trapezoid-area": precision.trapezoidArea,
    },
  });
}

/** What a reader must know of the area's interval, if anything. */
function caution(auc: AucEstimate): string | null {
  if (auc.symmetric) return coverageCaution([auc]);
  return "all samples of a class rank alike, so DeLong's variance is nil and Newcombe's interval stands in";
}

function curveOf(steps: ScoreSteps, auc: AucEstimate, level: number): Curve {
  return rocCurve(ratesOf(steps), auc.effectivePositives, auc.effectiveNegatives, criticalValue(level));
}

function rateFinding(
  subject: Subject,
  cell: ScoredCell,
  point: OperatingPoint,
  rate: Rate,
  limits: Proportions,
  level: number,
): Finding {
  if (point.threshold === null) {
    return findingOf(subject, notEstimable(point.reason ?? "no threshold could be chosen"), cell, level);
  }
  const share = withLimits(rateAt(withScores(cell, 0), point.threshold, rate), limits);
  const details = { threshold: point.threshold, ...(share.status === "estimated" ? countsOf(share) : {}) };
  const reason = share.status === "estimated" ? coverageCaution([share]) : null;
  return findingOf(subject, share, cell, level, { details, reason });
}

function countsOf(share: { readonly successes: number; readonly n: number }): Record<string, number> {
  return { count: share.successes, of: share.n };
}

/** The conditions whose curves are drawn: clean, and of every attack its strongest version without a defense. */
function curveConditions(conditions: Study["conditions"]): ReadonlySet<Condition> {
  const strongest = new Map<string, Condition>();
  for (const condition of conditions) {
    if (condition.defense !== "none") continue;
    const series = [condition.attack, condition.objective ?? "", condition.norm ?? ""].join("/");
    const known = strongest.get(series);
    if (known === undefined || strength(condition) > strength(known)) strongest.set(series, condition);
  }
  return new Set([...conditions.filter(isClean), ...strongest.values()]);
}

function strength(condition: Condition): number {
  return condition.severity ?? condition.epsilon;
}
