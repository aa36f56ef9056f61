/**
 * Is the model better than another one, such as its predecessor, on the same patients? Per class, subgroup and condition
 * that both were scored under: the difference in area, in sensitivity and specificity at the operating points, and in Brier
 * score, with paired intervals and tests; further measures by the bootstrap where asked. Both models are held against
 * exactly the samples that both have scored; each decides at its own threshold, frozen on its own tuning scores.
 */
import { z } from "zod";
import {
  type AuditMeta,
  type Comparator,
  defineAudit,
  type OperatingPoint,
  type Study,
  type Subgroup,
} from "../src/core/audit.js";
import type { Condition } from "../src/core/condition.js";
import { type Finding, type FindingTest, subgroupKey } from "../src/core/finding.js";
import { differenceTest, equivalenceTest, minimumDetectable, nonInferiorityTest } from "../src/stats/assessment.js";
import { areaUnderCurve, type LabelledScores } from "../src/stats/auc.js";
import {
  distinctSubgroups,
  familiesOf,
  labelledCell,
  type ScoredCell,
  scoredCell,
  withScores,
} from "../src/stats/cell.js";
import { coverageCaution } from "../src/stats/coverage-caution.js";
import { noThreshold, rateAt } from "../src/stats/decisions.js";
import { type Estimate, isUnchanged, notEstimable } from "../src/stats/estimate.js";
import { amended, type Extras, findingOf, type Subject } from "../src/stats/finding.js";
import { brierAdvantage } from "../src/stats/paired-brier.js";
import { discordance, pairedSharesTests } from "../src/stats/paired-decisions.js";
import { unequalWeights } from "../src/stats/weights.js";
import { pairedAreas, pairedShares } from "./support/paired.js";
import {
  RESAMPLED,
  RESAMPLED_GAPS,
  type ResampledGap,
  type ResampledMeasure,
  resampledAdvantage,
  resampledGapAdvantage,
  type Thresholds,
} from "./support/paired-bootstrap.js";

const AUDIT = "comparison";

const parameters = z.strictObject({
  margin: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.05)
    .describe("A loss of at least this much in area, sensitivity or specificity counts as inferior."),
  further: z
    .array(z.enum([...RESAMPLED, ...RESAMPLED_GAPS]))
    .default([])
    .describe(
      "Further measures, by the paired bootstrap over patients, which takes time. Those that gates ask for are added.",
    ),
  replicates: z.number().int().min(200).max(100_000).default(1000).describe("Bootstrap replicates of each of them."),
});

const RESAMPLED_HOW =
  "Where the audit's parameter further asks for it. Interval: percentiles of the paired bootstrap, patients drawn with replacement within strata of their labels, both models on the same draw. No test goes with it: gates invert its interval.";

const PAIRED =
  "Positive where the audited model is better. Both models are held against the samples that both have scored.";
const TESTED =
  "Tests of non-inferiority and of equivalence within the margin (audit parameter margin) go with the interval; the details hold the smallest difference that would be found with 80 % power. A difference that is not significant is no proof that the models are alike: see the assessment in the details.";
const RATE_TESTS =
  "Each model decides at its own threshold, frozen on its own tuning scores by the same rule. Interval: Newcombe's paired score (1998), at effective sample sizes where patients repeat. Test of no difference: McNemar's, exact, with the mid-p version beside it (Fagerland et al. 2013); where patients repeat or weights differ, pairs are not independent, and z over the clustered standard error (after Obuchowski 1998) stands in its place. McNemar's test and the interval are made differently and can disagree where p is close to 1 − confidence.";

const RESAMPLED_TITLES: Readonly<Record<ResampledMeasure | ResampledGap, string>> = {
  "average-precision": "Average precision",
  ppv: "PPV",
  npv: "NPV",
  accuracy: "Accuracy",
  "auc-gap": "AUC gap",
  "sensitivity-gap": "Sensitivity gap",
  "specificity-gap": "Specificity gap",
};

const meta: AuditMeta = {
  id: AUDIT,
  title: "Comparison with other models",
  why: "A new model replaces an old one, or stands beside another on the market. Whether it is better, or at least not worse, for every group is decided on the same patients, not on two published averages.",
  needs: ["labels", "comparators"],
  parameters,
  metrics: [
    {
      id: "auc-advantage",
      title: "AUC of the model beyond another's",
      unit: "1",
      description: `The area under the ROC curve of the audited model minus that of the other. ${PAIRED} Interval and test: DeLong, DeLong and Clarke-Pearson (1988) for correlated areas, Obuchowski's clustered covariance (1997) where patients repeat; square-and-add where an area has no variance. ${TESTED}`,
      better: "higher",
    },
    {
      id: "sensitivity-advantage",
      title: "Sensitivity of the model beyond another's",
      unit: "1",
      description: `The sensitivity of the audited model minus that of the other. ${PAIRED} ${RATE_TESTS} ${TESTED}`,
      better: "higher",
    },
    {
      id: "specificity-advantage",
      title: "Specificity of the model beyond another's",
      unit: "1",
      description: `The specificity of the audited model minus that of the other. ${PAIRED} ${RATE_TESTS} ${TESTED}`,
      better: "higher",
    },
    {
      id: "brier-advantage",
      title: "Brier score of the model below another's",
      unit: "1",
      description: `The Brier score (mean squared difference of probability and label) of the other model minus that of the audited one, where scores are probabilities. ${PAIRED} Interval and test: normal, with the variance of the paired differences by patient. No margin is held against it: a difference in Brier score has no natural size. It mixes ranking and calibration.`,
      better: "higher",
    },
    ...RESAMPLED.map((measure) => ({
      id: `${measure}-advantage`,
      title: `${RESAMPLED_TITLES[measure]} of the model beyond another's`,
      unit: "1",
      description: `${RESAMPLED_TITLES[measure]} of the audited model minus that of the other${measure === "average-precision" ? "" : ", each at its own frozen threshold"}. ${PAIRED} ${RESAMPLED_HOW}`,
      better: "higher" as const,
    })),
    ...RESAMPLED_GAPS.map((gap) => ({
      id: `${gap}-advantage`,
      title: `${RESAMPLED_TITLES[gap]} of the model below another's`,
      unit: "1",
      description: `The gap between the best and the worst group of a family under the other model minus that under the audited one${gap === "auc-gap" ? "" : ", each at its own frozen threshold"}. ${PAIRED} ${RESAMPLED_HOW} Both gaps are maxima over noisy differences and biased upward; in their difference most of that cancels.`,
      better: "higher" as const,
    })),
  ],
  references: [
    "E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988) 837–845",
    "N. A. Obuchowski, Biometrics 53 (1997) 567–578",
    "R. G. Newcombe, Statistics in Medicine 17 (1998) 2635–2650",
    "Q. McNemar, Psychometrika 12 (1947) 153–157",
    "M. W. Fagerland, S. Lydersen, P. Laake, BMC Medical Research Methodology 13 (2013) 91",
    "N. A. Obuchowski, Statistics in Medicine 17 (1998) 1495–1507",
    "G. W. Brier, Monthly Weather Review 78 (1950) 1–3",
    "B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, Chapman and Hall 1993, chapter 13",
  ],
};

type Parameters = z.output<typeof parameters>;

interface Setting extends Parameters {
  readonly study: Study;
  readonly class: string;
  readonly comparator: Comparator;
  readonly condition: Condition;
  readonly level: number;
  readonly seed: number;
}

/** A group with the samples of it that both models have scored. */
interface PairedGroup {
  readonly subgroup: Subgroup;
  /** Columns: the audited model's scores, the other's. */
  readonly pair: ScoredCell;
}

export default defineAudit<typeof parameters>({
  meta,
  evaluate(study, { level, parameters: given, seed }) {
    const subgroups = distinctSubgroups(study);
    return study.classes.flatMap((className) =>
      study.comparators.flatMap((comparator) =>
        study.conditions.flatMap((condition) => {
          const other = comparator.scores(className, condition);
          if (other === null) return [];
          const own = study.scores(condition, className);
          const setting: Setting = { ...given, study, class: className, comparator, condition, level, seed };
          const paired = new Map<Subgroup, PairedGroup>();
          const findings = subgroups.flatMap((subgroup) => {
            const cell = labelledCell(study, subgroup, className);
            const pair = scoredCell(cell, [own, other]);
            paired.set(subgroup, { subgroup, pair });
            // Where both have scored everybody, the model's own samples, of which other audits ask the same area.
            const alone = pair.unscored === 0 ? scoredCell(cell, [own]) : pair;
            const { values, family } = subgroup;
            // Samples that only the audited model has scored are not samples of nobody.
            const isUncommon = pair.counts.n === 0 && pair.unscored > 0;
            const found = findingsOf(setting, { subgroup: values, family }, pair, withScores(alone, 0));
            return isUncommon ? found.map((finding) => uncommon(finding, comparator)) : found;
          });
          return [...findings, ...gapFindings(setting, paired)];
        }),
      ),
    );
  },
});

/** Of a group whose samples the other model has not scored at all: gates know it by the detail. */
function uncommon(finding: Finding, { id }: Comparator): Finding {
  if (finding.status !== "not-estimable") return finding;
  const reason = `${id} has scored no labelled sample of this group`;
  return amended(finding, { reason, details: { ...finding.details, comparator: id, "samples-in-common": 0 } });
}

type Group = Pick<Subject, "subgroup" | "family">;

function subjectOf({ class: className, comparator, condition }: Setting, group: Group) {
  return { audit: AUDIT, class: className, ...group, condition, versus: comparator.id };
}

/**
 * Findings of one group.
 * @param pair columns: the audited model's scores, the other's
 * @param model the first of them, or the same numbers out of the cell of this model alone
 */
function findingsOf(setting: Setting, group: Group, pair: ScoredCell, model: LabelledScores): Finding[] {
  const { study } = setting;
  const points = pointsOf(setting);
  const about = subjectOf(setting, group);
  return [
    areaFinding({ ...about, metric: "auc-advantage", operatingPoint: null }, pair, model, setting),
    ...points.flatMap((point) =>
      RATES.map((rate) => {
        const subject = { ...about, metric: `${rate}-advantage`, operatingPoint: point.id };
        return rateFinding(subject, pair, point, rate, setting);
      }),
    ),
    ...(study.probabilities
      ? [brierFinding({ ...about, metric: "brier-advantage", operatingPoint: null }, pair, setting)]
      : []),
    ...RESAMPLED.filter((measure) => setting.further.includes(measure)).flatMap((measure) =>
      atPoints(setting, measure === "average-precision").map(({ point, thresholds }) => {
        const subject = { ...about, metric: `${measure}-advantage`, operatingPoint: point?.id ?? null };
        return "reason" in thresholds
          ? findingOf(subject, notEstimable(thresholds.reason), pair, setting.level, ofComparator(setting))
          : resampledAdvantage(subject, measure, pair, thresholds, setting, setting.comparator.id);
      }),
    ),
  ];
}

/** Findings about the families as wholes. */
function gapFindings(setting: Setting, paired: ReadonlyMap<Subgroup, PairedGroup>): Finding[] {
  const asked = RESAMPLED_GAPS.filter((gap) => setting.further.includes(gap));
  if (asked.length === 0) return [];
  return [...familiesOf(setting.study)].flatMap(([family, members]) => {
    const groups = members.map((subgroup) => {
      const known = paired.get(subgroup);
      const name = subgroupKey(subgroup.values);
      if (known !== undefined) return { name, pair: known.pair };
      const { class: className, comparator, condition, study } = setting;
      const columns = [study.scores(condition, className), comparator.scores(className, condition) as Float64Array];
      return { name, pair: scoredCell(labelledCell(study, subgroup, className), columns) };
    });
    const about = { ...subjectOf(setting, { subgroup: {}, family }), acrossFamily: true };
    return asked.flatMap((gap) =>
      atPoints(setting, gap === "auc-gap").map(({ point, thresholds }) => {
        const subject = { ...about, metric: `${gap}-advantage`, operatingPoint: point?.id ?? null };
        if (!("reason" in thresholds))
          return resampledGapAdvantage(subject, gap, groups, thresholds, setting, setting.comparator.id);
        const basis = { counts: { n: 0, positives: 0, negatives: 0, patients: 0 }, unscored: 0 };
        return findingOf(subject, notEstimable(thresholds.reason), basis, setting.level, ofComparator(setting));
      }),
    );
  });
}

function pointsOf({ class: className, study }: Setting): readonly OperatingPoint[] {
  return study.operatingPoints.filter((point) => point.class === className);
}

function ofComparator({ comparator }: Setting): Extras {
  return { details: { comparator: comparator.id } };
}

/** Both models' thresholds at each operating point, or once, without any, where a measure needs none. */
function atPoints(setting: Setting, withoutPoint: boolean) {
  const none: Thresholds = { own: Number.NaN, other: Number.NaN };
  if (withoutPoint) return [{ point: null, thresholds: none }];
  return pointsOf(setting).map((point) => ({ point, thresholds: thresholdsAt(point, setting) }));
}

function thresholdsAt(point: OperatingPoint, { comparator }: Setting): Thresholds | { readonly reason: string } {
  if (point.threshold === null) return noThreshold(point);
  const theirs = comparator.operatingPoints.find(({ id, class: name }) => id === point.id && name === point.class);
  if (theirs !== undefined && theirs.threshold !== null) return { own: point.threshold, other: theirs.threshold };
  return { reason: `${comparator.id}: ${theirs?.reason ?? "it has no such operating point"}` };
}

const RATES = ["sensitivity", "specificity"] as const;

function areaFinding(subject: Subject, pair: ScoredCell, model: LabelledScores, setting: Setting): Finding {
  const [own, other] = [areaUnderCurve(model), areaUnderCurve(withScores(pair, 1))];
  const advantage = pairedAreas(own, other, pair.clustered);
  if (advantage.status === "not-estimable" || own.status === "not-estimable" || other.status === "not-estimable") {
    return findingOf(subject, advantage, pair, setting.level, { details: { comparator: setting.comparator.id } });
  }
  const isExact = isUnchanged(advantage);
  return findingOf(subject, advantage, pair, setting.level, {
    reason: isExact ? "both models rank the samples alike, so the interval has no width" : null,
    ...extrasOf(advantage, { own, other }, setting, differenceTest(advantage)),
    ...(isExact ? {} : cautioned(coverageCaution([own, other], "paired"))),
  });
}

function cautioned(reason: string | null): { readonly reason?: string } {
  return reason === null ? {} : { reason };
}

function rateFinding(
  subject: Subject,
  pair: ScoredCell,
  point: OperatingPoint,
  rate: (typeof RATES)[number],
  setting: Setting,
): Finding {
  const { comparator, level } = setting;
  const thresholds = thresholdsAt(point, setting);
  const theirs = comparator.operatingPoints.find(({ id, class: name }) => id === point.id && name === point.class);
  const details = {
    comparator: comparator.id,
    threshold: point.threshold,
    "comparator-threshold": theirs?.threshold ?? null,
  };
  if ("reason" in thresholds) return findingOf(subject, notEstimable(thresholds.reason), pair, level, { details });
  const own = rateAt(withScores(pair, 0), thresholds.own, rate);
  const other = rateAt(withScores(pair, 1), thresholds.other, rate);
  const advantage = pairedShares(own, other, pair.clustered);
  if (advantage.status === "not-estimable" || own.status === "not-estimable" || other.status === "not-estimable") {
    return findingOf(subject, advantage, pair, level, { details });
  }
  const decisions = {
    labels: pair.labels,
    first: pair.scores[0] as Float64Array,
    firstThreshold: thresholds.own,
    second: pair.scores[1] as Float64Array,
    secondThreshold: thresholds.other,
  };
  const found = discordance(decisions, rate === "sensitivity" ? 1 : 0);
  const tests = pairedSharesTests(advantage, [own, other], found, unequalWeights(pair) !== null);
  const extras = extrasOf(advantage, { own, other }, setting, tests);
  const counts = { "right-alone": found.onlyFirst, "comparator-right-alone": found.onlySecond };
  return findingOf(subject, advantage, pair, level, {
    ...extras,
    details: { ...details, ...extras.details, ...counts, count: own.successes, of: own.n },
  });
}

function brierFinding(subject: Subject, pair: ScoredCell, { comparator, level }: Setting): Finding {
  const [first, second] = [pair.scores[0] as Float64Array, pair.scores[1] as Float64Array];
  const advantage = brierAdvantage({ ...pair, first, second });
  const details = { comparator: comparator.id };
  if (advantage.status === "not-estimable") return findingOf(subject, advantage, pair, level, { details });
  return findingOf(subject, advantage, pair, level, {
    reason: isUnchanged(advantage) ? "both models' squared errors are equal, so the interval has no width" : null,
    tests: differenceTest(advantage),
    details: {
      ...details,
      "model-estimate": advantage.first,
      "comparator-estimate": advantage.second,
      "minimum-detectable": minimumDetectable(advantage, level),
    },
  });
}

/** What an advantage carries beside its interval: both estimates, its tests, and what it could have shown. */
function extrasOf(
  advantage: Estimate,
  { own, other }: { readonly own: Estimate; readonly other: Estimate },
  { comparator, margin, level }: Setting,
  ofNoDifference: readonly FindingTest[],
): Extras & { readonly details: Readonly<Record<string, number | string | null>> } {
  return {
    tests: [...ofNoDifference, ...nonInferiorityTest(advantage, margin), ...equivalenceTest(advantage, margin)],
    details: {
      comparator: comparator.id,
      "model-estimate": own.value,
      "comparator-estimate": other.value,
      margin,
      "minimum-detectable": minimumDetectable(advantage, level),
    },
  };
}
