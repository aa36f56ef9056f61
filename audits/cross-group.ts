/**
 * Does the model rank across groups? Within a group an area can be high while the group's healthy score like other
 * groups' ill. Areas between the positives of one group and the negatives of another show that: BPSN and BNSP against the
 * background of everybody outside the group, average equality gaps, and the matrix of all pairs of groups (xAUC).
 */
import { z } from "zod";
import { type AuditMeta, defineAudit, type Study, type Subgroup } from "../src/core/audit.js";
import type { Condition } from "../src/core/condition.js";
import { type Finding, subgroupKey } from "../src/core/finding.js";
import type { AucEstimate, LabelledScores } from "../src/stats/auc.js";
import { familiesOf, isWithheld, labelledCell } from "../src/stats/cell.js";
import { areaBetween } from "../src/stats/cross-area.js";
import type { Result } from "../src/stats/estimate.js";
import { findingOf, type Subject } from "../src/stats/finding.js";
import { type Pool, poolOf, type Side, type Sides, sidesOf } from "../src/stats/rank-sums.js";
import { takeCodes, takeDoubles, takeLabels } from "../src/stats/take.js";

const AUDIT = "cross-group";

const parameters = z.strictObject({
  matrixUpTo: z
    .int()
    .min(0)
    .default(12)
    .describe("Subgroupings with more groups than this get no matrix of all pairs: it grows with the square."),
  attacked: z
    .boolean()
    .default(false)
    .describe("Also under attacks and corruptions; by default on images without one alone."),
});

const AREA_INTERVAL =
  "Interval: DeLong (1988), or Obuchowski (1997) where patients repeat, also across the groups; Newcombe (2006) where that variance is nil.";
const BACKGROUND =
  "The background is every evaluation sample outside the group. On images without an attack, unless the parameter attacked asks for all.";

const meta: AuditMeta = {
  id: AUDIT,
  title: "Ranking across groups",
  why: "One threshold serves all groups only where the ill of each group score above the healthy of every other. Areas within groups do not show it.",
  needs: ["labels", "subgroups"],
  parameters,
  metrics: [
    {
      id: "bpsn-auc",
      title: "AUC of background positives against the group's negatives",
      unit: "1",
      description: `The probability that a positive of the background scores higher than a negative of the group. Low: the group's healthy are mistaken for ill, beside other groups' ill (false positives in the group). ${BACKGROUND} ${AREA_INTERVAL} D. Borkan et al. 2019.`,
      better: "higher",
    },
    {
      id: "bnsp-auc",
      title: "AUC of the group's positives against background negatives",
      unit: "1",
      description: `The probability that a positive of the group scores higher than a negative of the background. Low: the group's ill are missed, beside other groups' healthy (false negatives in the group). ${BACKGROUND} ${AREA_INTERVAL} D. Borkan et al. 2019.`,
      better: "higher",
    },
    {
      id: "positive-aeg",
      title: "Average equality gap of positives",
      unit: "1",
      description: `The probability that a positive of the group scores higher than a positive of the background, minus one half: from −0.5 to 0.5, 0 where positives score alike. Below 0: the group's ill score lower. ${BACKGROUND} ${AREA_INTERVAL} D. Borkan et al. 2019.`,
      better: "neither",
    },
    {
      id: "negative-aeg",
      title: "Average equality gap of negatives",
      unit: "1",
      description: `The probability that a negative of the group scores higher than a negative of the background, minus one half: from −0.5 to 0.5, 0 where negatives score alike. Above 0: the group's healthy score higher. ${BACKGROUND} ${AREA_INTERVAL} D. Borkan et al. 2019.`,
      better: "neither",
    },
    {
      id: "xauc",
      title: "AUC across two groups",
      unit: "1",
      description: `The probability that a positive of the group scores higher than a negative of the reference group (N. Kallus, A. Zhou 2019). With every ordered pair of a family's groups it makes a matrix whose rows are positives and whose columns are negatives; on its diagonal stand the groups' own areas (auc). Only for subgroupings of at most 12 groups (parameter matrixUpTo), on images without an attack unless the parameter attacked asks for all. ${AREA_INTERVAL}`,
      better: "higher",
    },
  ],
  references: [
    "D. Borkan et al., Nuanced metrics for measuring unintended bias with real data for text classification, WWW 2019 companion, 491–500",
    "N. Kallus, A. Zhou, The fairness of risk scores beyond classification: bipartite ranking and the xAUC metric, NeurIPS 2019",
    "N. A. Obuchowski, Biometrics 53 (1997) 567–578",
  ],
};

export default defineAudit<typeof parameters>({
  meta,
  evaluate(study, { level, parameters: { matrixUpTo, attacked } }) {
    const [whole] = study.subgroups;
    if (whole === undefined) return [];
    const conditions = study.conditions.filter(({ attack }) => attacked || attack === "none");
    return study.classes.flatMap((className) => {
      const { rows } = labelledCell(study, whole, className);
      return conditions.flatMap((condition) => {
        const scored = scoredRows(study, rows, condition, className);
        const pool = poolOf(scored.data);
        return [...familiesOf(study)].flatMap(([family, subgroups]) => {
          const setting: Setting = { study, class: className, family, condition, level, pool, ...scored };
          return familyFindings(setting, subgroups, matrixUpTo);
        });
      });
    });
  },
});

interface Setting {
  readonly study: Study;
  readonly class: string;
  readonly family: string;
  readonly condition: Condition;
  readonly level: number;
  readonly pool: Pool;
  /** Samples of the pool, in its order. */
  readonly rows: Uint32Array;
  readonly scores: Float64Array;
}

/** The labelled samples that have a score, in patient order. */
function scoredRows(study: Study, labelled: Uint32Array, condition: Condition, className: string) {
  const scores = study.scores(condition, className);
  const kept = new Uint32Array(labelled.length);
  let count = 0;
  for (const row of labelled) {
    kept[count] = row;
    if (!Number.isNaN(scores[row])) count++;
  }
  const rows = kept.subarray(0, count);
  const data: LabelledScores = {
    scores: takeDoubles(scores, rows),
    labels: takeLabels(study.labels(className), rows),
    patients: takeCodes(study.patients, rows),
    clustered: study.clustered,
    weights: study.weights === null ? null : takeDoubles(study.weights, rows),
  };
  return { rows, scores, data };
}

interface Group {
  readonly subgroup: Subgroup;
  readonly name: string;
  readonly sides: Sides;
  /** Labelled members without a score, by label, and those of the background. */
  readonly unscored: Unscored;
}

function familyFindings(setting: Setting, subgroups: readonly Subgroup[], matrixUpTo: number): Finding[] {
  const all = unscoredOf(setting, null);
  // Sides of large families are made group by group and let go: only a matrix needs them all at once.
  if (subgroups.length > matrixUpTo) {
    return subgroups.flatMap((subgroup) => backgroundFindings(setting, groupOf(setting, subgroup, all)));
  }
  const groups = subgroups.map((subgroup) => groupOf(setting, subgroup, all));
  return [...groups.flatMap((group) => backgroundFindings(setting, group)), ...matrixFindings(setting, groups)];
}

const NOBODY = new Uint32Array(0);
const noSide = (label: 0 | 1): Side => ({ label, positions: NOBODY, ranks: NOBODY });
const NO_SIDES: Sides = {
  positives: noSide(1),
  negatives: noSide(0),
  backgroundPositives: noSide(1),
  backgroundNegatives: noSide(0),
};
const NONE_UNSCORED: Unscored = {
  own: { positives: 0, negatives: 0 },
  background: { positives: 0, negatives: 0 },
};

function groupOf(setting: Setting, subgroup: Subgroup, all: LabelCounts): Group {
  const { class: className, study, pool, rows } = setting;
  const name = subgroupKey(subgroup.values);
  // Neither a withheld group nor its background, from which it would follow, is compared.
  if (isWithheld(subgroup, className)) return { subgroup, name, sides: NO_SIDES, unscored: NONE_UNSCORED };
  const isMember = new Uint8Array(study.count);
  for (const row of subgroup.members) isMember[row] = 1;
  const ofPool = new Uint8Array(rows.length);
  for (let i = 0; i < rows.length; i++) ofPool[i] = isMember[rows[i] as number] as number;
  const own = unscoredOf(setting, subgroup.members);
  const background = { positives: all.positives - own.positives, negatives: all.negatives - own.negatives };
  return {
    subgroup,
    name,
    sides: sidesOf(pool, ofPool),
    unscored: { own, background },
  };
}

interface LabelCounts {
  readonly positives: number;
  readonly negatives: number;
}

interface Unscored {
  readonly own: LabelCounts;
  readonly background: LabelCounts;
}

/** Labelled samples without a score among some rows; null for all. */
function unscoredOf({ study, class: className, scores }: Setting, members: Uint32Array | null): LabelCounts {
  const labels = study.labels(className);
  const counts = { positives: 0, negatives: 0 };
  const total = members === null ? study.count : members.length;
  for (let i = 0; i < total; i++) {
    const row = members === null ? i : (members[i] as number);
    if (!Number.isNaN(scores[row])) continue;
    if (labels[row] === 1) counts.positives++;
    else if (labels[row] === 0) counts.negatives++;
  }
  return counts;
}

function backgroundFindings(setting: Setting, group: Group): Finding[] {
  const { own, background } = group.unscored;
  const names = {
    positives: `positives of ${group.name}`,
    negatives: `negatives of ${group.name}`,
    backgroundPositives: "positives of the background",
    backgroundNegatives: "negatives of the background",
  };
  const found = (metric: string, upper: keyof Sides, lower: keyof Sides, unscored: number, shift = 0): Finding => {
    const sides = { upper: group.sides[upper], lower: group.sides[lower] };
    const { area, counts } = areaBetween(setting.pool, sides.upper, sides.lower, {
      upper: names[upper],
      lower: names[lower],
    });
    const subject = subjectOf(setting, group.subgroup, metric);
    return findingOf(subject, shifted(area, shift), { counts, unscored }, setting.level);
  };
  return [
    found("bpsn-auc", "backgroundPositives", "negatives", background.positives + own.negatives),
    found("bnsp-auc", "positives", "backgroundNegatives", own.positives + background.negatives),
    found("positive-aeg", "positives", "backgroundPositives", own.positives + background.positives, -0.5),
    found("negative-aeg", "negatives", "backgroundNegatives", own.negatives + background.negatives, -0.5),
  ];
}

/** The area of all positives of one group against all negatives of another, for every ordered pair. */
function matrixFindings(setting: Setting, groups: readonly Group[]): Finding[] {
  return groups.flatMap((row) =>
    groups
      .filter((column) => column !== row)
      .map((column) => {
        const names = { upper: `positives of ${row.name}`, lower: `negatives of ${column.name}` };
        const { area, counts } = areaBetween(setting.pool, row.sides.positives, column.sides.negatives, names);
        const reference = column.subgroup.values;
        const subject = { ...subjectOf(setting, row.subgroup, "xauc"), versus: column.name };
        const unscored = row.unscored.own.positives + column.unscored.own.negatives;
        return findingOf(subject, area, { counts, unscored }, setting.level, { reference });
      }),
  );
}

function subjectOf({ class: className, family, condition }: Setting, subgroup: Subgroup, metric: string): Subject {
  const { values } = subgroup;
  return { audit: AUDIT, metric, class: className, operatingPoint: null, subgroup: values, family, condition };
}

/** An area moved by a constant, with its limits. */
function shifted(area: Result<AucEstimate>, by: number): Result {
  if (area.status === "not-estimable" || by === 0) return area;
  return {
    ...area,
    value: area.value + by,
    range: [area.range[0] + by, area.range[1] + by],
    limits(z) {
      const { lower, upper } = area.limits(z);
      return { lower: lower + by, upper: upper + by };
    },
  };
}
