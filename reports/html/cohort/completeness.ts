import type { Finding } from "../../../src/core/finding.js";
import { estimateText, isMeasured } from "../../common/format.js";
import { dataName, groupValue, metricTitle } from "../../common/names.js";
import { EVERYBODY, type Group } from "../../common/study.js";
import { type Cell, column, findingCell, table, textCell } from "../blocks.js";
import type { PageContext } from "../section.js";

/** Per class of which samples lack a score: how many in each group, and what results would be in the worst and the best case. */
export function completenessTables({ record, study }: PageContext) {
  return study.classes.flatMap((className, index) => {
    const bounded = record.findings.findings.some((one) => one.metric === "auc-worst-case" && one.class === className);
    if (!bounded) return [];
    const results = [
      { metric: "auc", point: null },
      ...study
        .operatingPoints(className)
        .flatMap(({ id }) => ["sensitivity", "specificity"].map((metric) => ({ metric, point: id }))),
    ];
    const row = (group: Group) => {
      const find = (metric: string, operatingPoint: string | null = null) =>
        study.find({ metric, class: className, group, operatingPoint });
      return {
        header: textCell(group.family === null ? "All patients" : groupValue(group.values)),
        cells: [
          findingCell(find("rejection-rate")),
          ...results.map(({ metric, point }) =>
            boundedCell(find(metric, point), find(`${metric}-worst-case`, point), find(`${metric}-best-case`, point)),
          ),
        ],
      };
    };
    return [
      table({
        id: `completeness-${index + 1}`,
        caption: `Samples of ${dataName(className)} without a score, and what they could change`,
        note: "Under each result: worst case – best case, without their intervals, which stand in the list of all findings.",
        columns: [
          column("Group"),
          column("Without a score", true),
          ...results.map(({ metric, point }) =>
            column(point === null ? metricTitle(metric) : `${metricTitle(metric)} at ${dataName(point)}`, true),
          ),
        ],
        bodies: [
          { heading: null, rows: [row(EVERYBODY)] },
          ...study.families.map(({ groups, name }) => ({ heading: dataName(name), rows: groups.map(row) })),
        ],
      }),
    ];
  });
}

/** The result over the samples that have a score, and the bounds of that over all. */
function boundedCell(result: Finding | undefined, worst: Finding | undefined, best: Finding | undefined): Cell {
  const bounds = isMeasured(worst) && isMeasured(best) ? `${estimateText(worst)} – ${estimateText(best)}` : null;
  return textCell(estimateText(result), { muted: !isMeasured(result), sub: bounds });
}
