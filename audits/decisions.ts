/**
 * What do the decisions at the operating points amount to? Per class, subgroup and condition, at each frozen threshold: error
 * rates, summaries of the whole two-by-two table, and what a call means for a patient, as likelihood ratios and as
 * predictive values at the prevalence where the model is to be used.
 */
import { z } from "zod";
import { type AuditMeta, defineAudit, type OperatingPoint } from "../src/core/audit.js";
import type { Finding } from "../src/core/finding.js";
import { distinctSubgroups, labelledCell, type ScoredCell, scoredCell, withScores } from "../src/stats/cell.js";
import type { Agreement, Confusion } from "../src/stats/confusion.js";
import { coverageCaution } from "../src/stats/coverage-caution.js";
import {
  confusionOf,
  type DecisionTable,
  decisionTable,
  EVERYBODY,
  type TableShare,
  TN,
  TP,
  tableAgreement,
  tableShare,
} from "../src/stats/decision-table.js";
import { noThreshold } from "../src/stats/decisions.js";
import type { NotEstimable, Summary } from "../src/stats/estimate.js";
import { findingOf, type Subject } from "../src/stats/finding.js";
import {
  labelRate,
  likelihoodRatio,
  type PredictiveValue,
  predictiveValue,
  type Unbounded,
  youdenIndex,
} from "../src/stats/likelihood-ratio.js";
import { criticalValue } from "../src/stats/normal.js";
import { prevalence, prevalenceOf } from "./support/prevalence.js";
import { type Proportions, proportions, withLimits } from "./support/proportions.js";

const AUDIT = "decisions";

const parameters = z.strictObject({
  prevalence: prevalence.describe(
    "Where the model is to be used, of all classes or by class: of it the predictive values are told.",
  ),
  proportions,
});

const SHARE =
  "Interval: Wilson (1927), at the effective sample size where patients repeat; audit parameter proportions.";
const AGREES =
  "Interval: the delta method on the shares of the four cells, summed by patient, with Wilson's limits at the effective sample size on the measure's range (ours). It depends on prevalence, so groups of different prevalence must not be compared by it.";
const RATIO =
  "Interval: normal on the log scale (Simel, Samsa and Matchar 1991), clustered by patient; recovered from Wilson's limits (MOVER-R, Donner and Zou 2012) where a cell of the table is empty. Where the ratio divides by 0 there is no estimate, and the details hold the lower limit.";
const AT_PREVALENCE =
  "at a stated prevalence (audit parameter prevalence), by Bayes' theorem from sensitivity and specificity. Interval: the delta method on the logit scale (Mercaldo, Lau and Zhou 2007), clustered by patient; recovered from Wilson's limits where a cell of the table is empty. The prevalence counts as known, and sensitivity and specificity as the same there: milder or rarer cases break that.";

const meta: AuditMeta = {
  id: AUDIT,
  title: "Decisions at the operating points",
  why: "Patients meet decisions, not scores. What a call means for one depends on how ill those are who are examined, which the evaluation set does not tell.",
  needs: ["labels", "operating-points"],
  parameters,
  metrics: [
    {
      id: "fpr",
      title: "False positive rate",
      unit: "1",
      description: `The share of negatives that score at or above the operating point's threshold: 1 − specificity. ${SHARE}`,
      better: "lower",
    },
    {
      id: "fnr",
      title: "False negative rate",
      unit: "1",
      description: `The share of positives that score below the operating point's threshold: 1 − sensitivity. ${SHARE}`,
      better: "lower",
    },
    {
      id: "accuracy",
      title: "Accuracy",
      unit: "1",
      description: `The share of samples that are decided rightly. ${SHARE} It depends on prevalence: calling nobody ill is right for all who are not.`,
      better: "higher",
    },
    {
      id: "balanced-accuracy",
      title: "Balanced accuracy",
      unit: "1",
      description:
        "The mean of sensitivity and specificity. Interval: the delta method on the shares of the four cells, summed by patient, with Wilson's limits at the effective sample size (ours).",
      better: "higher",
    },
    {
      id: "f1",
      title: "F1 score",
      unit: "1",
      description: `2 TP / (2 TP + FP + FN): Dice's coefficient of labels and calls. Not estimable without a positive and a call (scikit-learn then gives 0). ${AGREES}`,
      better: "higher",
    },
    {
      id: "mcc",
      title: "Matthews correlation coefficient",
      unit: "1",
      description: `The correlation of labels and calls, in [−1, 1] (Matthews 1975). Not estimable where all labels or all calls are alike (scikit-learn then gives 0). ${AGREES}`,
      better: "higher",
    },
    {
      id: "youden-index",
      title: "Youden's index",
      unit: "1",
      description:
        "Sensitivity + specificity − 1 (Youden 1950). Interval: Newcombe's hybrid score (1998) for sensitivity minus false positive rate, with effective sample sizes and the correlation through shared patients where patients repeat.",
      better: "higher",
    },
    {
      id: "likelihood-ratio-positive",
      title: "Likelihood ratio of a positive call",
      unit: "1",
      description: `Sensitivity / (1 − specificity): the factor by which a positive call raises the odds of disease. ${RATIO}`,
      better: "higher",
    },
    {
      id: "likelihood-ratio-negative",
      title: "Likelihood ratio of a negative call",
      unit: "1",
      description: `(1 − sensitivity) / specificity: the factor by which a negative call changes the odds of disease. ${RATIO}`,
      better: "lower",
    },
    {
      id: "ppv-at-prevalence",
      title: "PPV at the stated prevalence",
      unit: "1",
      description: `The share of the ill among those called positive, ${AT_PREVALENCE}`,
      better: "higher",
    },
    {
      id: "npv-at-prevalence",
      title: "NPV at the stated prevalence",
      unit: "1",
      description: `The share of the healthy among those called negative, ${AT_PREVALENCE}`,
      better: "higher",
    },
  ],
  references: [
    "E. B. Wilson, Journal of the American Statistical Association 22 (1927) 209–212",
    "C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404–413",
    "E. L. Korn, B. I. Graubard, Survey Methodology 24 (1998) 193–201",
    "D. L. Simel, G. P. Samsa, D. B. Matchar, Journal of Clinical Epidemiology 44 (1991) 763–770",
    "A. Donner, G. Y. Zou, Statistical Methods in Medical Research 21 (2012) 347–359",
    "N. D. Mercaldo, K. F. Lau, X. H. Zhou, Statistics in Medicine 26 (2007) 2170–2183",
    "W. J. Youden, Cancer 3 (1950) 32–35",
    "B. W. Matthews, Biochimica et Biophysica Acta 405 (1975) 442–451",
  ],
};

interface Asked {
  readonly prevalence: number | null;
  readonly proportions: Proportions;
  readonly level: number;
}

export default defineAudit<typeof parameters>({
  meta,
  evaluate(study, { level, parameters: asked }) {
    return study.classes.flatMap((className) => {
      const points = study.operatingPoints.filter((point) => point.class === className);
      if (points.length === 0) return [];
      const stated = prevalenceOf(asked.prevalence, className);
      const columns = study.conditions.map((condition) => study.scores(condition, className));
      return distinctSubgroups(study).flatMap(({ values, family, ...subgroup }) => {
        const cell = labelledCell(study, { values, family, ...subgroup }, className);
        return study.conditions.flatMap((condition, index) => {
          const scored = scoredCell(cell, [columns[index] as Float64Array]);
          const about = { audit: AUDIT, class: className, subgroup: values, family, condition };
          return points.flatMap((point) =>
            pointFindings({ ...about, operatingPoint: point.id }, scored, point, {
              prevalence: stated,
              proportions: asked.proportions,
              level,
            }),
          );
        });
      });
    });
  },
});

const AGREEMENTS = ["balanced-accuracy", "f1", "mcc"] as const satisfies readonly Agreement[];

function pointFindings(
  about: Omit<Subject, "metric">,
  cell: ScoredCell,
  point: OperatingPoint,
  { prevalence: stated, proportions: limits, level }: Asked,
): Finding[] {
  const { threshold } = point;
  const table = threshold === null ? null : decisionTable(withScores(cell, 0), threshold);
  const cells = table === null ? {} : cellsOf(confusionOf(table));
  const found = (
    metric: string,
    estimate: (table: DecisionTable) => Summary | NotEstimable | Unbounded,
    details: Readonly<Record<string, number>> = {},
  ): Finding => {
    const result = table === null ? noThreshold(point) : estimate(table);
    const share = isShare(result) ? result : null;
    // A ratio that divides by 0 still has a lower limit.
    const lower = isUnbounded(result) ? { "lower-limit": result.lower(criticalValue(level)) } : {};
    const subject = { ...about, metric };
    return findingOf(subject, result, cell, level, {
      reason: share === null ? null : coverageCaution([share]),
      details: {
        ...(threshold === null ? {} : { threshold }),
        ...(share === null ? {} : { count: share.successes, of: share.n }),
        ...details,
        ...lower,
      },
    });
  };
  const accuracy = (of: DecisionTable) => tableShare(of, TP | TN, EVERYBODY, ["accuracy", "samples"]);
  return [
    found("fpr", (of) => withLimits(labelRate(of, "fpr"), limits)),
    found("fnr", (of) => withLimits(labelRate(of, "fnr"), limits)),
    found("accuracy", (of) => withLimits(accuracy(of), limits), cells),
    ...AGREEMENTS.map((agreement) => found(agreement, (of) => tableAgreement(of, agreement))),
    found("youden-index", youdenIndex),
    ...(["positive", "negative"] as const).map((call) =>
      found(`likelihood-ratio-${call}`, (of) => likelihoodRatio(of, call), cells),
    ),
    ...(stated === null
      ? []
      : PREDICTIVE.map((value) =>
          found(`${value}-at-prevalence`, (of) => predictiveValue(of, stated, value), { prevalence: stated }),
        )),
  ];
}

function isShare(result: Summary | NotEstimable): result is TableShare {
  return "successes" in result;
}

function isUnbounded(result: Summary | NotEstimable | Unbounded): result is Unbounded {
  return "lower" in result;
}

function cellsOf({ truePositives, falsePositives, trueNegatives, falseNegatives }: Confusion): Record<string, number> {
  return {
    "true-positives": truePositives,
    "false-positives": falsePositives,
    "true-negatives": trueNegatives,
    "false-negatives": falseNegatives,
  };
}

const PREDICTIVE: readonly PredictiveValue[] = ["ppv", "npv"];
