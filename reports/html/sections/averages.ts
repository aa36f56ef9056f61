import type { Finding } from "../../../src/core/finding.js";
import { integer, isMeasured } from "../../common/format.js";
import { dataName, groupTitle, groupValue } from "../../common/names.js";
import { EVERYBODY, type Group, type StudyView } from "../../common/study.js";
import { column, findingCell, table, textCell } from "../blocks.js";
import { defineSection } from "../section.js";

/** Metrics with the headings of their columns, short enough for six to stand side by side. */
const HEADINGS: Readonly<Record<string, string>> = {
  "auc-macro": "Mean AUC",
  "auc-weighted": "Weighted AUC",
  "auc-micro": "Pooled AUC",
  "auc-hand-till": "Hand–Till AUC",
  accuracy: "Accuracy",
  "balanced-accuracy": "Balanced accuracy",
  "label-ranking-precision": "Ranking precision",
  "label-ranking-loss": "Ranking loss",
};

/** One number for all classes, with the classes that it is of. */
export default defineSection({
  id: "averages",
  title: "Averages over classes",
  order: 75,
  narrows: 1,
  view: ({ study }) => {
    const metrics = Object.keys(HEADINGS).filter((metric) => study.all(metric, null).length > 0);
    return metrics.length === 0
      ? null
      : { tables: [averagesTable(study, metrics)], leftOut: leftOut(study, metrics), total: study.classes.length };
  },
});

function averagesTable(study: StudyView, metrics: readonly string[]) {
  const row = (group: Group) => {
    const find = (metric: string) => study.find({ metric, class: null, group });
    return {
      header: textCell(group.family === null ? "All patients" : groupValue(group.values)),
      cells: [countCell(find(metrics[0] ?? "")), ...metrics.map((metric) => findingCell(find(metric), true))],
    };
  };
  return table({
    id: "averages-table",
    caption: "Averages over classes, by subgroup, clean images",
    note: `An average hides the class in which the model fails: read it beside the classes' own results above. ${metrics.includes("auc-weighted") ? "Weighted: by the classes' positives. Pooled: over all pairs of a sample and a class. " : ""}${metrics.includes("accuracy") ? "Accuracy: by the largest score." : "Ranking: of the labels of a sample."}`,
    columns: [column("Group"), column("n", true), ...metrics.map((metric) => column(HEADINGS[metric] ?? metric, true))],
    bodies: [
      { heading: null, rows: [row(EVERYBODY)] },
      ...study.families.map(({ name, groups }) => ({ heading: dataName(name), rows: groups.map(row) })),
    ],
  });
}

function countCell(finding: Finding | undefined) {
  if (finding === undefined) return textCell("—", { muted: true });
  return finding.status === "suppressed" ? textCell("hidden", { muted: true }) : textCell(integer(finding.n));
}

/** Groups whose averages are of fewer than all classes: they do not compare with the others. */
function leftOut(study: StudyView, metrics: readonly string[]) {
  return study.groups.flatMap((group) => {
    const names = metrics.flatMap((metric) => {
      const finding = study.find({ metric, class: null, group });
      const left = isMeasured(finding) ? finding.details?.["classes-left-out"] : undefined;
      return typeof left === "string" && left !== "" ? [left] : [];
    });
    const [first] = names;
    if (first === undefined) return [];
    return [{ group: groupTitle(group.values), classes: dataName(first.replaceAll(",", ", ")) }];
  });
}
