import type { GroupCount, LabelCount } from "../../../src/core/record.js";
import { integer, isMeasured, percent } from "../../common/format.js";
import { dataName, groupTitle, groupValue } from "../../common/names.js";
import { type Cell, column, findingCell, type Row, table, textCell } from "../blocks.js";
import type { PageContext } from "../section.js";

/** More classes than this and their tables are folded away on a screen. */
const OPEN_CLASSES = 3;

/** The labels of each class in each split. */
export function splitTable({ record, study }: PageContext) {
  const { flow } = record.findings;
  const cells = (counts: LabelCount | undefined): Cell[] => {
    if (counts === undefined) return ["", "", ""].map(() => textCell("—", { muted: true }));
    return labelCells(counts);
  };
  return table({
    id: "labels-by-split",
    caption: "Labels of both splits",
    note: "Percent: of the labelled samples. A sample without a label of a class is left out of results about that class alone.",
    columns: [
      column("Class"),
      ...["Tuning", "Evaluation"].flatMap((split) => [
        column(`${split}: positive`, true),
        column("negative", true),
        column("no label", true),
      ]),
    ],
    bodies: [
      {
        heading: null,
        rows: study.classes.map((name) => ({
          header: textCell(dataName(name)),
          cells: [...cells(flow.classes[name]?.tuning), ...cells(flow.classes[name]?.evaluation)],
        })),
      },
    ],
  });
}

function labelCells({ missing, negatives, positives }: LabelCount): Cell[] {
  const labelled = positives + negatives;
  return [
    textCell(integer(positives), { sub: labelled > 0 ? percent(positives / labelled) : null }),
    textCell(integer(negatives)),
    textCell(integer(missing)),
  ];
}

/** Of other tasks: which samples of each split have a reference. */
export function referenceTable({ record, study }: PageContext) {
  const { classes } = record.findings.flow;
  const cells = (counts: LabelCount | undefined): Cell[] =>
    counts === undefined
      ? ["", ""].map(() => textCell("—", { muted: true }))
      : [textCell(integer(counts.positives + counts.negatives)), textCell(integer(counts.missing))];
  return table({
    id: "references-by-split",
    caption: "The reference standard of both splits",
    note: "A sample without a reference of a class is left out of results about that class alone.",
    columns: [
      column("Class"),
      ...["Tuning", "Evaluation"].flatMap((split) => [
        column(`${split}: with a reference`, true),
        column("without", true),
      ]),
    ],
    bodies: [
      {
        heading: null,
        rows: study.classes.map((name) => ({
          header: textCell(dataName(name)),
          cells: [...cells(classes[name]?.tuning), ...cells(classes[name]?.evaluation)],
        })),
      },
    ],
  });
}

/** Group sizes in both splits. */
export function demographics(context: PageContext) {
  const { flow } = context.record.findings;
  const shared = (count: number | null | undefined, total: number): Cell =>
    count === undefined
      ? textCell("0")
      : count === null
        ? hiddenCell(context)
        : textCell(integer(count), { sub: total > 0 ? percent(count / total) : null });
  const patients = (count: number | null | undefined): Cell =>
    count === null ? hiddenCell(context) : textCell(integer(count ?? 0));
  return table({
    id: "demographics",
    caption: "Both splits by subgroup",
    note: "n counts images, percent of the split; a patient with several images counts once among the patients of a group. Groups of few patients are hidden, and further ones from which their numbers could be computed.",
    columns: [
      column("Group"),
      column("Evaluation: n", true),
      column("patients", true),
      column("Tuning: n", true),
      column("patients", true),
    ],
    bodies: byFamily(context, (group) => ({
      header: textCell(groupName(group)),
      cells: [
        shared(group.n, flow.evaluation),
        patients(group.patients),
        shared(group.tuning?.n, flow.tuning),
        patients(group.tuning?.patients),
      ],
    })),
  });
}

/** Per class: labels and prevalence of each group, and prevalence in the same group of the tuning split. */
export function labelTables(context: PageContext) {
  const { study } = context;
  return study.classes.map((className, index) =>
    table({
      id: `labels-${index + 1}`,
      caption: `Labels of ${dataName(className)} in the evaluation set by subgroup`,
      folded: study.classes.length > OPEN_CLASSES ? `Labels of ${dataName(className)} by subgroup` : null,
      note: "Prevalence is that of this evaluation set, which may differ from that of use. Evaluation minus tuning: in percentage points.",
      columns: [
        column("Group"),
        column("Positive", true),
        column("Negative", true),
        column("No label", true),
        column("Prevalence", true),
        column("Evaluation minus tuning", true),
      ],
      bodies: byFamily(context, (group) => {
        const counts = group.classes[className];
        const at = (metric: string) =>
          study.find({ metric, class: className, group: { family: group.family, values: group.subgroup } });
        return {
          header: textCell(groupName(group)),
          cells: [
            ...(counts === null || counts === undefined
              ? ["", "", ""].map(() => hiddenCell(context))
              : [counts.positives, counts.negatives, counts.missing].map((count) => textCell(integer(count)))),
            findingCell(at("prevalence"), true),
            findingCell(at("prevalence-shift"), true),
          ],
        };
      }),
    }),
  );
}

/** Attributes that some samples lack: how many, and whether more of the ill or of the healthy. Null where none is missing. */
export function missingTable({ record }: PageContext) {
  const found = record.findings.findings.filter((one) => one.metric === "attribute-missing-by-label");
  if (found.length === 0) return null;
  return table({
    id: "missing-attributes",
    caption: "Attributes that are missing",
    note: "p: Wald's test that the attribute is missing as often among positives as among negatives; not adjusted for the number of such tests.",
    columns: [
      column("Attribute"),
      column("Class"),
      column("Share missing", true),
      column("Positives minus negatives", true),
      column("p", true),
    ],
    bodies: [
      {
        heading: null,
        rows: found.map((one) => {
          const group = { family: one.family, values: one.subgroup };
          const share = record.findings.findings.find(
            ({ family, metric, subgroup }) =>
              metric === "group-share" && family === one.family && groupTitle(subgroup) === groupTitle(group.values),
          );
          const p = one.tests?.[0]?.p;
          return {
            header: textCell(dataName(one.family ?? "")),
            cells: [
              textCell(one.class === null ? "" : dataName(one.class)),
              findingCell(share, true),
              findingCell(one, true),
              isMeasured(one) && p !== undefined
                ? textCell(p < 0.001 ? "< 0.001" : p.toFixed(3))
                : textCell("—", { muted: true }),
            ],
          };
        }),
      },
    ],
  });
}

function byFamily({ record }: PageContext, row: (group: GroupCount) => Row) {
  const { groups } = record.findings;
  return [...new Set(groups.map((group) => group.family))].map((family) => ({
    heading: family === null ? null : dataName(family),
    rows: groups.filter((group) => group.family === family).map(row),
  }));
}

function groupName({ family, subgroup }: GroupCount): string {
  return family === null ? groupTitle(subgroup) : groupValue(subgroup);
}

/** Counts of a few patients could tell who they are. */
function hiddenCell({ record }: PageContext): Cell {
  const { minimumCell } = record.protocol.privacy;
  return textCell("hidden", {
    muted: true,
    title: `fewer than ${minimumCell}, or such a number could be computed from it (privacy.minimumCell)`,
  });
}
