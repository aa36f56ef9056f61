import { counted, isMeasured } from "../../common/format.js";
import { dataName, groupValue } from "../../common/names.js";
import { EVERYBODY, type Group, type StudyView } from "../../common/study.js";
import { column, findingCell, table, textCell } from "../blocks.js";
import { defineSection } from "../section.js";

/** Intervals by formula beside intervals by resampling patients: whether the former can be relied on in small groups. */
export default defineSection({
  id: "resampling",
  title: "Resampling check",
  order: 78,
  view: ({ study }) => {
    const classes = study.classes.flatMap((className, index) => {
      const found = study.all("auc-resampled", className);
      return found.length === 0 ? [] : [{ className, index, found }];
    });
    if (classes.length === 0) return null;
    const drawn = classes[0]?.found.find(isMeasured)?.details?.replicates;
    return {
      replicates: typeof drawn === "number" ? counted(drawn, "replicate") : "replicates",
      tables: classes.map(({ className, index }) => checkTable(study, className, index)),
    };
  },
});

function checkTable(study: StudyView, className: string, index: number) {
  const row = (group: Group) => {
    const find = (metric: string) => study.find({ metric, class: className, group });
    const resampled = find("auc-resampled");
    if (resampled === undefined) return [];
    const failed = resampled.details?.failed;
    return [
      {
        header: textCell(group.family === null ? "All patients" : groupValue(group.values)),
        cells: [
          findingCell(find("auc")),
          findingCell(resampled),
          textCell(typeof failed === "number" ? String(failed) : "—", { muted: typeof failed !== "number" }),
        ],
      },
    ];
  };
  const title = `AUC of ${dataName(className)} by formula and by bootstrap, clean images`;
  return table({
    id: `resampling-${index + 1}`,
    caption: title,
    note: "Failed: replicates in which a class had vanished; they are left out of the interval.",
    folded: title,
    columns: [column("Group"), column("By formula", true), column("By bootstrap", true), column("Failed", true)],
    bodies: [
      { heading: null, rows: row(EVERYBODY) },
      ...study.families.map(({ name, groups }) => ({ heading: dataName(name), rows: groups.flatMap(row) })),
    ],
  });
}
