/**
 * How strong must an attack be? Per attack, class, subgroup and defense, over the whole ladder of ε at once: the median
 * over images of the least ε at which a decision flips, and the area under the curve of AUC against ε.
 *
 * Many images do not flip at all within the largest ε: their least ε is only known to be larger, so the median is Kaplan
 * and Meier's. Attacks that look for the nearest flip say how near they came; for the others the least ε of the ladder
 * that flipped a decision stands for it, which is too large by up to one step.
 */
import { type AuditMeta, defineAudit, type OperatingPoint, type Study, type Subgroup } from "../src/core/audit.js";
import { CLEAN, type Condition, type ConditionSeries, conditionKey, seriesOf } from "../src/core/condition.js";
import type { Finding } from "../src/core/finding.js";
import { areaUnderCurve } from "../src/stats/auc.js";
import { type Cell, distinctSubgroups, labelledCell, scoredCell, withScores } from "../src/stats/cell.js";
import { combinationOf } from "../src/stats/combination.js";
import { type Estimate, notEstimable, type Result } from "../src/stats/estimate.js";
import { findingOf, measured, type Subject } from "../src/stats/finding.js";
import { closedInterval, kaplanMeier, medianTime } from "../src/stats/survival.js";

const AUDIT = "attack-strength";

const meta: AuditMeta = {
  id: AUDIT,
  title: "Strength of attacks",
  why: "One ε is one point of a curve. How large a change has to be before decisions turn, and what the whole range costs, can be compared between attacks, defenses, groups and models.",
  needs: ["labels", "attacks"],
  metrics: [
    {
      id: "median-minimal-epsilon",
      title: "Median least ε that flips a decision",
      unit: "window",
      description:
        "The least ε, as a fraction of the display window, at which an image's decision at the frozen threshold differs from the one on the clean image: the median over labelled samples. Kaplan–Meier (1958), images that never flip being censored at the largest ε tried; interval: Brookmeyer–Crowley (1982) on the log(−log) scale, by patient. An upper bound on the true least ε: a better attack may need less. Under the largest ε of its series.",
      better: "higher",
    },
    {
      id: "auc-epsilon-area",
      title: "Mean AUC over ε",
      unit: "1",
      description:
        "The area under the curve of AUC against ε, from 0 to the largest ε of the series, over that ε: the mean AUC if all sizes of change were equally likely. Trapezoidal rule over the ladder's steps; interval: normal, with DeLong's or Obuchowski's variances and covariances of all steps. It depends on the ladder: compare like with like.",
      better: "higher",
    },
  ],
  references: [
    "E. L. Kaplan, P. Meier, JASA 53 (1958) 457–481",
    "R. Brookmeyer, J. Crowley, Biometrics 38 (1982) 29–41",
    "W. Brendel et al., arXiv:1807.01697 (median perturbation size as a measure of robustness)",
  ],
};

export default defineAudit({
  meta,
  evaluate(study, { level }) {
    // A table of scores may hold an attack without its size: such has no place on a ladder.
    const sized = study.conditions.filter(({ epsilon, severity }) => severity === undefined && epsilon > 0);
    const ladders = seriesOf(sized);
    return study.classes.flatMap((className) => {
      const points = study.operatingPoints.filter((point) => point.class === className);
      return distinctSubgroups(study).flatMap((subgroup) => {
        const cell = labelledCell(study, subgroup, className);
        return ladders.flatMap((series) => [
          // A table may lack the scores behind the defense alone, with which the curve begins.
          ...(has(study, unattacked(series)) ? [areaFinding(study, className, subgroup, cell, series, level)] : []),
          ...points.map((point, index) =>
            medianFinding(study, className, subgroup, cell, series, point, index === 0, level),
          ),
        ]);
      });
    });
  },
});

function subjectOf(className: string, { family, values }: Subgroup, series: ConditionSeries): Omit<Subject, "metric"> {
  const condition = series.conditions.at(-1) ?? CLEAN;
  return { audit: AUDIT, class: className, subgroup: values, family, condition, operatingPoint: null };
}

/** The mean AUC over ε; the curve begins with the unattacked condition behind the same defense. */
function areaFinding(
  study: Study,
  className: string,
  subgroup: Subgroup,
  cell: Cell,
  series: ConditionSeries,
  level: number,
): Finding {
  const steps = [unattacked(series), ...series.conditions];
  const scored = scoredCell(
    cell,
    steps.map((condition) => study.scores(condition, className)),
  );
  const areas = steps.map((_, step) => areaUnderCurve(withScores(scored, step)));
  const subject = { ...subjectOf(className, subgroup, series), metric: "auc-epsilon-area" };
  return findingOf(subject, meanOverEpsilon(steps, areas, scored.clustered), scored, level, {
    details: { steps: series.conditions.length },
  });
}

function has({ conditions }: Study, wanted: Condition): boolean {
  return conditions.some((condition) => conditionKey(condition) === conditionKey(wanted));
}

function unattacked({ conditions }: ConditionSeries): Condition {
  return { ...CLEAN, defense: conditions[0]?.defense ?? "none" };
}

/** The trapezoidal rule as weights of the steps' estimates. */
function meanOverEpsilon(steps: readonly Condition[], areas: readonly Result[], clustered: boolean): Result {
  const failed = areas.find((area) => area.status === "not-estimable");
  if (failed !== undefined) return failed;
  const epsilons = steps.map((condition) => condition.epsilon);
  const widest = epsilons.at(-1) ?? 0;
  const terms = areas.map((area, step) => {
    const before = epsilons[step - 1] ?? 0;
    const after = epsilons[step + 1] ?? widest;
    return { weight: (after - before) / (2 * widest), estimate: area as Estimate };
  });
  return combinationOf(terms, clustered ? "obuchowski-trapezoid" : "delong-trapezoid");
}

function medianFinding(
  study: Study,
  className: string,
  subgroup: Subgroup,
  cell: Cell,
  series: ConditionSeries,
  point: OperatingPoint,
  isAttacked: boolean,
  level: number,
): Finding {
  const conditions = [CLEAN, ...series.conditions];
  const columns = conditions.map((condition) => study.scores(condition, className));
  // Distances that the search noted belong to the decisions that it attacked: those of the class's first point, of the
  // model as the attacker met it.
  const distances = series.conditions.map((condition) =>
    isAttacked && condition.adaptive !== false ? study.measures(condition, "search.least-distance") : null,
  );
  const subject: Subject = {
    ...subjectOf(className, subgroup, series),
    metric: "median-minimal-epsilon",
    operatingPoint: point.id,
  };
  const scored = scoredCell(cell, columns);
  const { threshold } = point;
  if (threshold === null || scored.counts.n === 0) {
    const reason =
      threshold === null ? (point.reason ?? "no threshold could be chosen") : "no labelled, scored samples";
    return inWindows(findingOf(subject, notEstimable(reason), scored, level));
  }
  const rows = cell.rows.filter((row) => columns.every((column) => !Number.isNaN(column[row])));
  const largest = series.conditions.at(-1)?.epsilon ?? 0;
  const times = new Float64Array(rows.length).fill(largest);
  const events = new Uint8Array(rows.length);
  rows.forEach((row, i) => {
    const clean = (columns[0]?.[row] as number) >= threshold;
    series.conditions.forEach(({ epsilon }, step) => {
      if ((columns[step + 1]?.[row] as number) >= threshold === clean) return;
      const noted = distances[step]?.[row] ?? Number.NaN;
      const distance = Math.min(epsilon, Number.isNaN(noted) ? epsilon : noted);
      times[i] = events[i] === 1 ? Math.min(times[i] as number, distance) : distance;
      events[i] = 1;
    });
  });
  const found = medianTime(kaplanMeier({ times, events, patients: scored.patients }), level);
  const flipped = events.reduce((sum, event) => sum + event, 0);
  const details = { flipped, "largest-epsilon": largest };
  if (found.median === null) {
    const reason = `${flipped} of ${rows.length} decisions flipped up to the largest ε of ${Number(largest.toPrecision(4))}: the median lies beyond it`;
    return inWindows(findingOf(subject, notEstimable(reason), scored, level, { details }));
  }
  const open = found.upper === null ? `the upper limit lies beyond the largest ε tried, ${largest}` : null;
  return inWindows(
    measured(subject, found.median, closedInterval(found, largest, level), scored, { details, reason: open }),
  );
}

function inWindows(finding: Finding): Finding {
  return { ...finding, unit: "window" };
}
