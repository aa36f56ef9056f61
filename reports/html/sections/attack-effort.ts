import type { Finding } from "../../../src/core/finding.js";
import { decimal, integer, percent } from "../../common/format.js";
import { attackTitle, conditionTitle, dataName, defenseTitle } from "../../common/names.js";
import type { Series, StudyView } from "../../common/study.js";
import { type Cell, column, findingCell, type Table, table, textCell } from "../blocks.js";
import { defineSection, type PageContext } from "../section.js";
import { stepTitle } from "../strengths.js";

/** How strong attacks must be, how much they must ask, and how far what they learnt from a surrogate carries. */
export default defineSection({
  id: "attack-effort",
  title: "Strength and effort of attacks",
  order: 92,
  narrows: 1,
  view: (context) => {
    const { study } = context;
    const ladders = study.series.filter((series) => series.conditions.every(({ severity }) => severity === undefined));
    if (!study.isClassifier || ladders.length === 0) return null;
    return {
      strengths: study.classes.map((className, index) => strengthTable(study, className, ladders, index + 1)),
      efforts: study.classes.flatMap((className, index) => effortTable(study, className, ladders, index + 1) ?? []),
      transfer: transferTable(context),
    };
  },
});

function strengthTable(study: StudyView, className: string, ladders: readonly Series[], place: number): Table {
  const point = study.operatingPoints(className)[0]?.id ?? null;
  const rowOf = (series: Series) => {
    const condition = series.conditions.at(-1);
    const find = (metric: string, operatingPoint: string | null) =>
      condition === undefined ? undefined : study.find({ metric, class: className, condition, operatingPoint });
    return {
      header: textCell(attackTitle(series), { sub: series.searched ? null : "control" }),
      cells: [
        textCell(condition === undefined ? "" : stepTitle(condition)),
        findingCell(find("auc-epsilon-area", null), true),
        ...(point === null ? [] : [findingCell(find("median-minimal-epsilon", point), true)]),
      ],
    };
  };
  const defenses = [...new Set(ladders.map((series) => defenseTitle(series)))];
  return table({
    id: `attack-strength-${place}`,
    caption: `How strong a change must be, over the whole range of ε, ${dataName(className)}, all patients`,
    note: "Mean AUC over ε: the area under the curve of AUC against ε up to the largest ε, divided by it. Median least ε: where half of the decisions have turned; images that never turned count as needing more. A smaller number is a stronger attack.",
    folded: `Mean AUC over ε and median least ε of ${integer(ladders.length)} attacks and controls, by defense`,
    columns: [
      column("Attack or control"),
      column("Largest ε"),
      column("Mean AUC over ε", true),
      ...(point === null ? [] : [column("Median least ε", true)]),
    ],
    bodies: defenses.map((defense) => ({
      heading: defense,
      rows: ladders.filter((series) => defenseTitle(series) === defense).map(rowOf),
    })),
  });
}

function effortTable(study: StudyView, className: string, ladders: readonly Series[], place: number): Table | null {
  const point = study.operatingPoints(className)[0]?.id ?? null;
  const rows = ladders.flatMap((series) =>
    series.conditions.flatMap((condition) => {
      const effort = study.find({ metric: "median-queries", class: className, condition, operatingPoint: point });
      if (effort === undefined) return [];
      const flips = study.find({ metric: "fooling-rate", class: className, condition, operatingPoint: point });
      return [
        {
          header: textCell(conditionTitle(condition)),
          cells: [findingCell(flips, true), findingCell(effort, true), meanQueries(effort)],
        },
      ];
    }),
  );
  if (rows.length === 0) return null;
  return table({
    id: `attack-effort-${place}`,
    caption: `What attacks must ask about one image, ${dataName(className)}, all patients`,
    note: "Median until the decision first turned, images that never turned counting as needing more than they spent (Kaplan–Meier). Mean: all queries over all images, with and without success.",
    columns: [
      column("Condition"),
      column("Decisions changed", true),
      column("Median queries", true),
      column("Mean queries", true),
    ],
    bodies: [{ heading: null, rows }],
  });
}

function meanQueries(effort: Finding): Cell {
  const mean = effort.details?.["mean-queries"];
  return typeof mean === "number" ? textCell(decimal(mean, 0)) : textCell("—", { muted: true });
}

/** Surrogate against target: what share of decisions the learnt perturbation turned on either. */
function transferTable({ record }: PageContext): Table | null {
  const share = (value: number | undefined) =>
    value === undefined ? textCell("—", { muted: true }) : textCell(percent(value));
  const rows = record.findings.attacks.flatMap(({ condition, numbers }) => {
    const surrogate = numbers["surrogate-flip-share"];
    if (surrogate === undefined || condition.adaptive === false) return [];
    return [
      {
        header: textCell(conditionTitle(condition)),
        cells: [share(numbers["surrogate-agreement"]), share(surrogate), share(numbers["target-flip-share"])],
      },
    ];
  });
  if (rows.length === 0) return null;
  return table({
    id: "attack-transfer",
    caption: "From surrogate to model: what attacks that learn on a copy turned on the copy, and on the model itself",
    note: "On tuning patients that neither the copy nor the attack learnt from; no intervals, since these shares chose what was kept. The evaluation patients' results are above.",
    columns: [
      column("Condition"),
      column("Copy agrees with the model", true),
      column("Decisions changed, copy", true),
      column("Decisions changed, model", true),
    ],
    bodies: [{ heading: null, rows }],
  });
}
