/**
 * Are patients better off with the model than without it? Net benefit at threshold probabilities, beside treating all and
 * treating nobody, per class and subgroup, on images without an attack. The threshold probability is the risk at which a
 * patient and a physician are undecided: it says how many false alarms a hit is worth.
 */
import { z } from "zod";
import { type AuditMeta, defineAudit, type Study } from "../src/core/audit.js";
import type { Finding } from "../src/core/finding.js";
import { differenceTest } from "../src/stats/assessment.js";
import { distinctSubgroups, labelledCell, type ScoredCell, scoredCell, withScores } from "../src/stats/cell.js";
import { type DecisionTable, decisionTable, EVERYBODY, POSITIVES, tableShare } from "../src/stats/decision-table.js";
import { type NotEstimable, notEstimable, type Summary } from "../src/stats/estimate.js";
import { findingOf, type Subject } from "../src/stats/finding.js";
import { decisionCurve, netBenefit, treatAll } from "../src/stats/net-benefit.js";
import { criticalValue } from "../src/stats/normal.js";
import { prevalence, prevalenceOf } from "./support/prevalence.js";

const AUDIT = "decision-curve";

const probability = z.number().gt(0).lt(1);

const parameters = z.strictObject({
  at: probability.default(0.1).describe("The threshold probability of the findings' estimates."),
  thresholds: z
    .array(probability)
    .min(2)
    .default([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5])
    .describe("The threshold probabilities of the curve."),
  prevalence: prevalence.describe(
    "Where the model is to be used, of all classes or by class; default: that of the evaluation set.",
  ),
});

const LIMITS =
  "Interval: Wilson's limits of its two shares, at effective sample sizes, combined by square-and-add with the correlation of their errors by patient (Zou and Donner 2008; ours for net benefit); at a stated prevalence, from sensitivity and specificity, the prevalence counting as known. It holds for scores that are calibrated probabilities: elsewhere the threshold is not the risk that it says. Not applicable where model.probabilities is false.";

const meta: AuditMeta = {
  id: AUDIT,
  title: "Decision curve",
  why: "A model that ranks well can still do more harm than treating all or nobody, once false alarms are weighed against missed disease.",
  needs: ["labels"],
  parameters,
  metrics: [
    {
      id: "net-benefit",
      title: "Net benefit",
      unit: "1",
      description: `TP/n − FP/n · t/(1 − t): true positives per patient, less false positives at what they are worth when those with a probability of at least t are treated (Vickers and Elkin 2006); t is the audit parameter at. Treating nobody has 0. The curve over t, with that of treating all, is in the finding. ${LIMITS} It depends on prevalence: groups of different prevalence must not be compared by it.`,
      better: "higher",
    },
    {
      id: "net-benefit-over-treat-all",
      title: "Net benefit beyond treating all",
      unit: "1",
      description: `The net benefit of the model less that of treating all, TN/n · t/(1 − t) − FN/n, at the same threshold probability. ${LIMITS} Test: of no difference, by inverting the interval.`,
      better: "higher",
    },
  ],
  references: [
    "A. J. Vickers, E. B. Elkin, Medical Decision Making 26 (2006) 565–574",
    "A. J. Vickers, A. M. Cronin, E. B. Elkin, M. Gonen, BMC Medical Informatics and Decision Making 8 (2008) 53",
    "K. F. Kerr, M. D. Brown, K. Zhu, H. Janes, Journal of Clinical Oncology 34 (2016) 2534–2540",
    "T. L. Marsh, H. Janes, M. S. Pepe, Biometrics 76 (2020) 843–852",
    "G. Y. Zou, A. Donner, Statistics in Medicine 27 (2008) 1693–1702",
  ],
};

interface Setting {
  readonly study: Study;
  readonly at: number;
  /** Ascending, each once. */
  readonly thresholds: readonly number[];
  readonly prevalence: number | null;
  readonly level: number;
}

export default defineAudit<typeof parameters>({
  meta,
  evaluate(study, { level, parameters: { at, thresholds: asked, prevalence: stated } }) {
    const thresholds = [...new Set(asked)].sort((a, b) => a - b);
    const conditions = study.conditions.filter(({ attack }) => attack === "none");
    return study.classes.flatMap((className) => {
      const setting: Setting = { study, at, thresholds, prevalence: prevalenceOf(stated, className), level };
      const columns = conditions.map((condition) => study.scores(condition, className));
      return distinctSubgroups(study).flatMap((subgroup) => {
        const cell = labelledCell(study, subgroup, className);
        const { values, family } = subgroup;
        return conditions.flatMap((condition, index) => {
          const scored = scoredCell(cell, [columns[index] as Float64Array]);
          const about = { audit: AUDIT, class: className, subgroup: values, family, condition, operatingPoint: null };
          return benefitFindings(about, scored, setting);
        });
      });
    });
  },
});

function benefitFindings(about: Omit<Subject, "metric">, cell: ScoredCell, setting: Setting): Finding[] {
  const { study, at, thresholds, prevalence: stated, level } = setting;
  const own = { ...about, metric: "net-benefit" };
  const beyond = { ...about, metric: "net-benefit-over-treat-all" };
  if (!study.probabilities) {
    const reason = notEstimable("the scores are no probabilities (model.probabilities is false)");
    return [own, beyond].map((subject) => ({
      ...findingOf(subject, reason, cell, level),
      status: "not-applicable" as const,
    }));
  }
  const data = withScores(cell, 0);
  const table = decisionTable(data, at);
  const benefit = netBenefit(table, at, stated);
  const overAll = netBenefit(table, at, stated, "net-benefit-over-treat-all");
  const prevalence = stated ?? shareOfPositives(table);
  const details = {
    "threshold-probability": at,
    ...(prevalence === null ? {} : { prevalence, "treat-all": treatAll(at, prevalence) }),
    "prevalence-is": stated === null ? "that of the samples" : "stated",
  };
  const curve = decisionCurve(data, thresholds, stated, criticalValue(level));
  return [
    findingOf(own, benefit, cell, level, {
      details: { ...details, ...perPositive(benefit, prevalence) },
      ...("kind" in curve && benefit.status === "estimated" ? { curve } : {}),
    }),
    findingOf(beyond, overAll, cell, level, {
      details,
      ...(overAll.status === "estimated" ? { tests: differenceTest(overAll) } : {}),
    }),
  ];
}

/** Net benefit over that of a perfect model, which is the prevalence. */
function perPositive(benefit: Summary | NotEstimable, prevalence: number | null): { readonly standardised?: number } {
  return benefit.status === "estimated" && prevalence !== null && prevalence > 0
    ? { standardised: benefit.value / prevalence }
    : {};
}

/** By weight, where samples have any; null without samples. */
function shareOfPositives(table: DecisionTable): number | null {
  const share = tableShare(table, POSITIVES, EVERYBODY, ["prevalence", "samples"]);
  return share.status === "estimated" ? share.value : null;
}
