import type { Finding } from "../../../src/core/finding.js";
import { decimal, inSentence, integer, isMeasured, percent } from "../../common/format.js";
import { dataName, groupTitle, groupValue, metricTitle } from "../../common/names.js";
import { EVERYBODY, type Group, type StudyView } from "../../common/study.js";
import { adjustmentText, shortTest } from "../../common/tests.js";
import { type Cell, column, type Figure, findingCell, type Panel, table, textCell } from "../blocks.js";
import { reliabilityChart } from "../charts/reliability.js";
import { SERIES_STYLES, seriesStyle, swatch } from "../charts/style.js";
import { defineSection } from "../section.js";

const MAIN = ["calibration-intercept", "calibration-slope", "observed-expected", "brier", "ece"] as const;

/** Whether the probabilities mean what they say: overall, by group, and what a recalibration would gain. */
export default defineSection({
  id: "calibration",
  title: "Calibration on clean images",
  order: 76,
  narrows: 1,
  view: ({ study }) => {
    const classes = study.classes.flatMap((className, index) => {
      const all = study.find({ metric: "brier", class: className });
      if (all === undefined) return [];
      return [
        {
          heading: study.classes.length > 1 ? dataName(className) : null,
          words: words(study, className, all),
          figure: all.status === "not-applicable" ? null : figure(study, className, index),
          table: all.status === "not-applicable" ? null : numbers(study, className, index),
        },
      ];
    });
    return classes.length === 0 ? null : { classes };
  },
});

/** The averages in plain words, and whether recalibration would help. */
function words(study: StudyView, className: string, all: Finding): string {
  if (all.status === "not-applicable") return `Not applicable: ${all.reason ?? ""}.`;
  const ratio = study.find({ metric: "observed-expected", class: className });
  const { expected, observed } = ratio?.details ?? {};
  const averages =
    typeof expected === "number" && typeof observed === "number"
      ? `On average the model says ${percent(expected)}; ${percent(observed)} of these images are positive for ${dataName(className)}. `
      : "";
  const gain = study.find({ metric: "brier-recalibration-gain", class: className });
  if (gain === undefined || !isMeasured(gain) || gain.interval === null) return averages.trim();
  const helps =
    gain.interval.lower > 0 ? "would lower" : gain.interval.upper < 0 ? "would raise" : "would not clearly change";
  return `${averages}A recalibration learnt on the tuning patients ${helps} the Brier score: gain ${inSentence(gain)}.`;
}

/** All patients with intervals, then the groups family by family. */
function figure(study: StudyView, className: string, index: number): Figure | null {
  const curveOf = (group: Group) => study.find({ metric: "brier", class: className, group })?.curve;
  const overall = curveOf(EVERYBODY);
  if (overall === undefined) return null;
  const panel = (title: string, groups: readonly Group[], withBars: boolean): Panel[] => {
    const drawn = groups.flatMap((group, place) => {
      const curve = curveOf(group);
      return curve === undefined || curve.x.length === 0 ? [] : [{ group, curve, style: seriesStyle(place), withBars }];
    });
    if (drawn.length === 0) return [];
    const label = drawn
      .map(({ curve, group }) => {
        const points = curve.x.map((x, i) => `${decimal(x, 2)} → ${decimal(curve.y[i] ?? 0, 2)}`);
        return `${groupTitle(group.values)}: ${points.join(", ")}`;
      })
      .join("; ");
    return [
      {
        title,
        subtitle: null,
        chart: reliabilityChart(`Share of positives by mean probability. ${label}`, drawn),
        legend: drawn.map(({ curve, group, style }) => ({
          swatch: swatch(style),
          label: group.family === null ? "All patients" : groupValue(group.values),
          detail: `n in bins: ${(curve.n ?? []).map(integer).join(", ")}`,
        })),
      },
    ];
  };
  return {
    id: `reliability-${index + 1}`,
    caption: `Reliability of the probabilities of ${dataName(className)}, clean images`,
    note: "Dashed diagonal: the probabilities are right. Bars: intervals of the share of positives. Bins of equal width; those with fewer than 10 samples are not drawn.",
    legend: [],
    panels: [
      ...panel("All patients", [EVERYBODY], true),
      ...study.families
        .filter(({ groups }) => groups.length <= SERIES_STYLES)
        .flatMap(({ groups, name }) => panel(dataName(name), groups, false)),
    ],
    size: "medium",
  };
}

function numbers(study: StudyView, className: string, index: number) {
  const shown: (Finding | undefined)[] = [];
  const row = (group: Group) => {
    const find = (metric: string) => study.find({ metric, class: className, group });
    const cells = MAIN.map((metric) => {
      const finding = find(metric);
      shown.push(finding);
      return metric === "calibration-intercept" || metric === "calibration-slope"
        ? tested(finding)
        : findingCell(finding);
    });
    return { header: textCell(group.family === null ? "All patients" : groupValue(group.values)), cells };
  };
  return table({
    id: `calibration-${index + 1}`,
    caption: `Calibration of ${dataName(className)} by group, clean images`,
    note: `Ideal: intercept 0, slope 1, observed over expected 1. Tests: that the intercept is 0, that the slope is 1. ECE is biased upward. ${adjustmentText(shown) ?? ""}`.trim(),
    columns: [column("Group"), ...MAIN.map((metric) => column(metricTitle(metric), true))],
    bodies: [
      { heading: null, rows: [row(EVERYBODY)] },
      ...study.families.map(({ groups, name }) => ({ heading: dataName(name), rows: groups.map(row) })),
    ],
  });
}

function tested(finding: Finding | undefined): Cell {
  const cell = findingCell(finding);
  const test = shortTest(finding);
  return test === null ? cell : { ...cell, sub: [cell.sub, test].filter((part) => part !== null).join("; ") };
}
