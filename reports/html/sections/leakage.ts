import type { Finding } from "../../../src/core/finding.js";
import { decimal } from "../../common/format.js";
import { dataName, groupValue } from "../../common/names.js";
import type { Group, StudyView } from "../../common/study.js";
import { column, findingCell, table, textCell } from "../blocks.js";
import { defineSection } from "../section.js";

/** What can be read of the patient from an embedding: subgrouping by subgrouping, by two probes. */
export default defineSection({
  id: "leakage",
  title: "What embeddings tell of the patient",
  order: 93,
  narrows: 1,
  view: ({ study }) => (study.all("leakage-auc", null).length === 0 ? null : { tables: [leakageTable(study)] }),
});

function leakageTable(study: StudyView) {
  const row = (group: Group) => {
    const find = (metric: string) => study.find({ metric, class: null, group });
    const linear = find("leakage-auc");
    return {
      header: textCell(groupValue(group.values)),
      cells: [
        learntCell(linear),
        findingCell(linear, true),
        lotCell(linear),
        findingCell(find("leakage-auc-neighbours"), true),
      ],
    };
  };
  const read = study.families.filter(({ groups }) =>
    groups.some((group) => study.find({ metric: "leakage-auc", class: null, group }) !== undefined),
  );
  return table({
    id: "leakage-table",
    caption:
      "How well each group can be told from its family's others by the clean embedding: AUC on evaluation patients",
    note: "0.5: these probes found nothing. By lot: the highest area of linear probes after the tuning patients exchanged their groups by lot; an area that does not stand out from it may be chance. Groups that are too small in the tuning split to be shown teach nothing and count as 0. That something can be read does not show that a model uses it; that nothing was found does not show that nothing is there.",
    columns: [
      column("Group"),
      column("Tuning samples, of the group / all", true),
      column("Linear probe", true),
      column("By lot, highest", true),
      column("Nearest neighbours", true),
    ],
    bodies: read.map(({ groups, name }) => ({
      heading: dataName(name),
      rows: groups.filter((group) => study.find({ metric: "leakage-auc", class: null, group }) !== undefined).map(row),
    })),
  });
}

function learntCell(finding: Finding | undefined) {
  const details = finding?.details;
  if (details === undefined) return textCell("—", { muted: true });
  return textCell(`${details["tuning-samples-of-the-group"]} / ${details["tuning-samples"]}`);
}

function lotCell(finding: Finding | undefined) {
  const highest = finding?.details?.["highest-after-permutation"];
  if (typeof highest !== "number") return textCell("—", { muted: true });
  return textCell(decimal(highest), { title: `of ${finding?.details?.permutations} lots` });
}
