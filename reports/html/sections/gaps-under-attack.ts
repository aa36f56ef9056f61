import { type Condition, withoutDefense } from "../../../src/core/condition.js";
import type { Finding } from "../../../src/core/finding.js";
import { attackTitle, dataName, defenseTitle, groupTitle, groupValue, strengthTitle } from "../../common/names.js";
import type { Group, Series, StudyView } from "../../common/study.js";
import { strength } from "../../common/study.js";
import { adjustmentText } from "../../common/tests.js";
import { column, findingCell, type Table, table, testedCell, textCell } from "../blocks.js";
import { defineSection } from "../section.js";
import { type StrengthGroup, stepTitle, strengthGroups } from "../strengths.js";

/** Whether attacks widen what lies between groups, and to whom each defense gives it back. */
export default defineSection({
  id: "gaps-under-attack",
  title: "Gaps under attack",
  order: 97,
  narrows: 1,
  view: ({ study }) => {
    const classes = study.classes.flatMap((className, index) => {
      const groups = strengthGroups(study.seriesBehind("none"));
      const widening = [
        ...groups.flatMap((group) => strongestTable(study, className, group, `${index + 1}-${group.id}`) ?? []),
        ...groups.flatMap((group) => wideningTables(study, className, group, `${index + 1}-${group.id}`)),
      ];
      const recoveries = study.defenses.flatMap((defense, place) => {
        const found = recoveryTable(study, className, defense, `${index + 1}-${place + 1}`);
        return found === null ? [] : [found];
      });
      const heading = study.classes.length > 1 ? dataName(className) : null;
      return widening.length + recoveries.length === 0 ? [] : [{ heading, widening, recoveries }];
    });
    return classes.length === 0 ? null : { classes };
  },
});

/** As many columns as fit the page. */
const SIDE_BY_SIDE = 4;

/** Attacks and controls at their largest strength side by side: what each takes from a group beyond the rest. */
function strongestTable(study: StudyView, className: string, group: StrengthGroup, id: string): Table | null {
  const shown: Finding[] = [];
  const series = group.series.slice(0, SIDE_BY_SIDE);
  const more = group.series.length - series.length;
  const cellOf = (one: Series, member: Group) => {
    const condition = one.conditions.at(-1);
    const finding =
      condition === undefined
        ? undefined
        : study.find({ metric: "auc-drop-difference-rest", class: className, group: member, condition });
    if (finding !== undefined) shown.push(finding);
    return testedCell(finding);
  };
  const bodies = study.families.map(({ name, groups }) => ({
    heading: dataName(name),
    rows: groups.map((member) => ({
      header: textCell(groupValue(member.values)),
      cells: series.map((one) => cellOf(one, member)),
    })),
  }));
  if (shown.length === 0) return null;
  return table({
    id: `widening-strongest-${id}`,
    caption: `What each attack takes from a group's AUC beyond what it takes from the rest, ${dataName(className)}, largest strength, no defense`,
    note: [
      DIFFERENCES,
      more > 0 ? `${more} further attacks and controls stand in the folded table below.` : null,
      adjustmentText(shown),
    ]
      .filter((part) => part !== null)
      .join(" "),
    columns: [
      column("Group"),
      ...series.map((one) => {
        const last = one.conditions.at(-1);
        const size = last === undefined ? "" : `, ${strengthTitle(last)}`;
        return column(`${attackTitle(one)}${one.searched ? "" : " (control)"}${size}`, true);
      }),
    ],
    bodies,
  });
}

const DIFFERENCES =
  "A difference in differences, each loss paired on its own images: positive where the group loses more than everybody else. Under each: its interval and the test of no difference.";

/** Per family: what each attack takes from a group beyond what it takes from the rest. */
function wideningTables(study: StudyView, className: string, group: StrengthGroup, id: string): Table[] {
  const point = study.operatingPoints(className)[0]?.id ?? null;
  const measures = [
    { metric: "auc-drop-difference-rest", operatingPoint: null, words: "Drop of AUC" },
    ...(point === null
      ? []
      : [
          {
            metric: "fooling-rate-difference-rest",
            operatingPoint: point,
            words: "Decisions changed",
          },
        ]),
  ];
  return measures.flatMap(({ metric, operatingPoint, words }, place) => {
    const shown: Finding[] = [];
    const cellOf = (series: Series, member: Group, step: Condition) => {
      const condition = series.conditions.find((candidate) => strength(candidate) === strength(step));
      const finding =
        condition === undefined
          ? undefined
          : study.find({ metric, class: className, group: member, condition, operatingPoint });
      if (finding !== undefined) shown.push(finding);
      return testedCell(finding);
    };
    const bodies = group.series.map((series) => ({
      heading: `${attackTitle(series)}${series.searched ? "" : ", control"}`,
      rows: study.families.flatMap(({ groups }) =>
        groups.map((member) => ({
          header: textCell(groupTitle(member.values)),
          cells: group.steps.map((step) => cellOf(series, member, step)),
        })),
      ),
    }));
    if (shown.length === 0) return [];
    const title = `${words} in each group beyond that of the rest, ${dataName(className)}, no defense`;
    return [
      table({
        id: `widening-${id}-${place + 1}`,
        caption: title,
        note: `${DIFFERENCES} ${adjustmentText(shown) ?? ""}`.trim(),
        folded: title,
        columns: [column("Group"), ...group.steps.map((step) => column(stepTitle(step), true))],
        bodies,
      }),
    ];
  });
}

/** At each attack's largest strength: what the defense gives back to each group, and beyond what it gives the rest. */
function recoveryTable(study: StudyView, className: string, defense: string, id: string): Table | null {
  const strongest = study
    .seriesBehind(defense)
    .filter((series) => series.searched)
    .flatMap((series) => series.conditions.at(-1) ?? []);
  const shown: Finding[] = [];
  const row = (condition: Condition, member: Group) => {
    const find = (metric: string, at: Condition) =>
      study.find({ metric, class: className, group: member, condition: at });
    const beyond = find("auc-recovery-difference-rest", condition);
    if (beyond !== undefined) shown.push(beyond);
    return {
      header: textCell(groupValue(member.values)),
      cells: [
        findingCell(find("auc", withoutDefense(condition)), true),
        findingCell(find("auc", condition), true),
        findingCell(find("auc-recovery", condition)),
        testedCell(beyond),
      ],
    };
  };
  const bodies = strongest.map((condition) => ({
    heading: [attackTitle(condition), strengthTitle(condition), defenseTitle(condition)].join(", "),
    rows: study.families.flatMap(({ groups }) => groups.map((member) => row(condition, member))),
  }));
  if (shown.length === 0) return null;
  return table({
    id: `recovery-${id}`,
    caption: `To whom ${dataName(defense)} gives AUC back, ${dataName(className)}, at each attack's largest strength`,
    note: `Given back: AUC behind the defense minus AUC without it, under the same attack on the same images; negative where the defense makes it worse. Beyond the rest: negative where the group gets less back than everybody else. ${adjustmentText(shown) ?? ""}`.trim(),
    folded: bodies.length > 1 ? `To whom ${dataName(defense)} gives AUC back` : null,
    columns: [
      column("Group"),
      column("Attacked, no defense", true),
      column("Attacked, defended", true),
      column("Given back", true),
      column("… beyond the rest", true),
    ],
    bodies,
  });
}
