/**
 * Is the model better than another one, such as its predecessor, on the same patients? Per class and subgroup, on clean
 * images: the difference in area, in sensitivity and specificity at the operating points, and in Brier score, with paired
 * intervals and tests. Both models are held against exactly the samples that both have scored; each decides at its own
 * threshold, frozen on its own tuning scores by the same rule.
 */
import { z } from "zod";
import { type AuditMeta, type Comparator, defineAudit, type OperatingPoint, type Study } from "../src/core/audit.js";
import { CLEAN } from "../src/core/condition.js";
import type { Finding, FindingTest } from "../src/core/finding.js";
import { differenceTest, equivalenceTest, minimumDetectable, nonInferiorityTest } from "../src/stats/assessment.js";
import { areaUnderCurve, type LabelledScores } from "../src/stats/auc.js";
import { distinctSubgroups, labelledCell, type ScoredCell, scoredCell, withScores } from "../src/stats/cell.js";
import { coverageCaution } from "../src/stats/coverage-caution.js";
import { noThreshold, rateAt } from "../src/stats/decisions.js";
import { type Estimate, isUnchanged, notEstimable } from "../src/stats/estimate.js";
import { type Extras, findingOf, type Subject } from "../src/stats/finding.js";
import { brierAdvantage } from "../src/stats/paired-brier.js";
import { discordance, pairedSharesTests } from "../src/stats/paired-decisions.js";
import { unequalWeights } from "../src/stats/weights.js";
import { pairedAreas, pairedShares } from "./support/paired.js";

const AUDIT = "comparison";

const parameters = z.strictObject({
  margin: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.05)
    .describe("A loss of at least this much in area, sensitivity or specificity counts as inferior."),
});

const PAIRED =
  "Positive where the audited model is better. Both models are held against the samples that both have scored.";
const TESTED =
  "Tests of non-inferiority and of equivalence within the margin (audit parameter margin) go with the interval; the details hold the smallest difference that would be found with 80 % power. A difference that is not significant is no proof that the models are alike: see the assessment in the details.";
const RATE_TESTS =
  "Each model decides at its own threshold, frozen on its own tuning scores by the same rule. Interval: Newcombe's paired score (1998), at effective sample sizes where patients repeat. Test of no difference: McNemar's, exact, with the mid-p version beside it (Fagerland et al. 2013); where patients repeat or weights differ, pairs are not independent, and z over the clustered standard error (after Obuchowski 1998) stands in its place. McNemar's test and the interval are made differently and can disagree where p is close to 1 − confidence.";

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
  ],
  references: [
    "E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988) 837–845",
    "N. A. Obuchowski, Biometrics 53 (1997) 567–578",
    "R. G. Newcombe, Statistics in Medicine 17 (1998) 2635–2650",
    "Q. McNemar, Psychometrika 12 (1947) 153–157",
    "M. W. Fagerland, S. Lydersen, P. Laake, BMC Medical Research Methodology 13 (2013) 91",
    "N. A. Obuchowski, Statistics in Medicine 17 (1998) 1495–1507",
    "G. W. Brier, Monthly Weather Review 78 (1950) 1–3",
  ],
};

interface Setting {
  readonly study: Study;
  readonly class: string;
  readonly comparator: Comparator;
  readonly margin: number;
  readonly level: number;
}

export default defineAudit<typeof parameters>({
  meta,
  evaluate(study, { level, parameters: { margin } }) {
    const subgroups = distinctSubgroups(study);
    return study.classes.flatMap((className) => {
      const own = study.scores(CLEAN, className);
      return study.comparators.flatMap((comparator) => {
        const other = comparator.scores(className);
        if (other === null) return [];
        const setting: Setting = { study, class: className, comparator, margin, level };
        return subgroups.flatMap((subgroup) => {
          const cell = labelledCell(study, subgroup, className);
          const pair = scoredCell(cell, [own, other]);
          // Where both have scored everybody, the model's own samples, of which other audits ask the same area.
          const alone = pair.unscored === 0 ? scoredCell(cell, [own]) : pair;
          const { values, family } = subgroup;
          return findingsOf(setting, { subgroup: values, family }, pair, withScores(alone, 0));
        });
      });
    });
  },
});

type Group = Pick<Subject, "subgroup" | "family">;

/**
 * Findings of one group.
 * @param pair columns: the audited model's scores, the other's
 * @param model the first of them, or the same numbers out of the cell of this model alone
 */
function findingsOf(setting: Setting, group: Group, pair: ScoredCell, model: LabelledScores): Finding[] {
  const { study, class: className, comparator } = setting;
  const points = study.operatingPoints.filter((point) => point.class === className);
  const about = { audit: AUDIT, class: className, ...group, condition: CLEAN, versus: comparator.id };
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
  ];
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
  const theirs = comparator.operatingPoints.find(({ id, class: name }) => id === point.id && name === point.class);
  const details = {
    comparator: comparator.id,
    threshold: point.threshold,
    "comparator-threshold": theirs?.threshold ?? null,
  };
  if (point.threshold === null) return findingOf(subject, noThreshold(point), pair, level, { details });
  if (theirs === undefined || theirs.threshold === null) {
    const why = theirs?.reason ?? "no threshold could be chosen";
    return findingOf(subject, notEstimable(`${comparator.id}: ${why}`), pair, level, { details });
  }
  const own = rateAt(withScores(pair, 0), point.threshold, rate);
  const other = rateAt(withScores(pair, 1), theirs.threshold, rate);
  const advantage = pairedShares(own, other, pair.clustered);
  if (advantage.status === "not-estimable" || own.status === "not-estimable" || other.status === "not-estimable") {
    return findingOf(subject, advantage, pair, level, { details });
  }
  const decisions = {
    labels: pair.labels,
    first: pair.scores[0] as Float64Array,
    firstThreshold: point.threshold,
    second: pair.scores[1] as Float64Array,
    secondThreshold: theirs.threshold,
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
