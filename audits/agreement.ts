/**
 * Predicted numbers against their references: the limits between which about 95 % of the differences lie (Bland and Altman), and the
 * line of the predicted on the reference number, which shows where large values are predicted too small. Per group, clean and under
 * every condition. The bias and the absolute error themselves are outcomes (audits/outcomes.ts).
 */
import { type AuditMeta, defineAudit, type MetricDescription, type Study, type Subgroup } from "../src/core/audit.js";
import type { Condition } from "../src/core/condition.js";
import type { Finding } from "../src/core/finding.js";
import { limitsOfAgreement, lineOf } from "../src/stats/agreement.js";
import { distinctSubgroups, labelledCell, scoredCell } from "../src/stats/cell.js";
import { notEstimable, type Result } from "../src/stats/estimate.js";
import { amended, findingOf } from "../src/stats/finding.js";

const AUDIT = "agreement";

const METRICS: readonly MetricDescription[] = [
  {
    id: "agreement-lower",
    title: "Lower limit of agreement",
    unit: "unit",
    better: "higher",
    description:
      "Mean minus 1.96 standard deviations of predicted − reference: about 2.5% of normal differences lie below it. Interval: linearised, clustered by patient, Student's.",
  },
  {
    id: "agreement-upper",
    title: "Upper limit of agreement",
    unit: "unit",
    better: "lower",
    description:
      "Mean plus 1.96 standard deviations of predicted − reference: about 2.5% of normal differences lie above it. Interval as for the lower limit.",
  },
  {
    id: "agreement-slope",
    title: "Slope of predicted on reference",
    unit: "1",
    better: "neither",
    description:
      "Least squares over samples. 1: differences do not depend on the size; below 1: large values are predicted too small and small ones too large. Errors of the reference standard flatten it too. Interval: sandwich, clustered by patient, Student's.",
  },
  {
    id: "agreement-intercept",
    title: "Intercept of predicted on reference",
    unit: "unit",
    better: "neither",
    description:
      "Where the same line meets a reference of 0, which may lie far from any sample: read it with the slope. Interval as for the slope.",
  },
];

const meta: AuditMeta = {
  id: AUDIT,
  title: "Agreement with reference numbers",
  why: "A small mean error can hide that single patients are far off, or that one end of the scale is always missed.",
  needs: ["outcomes"],
  metrics: METRICS,
  references: [
    "J. M. Bland, D. G. Altman, Lancet 327 (1986) 307–310",
    "J. M. Bland, D. G. Altman, Stat. Methods Med. Res. 8 (1999) 135–160",
  ],
};

export default defineAudit({
  meta,
  evaluate(study, { level }) {
    const { outcomes } = study;
    if (outcomes === undefined || !outcomes.ids.includes("bias") || !outcomes.ids.includes("reference")) return [];
    return study.classes.flatMap((className) =>
      study.conditions.flatMap((condition) =>
        distinctSubgroups(study).flatMap((group) => ofGroup({ study, className, condition, group, level })),
      ),
    );
  },
});

interface One {
  readonly study: Study;
  readonly className: string;
  readonly condition: Condition;
  readonly group: Subgroup;
  readonly level: number;
}

function ofGroup({ className, condition, group, level, study }: One): Finding[] {
  const { outcomes } = study;
  if (outcomes === undefined) return [];
  const cell = labelledCell(study, group, className);
  const scored = scoredCell(cell, [
    outcomes.of(condition, className, "bias"),
    outcomes.of(condition, className, "reference"),
  ]);
  const [differences = new Float64Array(0), references = new Float64Array(0)] = scored.scores;
  const predicted = differences.map((difference, i) => difference + (references[i] as number));
  const none = notEstimable(
    cell.rows.length === 0 ? "no sample has a reference" : `not defined for any of ${cell.rows.length} samples`,
  );
  const limits =
    differences.length === 0 ? { lower: none, upper: none } : limitsOfAgreement({ ...scored, values: differences });
  const line =
    differences.length === 0 ? { slope: none, intercept: none } : lineOf({ ...scored, values: predicted }, references);
  const finding = (metric: string, result: Result, unit: string): Finding => {
    const { family, values } = group;
    const subject = {
      audit: AUDIT,
      metric,
      class: className,
      operatingPoint: null,
      subgroup: values,
      family,
      condition,
    };
    const basis = { counts: scored.counts, unscored: scored.unscored };
    return amended(findingOf(subject, result, basis, level), { unit });
  };
  return [
    finding("agreement-lower", limits.lower, outcomes.unit),
    finding("agreement-upper", limits.upper, outcomes.unit),
    finding("agreement-slope", line.slope, "1"),
    finding("agreement-intercept", line.intercept, outcomes.unit),
  ];
}
