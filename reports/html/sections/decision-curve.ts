import type { Finding } from "../../../src/core/finding.js";
import { decimal, inSentence, isMeasured, percent } from "../../common/format.js";
import { dataName, groupTitle, groupValue, metricTitle } from "../../common/names.js";
import { EVERYBODY, type Group, type StudyView } from "../../common/study.js";
import { adjustmentText, shortTest } from "../../common/tests.js";
import { column, type Figure, findingCell, type Panel, table, textCell } from "../blocks.js";
import { decisionChart } from "../charts/decision.js";
import { controlStyle, seriesStyle, swatch } from "../charts/style.js";
import { defineSection } from "../section.js";

const STYLES = { model: seriesStyle(0), all: controlStyle(0) } as const;
/** More charts than this are no longer looked at; the table has all groups. */
const MOST_PANELS = 13;

/** Whether patients are better off with the model than with treating all or nobody. */
export default defineSection({
  id: "decision-curve",
  title: "Decision curve on clean images",
  order: 77,
  narrows: 1,
  view: ({ study }) => {
    const classes = study.classes.flatMap((className, index) => {
      const all = study.find({ metric: "net-benefit", class: className });
      if (all === undefined) return [];
      const applies = all.status !== "not-applicable";
      return [
        {
          heading: study.classes.length > 1 ? dataName(className) : null,
          words: words(study, className, all),
          figure: applies ? figure(study, className, index) : null,
          table: applies ? numbers(study, className, index) : null,
        },
      ];
    });
    return classes.length === 0 ? null : { classes };
  },
});

function words(study: StudyView, className: string, all: Finding): string {
  if (all.status === "not-applicable") return `Not applicable: ${all.reason ?? ""}.`;
  const at = all.details?.["threshold-probability"];
  if (!isMeasured(all) || typeof at !== "number") return `Net benefit is not estimable: ${all.reason ?? ""}.`;
  const [beyond] = [study.find({ metric: "net-benefit-over-treat-all", class: className })];
  const harms = Math.round((1 - at) / at);
  const worth = harms > 1 ? `one hit is worth ${harms} false alarms` : "a hit and a false alarm weigh alike";
  const stated = all.details?.["prevalence-is"] === "stated" ? "stated" : "of these images";
  const prevalence = all.details?.prevalence;
  const among = typeof prevalence === "number" ? ` at the prevalence ${stated}, ${percent(prevalence)}` : "";
  return `At a threshold probability of ${percent(at)}, where ${worth}, the net benefit for ${dataName(className)} is ${inSentence(all)}${among}; beyond treating all: ${inSentence(beyond)}.`;
}

/** All patients, then each group by itself: what treating all is worth differs from group to group. */
function figure(study: StudyView, className: string, index: number): Figure | null {
  const drawn = study.groups.flatMap((group) => {
    const curve = study.find({ metric: "net-benefit", class: className, group })?.curve;
    return curve === undefined ? [] : [{ group, curve }];
  });
  if (drawn.length === 0) return null;
  const panels = drawn.slice(0, MOST_PANELS).map(({ group, curve }): Panel => {
    const points = curve.x.map((x, i) => `${decimal(x, 2)}: ${decimal(curve.y[i] ?? 0)}`).join(", ");
    return {
      title: groupTitle(group.values),
      subtitle: null,
      chart: decisionChart(
        `Net benefit by threshold probability, ${groupTitle(group.values)}. ${points}`,
        curve,
        STYLES,
      ),
      legend: [],
    };
  });
  const more = drawn.length - panels.length;
  return {
    id: `decision-curve-${index + 1}`,
    caption: `Net benefit for ${dataName(className)} by threshold probability, clean images`,
    note: `Shaded: pointwise interval of the model's net benefit. Dashed line at 0: treating nobody. Curves of different groups differ with prevalence and must not be compared.${more > 0 ? ` ${more} further groups stand in the table alone.` : ""}`,
    legend: [
      { swatch: swatch(STYLES.model), label: "Treating those whom the model calls", detail: null },
      { swatch: swatch(STYLES.all), label: "Treating all", detail: null },
    ],
    panels,
    size: "small",
  };
}

function numbers(study: StudyView, className: string, index: number) {
  const shown: (Finding | undefined)[] = [];
  const row = (group: Group) => {
    const find = (metric: string) => study.find({ metric, class: className, group });
    const [own, beyond] = [find("net-benefit"), find("net-benefit-over-treat-all")];
    shown.push(beyond);
    const { prevalence, "treat-all": all, standardised } = (isMeasured(own) ? own.details : undefined) ?? {};
    const number = (value: unknown, text: (value: number) => string) =>
      typeof value === "number" ? textCell(text(value)) : textCell("—", { muted: true });
    const cell = findingCell(beyond, true);
    const test = shortTest(beyond);
    return {
      header: textCell(group.family === null ? "All patients" : groupValue(group.values)),
      cells: [
        number(prevalence, percent),
        findingCell(own),
        number(standardised, percent),
        number(all, (value) => decimal(value)),
        test === null ? cell : { ...cell, sub: [cell.sub, test].filter((part) => part !== null).join("; ") },
      ],
    };
  };
  const bodies = [
    { heading: null, rows: [row(EVERYBODY)] },
    ...study.families.map(({ groups, name }) => ({ heading: dataName(name), rows: groups.map(row) })),
  ];
  return table({
    id: `net-benefit-${index + 1}`,
    caption: `Net benefit for ${dataName(className)} by group, clean images`,
    note: `Of the best: net benefit over that of a model that calls exactly the ill, which is the prevalence. Treating nobody: 0. ${adjustmentText(shown) ?? ""}`.trim(),
    columns: [
      column("Group"),
      column("Prevalence", true),
      column(metricTitle("net-benefit"), true),
      column("Of the best", true),
      column("Treating all", true),
      column("Beyond treating all", true),
    ],
    bodies,
  });
}
