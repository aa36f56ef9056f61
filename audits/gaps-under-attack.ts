/**
 * Does an attack widen what lies between groups, and to whom does a defense give it back? Differences in differences:
 * what a group loses under a condition minus what everybody else loses, and what a defense restores to a group minus
 * what it restores to everybody else.
 *
 * Every loss is paired on the group's own samples, and the two losses are compared with all the covariance that shared
 * patients make. A positive difference means that the group loses more (gets back more) than the rest. Differences
 * between groups on clean images are the fairness audit's; here only what a condition adds to them is counted.
 */
import { z } from "zod";
import { type AuditMeta, defineAudit, type OperatingPoint, type Study, type Subgroup } from "../src/core/audit.js";
import { type Condition, conditionKey, isClean, withoutDefense } from "../src/core/condition.js";
import type { Finding } from "../src/core/finding.js";
import { differenceTest, equivalenceTest, minimumDetectable } from "../src/stats/assessment.js";
import { areaUnderCurve, type LabelledScores } from "../src/stats/auc.js";
import {
  type Cell,
  combinedCounts,
  distinctSubgroups,
  labelledCell,
  type ScoredCell,
  scoredCell,
  withScores,
} from "../src/stats/cell.js";
import { restOf } from "../src/stats/complement.js";
import { flipRate, noThreshold, type Rate, rateAt } from "../src/stats/decisions.js";
import { differenceOf, notEstimable, type Result } from "../src/stats/estimate.js";
import { findingOf, type Subject } from "../src/stats/finding.js";
import { pairedAreas, pairedShares } from "./support/paired.js";

const AUDIT = "gaps-under-attack";

const parameters = z.strictObject({
  margin: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.05)
    .describe("Differences between groups within ± this margin count as equivalent, in tests of equivalence."),
});

const AGAINST =
  "The rest are all evaluation samples outside the group, of other known or unknown values. Tests: of no difference, by inverting the interval, and of equivalence within the margin (two one-sided tests); the details hold the smallest difference that would be found with 80 % power.";
const AREA_INTERVAL =
  "Interval: normal, with DeLong's or Obuchowski's variance of the paired loss in either part and the covariance through patients in both; square-and-add with Newcombe's interval where an area has no variance.";
const SHARE_INTERVAL =
  "Interval: square-and-add (Zou and Donner 2008) of Newcombe's paired intervals (1998) in either part, with effective sample sizes and correlations where patients repeat.";

const RATE_NAMES = ["sensitivity", "specificity"] as const satisfies readonly Rate[];

const meta: AuditMeta = {
  id: AUDIT,
  title: "Gaps under attack",
  why: "An attack, or plain noise, can cost one group more than another, and a defense can restore the many and forget the few. Neither shows in averages, nor in gaps on clean images.",
  needs: ["labels", "attacks", "subgroups"],
  parameters,
  metrics: [
    {
      id: "auc-drop-difference-rest",
      title: "Drop of AUC beyond that of the rest",
      unit: "1",
      description: `A difference in differences: (AUC clean − AUC under the condition) in the group, minus the same among the rest. Positive: the condition takes more from this group. ${AREA_INTERVAL} ${AGAINST}`,
      better: "lower",
    },
    ...RATE_NAMES.map(
      (rate) =>
        ({
          id: `${rate}-drop-difference-rest`,
          title: `Drop of ${rate} beyond that of the rest`,
          unit: "1",
          description: `A difference in differences: (${rate} clean − ${rate} under the condition, at the frozen threshold) in the group, minus the same among the rest. Positive: the condition takes more from this group. ${SHARE_INTERVAL} ${AGAINST}`,
          better: "lower",
        }) as const,
    ),
    {
      id: "fooling-rate-difference-rest",
      title: "Decisions that change beyond those of the rest",
      unit: "1",
      description: `The share of decisions at the frozen threshold that change under the condition in the group, minus the same share among the rest. Interval: Newcombe's hybrid score (1998), with effective sample sizes and the correlation through shared patients. ${AGAINST}`,
      better: "lower",
    },
    {
      id: "auc-recovery",
      title: "AUC that the defense gives back",
      unit: "1",
      description:
        "AUC under the attack behind the defense minus AUC under the same attack without it, on the same samples; under an adaptive condition the attacker knows of the defense. Negative where the defense makes it worse. Interval: paired DeLong (1988), or Obuchowski's clustered form (1997).",
      better: "higher",
    },
    {
      id: "auc-recovery-difference-rest",
      title: "AUC that the defense gives back beyond what it gives the rest",
      unit: "1",
      description: `What the defense gives back to the group (auc-recovery) minus what it gives back to the rest. Negative: the defense restores less to this group. ${AREA_INTERVAL} ${AGAINST}`,
      better: "higher",
    },
    ...RATE_NAMES.map(
      (rate) =>
        ({
          id: `${rate}-recovery`,
          title: `${rate.charAt(0).toUpperCase()}${rate.slice(1)} that the defense gives back`,
          unit: "1",
          description: `The ${rate} under the attack behind the defense minus the ${rate} under the same attack without it, at the frozen threshold on the same samples. Interval: Newcombe's paired score (1998, method 10), with effective sample sizes and clustered correlation where patients repeat.`,
          better: "higher",
        }) as const,
    ),
    ...RATE_NAMES.map(
      (rate) =>
        ({
          id: `${rate}-recovery-difference-rest`,
          title: `${rate.charAt(0).toUpperCase()}${rate.slice(1)} that the defense gives back beyond what it gives the rest`,
          unit: "1",
          description: `What the defense gives back to the group (${rate}-recovery) minus what it gives back to the rest. Negative: the defense restores less to this group. ${SHARE_INTERVAL} ${AGAINST}`,
          better: "higher",
        }) as const,
    ),
  ],
  references: [
    "E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988) 837–845",
    "N. A. Obuchowski, Biometrics 53 (1997) 567–578",
    "R. G. Newcombe, Statistics in Medicine 17 (1998) 873–890 and 2635–2650",
    "G. Y. Zou, A. Donner, Statistics in Medicine 27 (2008) 1693–1702",
    "D. J. Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987) 657–680",
    "V. Nanda et al., Fairness through robustness, FAccT 2021 (groups differ in how easily their decisions turn)",
  ],
};

/** A change between two columns of a cell, for better or worse. */
interface Change {
  readonly metric: string;
  readonly operatingPoint: string | null;
  of(before: LabelledScores, after: LabelledScores): Result;
}

/** One step of the study: from which condition to which, and what is asked of it. */
interface Step {
  readonly condition: Condition;
  readonly columns: readonly [before: Float64Array, after: Float64Array];
  readonly changes: readonly Change[];
  /** Whether the changes are findings of their own, or known from another audit. */
  readonly ownFindings: boolean;
}

interface Side {
  readonly subgroup: Subgroup;
  readonly group: Cell;
  readonly rest: Cell | null;
}

export default defineAudit<typeof parameters>({
  meta,
  evaluate(study, { level, parameters: { margin } }) {
    return study.classes.flatMap((className) => {
      const steps = stepsOf(study, className);
      if (steps.length === 0) return [];
      return distinctSubgroups(study).flatMap((subgroup) => {
        const rest = subgroup.family === null ? null : restOf(study, subgroup);
        const side: Side = {
          subgroup,
          group: labelledCell(study, subgroup, className),
          rest: rest === null ? null : labelledCell(study, rest, className),
        };
        return steps.flatMap((step) => findingsOf(className, side, step, margin, level));
      });
    });
  },
});

/** Clean against every other condition; and every defended attack against the same attack undefended. */
function stepsOf(study: Study, className: string): Step[] {
  const points = study.operatingPoints.filter((point) => point.class === className);
  const column = (condition: Condition) => study.scores(condition, className);
  const [clean] = study.conditions.filter(isClean);
  const byKey = new Map(study.conditions.map((condition) => [conditionKey(condition), condition]));
  return study.conditions.flatMap((condition): Step[] => {
    if (clean === undefined || isClean(condition)) return [];
    const drops: Step = {
      condition,
      columns: [column(clean), column(condition)],
      changes: dropsOf(points),
      ownFindings: false,
    };
    const undefended = byKey.get(conditionKey(withoutDefense(condition)));
    if (condition.attack === "none" || condition.defense === "none" || undefended === undefined) return [drops];
    const recoveries: Step = {
      condition,
      columns: [column(undefended), column(condition)],
      changes: recoveriesOf(points),
      ownFindings: true,
    };
    return [drops, recoveries];
  });
}

function dropsOf(points: readonly OperatingPoint[]): Change[] {
  return [
    {
      metric: "auc-drop",
      operatingPoint: null,
      of: (before, after) => pairedAreas(areaUnderCurve(before), areaUnderCurve(after), before.clustered),
    },
    ...points.flatMap((point): Change[] => [
      ...RATE_NAMES.map((rate) => rateChange(`${rate}-drop`, rate, point, 1)),
      {
        metric: "fooling-rate",
        operatingPoint: point.id,
        of: (before, after) =>
          point.threshold === null ? noThreshold(point) : flipRate(before, after, point.threshold),
      },
    ]),
  ];
}

function recoveriesOf(points: readonly OperatingPoint[]): Change[] {
  return [
    {
      metric: "auc-recovery",
      operatingPoint: null,
      of: (before, after) => pairedAreas(areaUnderCurve(after), areaUnderCurve(before), before.clustered),
    },
    ...points.flatMap((point) => RATE_NAMES.map((rate) => rateChange(`${rate}-recovery`, rate, point, -1))),
  ];
}

/** @param sign 1: what is lost; -1: what is won. */
function rateChange(metric: string, rate: Rate, point: OperatingPoint, sign: 1 | -1): Change {
  return {
    metric,
    operatingPoint: point.id,
    of(before, after) {
      const { threshold } = point;
      if (threshold === null) return noThreshold(point);
      const [first, second] = sign === 1 ? [before, after] : [after, before];
      return pairedShares(rateAt(first, threshold, rate), rateAt(second, threshold, rate), before.clustered);
    },
  };
}

function findingsOf(className: string, side: Side, step: Step, margin: number, level: number): Finding[] {
  const group = scoredCell(side.group, step.columns);
  const rest = side.rest === null ? null : scoredCell(side.rest, step.columns);
  return step.changes.flatMap((change) => {
    const { metric, operatingPoint } = change;
    const subject: Subject = {
      audit: AUDIT,
      metric,
      class: className,
      operatingPoint,
      subgroup: side.subgroup.values,
      family: side.subgroup.family,
      condition: step.condition,
    };
    const ofGroup = changeIn(change, group);
    const own = step.ownFindings ? [findingOf(subject, ofGroup, group, level)] : [];
    if (rest === null) return own;
    const about = { ...subject, metric: `${metric}-difference-rest` };
    return [...own, differenceFinding(about, [ofGroup, group], [changeIn(change, rest), rest], margin, level)];
  });
}

function changeIn(change: Change, cell: ScoredCell): Result {
  return change.of(withScores(cell, 0), withScores(cell, 1));
}

type Part = readonly [change: Result, cell: ScoredCell];

function differenceFinding(
  subject: Subject,
  [ofGroup, group]: Part,
  [ofRest, rest]: Part,
  margin: number,
  level: number,
): Finding {
  const basis = { counts: combinedCounts([group, rest]), unscored: group.unscored + rest.unscored };
  if (ofGroup.status === "not-estimable") return findingOf(subject, ofGroup, basis, level);
  if (ofRest.status === "not-estimable") {
    return findingOf(subject, notEstimable(`the rest: ${ofRest.reason}`), basis, level);
  }
  const counts = { n: basis.counts.n, patients: basis.counts.patients };
  const method = { normal: "difference-in-differences", otherwise: "square-and-add-difference-in-differences" };
  const difference = differenceOf(ofGroup, ofRest, method, counts);
  return findingOf(subject, difference, basis, level, {
    tests: [...differenceTest(difference), ...equivalenceTest(difference, margin)],
    details: {
      "group-estimate": ofGroup.value,
      "rest-estimate": ofRest.value,
      "group-n": group.counts.n,
      "rest-n": rest.counts.n,
      margin,
      "minimum-detectable": minimumDetectable(difference, level),
    },
  });
}
