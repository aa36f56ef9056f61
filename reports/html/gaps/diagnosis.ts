import type { Finding } from "../../../src/core/finding.js";
import { dataName, groupValue } from "../../common/names.js";
import { EVERYBODY, type Group, type StudyView } from "../../common/study.js";
import { adjustmentText } from "../../common/tests.js";
import { column, findingCell, type Table, table, testedCell, textCell } from "../blocks.js";
import { assessmentCell } from "./differences.js";

/** Who is called healthy though ill, and who ill though healthy, by group and intersection; null where it was not audited. */
export function diagnosisTable(study: StudyView, className: string, point: string, id: string): Table | null {
  const shown: Finding[] = [];
  const row = (group: Group) => {
    const find = (metric: string) => study.find({ metric, class: className, group, operatingPoint: point });
    const cells = (["underdiagnosis", "overdiagnosis"] as const).flatMap((kind) => {
      const [rate, difference] = [find(`${kind}-rate`), find(`${kind}-rate-difference-rest`)];
      if (rate !== undefined) shown.push(rate);
      if (difference !== undefined) shown.push(difference);
      const beyond = group.family === null ? textCell("") : testedCell(difference);
      return kind === "underdiagnosis"
        ? [findingCell(rate), beyond, group.family === null ? textCell("") : assessmentCell(difference)]
        : [findingCell(rate), beyond];
    });
    return { header: textCell(group.family === null ? "All patients" : groupValue(group.values)), cells };
  };
  const bodies = [
    { heading: null, rows: [row(EVERYBODY)] },
    ...study.families.map(({ name, groups }) => ({ heading: dataName(name), rows: groups.map(row) })),
  ];
  // Rates of the whole set alone are no gap: they stand with the other results.
  if (shown.length === 0 || study.families.length === 0) return null;
  return table({
    id,
    caption: `Underdiagnosis and overdiagnosis at ${dataName(point)} for ${dataName(className)}, clean images`,
    note: `Underdiagnosis: the share of the ill who are called healthy. Overdiagnosis: the share of the healthy who are called ill. Beyond the rest: positive where it happens more often to the group than to everybody outside it. Conclusion: of underdiagnosis. ${adjustmentText(shown) ?? ""}`.trim(),
    columns: [
      column("Group"),
      column("Underdiagnosis", true),
      column("… beyond the rest", true),
      column("Conclusion"),
      column("Overdiagnosis", true),
      column("… beyond the rest", true),
    ],
    bodies,
  });
}
