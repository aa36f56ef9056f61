import { integer } from "../../common/format.js";
import { conditionTitle, dataName, groupValue, metricTitle } from "../../common/names.js";
import { EVERYBODY, type Group, type StudyView } from "../../common/study.js";
import { column, findingCell, type Table, table, testedCell, textCell } from "../blocks.js";

/** What sentences of a level say of the class and of each family's groups, and how pure they are. */
export function symbolTable(study: StudyView, className: string, id: string): Table | null {
  const ofClass = study.find({ metric: "sentence-class-information", class: className });
  if (ofClass === undefined) return null;
  const sentences = (details: typeof ofClass.details) => {
    const count = details?.["distinct-sentences"];
    return typeof count === "number" ? textCell(integer(count)) : textCell("—", { muted: true });
  };
  const families = study.families.flatMap(({ name }) => {
    const found = study.all("sentence-group-information", className).find(({ family }) => family === name);
    return found === undefined ? [] : [{ name, found }];
  });
  return table({
    id: `symbols-${id}`,
    caption: `What the sentences of ${dataName(className)} say, clean images`,
    note: "Bits of mutual information between whole sentences and what is named on the left, corrected for bias; p: the permutation test that there is none. Sentences: how many different ones were used.",
    columns: [column("Of"), column("Bits", true), column("Sentences", true)],
    bodies: [
      {
        heading: null,
        rows: [
          { header: textCell("the class"), cells: [testedCell(ofClass), sentences(ofClass.details)] },
          ...families.map(({ found, name }) => ({
            header: textCell(dataName(name)),
            cells: [testedCell(found), sentences(found.details)],
          })),
        ],
      },
    ],
  });
}

/** Purity on clean images, and stability under every condition, by group. */
export function stabilityTable(study: StudyView, className: string, id: string): Table | null {
  if (study.find({ metric: "sentence-purity", class: className }) === undefined) return null;
  const conditions = study.conditions.filter(
    (condition) => study.find({ metric: "sentence-stability", class: className, condition }) !== undefined,
  );
  const row = (group: Group) => ({
    header: textCell(group.family === null ? "All patients" : groupValue(group.values)),
    cells: [
      findingCell(study.find({ metric: "sentence-purity", class: className, group })),
      ...conditions.map((condition) =>
        findingCell(study.find({ metric: "sentence-stability", class: className, group, condition })),
      ),
    ],
  });
  return table({
    id: `stability-${id}`,
    caption: `Purity and stability of the sentences of ${dataName(className)}, by subgroup`,
    note: "Purity: share of the cases whose class is the commonest one among other patients' cases with the same sentence. Stability: 1 minus the edit distance to the clean image's sentence over the longer of the two, mean over cases.",
    columns: [
      column("Group"),
      column(metricTitle("sentence-purity"), true),
      ...conditions.map((condition) => column(`Stability, ${conditionTitle(condition)}`, true)),
    ],
    bodies: [
      { heading: null, rows: [row(EVERYBODY)] },
      ...study.families.map(({ name, groups }) => ({ heading: dataName(name), rows: groups.map(row) })),
    ],
  });
}
