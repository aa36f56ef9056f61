import type { Finding } from "../../../src/core/finding.js";
import { integer, isMeasured, metricValue } from "../../common/format.js";
import { dataName, groupValue } from "../../common/names.js";
import type { Group, StudyView } from "../../common/study.js";
import { adjustmentText } from "../../common/tests.js";
import { type Cell, column, findingCell, type Table, table, testedCell, textCell } from "../blocks.js";

/** A measure whose differences between groups are shown. */
export interface MeasureView {
  /** The metric of a group's own value, such as "sensitivity". */
  readonly base: string;
  readonly operatingPoint: string | null;
  /** "AUC", "Sensitivity at screening". */
  readonly words: string;
}

/** AUC, then sensitivity and specificity at each operating point: what every study is asked for. */
export function mainMeasures(study: StudyView, className: string): MeasureView[] {
  return [
    { base: "auc", operatingPoint: null, words: "AUC" },
    ...study.operatingPoints(className).flatMap(({ id }) =>
      [
        ["sensitivity", "Sensitivity"],
        ["specificity", "Specificity"],
      ].map(([base = "", words]) => ({ base, operatingPoint: id, words: `${words} at ${dataName(id)}` })),
    ),
  ];
}

/**
 * Each group against everybody outside it: value, difference with its test, the least difference that would be found, and what
 * the tests conclude. null where the record holds no such comparison.
 */
export function restTable(
  study: StudyView,
  className: string,
  measure: MeasureView,
  id: string,
  isFolded: boolean,
): Table | null {
  const shown: Finding[] = [];
  const row = (group: Group) => {
    const find = (metric: string) =>
      study.find({ metric, class: className, group, operatingPoint: measure.operatingPoint });
    const difference = find(`${measure.base}-difference-rest`);
    if (difference !== undefined) shown.push(difference);
    return {
      header: textCell(groupValue(group.values)),
      cells: [
        groupCount(difference),
        ownCell(find(measure.base), difference, measure.base),
        testedCell(difference),
        detectableCell(difference),
        assessmentCell(difference),
      ],
    };
  };
  const bodies = study.families.map(({ name, groups }) => ({ heading: dataName(name), rows: groups.map(row) }));
  if (shown.length === 0) return null;
  const margin = shown.find(({ details }) => typeof details?.margin === "number")?.details?.margin;
  const title = `${measure.words} of ${dataName(className)}: each group against the rest, clean images`;
  return table({
    id,
    caption: title,
    note: [
      "The rest: everybody outside the group.",
      "Detectable: the smallest true difference that would be found with 80% power.",
      typeof margin === "number"
        ? `Conclusion: “different” where the adjusted p-value says so; “equivalent” where the difference is shown to lie within ±${metricValue(`${measure.base}-difference`, margin)}; else “inconclusive”: a difference may be there and was not found.`
        : null,
      adjustmentText(shown),
    ]
      .filter((part) => part !== null)
      .join(" "),
    folded: isFolded ? title : null,
    columns: [
      column("Group"),
      column("n", true),
      column(measure.words, true),
      column("Difference from the rest", true),
      column("Detectable", true),
      column("Conclusion"),
    ],
    bodies,
  });
}

/** The group's own samples, without those that it is held against. */
function groupCount(difference: Finding | undefined): Cell {
  if (difference?.status === "suppressed") return textCell("hidden", { muted: true });
  const n = difference?.details?.["group-n"];
  return typeof n === "number" ? textCell(integer(n)) : textCell("—", { muted: true });
}

/** The group's own value, with its interval where the record holds it as a finding. */
export function ownCell(own: Finding | undefined, comparison: Finding | undefined, base: string): Cell {
  if (own !== undefined) return findingCell(own);
  const value = comparison?.details?.["group-estimate"];
  return typeof value === "number" ? textCell(metricValue(base, value)) : textCell("—", { muted: true });
}

export function detectableCell(difference: Finding | undefined): Cell {
  const least = difference?.details?.["minimum-detectable"];
  if (!isMeasured(difference) || typeof least !== "number") return textCell("—", { muted: true });
  return textCell(metricValue(difference.metric, least));
}

/** What the tests conclude, in the record's words. */
export function assessmentCell(difference: Finding | undefined): Cell {
  const words = difference?.details?.assessment;
  return isMeasured(difference) && typeof words === "string" ? textCell(words) : textCell("—", { muted: true });
}
