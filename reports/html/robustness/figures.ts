import { countsLabel } from "../../common/format.js";
import { attackTitle, dataName, groupTitle, metricTitle } from "../../common/names.js";
import type { Figure, Panel } from "../blocks.js";
import { strengthLegend, strengthPanel, withStyles } from "../strength-panel.js";
import { strengthPoints, valueAxis } from "../strengths.js";
import type { RobustnessBlock } from "./block.js";

/** Decisions and AUC side by side: what one of them hides, the other shows. */
export function overallFigure(block: RobustnessBlock): Figure {
  const { group, id, operatingPoint } = block;
  return {
    id: `strength-${id}`,
    caption: `Decisions and AUC side by side against the strength of the change, ${dataName(block.class)}, no defense`,
    note: "Vertical bars: intervals. Gray: controls, which ask the model nothing; an attack counts for what it does beyond them.",
    legend: strengthLegend(group),
    panels: [
      ...(operatingPoint === null ? [] : overallPanel(block, "fooling-rate", operatingPoint, { from: 0, to: null })),
      ...overallPanel(block, "auc", null, { from: null, to: 1 }),
    ],
    size: "wide",
  };
}

function overallPanel(
  { study, group, class: className }: RobustnessBlock,
  metric: string,
  operatingPoint: string | null,
  limits: { readonly from: number | null; readonly to: number | null },
): Panel[] {
  const lines = withStyles(group).map(({ series, style }) => ({
    name: attackTitle(series),
    style,
    points: strengthPoints(study, series, { metric, class: className, operatingPoint }),
  }));
  const points = lines.flatMap((line) => line.points);
  if (points.length === 0) return [];
  const where = operatingPoint === null ? "" : `at the locked threshold of ${dataName(operatingPoint)}, `;
  const values = valueAxis(metric, points, limits);
  return [
    strengthPanel({ title: metricTitle(metric), subtitle: `${where}all patients`, metric, lines, group, values }),
  ];
}

/** One small panel per subgroup, on the same scales: AUC against strength, attacks and controls. */
export function subgroupFigure({ study, group, class: className, id }: RobustnessBlock): Figure | null {
  const subgroups = study.groups.map((member) => ({
    member,
    lines: withStyles(group).map(({ series, style }) => ({
      name: attackTitle(series),
      style,
      points: strengthPoints(study, series, { metric: "auc", class: className, group: member }),
    })),
  }));
  const all = subgroups.flatMap(({ lines }) => lines.flatMap((line) => line.points));
  if (all.length === 0) return null;
  const values = valueAxis("auc", all, { from: null, to: 1 });
  const drawn = subgroups.filter(({ lines }) => lines.some((line) => line.points.length > 0));
  return {
    id: `strength-groups-${id}`,
    caption: `AUC of ${dataName(className)} against the strength of the change, by subgroup, no defense`,
    note: "Same scales in every panel; vertical bars: intervals; dashed line: chance (0.5).",
    legend: strengthLegend(group),
    panels: drawn.map(({ member, lines }) =>
      strengthPanel({
        title: groupTitle(member.values),
        subtitle: countsLabel(study.find({ metric: "auc", class: className, group: member })),
        metric: "auc",
        lines,
        group,
        values,
        reference: { value: 0.5, label: "" },
        small: true,
      }),
    ),
    size: "small",
  };
}
