import { CLEAN, type Condition } from "../../../src/core/condition.js";
import type { OutcomeDescription } from "../../../src/core/outcome.js";
import { integer, isMeasured } from "../../common/format.js";
import {
  attackTitle,
  conditionTitle,
  dataName,
  defenseTitle,
  groupTitle,
  groupValue,
  metricTitle,
} from "../../common/names.js";
import { directionText } from "../../common/outcomes.js";
import { EVERYBODY, type Group, type StudyView } from "../../common/study.js";
import { type Cell, column, findingCell, type Table, table, textCell } from "../blocks.js";
import { type Forest, forest } from "../forest.js";

/** Every outcome of a class on clean images: mean, worst tenth, how many samples, and for how many it is not defined. */
export function outcomeTable(
  study: StudyView,
  className: string,
  all: readonly OutcomeDescription[],
  id: string,
): Table {
  const row = (outcome: OutcomeDescription) => {
    const mean = study.find({ metric: outcome.id, class: className });
    const worst = study.find({ metric: `${outcome.id}-worst-decile`, class: className });
    return {
      header: textCell(metricTitle(outcome.id), { sub: directionText(outcome), title: outcome.description }),
      cells: [
        findingCell(mean, true),
        worst === undefined ? textCell("", { title: worstReason(outcome) }) : findingCell(worst, true),
        mean === undefined || mean.status === "suppressed"
          ? textCell("hidden", { muted: true })
          : textCell(integer(mean.n)),
        undefinedCell(mean?.details?.["not-defined"]),
      ],
    };
  };
  return table({
    id: `outcomes-${id}`,
    caption: `What was measured of ${dataName(className)}, case by case, all patients, clean images`,
    note: `Under each estimate: its interval. Worst tenth: the value that nine of ten cases are not worse than. Not defined: cases for which the measure has no value, such as the distance of two empty masks; they are counted here and filled in nowhere.`,
    columns: [
      column("Measure"),
      column("Mean", true),
      column("Worst tenth", true),
      column("n", true),
      column("Not defined", true),
    ],
    bodies: [{ heading: null, rows: all.map(row) }],
  });
}

function worstReason({ binary }: OutcomeDescription): string {
  return binary === true ? "is 0 or 1 of each case" : "has no worse side";
}

function undefinedCell(count: unknown): Cell {
  return typeof count === "number" ? textCell(integer(count)) : textCell("0", { muted: true });
}

/** Of numbers against reference numbers: bias, limits of agreement and the line of the predicted on the reference, by group. */
export function agreementTable(study: StudyView, className: string, id: string): Table | null {
  const metrics = ["bias", "agreement-lower", "agreement-upper", "agreement-slope", "agreement-intercept"];
  if (study.find({ metric: "agreement-lower", class: className }) === undefined) return null;
  const row = (group: Group) => {
    const found = metrics.map((metric) => study.find({ metric, class: className, group }));
    return {
      header: textCell(group.family === null ? "All patients" : groupValue(group.values)),
      cells: [
        found[0]?.status === "suppressed" ? textCell("hidden", { muted: true }) : textCell(integer(found[0]?.n ?? 0)),
        ...found.map((one) => findingCell(one, true)),
      ],
    };
  };
  return table({
    id: `agreement-${id}`,
    caption: `Agreement of ${dataName(className)} with the reference, by subgroup, clean images`,
    note: "Bias: mean of predicted − reference. Between the limits of agreement lie about 95% of the differences, if these are normal (Bland and Altman). A slope below 1: large values are predicted too small and small ones too large. The intercept is where the line meets a reference of 0, which may be far from any sample.",
    columns: [
      column("Group"),
      column("n", true),
      column("Bias", true),
      column("Lower limit", true),
      column("Upper limit", true),
      column("Slope", true),
      column("Intercept", true),
    ],
    bodies: [
      { heading: null, rows: [row(EVERYBODY)] },
      ...study.families.map(({ name, groups }) => ({ heading: dataName(name), rows: groups.map(row) })),
    ],
  });
}

/** The mean of one outcome by subgroup, drawn. */
export function outcomeForest(
  study: StudyView,
  className: string,
  outcome: OutcomeDescription,
  id: string,
): Forest | null {
  const overall = study.find({ metric: outcome.id, class: className });
  const unit = study.unitOf(outcome.id);
  const row = (group: Group) => ({
    label: group.family === null ? "All patients" : groupValue(group.values),
    finding: study.find({ metric: outcome.id, class: className, group }),
  });
  return forest({
    id: `outcome-forest-${id}`,
    caption: `${metricTitle(outcome.id)} of ${dataName(className)} by subgroup, clean images (${directionText(outcome)})`,
    note: `Square: mean over cases. Bar: interval. Dashed line: all patients. n: cases for which it is defined.${unit === "1" ? "" : ` Axis in ${dataName(unit)}.`}`,
    measure: metricTitle(outcome.id),
    counts: "n",
    reference: isMeasured(overall) ? overall.estimate : null,
    include: outcome.better === "higher" && outcome.range[1] === 1 ? [1] : outcome.better === "higher" ? [] : [0],
    bodies: [
      { heading: null, rows: [row(EVERYBODY)] },
      ...study.families.map(({ name, groups }) => ({ heading: dataName(name), rows: groups.map(row) })),
    ],
  });
}

/** The worst tenth by subgroup: a mean hides it. */
export function worstTable(
  study: StudyView,
  className: string,
  all: readonly OutcomeDescription[],
  id: string,
): Table | null {
  const shown = all.filter(
    ({ id: one }) => study.find({ metric: `${one}-worst-decile`, class: className }) !== undefined,
  );
  if (shown.length === 0 || study.families.length === 0) return null;
  const row = (group: Group) => ({
    header: textCell(group.family === null ? "All patients" : groupValue(group.values)),
    cells: shown.map((one) =>
      findingCell(study.find({ metric: `${one.id}-worst-decile`, class: className, group }), false),
    ),
  });
  return table({
    id: `outcome-worst-${id}`,
    caption: `What the worst tenth of each group gets, ${dataName(className)}, clean images`,
    note: "The value that nine of ten cases of the group are not worse than. Limits of intervals are values of cases.",
    folded: `The worst tenth by subgroup, ${dataName(className)}`,
    columns: [column("Group"), ...shown.map((one) => column(metricTitle(one.id), true))],
    bodies: [
      { heading: null, rows: [row(EVERYBODY)] },
      ...study.families.map(({ name, groups }) => ({ heading: dataName(name), rows: groups.map(row) })),
    ],
  });
}

/** Largest minus smallest mean of a family's groups, or of what they lose under a condition. */
export function outcomeGapTable(
  study: StudyView,
  className: string,
  all: readonly OutcomeDescription[],
  id: string,
): Table | null {
  if (study.families.length === 0) return null;
  const row = (outcome: OutcomeDescription) => ({
    header: textCell(metricTitle(outcome.id)),
    cells: study.families.map(({ name }) => {
      const gap = study.all(`${outcome.id}-gap`, className).find(({ family }) => family === name);
      return gapCell(study, gap);
    }),
  });
  return table({
    id: `outcome-gaps-${id}`,
    caption: `Largest difference between the groups of a family, ${dataName(className)}, clean images`,
    note: "Largest minus smallest mean; under it: its interval, and the worst group. Such a gap is never negative and grows with the number of groups, also where chance alone is at work.",
    columns: [column("Measure"), ...study.families.map(({ name }) => column(dataName(name), true))],
    bodies: [{ heading: null, rows: all.map(row) }],
  });
}

function gapCell(study: StudyView, gap: Parameters<typeof findingCell>[0]): Cell {
  const cell = findingCell(gap);
  const worst = study.groupOfKey(gap?.details?.worst);
  return worst === undefined || !isMeasured(gap)
    ? cell
    : { ...cell, sub: `${cell.sub ?? ""}; worst: ${groupValue(worst.values)}` };
}

/** Every condition in a row: what is left, and what was lost on the same cases. */
export function conditionOutcomes(
  study: StudyView,
  className: string,
  shown: readonly OutcomeDescription[],
  id: string,
): Table | null {
  const conditions = conditionsOf(study);
  if (conditions.length === 0) return null;
  const row = ({ condition, label, sub }: (typeof conditions)[number]) => ({
    header: textCell(label, { sub }),
    cells: shown.flatMap(({ id: metric }) => [
      findingCell(study.find({ metric, class: className, condition }), true),
      findingCell(study.find({ metric: `${metric}-drop`, class: className, condition }), true),
    ]),
  });
  const clean = {
    header: textCell("clean"),
    cells: shown.flatMap(({ id: metric }) => [
      findingCell(study.find({ metric, class: className }), true),
      textCell(""),
    ]),
  };
  const headings = [...new Set(conditions.map(({ heading }) => heading))];
  return table({
    id: `outcome-conditions-${id}`,
    caption: `What changed images do to ${dataName(className)}, all patients`,
    note: `Under each estimate: its interval. Loss: against the clean images of the same cases, paired; below 0 it is a gain. Controls add noise of the same size that asks the model nothing: an attack counts for what it does beyond them.${study.unitOf("hd95") === "1" ? "" : " A structure that is missed altogether counts with the diagonal of the image in HD95."}`,
    columns: [
      column("Condition"),
      ...shown.flatMap(({ id: metric }) => [column(metricTitle(metric), true), column(lossTitle(metric), true)]),
    ],
    bodies: [
      { heading: null, rows: [clean] },
      ...headings.map((heading) => ({ heading, rows: conditions.filter((one) => one.heading === heading).map(row) })),
    ],
  });
}

function lossTitle(metric: string): string {
  return metricTitle(`${metric}-drop`).replace(/^.*: /, "… ");
}

/** All conditions but clean: those of defenses alone, then attacks and controls, by defense. */
function conditionsOf(study: StudyView) {
  const alone = study.defenses.map(
    (defense): { condition: Condition; label: string; sub: string | null; heading: string } => ({
      condition: { ...CLEAN, defense },
      label: dataName(defense),
      sub: "clean images",
      heading: "Defenses on clean images",
    }),
  );
  const attacked = study.series.flatMap((series) =>
    series.conditions.map((condition) => ({
      condition,
      label: conditionTitle({ ...condition, defense: "none" }),
      sub: series.searched ? null : "control",
      heading: series.defense === "none" ? "No defense" : defenseTitle(series),
    })),
  );
  return [
    ...alone,
    ...attacked.filter(({ heading }) => heading === "No defense"),
    ...attacked.filter(({ heading }) => heading !== "No defense"),
  ];
}

/** Does it take more from some groups? The loss by group, per searched attack at its largest strength. */
export function outcomeLosses(
  study: StudyView,
  className: string,
  outcome: OutcomeDescription,
  id: string,
): Table | null {
  const conditions = study.seriesBehind("none").flatMap((series) => series.conditions.at(-1) ?? []);
  if (conditions.length === 0 || study.families.length === 0) return null;
  const metric = `${outcome.id}-drop`;
  const row = (group: Group) => ({
    header: textCell(group.family === null ? "All patients" : groupValue(group.values), {
      title: groupTitle(group.values),
    }),
    cells: conditions.map((condition) => findingCell(study.find({ metric, class: className, group, condition }))),
  });
  const gapRow = (family: string) => ({
    header: textCell("Largest gap"),
    cells: conditions.map((condition) =>
      gapCell(
        study,
        study.all(`${metric}-gap`, className, condition).find((one) => one.family === family),
      ),
    ),
  });
  return table({
    id: `outcome-losses-${id}`,
    caption: `${metricTitle(metric)} of ${dataName(className)} by subgroup, no defense`,
    note: "Under each estimate: its interval. Largest gap: largest minus smallest loss of the family's groups, and the group that loses most.",
    folded: `Does it take more from some groups? ${metricTitle(metric)} by subgroup`,
    columns: [
      column("Group"),
      ...conditions.map((condition) =>
        column(`${attackTitle(condition)}, ${conditionTitle(condition).split(", ").at(-1) ?? ""}`, true),
      ),
    ],
    bodies: [
      { heading: null, rows: [row(EVERYBODY)] },
      ...study.families.map(({ name, groups }) => ({
        heading: dataName(name),
        rows: [...groups.map(row), gapRow(name)],
      })),
    ],
  });
}
