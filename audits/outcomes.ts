/**
 * What tasks other than classification are measured by: masks, numbers, rankings, sentences. Each sample has outcomes of its own
 * (Dice, absolute error, …); per class, subgroup and condition this audit gives their mean, and what the worst tenth gets; between
 * the groups of a family the gap of means; and under attack, or behind a defense, what is lost on the same samples.
 *
 * Samples for which an outcome is not defined are counted in the finding's reason and never filled in. Errors are clustered by
 * patient; differences on the same samples are paired.
 */
import { type AuditMeta, defineAudit, type MetricDescription, type Study, type Subgroup } from "../src/core/audit.js";
import { type Condition, isClean } from "../src/core/condition.js";
import type { Finding } from "../src/core/finding.js";
import { OUTCOMES, type OutcomeDescription, type OutcomeId, outcomeOf } from "../src/core/outcome.js";
import { distinctSubgroups, familiesOf, labelledCell, type ScoredCell, scoredCell } from "../src/stats/cell.js";
import { type Estimate, notEstimable, type Result } from "../src/stats/estimate.js";
import { type GroupResult, gapFinding } from "../src/stats/family-gap.js";
import { amended, findingOf, measured, type Subject } from "../src/stats/finding.js";
import { meanDifference, meanOfDifferences, sampleMean, sampleQuantile } from "../src/stats/mean.js";
import { criticalValue } from "../src/stats/normal.js";

const AUDIT = "outcomes";

const MEAN =
  "The mean over samples. Interval: Student's, clustered by patient; where values lie in [0, 1] on Wilson's scale, which keeps it inside.";

const METRICS: readonly MetricDescription[] = OUTCOMES.flatMap((outcome: OutcomeDescription): MetricDescription[] => {
  const { better, description, id, title, unit } = outcome;
  const metrics: MetricDescription[] = [{ id, title, unit, better, description: `${description} ${MEAN}` }];
  if (hasWorst(outcome)) {
    const nine =
      better === "higher"
        ? "The value that nine of ten samples reach"
        : "The value that nine of ten samples stay below";
    metrics.push({
      id: `${id}-worst-decile`,
      title: `${title}: the worst tenth`,
      unit,
      better,
      description: `${nine}: ${title} of the worst tenth is beyond it. Interval: Woodruff (1952), clustered by patient; its limits are values of samples.`,
    });
  }
  metrics.push(
    {
      id: `${id}-gap`,
      title: `Gap between groups in ${title}`,
      unit,
      better: "lower",
      description: `Largest minus smallest mean among the groups of a family. The interval is simultaneous over the family's pairs of groups (Bonferroni) and conservative; the estimate is a maximum and therefore biased upward: the details hold one that is corrected.`,
    },
    {
      id: `${id}-drop`,
      title: better === "neither" ? `Shift of ${title}` : `Loss of ${title}`,
      unit,
      better: better === "neither" ? "neither" : "lower",
      description: `${better === "higher" ? "Clean minus attacked" : "Attacked minus clean"}, on the same samples: those for which it is defined under both. Paired and clustered by patient. No width where not a single sample changed.`,
    },
    {
      id: `${id}-drop-gap`,
      title: `Gap between groups in the ${better === "neither" ? "shift" : "loss"} of ${title}`,
      unit,
      better: "lower",
      description: `Largest minus smallest ${better === "neither" ? "shift" : "loss"} among the groups of a family under one condition: does it hurt some groups more? Interval as for ${id}-gap.`,
    },
  );
  return metrics;
});

function hasWorst({ better, binary }: OutcomeDescription): boolean {
  return better !== "neither" && binary === undefined;
}

const meta: AuditMeta = {
  id: AUDIT,
  title: "Outcomes case by case",
  why: "Masks and numbers are right or wrong case by case. A mean hides the cases that fail, and the patients they belong to; so the worst tenth, the groups and the losses under attack stand beside it.",
  needs: ["outcomes"],
  metrics: METRICS,
  references: [
    "L. Maier-Hein et al., Metrics reloaded, Nature Methods 21 (2024) 195–212",
    "R. S. Woodruff, J. Am. Stat. Assoc. 47 (1952) 635–646",
    "J. M. Bland, D. G. Altman, Lancet 327 (1986) 307–310",
  ],
};

export default defineAudit({
  meta,
  evaluate(study, { level }) {
    const { outcomes } = study;
    if (outcomes === undefined) return [];
    return study.classes.flatMap((className) =>
      outcomes.ids.flatMap((id) => {
        const one = { study, className, outcome: outcomeOf(id), level };
        return study.conditions.flatMap((condition) =>
          underCondition(one, condition, outcomes.of(condition, className, id)),
        );
      }),
    );
  },
});

interface One {
  readonly study: Study;
  readonly className: string;
  readonly outcome: OutcomeDescription;
  readonly level: number;
}

/** All findings of one outcome under one condition. */
function underCondition(one: One, condition: Condition, column: Float64Array): Finding[] {
  const { className, level, outcome, study } = one;
  const groups = distinctSubgroups(study);
  const clean = isClean(condition)
    ? null
    : (study.outcomes?.of(study.conditions[0] as Condition, className, outcome.id as OutcomeId) ?? null);
  const means = new Map(groups.map((group) => [group, meanOf(one, group, column)]));
  const drops = new Map(clean === null ? [] : groups.map((group) => [group, dropOf(one, group, clean, column)]));
  const subject = (metric: string, { family, values }: Pick<Subgroup, "family" | "values">): Subject => ({
    audit: AUDIT,
    metric,
    class: className,
    operatingPoint: null,
    subgroup: values,
    family,
    condition,
  });
  const findings: Finding[] = [];
  for (const group of groups) {
    const mean = means.get(group) as GroupMean;
    const unit = unitOf(outcome);
    findings.push(
      unit(findingOf(subject(outcome.id, group), mean.result, basisOf(mean.cell), level, extrasOf(one, mean))),
    );
    if (hasWorst(outcome)) findings.push(unit(decileFinding(one, subject(`${outcome.id}-worst-decile`, group), mean)));
    const drop = drops.get(group);
    if (drop !== undefined) {
      const extras = { reason: drop.reason };
      findings.push(
        unit(findingOf(subject(`${outcome.id}-drop`, group), drop.result, basisOf(drop.cell), level, extras)),
      );
    }
  }
  for (const [family, members] of familiesOf(study)) {
    const about = { family, values: {} };
    const compare = (metric: string, results: ReadonlyMap<Subgroup, GroupMean>, better: "higher" | "lower") =>
      gapFinding(
        { ...subject(metric, about), acrossFamily: true },
        members.map((group): GroupResult<Estimate> => resultOf(group, results, groups)),
        { difference: meanDifference, better, quantity: outcome.title },
        level,
      );
    const better = outcome.better === "lower" ? "lower" : "higher";
    findings.push(unitOf(outcome)(compare(`${outcome.id}-gap`, means, better)));
    if (drops.size > 0) findings.push(unitOf(outcome)(compare(`${outcome.id}-drop-gap`, drops, "lower")));
  }
  return findings;
}

interface GroupMean {
  readonly cell: ScoredCell;
  readonly result: Result;
  readonly reason: string | null;
}

/** A family's group, by what was found for the one with its values: two families may share a group. */
function resultOf(
  group: Subgroup,
  results: ReadonlyMap<Subgroup, GroupMean>,
  groups: readonly Subgroup[],
): GroupResult<Estimate> {
  const key = JSON.stringify(group.values);
  const same = results.has(group) ? group : (groups.find(({ values }) => JSON.stringify(values) === key) as Subgroup);
  const { cell, result } = results.get(same) as GroupMean;
  return { subgroup: group, cell, result };
}

function meanOf({ className, outcome, study }: One, group: Subgroup, column: Float64Array): GroupMean {
  const cell = labelledCell(study, group, className);
  const scored = scoredCell(cell, [column]);
  const [values = new Float64Array(0)] = scored.scores;
  const reason = undefinedReason(cell.rows.length - values.length, outcome);
  const result =
    values.length === 0
      ? notEstimable(
          cell.rows.length === 0 ? "no sample has a reference" : `not defined for any of ${cell.rows.length} samples`,
        )
      : sampleMean({ ...scored, values }, outcome.range, "it");
  return { cell: scored, result, reason };
}

/** What is lost against the clean images, on the samples for which the outcome is defined under both. */
function dropOf(one: One, group: Subgroup, clean: Float64Array, column: Float64Array): GroupMean {
  const { className, outcome, study } = one;
  const cell = labelledCell(study, group, className);
  const scored = scoredCell(cell, [clean, column]);
  const [before = new Float64Array(0), after = new Float64Array(0)] = scored.scores;
  const reason = undefinedReason(cell.rows.length - before.length, outcome);
  if (before.length === 0)
    return { cell: scored, result: notEstimable("no sample has it under both conditions"), reason };
  const sign = outcome.better === "higher" ? 1 : -1;
  const values = before.map((value, i) => sign * (value - (after[i] as number)));
  const span = outcome.range[1] - outcome.range[0];
  return { cell: scored, result: meanOfDifferences({ ...scored, values }, span, "it under both conditions"), reason };
}

function undefinedReason(count: number, { title }: OutcomeDescription): string | null {
  if (count === 0) return null;
  return `${title} is not defined for ${count} ${count === 1 ? "sample, which is" : "samples, which are"} left out`;
}

/** Beside a mean: what is left out, and for signed errors the limits of agreement. */
function extrasOf({ outcome }: One, { cell, reason, result }: GroupMean) {
  if (outcome.better !== "neither" || result.status !== "estimated") return { reason };
  const [values = new Float64Array(0)] = cell.scores;
  const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - result.value) ** 2, 0) / (values.length - 1));
  return {
    reason,
    details: {
      "standard-deviation": spread,
      "limits-of-agreement-lower": result.value - 1.96 * spread,
      "limits-of-agreement-upper": result.value + 1.96 * spread,
    },
  };
}

function decileFinding({ level, outcome }: One, subject: Subject, { cell, reason, result }: GroupMean): Finding {
  const basis = basisOf(cell);
  const [values = new Float64Array(0)] = cell.scores;
  if (values.length === 0)
    return findingOf(subject, result as ReturnType<typeof notEstimable>, basis, level, { reason });
  const p = outcome.better === "higher" ? 0.1 : 0.9;
  const found = sampleQuantile({ ...cell, values }, p, outcome.range, criticalValue(level));
  if (found.status === "not-estimable") return findingOf(subject, found, basis, level, { reason });
  const interval = (at: number) => ({ ...found.limits(criticalValue(at)), level: at, method: found.method });
  return measured(subject, found.value, interval(level), basis, { reason }, interval);
}

/** Samples without the outcome stand in the reason in words of the outcome's own. */
function basisOf({ counts }: ScoredCell) {
  return { counts, unscored: 0 };
}

/** Findings are in shares unless they say otherwise. */
function unitOf({ unit }: OutcomeDescription): (finding: Finding) => Finding {
  return (finding) => (unit === "1" ? finding : amended(finding, { unit }));
}
