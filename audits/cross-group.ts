/**
 * Does the model rank across groups? Within a group an area can be high while the group's healthy score like other
 * groups' ill. Areas between the positives of one group and the negatives of another show that: BPSN and BNSP against the
 * background of everybody outside the group, average equality gaps, and the matrix of all pairs of groups (xAUC).
 */
import { z } from "zod";
import { type AuditMeta, defineAudit, type Study, type Subgroup } from "../src/core/audit.js";
import type { Condition } from "../src/core/condition.js";
import { type Finding, subgroupKey } from "../src/core/finding.js";
import type { AucEstimate } from "../src/stats/auc.js";
import {
  type Cell,
  familiesOf,
  isWithheld,
  labelledCell,
  membershipIn,
  type ScoredCell,
  scoredCell,
  withScores,
} from "../src/stats/cell.js";
import { areaBetween, areasAcross, type CrossArea, crossAreaOf, sumsBetween } from "../src/stats/cross-area.js";
import type { Result } from "../src/stats/estimate.js";
import { findingOf, type Subject } from "../src/stats/finding.js";
import { poolOf, type Side, type Sides, sidesOf } from "../src/stats/rank-sums.js";

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
      const labelled = labelledCell(study, whole, className);
      return conditions.flatMap((condition) => {
        const column = study.scores(condition, className);
        const everybody = scoredCell(labelled, [column]);
        return [...familiesOf(study)].flatMap(([family, subgroups]) => {
          const setting: Setting = { study, class: className, family, condition, level, column, labelled, everybody };
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
  readonly column: Float64Array;
  readonly labelled: Cell;
  readonly everybody: ScoredCell;
}

interface Group {
  readonly subgroup: Subgroup;
  readonly name: string;
  readonly cell: ScoredCell;
  /** Labelled members without a score, by label, and those of the background. */
  readonly unscored: Unscored;
}

function familyFindings(setting: Setting, subgroups: readonly Subgroup[], matrixUpTo: number): Finding[] {
  const all = unscoredOf(setting.labelled, setting.everybody);
  const groups = subgroups.map((subgroup) => groupOf(setting, subgroup, all));
  const family = groups.map(({ cell }) => cell);
  const found = groups.flatMap((group) => backgroundFindings(setting, group, family));
  return groups.length > matrixUpTo ? found : [...found, ...matrixFindings(setting, groups)];
}

const NONE_UNSCORED: Unscored = {
  own: { positives: 0, negatives: 0 },
  background: { positives: 0, negatives: 0 },
};

function groupOf(setting: Setting, subgroup: Subgroup, all: LabelCounts): Group {
  const { class: className, study, column } = setting;
  const labelled = labelledCell(study, subgroup, className);
  const cell = scoredCell(labelled, [column]);
  const name = subgroupKey(subgroup.values);
  if (isWithheld(subgroup, className)) return { subgroup, name, cell, unscored: NONE_UNSCORED };
  const own = unscoredOf(labelled, cell);
  const background = { positives: all.positives - own.positives, negatives: all.negatives - own.negatives };
  return { subgroup, name, cell, unscored: { own, background } };
}

interface LabelCounts {
  readonly positives: number;
  readonly negatives: number;
}

interface Unscored {
  readonly own: LabelCounts;
  readonly background: LabelCounts;
}

/** Labelled samples without a score. */
function unscoredOf({ labels }: Cell, { counts, unscored }: ScoredCell): LabelCounts {
  if (unscored === 0) return { positives: 0, negatives: 0 };
  let positives = 0;
  for (let i = 0; i < labels.length; i++) positives += labels[i] as number;
  return {
    positives: positives - counts.positives,
    negatives: labels.length - positives - counts.negatives,
  };
}

type GroupSide = "positives" | "negatives" | "background-positives" | "background-negatives";

function backgroundFindings(setting: Setting, group: Group, family: readonly ScoredCell[]): Finding[] {
  const { own, background } = group.unscored;
  const sides = sidesAgainst(setting, group, family);
  const found = (metric: string, upper: GroupSide, lower: GroupSide, unscored: number, shift = 0): Finding => {
    const { area, counts } = sides(upper, lower);
    const subject = subjectOf(setting, group.subgroup, metric);
    return findingOf(subject, shifted(area, shift), { counts, unscored }, setting.level);
  };
  return [
    found("bpsn-auc", "background-positives", "negatives", background.positives + own.negatives),
    found("bnsp-auc", "positives", "background-negatives", own.positives + background.negatives),
    found("positive-aeg", "positives", "background-positives", own.positives + background.positives, -0.5),
    found("negative-aeg", "negatives", "background-negatives", own.negatives + background.negatives, -0.5),
  ];
}

/** Where each of the four areas stands among a group's sums. */
const SUMS: Readonly<Partial<Record<`${GroupSide}/${GroupSide}`, "bpsn" | "bnsp" | "positives" | "negatives">>> = {
  "background-positives/negatives": "bpsn",
  "positives/background-negatives": "bnsp",
  "positives/background-positives": "positives",
  "negatives/background-negatives": "negatives",
};

/** The areas of a group against its background. Neither a withheld group nor its background, from which it would follow, is compared. */
function sidesAgainst(
  { class: className, everybody }: Setting,
  { cell, name, subgroup }: Group,
  family: readonly ScoredCell[],
) {
  const names: Readonly<Record<GroupSide, string>> = {
    positives: `positives of ${name}`,
    negatives: `negatives of ${name}`,
    "background-positives": "positives of the background",
    "background-negatives": "negatives of the background",
  };
  const labelOf = (side: GroupSide) => (side.endsWith("positives") ? 1 : 0);
  const isHidden = isWithheld(subgroup, className);
  const sums = isHidden ? null : areasAcross(everybody, cell, family);
  const pool = poolOf(withScores(everybody, 0));
  const byWeight = sums === null && !isHidden ? sidesOf(pool, membershipIn(everybody, cell)) : NO_SIDES;
  const sideOf = (side: GroupSide): Side =>
    ({
      positives: byWeight.positives,
      negatives: byWeight.negatives,
      "background-positives": byWeight.backgroundPositives,
      "background-negatives": byWeight.backgroundNegatives,
    })[side];
  return (upper: GroupSide, lower: GroupSide): CrossArea => {
    const named = { upper: names[upper], lower: names[lower] };
    const place = SUMS[`${upper}/${lower}`];
    return sums === null || place === undefined
      ? areaBetween(pool, sideOf(upper), sideOf(lower), named)
      : crossAreaOf(sums[place], { upper: labelOf(upper), lower: labelOf(lower) }, everybody.clustered, named);
  };
}

const NOBODY = new Uint32Array(0);
const noSide = (label: 0 | 1): Side => ({ label, positions: NOBODY, ranks: NOBODY });
const NO_SIDES: Sides = {
  positives: noSide(1),
  negatives: noSide(0),
  backgroundPositives: noSide(1),
  backgroundNegatives: noSide(0),
};

/** The area of all positives of one group against all negatives of another, for every ordered pair. */
function matrixFindings(setting: Setting, groups: readonly Group[]): Finding[] {
  const { class: className, everybody } = setting;
  const pool = poolOf(withScores(everybody, 0));
  const made = new Map<Group, Sides>();
  const sidesFor = (group: Group): Sides => {
    const sides = made.get(group) ?? sidesOf(pool, membershipIn(everybody, group.cell));
    made.set(group, sides);
    return sides;
  };
  const between = (row: Group, column: Group): CrossArea => {
    const names = { upper: `positives of ${row.name}`, lower: `negatives of ${column.name}` };
    const isHidden = [row, column].some(({ subgroup }) => isWithheld(subgroup, className));
    const sums = isHidden ? null : sumsBetween(everybody, row.cell, column.cell);
    if (sums !== null) return crossAreaOf(sums, { upper: 1, lower: 0 }, everybody.clustered, names);
    const [upper, lower] = [row, column].map((group) =>
      isWithheld(group.subgroup, className) ? NO_SIDES : sidesFor(group),
    ) as [Sides, Sides];
    return areaBetween(pool, upper.positives, lower.negatives, names);
  };
  return groups.flatMap((row) =>
    groups.flatMap((column): Finding[] => {
      if (column === row) return [];
      const { area, counts } = between(row, column);
      const reference = column.subgroup.values;
      const subject = { ...subjectOf(setting, row.subgroup, "xauc"), versus: column.name };
      const unscored = row.unscored.own.positives + column.unscored.own.negatives;
      return [findingOf(subject, area, { counts, unscored }, setting.level, { reference })];
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
  const { limits } = area;
  return {
    ...area,
    value: area.value + by,
    range: [area.range[0] + by, area.range[1] + by],
    limits: (z) => {
      const { lower, upper } = limits(z);
      return { lower: lower + by, upper: upper + by };
    },
  };
}
