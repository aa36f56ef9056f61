/**
 * Does the model serve all groups alike? Per class, subgrouping and condition: every group's difference from a
 * reference group, and the gap between the best and the worst group, in area under the ROC curve and in sensitivity
 * and specificity at the frozen operating points (the two halves of equalised odds, Hardt et al. 2016).
 *
 * Differences of areas: DeLong or Obuchowski, with the covariance that shared patients make. Differences of shares:
 * Newcombe's hybrid score. Gaps: Bonferroni over all pairs of groups (src/stats/gap.ts). Pairwise intervals are per
 * finding; a gap's interval is simultaneous over the pairs of its family, not over families, classes or conditions.
 */
import { type AuditMeta, defineAudit, type OperatingPoint, type Subgroup } from "../src/core/audit.js";
import type { Condition } from "../src/core/condition.js";
import { type Finding, subgroupKey } from "../src/core/finding.js";
import { type AucEstimate, areaUnderCurve, aucDifference, type LabelledScores } from "../src/stats/auc.js";
import {
  type Cell,
  combinedCounts,
  familiesOf,
  labelledCell,
  type ScoredCell,
  scoredCell,
  withScores,
} from "../src/stats/cell.js";
import { rateAt } from "../src/stats/decisions.js";
import { type Estimate, notEstimable, type Result } from "../src/stats/estimate.js";
import {
  type Comparison,
  type EstimatedGroup,
  type GroupResult,
  gapFinding,
  isEstimated,
} from "../src/stats/family-gap.js";
import { findingOf, type Subject } from "../src/stats/finding.js";
import { type ProportionEstimate, proportionDifference } from "../src/stats/proportion.js";

const AUDIT = "fairness";

const DIFFERENCE_LIMITS =
  "The reference is the family's largest estimable group and stands in the finding; a positive difference favours the named group. The interval is for this one difference, not corrected for how many groups are compared.";
const GAP_LIMITS =
  "The interval is simultaneous over all pairs of the family's groups (Bonferroni) and conservative. The estimate is a maximum over noisy differences and therefore biased upward, the more so the more and the smaller the groups: judge by the interval. Groups that are not estimable are named, and the gap says nothing of them.";

const meta: AuditMeta = {
  id: AUDIT,
  title: "Fairness between groups",
  why: "A model can be good on average and poor for women, the old, or one scanner's patients. The gap between groups shows who bears the errors.",
  needs: ["labels", "subgroups"],
  metrics: [
    {
      id: "auc-difference",
      title: "AUC difference from the reference group",
      unit: "1",
      description: `AUC of the group minus AUC of the reference group. Interval: DeLong (1988), or Obuchowski (1997) with the covariance through patients in both groups; square-and-add with Newcombe's interval where an area has no variance. ${DIFFERENCE_LIMITS}`,
      better: "higher",
    },
    {
      id: "auc-gap",
      title: "AUC gap between best and worst group",
      unit: "1",
      description: `Largest minus smallest AUC among the groups of a family. ${GAP_LIMITS}`,
      better: "lower",
    },
    ...(["sensitivity", "specificity"] as const).flatMap((rate) => [
      {
        id: `${rate}-difference`,
        title: `${capitalised(rate)} difference from the reference group`,
        unit: "1",
        description: `${capitalised(rate)} of the group minus that of the reference group, at the frozen threshold. Interval: Newcombe's hybrid score (1998), with effective sample sizes and the correlation through shared patients where patients repeat. ${DIFFERENCE_LIMITS}`,
        better: "higher",
      } as const,
      {
        id: `${rate}-gap`,
        title: `${capitalised(rate)} gap between best and worst group`,
        unit: "1",
        description: `Largest minus smallest ${rate} among the groups of a family, at the frozen threshold. ${GAP_LIMITS}`,
        better: "lower",
      } as const,
    ]),
  ],
  references: [
    "E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988) 837–845",
    "N. A. Obuchowski, Biometrics 53 (1997) 567–578",
    "R. G. Newcombe, Statistics in Medicine 17 (1998) 873–890",
    "G. Y. Zou, A. Donner, Statistics in Medicine 27 (2008) 1693–1702",
    "M. Hardt, E. Price, N. Srebro, Equality of opportunity in supervised learning, NeurIPS 2016",
  ],
};

/** Something that groups are compared in. */
interface Measure<E extends Estimate> extends Comparison<E> {
  /** The metrics are `<name>-difference` and `<name>-gap`. */
  readonly name: string;
  readonly operatingPoint: string | null;
  readonly estimate: (data: LabelledScores) => Result<E>;
}

/** One family under one condition. */
interface Setting {
  readonly class: string;
  readonly family: string;
  readonly condition: Condition;
  readonly groups: readonly { readonly subgroup: Subgroup; readonly cell: ScoredCell }[];
  readonly level: number;
}

export default defineAudit({
  meta,
  evaluate(study, { level }) {
    return study.classes.flatMap((className) => {
      const points = study.operatingPoints.filter((point) => point.class === className);
      const columns = study.conditions.map((condition) => study.scores(condition, className));
      const areas = areaMeasure(study.clustered);
      const rates = points.flatMap((point) => [
        rateMeasure("sensitivity", point, study.clustered),
        rateMeasure("specificity", point, study.clustered),
      ]);
      return [...familiesOf(study)].flatMap(([family, subgroups]) => {
        const cells = subgroups.map((subgroup): [Subgroup, Cell] => [
          subgroup,
          labelledCell(study, subgroup, className),
        ]);
        return study.conditions.flatMap((condition, index) => {
          const column = columns[index] as Float64Array;
          const groups = cells.map(([subgroup, cell]) => ({ subgroup, cell: scoredCell(cell, [column]) }));
          const setting: Setting = { class: className, family, condition, groups, level };
          return [...compare(areas, setting), ...rates.flatMap((measure) => compare(measure, setting))];
        });
      });
    });
  },
});

function areaMeasure(clustered: boolean): Measure<AucEstimate> {
  return {
    name: "auc",
    quantity: "AUC",
    operatingPoint: null,
    better: "higher",
    estimate: (data) => areaUnderCurve(data),
    difference: (a, b) => aucDifference(a, b, clustered),
  };
}

function rateMeasure(
  rate: "sensitivity" | "specificity",
  point: OperatingPoint,
  clustered: boolean,
): Measure<ProportionEstimate> {
  return {
    name: rate,
    quantity: rate,
    operatingPoint: point.id,
    better: "higher",
    estimate: (data) => comparableRate(data, point, rate),
    difference: (a, b) => proportionDifference(a, b, clustered),
  };
}

/** A rate that rests on at least two patients, as an area does: one patient is no group to compare with. */
function comparableRate(
  data: LabelledScores,
  point: OperatingPoint,
  rate: "sensitivity" | "specificity",
): Result<ProportionEstimate> {
  if (point.threshold === null) return notEstimable(point.reason ?? "no threshold could be chosen");
  const share = rateAt(data, point.threshold, rate);
  return share.status === "estimated" && share.patients < 2
    ? notEstimable(`${rate} rests on one patient: a comparison of groups needs at least two`)
    : share;
}

/** Every group against the reference, then the family's gap. */
function compare<E extends Estimate>(measure: Measure<E>, setting: Setting): Finding[] {
  const { family, condition, level } = setting;
  const groups = setting.groups.map((group) => ({ ...group, result: measure.estimate(withScores(group.cell, 0)) }));
  const reference = largest(groups.filter(isEstimated));
  const about = { audit: AUDIT, class: setting.class, operatingPoint: measure.operatingPoint, family, condition };
  const differences = groups
    .filter((group) => group.subgroup !== reference?.subgroup)
    .map((group) => {
      const subject: Subject = { ...about, metric: `${measure.name}-difference`, subgroup: group.subgroup.values };
      return differenceFinding(subject, measure, group, reference, level);
    });
  const subject: Subject = { ...about, metric: `${measure.name}-gap`, subgroup: {}, acrossFamily: true };
  return [...differences, gapFinding(subject, groups, measure, level)];
}

/** The first of the groups with the most labelled and scored samples. */
function largest<E extends Estimate>(groups: readonly EstimatedGroup<E>[]): EstimatedGroup<E> | undefined {
  return groups.reduce<EstimatedGroup<E> | undefined>(
    (best, group) => (best === undefined || group.cell.counts.n > best.cell.counts.n ? group : best),
    undefined,
  );
}

function differenceFinding<E extends Estimate>(
  subject: Subject,
  measure: Measure<E>,
  group: GroupResult<E>,
  reference: EstimatedGroup<E> | undefined,
  level: number,
): Finding {
  if (!isEstimated(group) || reference === undefined) {
    const reason = group.result.status === "estimated" ? "no group to compare with" : group.result.reason;
    return findingOf(subject, notEstimable(reason), group.cell, level, {
      ...(reference === undefined ? {} : { reference: reference.subgroup.values }),
    });
  }
  const basis = {
    counts: combinedCounts([group.cell, reference.cell]),
    unscored: group.cell.unscored + reference.cell.unscored,
  };
  return findingOf(subject, measure.difference(group.result, reference.result), basis, level, {
    reference: reference.subgroup.values,
    details: {
      "group-estimate": group.result.value,
      "reference-estimate": reference.result.value,
      "group-n": group.cell.counts.n,
      "reference-n": reference.cell.counts.n,
      "reference-chosen": `largest estimable group of ${subject.family}: ${subgroupKey(reference.subgroup.values)}`,
    },
  });
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
