/**
 * What does an attack, a corruption or a defense take away? Per class, subgroup and condition, always against the
 * same samples clean: the drop of the area under the ROC curve, of sensitivity and of specificity, and the share of
 * decisions that change. What a searched attack does beyond a control of equal size (noise that knows nothing of the
 * model) is its excess. And, per subgrouping: does the attack take more from some groups than from others?
 *
 * All comparisons are paired: DeLong or Obuchowski for areas, Newcombe's paired score for shares. A perturbation that
 * shifts all scores together leaves every area alone and can still turn half the decisions: read both side by side.
 * Intervals are per finding; only a gap's interval is simultaneous, over the pairs of its family.
 */
import { type AuditMeta, defineAudit, type OperatingPoint, type Study, type Subgroup } from "../src/core/audit.js";
import { type Condition, isClean } from "../src/core/condition.js";
import { type Finding, subgroupKey } from "../src/core/finding.js";
import { type AucEstimate, areaUnderCurve, type LabelledScores } from "../src/stats/auc.js";
import {
  type Cell,
  distinctSubgroups,
  familiesOf,
  labelledCell,
  type ScoredCell,
  scoredCell,
  withScores,
} from "../src/stats/cell.js";
import { errorRate, flipRate, noThreshold, rateAt } from "../src/stats/decisions.js";
import { differenceOf, type Estimate, isUnchanged, type Result } from "../src/stats/estimate.js";
import { type GroupResult, gapFinding } from "../src/stats/family-gap.js";
import { findingOf, type Subject } from "../src/stats/finding.js";
import { type ProportionEstimate, proportionDifference } from "../src/stats/proportion.js";
import { pairedAreas, pairedShares } from "./support/paired.js";

const AUDIT = "robustness";

const PAIRED_AREAS =
  "Interval: paired DeLong (1988), or Obuchowski's clustered form (1997) where patients repeat; square-and-add with Newcombe's interval where an area has no variance. No width where no sample changed its rank against the other class.";
const PAIRED_SHARES =
  "Interval: Newcombe's paired score (1998, method 10), with effective sample sizes and clustered correlation where patients repeat.";
const EXCESS =
  "The control is an attack of the plan that knows nothing of the model, at the same epsilon and norm and behind the same defense; it is named in the finding. An excess whose interval holds 0 is no more than noise does.";

const meta: AuditMeta = {
  id: AUDIT,
  title: "Robustness",
  why: "Images in practice are noisier, compressed, or tampered with. What a model loses then, beyond what plain noise of the same size would cost, and who loses it, shows how far its clean results can be trusted.",
  needs: ["labels", "attacks"],
  metrics: [
    {
      id: "auc-drop",
      title: "Drop of AUC",
      unit: "1",
      description: `AUC on clean images without a defense minus AUC under the condition, on the same samples. ${PAIRED_AREAS} Blind to a shift of all scores together.`,
      better: "lower",
    },
    {
      id: "auc-drop-excess",
      title: "Drop of AUC beyond a control's",
      unit: "1",
      description: `AUC under the control minus AUC under the attack, on the same samples. ${EXCESS} ${PAIRED_AREAS}`,
      better: "lower",
    },
    {
      id: "auc-drop-gap",
      title: "Gap between groups in the drop of AUC",
      unit: "1",
      description:
        "Largest minus smallest drop of AUC among the groups of a family: does the condition hurt some groups more? The variance of each difference of drops holds all covariances through samples and patients. The interval is simultaneous over the family's pairs of groups (Bonferroni) and conservative; the estimate is a maximum and therefore biased upward. Groups that are not estimable are named. The details hold Wald's test that the condition takes as much from every group.",
      better: "lower",
    },
    {
      id: "fooling-rate",
      title: "Decisions that change",
      unit: "1",
      description:
        "The share of labelled samples whose decision at the frozen threshold differs from the decision on the clean image without a defense, whether right or wrong before. Interval: Wilson (1927), at the effective sample size where patients repeat.",
      better: "lower",
    },
    {
      id: "fooling-rate-gap",
      title: "Gap between groups in the decisions that change",
      unit: "1",
      description:
        "Largest minus smallest fooling rate among the groups of a family: are some groups' decisions easier to turn? Interval: Newcombe's score for differences of shares, simultaneous over the family's pairs of groups (Bonferroni) and conservative; the estimate is a maximum and therefore biased upward. Groups that are not estimable are named. The details hold Wald's test that all groups are alike.",
      better: "lower",
    },
    {
      id: "error-rate",
      title: "Wrong decisions",
      unit: "1",
      description:
        "The share of labelled samples whose decision at the frozen threshold is wrong under the condition, whether or not it changed: what the fooling rate does not tell. Interval: Wilson (1927), at the effective sample size where patients repeat.",
      better: "lower",
    },
    {
      id: "fooling-excess",
      title: "Decisions that change beyond a control's",
      unit: "1",
      description: `Fooling rate of the attack minus fooling rate of the control, on the same samples. ${EXCESS} ${PAIRED_SHARES}`,
      better: "lower",
    },
    ...(["sensitivity", "specificity"] as const).map(
      (rate) =>
        ({
          id: `${rate}-drop`,
          title: `Drop of ${rate}`,
          unit: "1",
          description: `The ${rate} on clean images without a defense minus the ${rate} under the condition, at the same frozen threshold on the same samples. Negative where it rises, often at the price of the other rate. ${PAIRED_SHARES}`,
          better: "lower",
        }) as const,
    ),
  ],
  references: [
    "E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988) 837–845",
    "N. A. Obuchowski, Biometrics 53 (1997) 567–578",
    "R. G. Newcombe, Statistics in Medicine 17 (1998) 2635–2650",
    "S.-M. Moosavi-Dezfooli et al., Universal adversarial perturbations, CVPR 2017 (fooling rate)",
  ],
};

/** One class with everything that its findings share. */
interface ClassStudy {
  readonly study: Study;
  readonly class: string;
  readonly points: readonly OperatingPoint[];
  readonly clean: Float64Array;
  /** The conditions that are held against clean. */
  readonly tested: readonly Tested[];
  readonly level: number;
}

/** A condition with its scores by sample index. */
interface Tested {
  readonly condition: Condition;
  readonly column: Float64Array;
}

/** What all findings of one subgroup under one condition share. */
type About = Omit<Subject, "metric" | "operatingPoint">;

export default defineAudit({
  meta,
  evaluate(study, { level }) {
    return study.classes.flatMap((className) => {
      const conditions = study.conditions.map((condition) => ({
        condition,
        column: study.scores(condition, className),
      }));
      const one: ClassStudy = {
        study,
        class: className,
        points: study.operatingPoints.filter((point) => point.class === className),
        clean: (conditions[0] as Tested).column,
        tested: conditions.filter(({ condition }) => !isClean(condition)),
        level,
      };
      if (one.tested.length === 0) return [];
      const audited = distinctSubgroups(study).map((subgroup) => auditSubgroup(one, subgroup));
      const byGroup = new Map(audited.map((group) => [subgroupKey(group.subgroup.values), group]));
      return [
        ...audited.flatMap((group) => group.findings),
        ...dropGaps(one, byGroup),
        ...one.points.flatMap((point, index) => foolingGaps(one, point, index, byGroup)),
      ];
    });
  },
});

interface AuditedSubgroup {
  readonly subgroup: Subgroup;
  /** The drop of AUC under each tested condition, in their order. */
  readonly drops: readonly GroupResult<Estimate>[];
  /** The fooling rate under each tested condition, in their order, at each operating point. */
  readonly flips: readonly (readonly GroupResult<ProportionEstimate>[])[];
  readonly findings: readonly Finding[];
}

function auditSubgroup(one: ClassStudy, subgroup: Subgroup): AuditedSubgroup {
  const cell = labelledCell(one.study, subgroup, one.class);
  const cleanArea = cleanAreaOf(cell, one.clean);
  const drops: GroupResult<Estimate>[] = [];
  const flips = one.points.map((): GroupResult<ProportionEstimate>[] => []);
  const findings: Finding[] = [];
  for (const { condition, column } of one.tested) {
    const pair = scoredCell(cell, [one.clean, column]);
    const { values, family } = subgroup;
    const about: About = { audit: AUDIT, class: one.class, subgroup: values, family, condition };
    const result = pairedAreas(cleanArea(pair), areaUnderCurve(withScores(pair, 1)), pair.clustered);
    drops.push({ subgroup, cell: pair, result });
    findings.push(dropFinding({ ...about, metric: "auc-drop", operatingPoint: null }, result, pair, one.level));
    for (const [index, point] of one.points.entries()) {
      flips[index]?.push({ subgroup, cell: pair, result: flipsOf(pair, point) });
      findings.push(...decisionFindings(about, pair, point, one.level));
    }
    for (const control of controlsOf(one, condition)) {
      findings.push(...excessFindings(about, scoredCell(cell, [one.clean, column, control.column]), control, one));
    }
  }
  return { subgroup, drops, flips, findings };
}

/** The clean area on a pair's samples: computed once for all conditions that score every sample that clean scores. */
function cleanAreaOf(cell: Cell, clean: Float64Array): (pair: ScoredCell) => Result<AucEstimate> {
  const alone = scoredCell(cell, [clean]);
  const area = areaUnderCurve(withScores(alone, 0));
  return (pair) => (pair.unscored === alone.unscored ? area : areaUnderCurve(withScores(pair, 0)));
}

function dropFinding(subject: Subject, drop: Result, cell: ScoredCell, level: number): Finding {
  const isExact = drop.status === "estimated" && isUnchanged(drop);
  return findingOf(subject, drop, cell, level, {
    reason: isExact ? "no sample changed its rank against the other class, so the interval has no width" : null,
    ...(subject.versus === undefined ? {} : { details: { control: subject.versus } }),
  });
}

/** Fooling rate and the drops of sensitivity and specificity at one operating point; columns: clean, condition. */
function decisionFindings(about: About, pair: ScoredCell, point: OperatingPoint, level: number): Finding[] {
  const { threshold } = point;
  const subject = (metric: string): Subject => ({ ...about, metric, operatingPoint: point.id });
  const [before, after] = [withScores(pair, 0), withScores(pair, 1)];
  const decided = (metric: string, estimate: (threshold: number) => Result): Finding =>
    findingOf(subject(metric), threshold === null ? noThreshold(point) : estimate(threshold), pair, level);
  return [
    findingOf(subject("fooling-rate"), flipsOf(pair, point), pair, level),
    decided("error-rate", (at) => errorRate(after, at)),
    ...(["sensitivity", "specificity"] as const).map((rate) =>
      decided(`${rate}-drop`, (at) => pairedShares(rateAt(before, at, rate), rateAt(after, at, rate), pair.clustered)),
    ),
  ];
}

/** The share of decisions that change between a pair's two columns. */
function flipsOf(pair: ScoredCell, point: OperatingPoint): Result<ProportionEstimate> {
  if (point.threshold === null) return noThreshold(point);
  return flipRate(withScores(pair, 0), withScores(pair, 1), point.threshold);
}

/**
 * The controls of a searched attack's condition: attacks that know nothing of the model, at the same size and behind
 * the same defense, each attack once.
 */
function controlsOf(one: ClassStudy, condition: Condition): Tested[] {
  const knows = (attack: string) => one.study.attackKnowledge[attack] ?? "none";
  if (condition.attack === "none" || knows(condition.attack) === "none") return [];
  const matching = one.tested.filter(
    ({ condition: other }) =>
      other.attack !== "none" &&
      knows(other.attack) === "none" &&
      other.epsilon === condition.epsilon &&
      other.norm === condition.norm &&
      other.severity === condition.severity &&
      other.defense === condition.defense,
  );
  return [...new Map(matching.map((control) => [control.condition.attack, control])).values()];
}

/** What the attack does beyond its control; columns: clean, attack, control. */
function excessFindings(about: About, triple: ScoredCell, control: Tested, one: ClassStudy): Finding[] {
  const versus = control.condition.attack;
  const [clean, attacked, controlled] = [withScores(triple, 0), withScores(triple, 1), withScores(triple, 2)];
  const dropExcess = pairedAreas(areaUnderCurve(controlled), areaUnderCurve(attacked), triple.clustered);
  const dropSubject: Subject = { ...about, metric: "auc-drop-excess", operatingPoint: null, versus };
  return [
    dropFinding(dropSubject, dropExcess, triple, one.level),
    ...one.points.map((point) => {
      const flips = (scores: LabelledScores, at: number) => flipRate(clean, scores, at);
      const excess =
        point.threshold === null
          ? noThreshold(point)
          : pairedShares(flips(attacked, point.threshold), flips(controlled, point.threshold), triple.clustered);
      const subject: Subject = { ...about, metric: "fooling-excess", operatingPoint: point.id, versus };
      return findingOf(subject, excess, triple, one.level, { details: { control: versus } });
    }),
  ];
}

/** Per family and condition: the largest difference between groups in the drop of AUC. */
function dropGaps(one: ClassStudy, audited: ReadonlyMap<string, AuditedSubgroup>): Finding[] {
  const method = {
    normal: `${one.study.clustered ? "obuchowski" : "delong"}-difference-of-drops`,
    otherwise: "square-and-add-newcombe",
  };
  const difference = (a: Estimate, b: Estimate) =>
    differenceOf(a, b, method, { n: a.n + b.n, patients: a.patients + b.patients });
  return [...familiesOf(one.study)].flatMap(([family, subgroups]) =>
    one.tested.map(({ condition }, index) => {
      const groups = subgroups.flatMap(({ values }) => audited.get(subgroupKey(values))?.drops[index] ?? []);
      const subject: Subject = {
        audit: AUDIT,
        metric: "auc-drop-gap",
        class: one.class,
        operatingPoint: null,
        subgroup: {},
        family,
        acrossFamily: true,
        condition,
      };
      const comparison = { difference, better: "lower", quantity: "drop of AUC" } as const;
      return gapFinding(subject, groups, comparison, one.level);
    }),
  );
}

/** Per family and condition: the largest difference between groups in the decisions that change. */
function foolingGaps(
  one: ClassStudy,
  point: OperatingPoint,
  pointIndex: number,
  audited: ReadonlyMap<string, AuditedSubgroup>,
): Finding[] {
  const difference = (a: ProportionEstimate, b: ProportionEstimate) => proportionDifference(a, b, one.study.clustered);
  return [...familiesOf(one.study)].flatMap(([family, subgroups]) =>
    one.tested.map(({ condition }, index) => {
      const groups = subgroups.flatMap(
        ({ values }) => audited.get(subgroupKey(values))?.flips[pointIndex]?.[index] ?? [],
      );
      const subject: Subject = {
        audit: AUDIT,
        metric: "fooling-rate-gap",
        class: one.class,
        operatingPoint: point.id,
        subgroup: {},
        family,
        acrossFamily: true,
        condition,
      };
      const comparison = { difference, better: "lower", quantity: "fooling rate" } as const;
      return gapFinding(subject, groups, comparison, one.level);
    }),
  );
}
