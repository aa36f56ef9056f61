/**
 * What do the defects of real images cost, over all their degrees? Per corruption that was run by severity, class,
 * subgroup and defense, at every operating point: the mean share of wrong decisions over the severities, and the same in
 * relation to the share of wrong decisions on clean images.
 *
 * After Hendrycks and Dietterich (2019), whose corruption error is divided by that of one old network, AlexNet. No such
 * yardstick exists for medical images, so that here the model is held against itself: a relative error of 1.5 means half
 * as many wrong decisions again. Whoever audits two models compares their corruption errors.
 */
import { type AuditMeta, defineAudit, type OperatingPoint, type Study, type Subgroup } from "../src/core/audit.js";
import { CLEAN, type ConditionSeries, seriesOf } from "../src/core/condition.js";
import type { Finding } from "../src/core/finding.js";
import { distinctSubgroups, labelledCell, type ScoredCell, scoredCell, withScores } from "../src/stats/cell.js";
import { combinationOf, ratioOf } from "../src/stats/combination.js";
import { errorRate } from "../src/stats/decisions.js";
import { notEstimable, type Result } from "../src/stats/estimate.js";
import { findingOf, type Subject } from "../src/stats/finding.js";

const AUDIT = "corruption";

const meta: AuditMeta = {
  id: AUDIT,
  title: "Corruptions",
  why: "Noise, blur, wrong windows and burned-in text need no attacker. A model that is right on clean images only is not ready for a department.",
  needs: ["labels", "attacks", "operating-points"],
  metrics: [
    {
      id: "corruption-error",
      title: "Error over all severities",
      unit: "1",
      description:
        "The share of wrong decisions at the frozen threshold, averaged over the severities of a corruption that were run. Interval: normal, with the covariances of all severities on the same samples, by patient. Reported under the highest severity of its series.",
      better: "lower",
    },
    {
      id: "relative-corruption-error",
      title: "Error over all severities, in relation to the clean error",
      unit: "1",
      description:
        "The corruption error over the share of wrong decisions on clean images without a defense, on the same samples: 1 means that the corruption costs nothing. Interval: normal on the logarithmic scale, paired. Hendrycks and Dietterich divide by another network's error instead; numbers are not comparable with theirs. Not estimable where no clean decision is wrong.",
      better: "lower",
    },
  ],
  references: [
    "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019",
  ],
};

export default defineAudit({
  meta,
  evaluate(study, { level }) {
    const corruptions = seriesOf(study.conditions).filter((series) => !series.byEpsilon);
    return study.operatingPoints.flatMap((point) =>
      distinctSubgroups(study).flatMap((subgroup) =>
        corruptions.flatMap((series) => corruptionFindings(study, point, subgroup, series, level)),
      ),
    );
  },
});

function corruptionFindings(
  study: Study,
  point: OperatingPoint,
  subgroup: Subgroup,
  series: ConditionSeries,
  level: number,
): Finding[] {
  const { family, values } = subgroup;
  const cell = labelledCell(study, subgroup, point.class);
  const conditions = [CLEAN, ...series.conditions];
  const scored = scoredCell(
    cell,
    conditions.map((condition) => study.scores(condition, point.class)),
  );
  const condition = series.conditions.at(-1) ?? CLEAN;
  const about = { audit: AUDIT, class: point.class, subgroup: values, family, condition, operatingPoint: point.id };
  const details = { severities: series.conditions.map((one) => one.severity).join(",") };
  const errors = errorsOf(scored, point, conditions.length);
  const mean = meanError(errors);
  const finding = (subject: Subject, result: Result) => findingOf(subject, result, scored, level, { details });
  return [
    finding({ ...about, metric: "corruption-error" }, mean),
    finding({ ...about, metric: "relative-corruption-error" }, relative(mean, errors)),
  ];
}

/** The share of wrong decisions under each condition, clean first. */
function errorsOf(scored: ScoredCell, { reason, threshold }: OperatingPoint, conditions: number): Result[] {
  return Array.from({ length: conditions }, (_, column) =>
    threshold === null
      ? notEstimable(reason ?? "no threshold could be chosen")
      : errorRate(withScores(scored, column), threshold),
  );
}

/** The mean over the severities: all conditions but the first. */
function meanError(errors: readonly Result[]): Result {
  const terms = [];
  for (const estimate of errors.slice(1)) {
    if (estimate.status === "not-estimable") return estimate;
    terms.push({ weight: 1 / (errors.length - 1), estimate });
  }
  return combinationOf(terms, "normal-mean-of-severities");
}

function relative(mean: Result, [clean]: readonly Result[]): Result {
  if (mean.status === "not-estimable") return mean;
  if (clean === undefined || clean.status === "not-estimable") return clean ?? notEstimable("no clean scores");
  if (clean.value === 0) return notEstimable("no decision on clean images is wrong: there is nothing to relate to");
  if (mean.value === 0) return notEstimable("no decision on corrupted images is wrong: a ratio has no logarithm");
  return ratioOf(mean, clean, "log-normal-ratio");
}
