import type { GroupCount } from "../../../src/core/record.js";
import { counted, integer, percent } from "../../common/format.js";
import { dataName, groupTitle, groupValue } from "../../common/names.js";
import { type Cell, column, type Row, table, textCell } from "../blocks.js";
import { defineSection, type PageContext } from "../section.js";

/** What became of every row of the table, and who the evaluation patients are. */
export default defineSection({
  id: "data",
  title: "Data and flow",
  order: 50,
  view: (context) => {
    const { flow } = context.record.findings;
    const excluded = flow.excluded.reduce((sum, { count }) => sum + count, 0);
    return {
      read: counted(flow.read, "row"),
      excluded: flow.excluded.map(({ reason, count }) => ({ reason, count: integer(count) })),
      excludedTotal: integer(excluded),
      tuning: counted(flow.tuning, "image"),
      tuningPatients: counted(flow.tuningPatients, "patient"),
      evaluation: counted(flow.evaluation, "image"),
      evaluationPatients: counted(flow.evaluationPatients, "patient"),
      demographics: demographics(context),
    };
  },
});

function demographics({ record, study }: PageContext) {
  const { groups, flow } = record.findings;
  const families = [...new Set(groups.map((group) => group.family))];
  const { minimumCell } = record.protocol.privacy;
  const row = (group: GroupCount): Row => ({
    header: textCell(group.family === null ? groupTitle(group.subgroup) : groupValue(group.subgroup)),
    cells: [
      ...(group.n === null || group.patients === null
        ? [hiddenCell(minimumCell), hiddenCell(minimumCell)]
        : [
            textCell(integer(group.n), { sub: flow.evaluation > 0 ? percent(group.n / flow.evaluation) : null }),
            textCell(integer(group.patients)),
          ]),
      ...study.classes.flatMap((className) => classCells(group, className, minimumCell)),
    ],
  });
  const prefix = (className: string) => (study.classes.length > 1 ? `${dataName(className)}: ` : "");
  return table({
    id: "demographics",
    caption: "The evaluation set by subgroup",
    note: "n counts images; a patient with several images counts once among the patients of a group. Missing labels are in n and in neither class.",
    columns: [
      column("Group"),
      column("n", true),
      column("Patients", true),
      ...study.classes.flatMap((className) => [
        column(`${prefix(className)}Positive`, true),
        column(`${prefix(className)}Negative`, true),
        column(`${prefix(className)}Missing`, true),
      ]),
    ],
    bodies: families.map((family) => ({
      heading: family === null ? null : dataName(family),
      rows: groups.filter((group) => group.family === family).map(row),
    })),
  });
}

/** Counts of a few patients could tell who they are. */
function hiddenCell(minimumCell: number): Cell {
  return textCell("hidden", {
    muted: true,
    title: `fewer than ${minimumCell}, or such a number could be computed from it (privacy.minimumCell)`,
  });
}

function classCells(group: GroupCount, className: string, minimumCell: number): Cell[] {
  const counts = group.classes[className];
  if (counts === undefined) return ["", "", ""].map(() => textCell("—", { muted: true }));
  if (counts === null) return ["", "", ""].map(() => hiddenCell(minimumCell));
  const labelled = counts.positives + counts.negatives;
  return [
    textCell(integer(counts.positives), { sub: labelled > 0 ? percent(counts.positives / labelled) : null }),
    textCell(integer(counts.negatives)),
    textCell(integer(counts.missing)),
  ];
}
