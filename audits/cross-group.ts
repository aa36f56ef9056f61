/**
 * Does the model rank across groups? Within a group an area can be high while the group's healthy score like other
 * groups' ill. Areas between the positives of one group and the negatives of another show that: BPSN and BNSP against the
 * background of everybody outside the group, average equality gaps, and the matrix of all pairs of groups (xAUC).
 */
import { z } from "zod";
import { type AuditMeta, defineAudit, type Study, type Subgroup } from "../src/core/audit.js";
import type { Condition } from "../src/core/condition.js";
import { type Finding, subgroupKey } from "../src/core/finding.js";
import { type AucEstimate, areaUnderCurve, type LabelledScores, patientsOf } from "../src/stats/auc.js";
import { type Counts, familiesOf, inPatientOrder, isWithheld } from "../src/stats/cell.js";
import { restOf } from "../src/stats/complement.js";
import type { Result } from "../src/stats/estimate.js";
import { findingOf, type Subject } from "../src/stats/finding.js";
import { takeCodes, takeDoubles } from "../src/stats/take.js";

const AUDIT = "cross-group";

const parameters = z.strictObject({
  matrixUpTo: z
    .int()
    .min(0)
    .default(12)
    .describe("Subgroupings with more groups than this get no matrix of all pairs: it grows with the square."),
});

const AREA_INTERVAL =
  "Interval: DeLong (1988), or Obuchowski (1997) where patients repeat, also across the groups; Newcombe (2006) where that variance is nil.";
const BACKGROUND = "The background is every evaluation sample outside the group.";

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
      description: `The probability that a positive of the group scores higher than a negative of the reference group (N. Kallus, A. Zhou 2019). With every ordered pair of a family's groups it makes a matrix whose rows are positives and whose columns are negatives; on its diagonal stand the groups' own areas (auc). ${AREA_INTERVAL}`,
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
  evaluate(study, { level, parameters: { matrixUpTo } }) {
    return study.classes.flatMap((className) =>
      [...familiesOf(study)].flatMap(([family, subgroups]) => {
        const labels = study.labels(className);
        const sides = subgroups.map((subgroup) =>
          isWithheld(subgroup, className) ? nobody(subgroup) : sideOf(subgroup, restOf(study, subgroup), labels),
        );
        const isSmall = subgroups.length <= matrixUpTo;
        return study.conditions.flatMap((condition) => {
          const setting: Setting = { study, class: className, family, condition, level };
          return [
            ...sides.flatMap((side) => backgroundFindings(setting, side)),
            ...(isSmall ? matrixFindings(setting, sides) : []),
          ];
        });
      }),
    );
  },
});

interface Setting {
  readonly study: Study;
  readonly class: string;
  readonly family: string;
  readonly condition: Condition;
  readonly level: number;
}

/** Members of a group and of its background, by label. */
interface Side {
  readonly subgroup: Subgroup;
  readonly positives: Uint32Array;
  readonly negatives: Uint32Array;
  readonly backgroundPositives: Uint32Array;
  readonly backgroundNegatives: Uint32Array;
}

function sideOf(subgroup: Subgroup, rest: Subgroup, labels: Int8Array): Side {
  const labelled = ({ members }: Subgroup, label: number) => members.filter((row) => labels[row] === label);
  return {
    subgroup,
    positives: labelled(subgroup, 1),
    negatives: labelled(subgroup, 0),
    backgroundPositives: labelled(rest, 1),
    backgroundNegatives: labelled(rest, 0),
  };
}

/** A group that is withheld: neither its samples nor its background, from which they would follow, are compared. */
function nobody(subgroup: Subgroup): Side {
  const none = new Uint32Array(0);
  return { subgroup, positives: none, negatives: none, backgroundPositives: none, backgroundNegatives: none };
}

function backgroundFindings(setting: Setting, side: Side): Finding[] {
  const { subgroup, positives, negatives, backgroundPositives, backgroundNegatives } = side;
  const area = (metric: string, upper: Uint32Array, lower: Uint32Array, shift = 0): Finding => {
    const mixed = mixedCell(setting, upper, lower);
    const result = areaUnderCurve(mixed.data);
    return findingOf(subjectOf(setting, subgroup, metric), shifted(result, shift), mixed, setting.level);
  };
  return [
    area("bpsn-auc", backgroundPositives, negatives),
    area("bnsp-auc", positives, backgroundNegatives),
    area("positive-aeg", positives, backgroundPositives, -0.5),
    area("negative-aeg", negatives, backgroundNegatives, -0.5),
  ];
}

/** The area of all positives of one group against all negatives of another, for every ordered pair. */
function matrixFindings(setting: Setting, sides: readonly Side[]): Finding[] {
  return sides.flatMap((row) =>
    sides
      .filter((column) => column !== row)
      .map((column) => {
        const mixed = mixedCell(setting, row.positives, column.negatives);
        const reference = column.subgroup.values;
        const subject = { ...subjectOf(setting, row.subgroup, "xauc"), versus: subgroupKey(reference) };
        return findingOf(subject, areaUnderCurve(mixed.data), mixed, setting.level, { reference });
      }),
  );
}

function subjectOf({ class: className, family, condition }: Setting, subgroup: Subgroup, metric: string): Subject {
  const { values } = subgroup;
  return { audit: AUDIT, metric, class: className, operatingPoint: null, subgroup: values, family, condition };
}

/** Samples that should score high beside samples that should score low, as an area's two classes. */
interface Mixed {
  readonly data: LabelledScores;
  /** By the samples' own labels. */
  readonly counts: Counts;
  readonly unscored: number;
}

function mixedCell({ study, class: className, condition }: Setting, upper: Uint32Array, lower: Uint32Array): Mixed {
  const scores = study.scores(condition, className);
  const isScored = (row: number) => !Number.isNaN(scores[row]);
  const [kept, against] = [upper.filter(isScored), lower.filter(isScored)];
  const rows = new Uint32Array(kept.length + against.length);
  rows.set(kept);
  rows.set(against, kept.length);
  const ordered = inPatientOrder(rows.sort(), study.patients);
  const patients = takeCodes(study.patients, ordered);
  const isUpper = new Set(kept);
  const labels = Uint8Array.from(ordered, (row) => (isUpper.has(row) ? 1 : 0));
  const own = study.labels(className);
  const positives = ordered.reduce((sum, row) => sum + (own[row] === 1 ? 1 : 0), 0);
  return {
    data: {
      scores: takeDoubles(scores, ordered),
      labels,
      patients,
      clustered: study.clustered,
      weights: study.weights === null ? null : takeDoubles(study.weights, ordered),
    },
    counts: {
      n: ordered.length,
      positives,
      negatives: ordered.length - positives,
      patients: patientsOf(patients),
    },
    unscored: upper.length + lower.length - rows.length,
  };
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
