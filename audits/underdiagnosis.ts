/**
 * Who is called healthy though ill, and who ill though healthy? Underdiagnosis and overdiagnosis rates at the frozen
 * operating points, per group and intersection, after Seyyed-Kalantari et al. (Nature Medicine 2021). For the class of a
 * disease underdiagnosis is a miss (the false negative rate); for the class that means "no finding" it is the other way
 * round: calling an ill patient healthy is a false positive.
 */
import { z } from "zod";
import { type AuditMeta, defineAudit, type OperatingPoint, type Study, type Subgroup } from "../src/core/audit.js";
import { CLEAN, type Condition } from "../src/core/condition.js";
import type { Finding } from "../src/core/finding.js";
import { distinctSubgroups, familiesOf, labelledCell, type ScoredCell, scoredCell } from "../src/stats/cell.js";
import type { Result } from "../src/stats/estimate.js";
import { type GroupResult, gapFinding } from "../src/stats/family-gap.js";
import { findingOf, type Subject } from "../src/stats/finding.js";
import { comparisonMetric, differenceFinding, type Other } from "../src/stats/group-comparison.js";
import { type Measure, type ShareName, shareMeasure } from "../src/stats/measures.js";
import type { ProportionEstimate } from "../src/stats/proportion.js";

const AUDIT = "underdiagnosis";

const parameters = z.strictObject({
  noFinding: z
    .string()
    .nullable()
    .default(null)
    .describe("The class that means that nothing was found: there, underdiagnosis is the false positive rate."),
  margin: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.05)
    .describe("Differences within ± this margin count as equivalent, in tests of equivalence."),
});

type Kind = "underdiagnosis" | "overdiagnosis";
const KINDS: readonly Kind[] = ["underdiagnosis", "overdiagnosis"];

const WHAT: Readonly<Record<Kind, string>> = {
  underdiagnosis:
    "The share of the ill who are called healthy: the false negative rate of a disease; of the class that means no finding, the false positive rate.",
  overdiagnosis:
    "The share of the healthy who are called ill: the false positive rate of a disease; of the class that means no finding, the false negative rate.",
};

const meta: AuditMeta = {
  id: AUDIT,
  title: "Underdiagnosis and overdiagnosis",
  why: "A patient who is called healthy though ill goes untreated. Where that happens more often to some groups than to others, care is withheld from them.",
  needs: ["labels", "operating-points"],
  parameters,
  metrics: KINDS.flatMap((kind) => {
    const title = kind.charAt(0).toUpperCase() + kind.slice(1);
    return [
      {
        id: `${kind}-rate`,
        title: `${title} rate`,
        unit: "1",
        description: `${WHAT[kind]} At the frozen threshold. Interval: Wilson (1927), at the effective sample size where patients repeat. Labels that were themselves read from reports by a program may err differently in different groups.`,
        better: "lower",
      },
      {
        id: `${kind}-rate-difference-rest`,
        title: `${title} rate difference from the rest`,
        unit: "1",
        description: `The rate of the group minus that of all samples outside it. ${WHAT[kind]} Interval: Newcombe's hybrid score (1998), with effective sample sizes and the correlation through shared patients where patients repeat. Tests: of no difference, by inverting the interval, and of equivalence within the margin; the details hold the smallest difference that would be found with 80 % power.`,
        better: "lower",
      },
      {
        id: `${kind}-rate-gap`,
        title: `${title} rate gap between best and worst group`,
        unit: "1",
        description: `Largest minus smallest rate among the groups of a family. ${WHAT[kind]} The interval is simultaneous over the family's pairs of groups (Bonferroni) and conservative; the estimate is a maximum and therefore biased upward, and the details hold it less that bias. Tests: of the largest pairwise difference, and Wald's, that all groups are alike.`,
        better: "lower",
      },
    ] as const;
  }),
  references: [
    "L. Seyyed-Kalantari et al., Underdiagnosis bias of artificial intelligence algorithms applied to chest radiographs in under-served patient populations, Nature Medicine 27 (2021) 2176–2182",
    "E. B. Wilson, Journal of the American Statistical Association 22 (1927) 209–212",
    "R. G. Newcombe, Statistics in Medicine 17 (1998) 873–890",
  ],
};

/** Everything that the findings of one class at one point under one condition share. */
interface Setting {
  readonly study: Study;
  readonly class: string;
  readonly condition: Condition;
  readonly column: Float64Array;
  readonly margin: number;
  readonly level: number;
}

export default defineAudit<typeof parameters>({
  meta,
  evaluate(study, { level, parameters: { noFinding, margin } }) {
    const conditions = study.conditions.length === 0 ? [CLEAN] : study.conditions;
    return study.classes.flatMap((className) => {
      const points = study.operatingPoints.filter((point) => point.class === className);
      return conditions.flatMap((condition) => {
        const column = study.scores(condition, className);
        const setting: Setting = { study, class: className, condition, column, margin, level };
        return points.flatMap((point) =>
          KINDS.flatMap((kind) =>
            findingsOf(setting, measureOf(kind, className === noFinding, point, study.clustered)),
          ),
        );
      });
    });
  },
});

function measureOf(
  kind: Kind,
  isNoFinding: boolean,
  point: OperatingPoint,
  clustered: boolean,
): Measure<ProportionEstimate> {
  const share: ShareName = (kind === "underdiagnosis") === isNoFinding ? "fpr" : "fnr";
  return shareMeasure(share, point, clustered, { name: `${kind}-rate`, quantity: `${kind} rate`, better: "lower" });
}

/** A group with everybody outside it. */
interface Compared extends GroupResult<ProportionEstimate> {
  readonly rest: Result<ProportionEstimate>;
}

function findingsOf(setting: Setting, measure: Measure<ProportionEstimate>): Finding[] {
  const { study, level } = setting;
  const [whole] = study.subgroups;
  if (whole === undefined) return [];
  const everybody = cellOf(setting, whole);
  const compared = (subgroup: Subgroup): Compared => {
    const cell = cellOf(setting, subgroup);
    const { own, rest } = measure.withRest(everybody, cell);
    return { subgroup, cell, result: own, rest };
  };
  const results = new Map(distinctSubgroups(study).map((subgroup) => [subgroup, compared(subgroup)]));
  const about = {
    audit: AUDIT,
    class: setting.class,
    operatingPoint: measure.operatingPoint,
    condition: setting.condition,
  };
  const own = [...results].flatMap(([{ values, family }, group]) => {
    const subject: Subject = { ...about, metric: measure.name, subgroup: values, family };
    const value = findingOf(subject, group.result, group.cell, level);
    if (family === null) return [value];
    const metric = comparisonMetric(measure.name, "difference", "rest");
    const other: Other<ProportionEstimate> = { against: "rest", cell: everybody, result: group.rest };
    return [value, differenceFinding({ ...subject, metric }, measure, group, other, setting)];
  });
  const gaps = [...familiesOf(study)].map(([family, subgroups]) => {
    const groups = subgroups.map((subgroup) => results.get(subgroup) ?? compared(subgroup));
    const subject: Subject = { ...about, metric: `${measure.name}-gap`, subgroup: {}, family, acrossFamily: true };
    return gapFinding(subject, groups, measure, level);
  });
  return [...own, ...gaps];
}

function cellOf({ study, class: className, column }: Setting, subgroup: Subgroup): ScoredCell {
  return scoredCell(labelledCell(study, subgroup, className), [column]);
}
