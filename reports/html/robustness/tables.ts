import type { Condition } from "../../../src/core/condition.js";
import { countsLabel } from "../../common/format.js";
import { attackTitle, dataName, groupTitle, groupValue, metricTitle } from "../../common/names.js";
import { EVERYBODY, type Group, type Series, strength } from "../../common/study.js";
import { type Cell, column, findingCell, type Table, table, textCell } from "../blocks.js";
import { stepTitle } from "../strengths.js";
import type { RobustnessBlock } from "./block.js";

/** Per strength, every attack and control in one row: AUC and decisions side by side. */
export function effectTable({ study, class: className, group, operatingPoint: point, id }: RobustnessBlock): Table {
  const decisions = point === null ? [] : ["fooling-rate", "sensitivity-drop", "specificity-drop"];
  const row = (series: Series, condition: Condition) => {
    const find = (metric: string, operatingPoint: string | null) =>
      study.find({ metric, class: className, condition, operatingPoint });
    const control = study.strongestControl(condition, className, point);
    const excess = (metric: string, operatingPoint: string | null) =>
      control === undefined || !series.searched
        ? undefined
        : study.find({ metric, class: className, condition, operatingPoint, control: control.attack });
    return {
      header: textCell(attackTitle(series), { sub: series.searched ? null : "control" }),
      cells: [
        ...decisions.slice(0, 1).map((metric) => findingCell(find(metric, point), true)),
        ...(point === null ? [] : [excessCell(series, excess("fooling-excess", point))]),
        ...decisions.slice(1).map((metric) => findingCell(find(metric, point), true)),
        findingCell(find("auc", null), true),
        findingCell(find("auc-drop", null), true),
        excessCell(series, excess("auc-drop-excess", null)),
      ],
    };
  };
  const overall = countsLabel(study.find({ metric: "auc", class: className, group: EVERYBODY }));
  const counts = overall === null ? "" : `, ${overall}`;
  const at = point === null ? "" : ` at the locked threshold of ${dataName(point)}`;
  return table({
    id: `effects-${id}`,
    caption: `What each attack and control does to ${dataName(className)}${at}, all patients, no defense${counts}`,
    note: "Under each estimate: its interval. Beyond control: the attack minus the strongest control of the same size, paired on the same images. pp: percentage points; a negative drop is a rise.",
    columns: [
      column("Attack or control"),
      ...(point === null
        ? []
        : [
            column("Decisions changed", true),
            column("… beyond control", true),
            column("Sensitivity drop", true),
            column("Specificity drop", true),
          ]),
      column("AUC", true),
      column("AUC drop", true),
      column("… beyond control", true),
    ],
    bodies: group.steps.map((step) => ({
      heading: stepTitle(step),
      rows: group.series.flatMap((series) =>
        series.conditions
          .filter((condition) => strength(condition) === strength(step))
          .map((condition) => row(series, condition)),
      ),
    })),
  });
}

function excessCell(series: Series, finding: Parameters<typeof findingCell>[0]): Cell {
  return series.searched
    ? findingCell(finding, true)
    : textCell("", { title: "controls are what attacks are held against" });
}

/** Drop of AUC and decisions changed per group, strengths as columns. */
export function dropTable(
  { study, class: className, operatingPoint: point, id }: RobustnessBlock,
  series: Series,
  place: number,
): Table {
  const metrics = [
    { metric: "auc-drop", operatingPoint: null },
    ...(point === null ? [] : [{ metric: "fooling-rate", operatingPoint: point }]),
  ];
  const row = (group: Group, { metric, operatingPoint }: (typeof metrics)[number]) => {
    const clean = study.find({ metric: "auc", class: className, group });
    return {
      header: textCell(groupTitle(group.values), {
        sub: countsLabel(clean),
      }),
      cells: series.conditions.map((condition) =>
        findingCell(study.find({ metric, class: className, group, condition, operatingPoint }), true),
      ),
    };
  };
  return table({
    id: `drops-${id}-${place + 1}`,
    caption: `${attackTitle(series)}: what each subgroup loses, ${dataName(className)}, no defense`,
    note: "Under each estimate: its interval.",
    folded: `By subgroup: AUC drop and decisions changed under ${attackTitle(series)}`,
    columns: [column("Group"), ...series.conditions.map((condition) => column(stepTitle(condition), true))],
    bodies: metrics.map((entry) => ({
      heading: metricTitle(entry.metric),
      rows: study.groups.map((group) => row(group, entry)),
    })),
  });
}

/** Does the attack take more from some groups? The gap of the drop within each family. */
export function harmTable({ study, class: className, group, id }: RobustnessBlock): Table | null {
  const series = group.series.filter((one) =>
    one.conditions.some((condition) => study.all("auc-drop-gap", className, condition).length > 0),
  );
  if (series.length === 0) return null;
  const row = (one: Series, family: string) => ({
    header: textCell(dataName(family)),
    cells: group.steps.map((step) => {
      const condition = one.conditions.find((candidate) => strength(candidate) === strength(step));
      const gap =
        condition === undefined
          ? undefined
          : study.all("auc-drop-gap", className, condition).find((finding) => finding.family === family);
      const cell = findingCell(gap);
      const worst = study.groupOfKey(gap?.details?.worst);
      return worst === undefined ? cell : { ...cell, sub: `${cell.sub ?? ""}; most: ${groupValue(worst.values)}` };
    }),
  });
  return table({
    id: `harm-${id}`,
    caption: `Does it take more from some groups? Largest minus smallest AUC drop within each family, ${dataName(className)}, no defense`,
    note: "Under each gap: its interval, and the group that loses most. Largest-minus-smallest gaps are never negative; those of the controls show what chance and plain noise give.",
    columns: [column("Family"), ...group.steps.map((step) => column(stepTitle(step), true))],
    bodies: series.map((one) => ({
      heading: `${attackTitle(one)}${one.searched ? "" : ", control"}`,
      rows: study.families.map(({ name }) => row(one, name)),
    })),
  });
}
