import { counted, percent } from "../../common/format.js";
import { defineSection, type PageContext } from "../section.js";
import { LIMIT_STATEMENTS, statementsView } from "../statements.js";

/** What this report cannot say: for every audit, and for this one in particular. */
export default defineSection({
  id: "limitations",
  title: "Limitations",
  order: 130,
  view: (context) => ({
    limitations: [
      ...ofThisRecord(context),
      ...OF_EVERY_AUDIT,
      ...(context.study.isClassifier ? OF_CLASSIFIERS : OF_OUTCOMES),
    ],
    statements: statementsView(context.record, LIMIT_STATEMENTS),
  }),
});

function ofThisRecord({ record, study }: PageContext): string[] {
  const { findings, protocol } = record;
  const limits: string[] = [];
  const silent = findings.findings.filter((one) => one.status !== "measured").length;
  if (silent > 0)
    limits.push(
      `${counted(silent, "finding")} of ${findings.findings.length} could not be estimated or were suppressed (groups and classes with fewer than ${protocol.privacy.minimumCell} patients are not shown, nor what they could be computed from).`,
    );
  const { flow } = findings;
  const excluded = flow.excluded.reduce((sum, { count }) => sum + count, 0);
  if (flow.read > 0 && excluded > 0)
    limits.push(
      `${percent(excluded / flow.read)} of the rows read were left out; results hold for those that remained.`,
    );
  if (findings.groups.some((group) => Object.values(group.subgroup).includes("unknown")))
    limits.push("Some images lack an attribute and form a group of their own, called unknown.");
  if (study.families.length > 1)
    limits.push(
      "Families of subgroups are looked at one at a time: a gap in one may come from its overlap with another.",
    );
  if (study.series.some((series) => series.searched))
    limits.push(
      "The attacks are searches with a limited number of queries: a stronger one may exist, and its absence was not shown.",
    );
  const unmet = (findings.requirements ?? []).flatMap(({ requirements }) =>
    requirements.filter(({ state }) => state === "unmet"),
  );
  if (unmet.length > 0)
    limits.push(`${counted(unmet.length, "requirement")} of those traced ${unmet.length === 1 ? "is" : "are"} unmet.`);
  return limits;
}

const OF_EVERY_AUDIT: readonly string[] = [
  "Intervals describe sampling of patients like these. They do not cover another hospital, another device, another time, or errors of the reference standard.",
  "Intervals are not adjusted for the number of comparisons, unless a table says so.",
  "A difference between groups is described, not explained; no difference found is not proof that there is none.",
  "An audit of a model by itself says nothing about how people use its answers.",
];

const OF_CLASSIFIERS: readonly string[] = [
  "PPV and NPV hold for the prevalence of the evaluation set, which may differ from that of use.",
];

const OF_OUTCOMES: readonly string[] = [
  "Answers are held against one reference standard, whose own errors and whose readers' differences are counted as the model's.",
];
