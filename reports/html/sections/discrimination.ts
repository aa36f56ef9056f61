import type { Finding } from "../../../src/core/finding.js";
import {
  decimal,
  estimateText,
  inSentence,
  integer,
  intervalText,
  isMeasured,
  listed,
  percent,
} from "../../common/format.js";
import { dataName, groupTitle, groupValue, metricTitle } from "../../common/names.js";
import { EVERYBODY, type Group, type StudyView } from "../../common/study.js";
import { column, type Figure, findingCell, type Panel, table, textCell } from "../blocks.js";
import { rocChart } from "../charts/roc.js";
import { SERIES_STYLES, type SeriesStyle, seriesStyle, swatch } from "../charts/style.js";
import { forest } from "../forest.js";
import { defineSection } from "../section.js";

/** The curve of all patients, in the background of every family's panel. */
const OVERALL: SeriesStyle = { className: "overall", marker: "disc" };

const POINT_METRICS = ["sensitivity", "specificity", "ppv", "npv"] as const;

/** How well the model tells positives from negatives on clean images, overall and by subgroup. */
export default defineSection({
  id: "discrimination",
  title: "Discrimination on clean images",
  order: 70,
  narrows: 4,
  view: ({ record, study }) => {
    const classes = study.classes
      .filter((className) => study.all("auc", className).length > 0)
      .map((className, index) => ({
        heading: study.classes.length > 1 ? dataName(className) : null,
        forest: aucForest(study, className, index),
        roc: rocFigure(study, className, index),
        tables: [
          ...metricTables(study, className, index),
          ...decisionTables(study, className, index),
          ...areaTable(study, className, index),
        ],
      }));
    if (classes.length === 0) return null;
    const { classes: all } = record.protocol.model;
    return { overview: all.length > study.classes.length ? overviewTable(study, all) : null, classes };
  },
});

/** Every class in one line, where the page has no room for the groups of each. */
function overviewTable(study: StudyView, classes: readonly string[]) {
  const points = [...new Set(study.record.findings.operatingPoints.map(({ id }) => id))];
  const at = (className: string, metric: string, operatingPoint: string) =>
    findingCell(study.find({ metric, class: className, operatingPoint }), true);
  const lowest = (className: string) => {
    const groups = study.all("auc", className).filter((one) => one.family !== null && isMeasured(one));
    return groups.toSorted((a, b) => (a.estimate ?? 1) - (b.estimate ?? 1))[0];
  };
  const lowestCell = (finding: Finding | undefined) => ({
    ...findingCell(finding, true),
    ...(finding === undefined ? {} : { sub: `${intervalText(finding)}, ${groupTitle(finding.subgroup)}` }),
  });
  return table({
    id: "all-classes",
    caption: "All classes: all patients, clean images",
    columns: [
      column("Class"),
      column("n (+ / −)", true),
      column("AUC", true),
      column("Lowest AUC of a group", true),
      ...points.flatMap((id) => [
        column(`Sensitivity at ${dataName(id)}`, true),
        column(`Specificity at ${dataName(id)}`, true),
      ]),
    ],
    bodies: [
      {
        heading: null,
        rows: classes.map((className) => ({
          header: textCell(dataName(className)),
          cells: [
            countCell(study.find({ metric: "auc", class: className })),
            findingCell(study.find({ metric: "auc", class: className }), true),
            lowestCell(lowest(className)),
            ...points.flatMap((id) => [at(className, "sensitivity", id), at(className, "specificity", id)]),
          ],
        })),
      },
    ],
  });
}

function aucForest(study: StudyView, className: string, index: number) {
  const overall = study.find({ metric: "auc", class: className });
  const row = (group: Group) => ({
    label: group.family === null ? "All patients" : groupValue(group.values),
    finding: study.find({ metric: "auc", class: className, group }),
  });
  return forest({
    id: `auc-forest-${index + 1}`,
    caption: `AUC of ${dataName(className)} by subgroup, clean images`,
    note: `Square: estimate. Bar: interval. Dashed line: all patients. n (+ / −): images (positive / negative).`,
    measure: "AUC",
    reference: isMeasured(overall) ? overall.estimate : null,
    include: [1],
    bodies: [
      { heading: null, rows: [row(EVERYBODY)] },
      ...study.families.map(({ name, groups }) => ({ heading: dataName(name), rows: groups.map(row) })),
    ],
  });
}

/** One panel per family; families with more groups than can be told apart are spread over several panels. */
function rocFigure(study: StudyView, className: string, index: number): Figure | null {
  const families = study.families.length > 0 ? study.families : [{ name: "All patients", groups: [EVERYBODY] }];
  const panels = families.flatMap(({ name, groups }) =>
    chunks(groups, SERIES_STYLES).flatMap((chunk) => rocPanel(study, className, name, chunk)),
  );
  if (panels.length === 0) return null;
  const points = study.operatingPoints(className).map((point) => dataName(point.id));
  return {
    id: `roc-${index + 1}`,
    caption: `ROC curves of ${dataName(className)} by subgroup, clean images`,
    note:
      "Shaded: pointwise interval. " +
      (points.length === 0 ? "" : `Marker on a curve: the locked operating point (${listed(points)}) in that group. `) +
      "Gray line: all patients. Dashed diagonal: chance.",
    legend: [],
    panels,
    size: "medium",
  };
}

function rocPanel(study: StudyView, className: string, name: string, groups: readonly Group[]): Panel[] {
  const drawn = groups.flatMap((group, place) => {
    const auc = study.find({ metric: "auc", class: className, group });
    return auc?.curve === undefined ? [] : [{ group, auc, curve: auc.curve, style: seriesStyle(place) }];
  });
  if (drawn.length === 0) return [];
  const overall = study.find({ metric: "auc", class: className })?.curve;
  const isAlone = drawn.every(({ group }) => group.family === null);
  const background =
    overall === undefined || isAlone ? [] : [{ style: OVERALL, curve: overall, points: [], withBand: false }];
  const series = drawn.map(({ group, curve, style }) => ({
    style,
    curve,
    points: operatingPointsOf(study, className, group),
    withBand: true,
  }));
  const label = `ROC curves: ${drawn.map(({ group, auc }) => `${groupTitle(group.values)}: AUC ${inSentence(auc)}`).join("; ")}`;
  return [
    {
      title: dataName(name),
      subtitle: null,
      chart: rocChart(label, [...background, ...series]),
      legend: drawn.map(({ group, auc, style }) => ({
        swatch: swatch(style),
        label: groupValue(group.values),
        detail: `${estimateText(auc)} (${intervalText(auc) ?? "no interval"}), n = ${integer(auc.n)}`,
      })),
    },
  ];
}

function operatingPointsOf(study: StudyView, className: string, group: Group) {
  return study.operatingPoints(className).flatMap((point) => {
    const at = (metric: string) => study.find({ metric, class: className, group, operatingPoint: point.id });
    const [sensitivity, specificity] = [at("sensitivity"), at("specificity")];
    if (!isMeasured(sensitivity) || !isMeasured(specificity)) return [];
    return [{ x: 1 - specificity.estimate, y: sensitivity.estimate }];
  });
}

/** One table per operating point; without any, AUC alone. */
function metricTables(study: StudyView, className: string, index: number) {
  const points = study.operatingPoints(className);
  const variants = points.length === 0 ? [null] : points;
  return variants.map((point, place) => {
    const metrics = point === null ? [] : POINT_METRICS.filter((metric) => exists(study, className, metric, point.id));
    const row = (group: Group) => {
      const auc = study.find({ metric: "auc", class: className, group });
      const at = (metric: string) => study.find({ metric, class: className, group, operatingPoint: point?.id ?? null });
      return {
        header: textCell(group.family === null ? "All patients" : groupValue(group.values)),
        cells: [countCell(auc), findingCell(auc, true), ...metrics.map((metric) => findingCell(at(metric), true))],
      };
    };
    const threshold = point === null || point.threshold === null ? "" : ` (threshold ${decimal(point.threshold, 4)})`;
    const title = point === null ? "AUC" : `Results at the operating point ${dataName(point.id)}${threshold}`;
    return table({
      id: `results-${index + 1}-${place + 1}`,
      caption: `${title} for ${dataName(className)}, by subgroup, clean images`,
      note: "Under each estimate: its interval. PPV and NPV hold for the prevalence of this evaluation set.",
      columns: [
        column("Group"),
        column("n (+ / −)", true),
        column("AUC", true),
        ...metrics.map((metric) => column(metricTitle(metric), true)),
      ],
      bodies: [
        { heading: null, rows: [row(EVERYBODY)] },
        ...study.families.map(({ name, groups }) => ({ heading: dataName(name), rows: groups.map(row) })),
      ],
    });
  });
}

/** What else rests on the order of the scores, folded away: the part of the curve at high specificity, and precision. */
function areaTable(study: StudyView, className: string, index: number) {
  const all = study.find({ metric: "average-precision", class: className });
  if (all === undefined) return [];
  const range = rangeText(study.all("partial-auc", className).find(isMeasured)?.details);
  const row = (group: Group) => {
    const find = (metric: string) => study.find({ metric, class: className, group });
    const precision = find("average-precision");
    const prevalence = precision?.details?.prevalence;
    return {
      header: textCell(group.family === null ? "All patients" : groupValue(group.values)),
      cells: [
        countCell(precision),
        typeof prevalence === "number" ? textCell(percent(prevalence)) : textCell("—", { muted: true }),
        findingCell(precision, true),
        findingCell(find("partial-auc"), true),
      ],
    };
  };
  const title = `Average precision and partial AUC of ${dataName(className)}, by subgroup, clean images`;
  return [
    table({
      id: `areas-${index + 1}`,
      caption: title,
      note: `Scores that know nothing have an average precision of about the prevalence: do not compare it between groups of different prevalence. Partial AUC: standardised${range}; 0.500 is chance.`,
      folded: title,
      columns: [
        column("Group"),
        column("n (+ / −)", true),
        column("Prevalence", true),
        column("Average precision", true),
        column("Partial AUC", true),
      ],
      bodies: [
        { heading: null, rows: [row(EVERYBODY)] },
        ...study.families.map(({ name, groups }) => ({ heading: dataName(name), rows: groups.map(row) })),
      ],
    }),
  ];
}

/** ", specificity 0.900 to 1.000". */
function rangeText(details: Finding["details"]): string {
  const { rate, low, high } = details ?? {};
  if (typeof rate !== "string" || typeof low !== "number" || typeof high !== "number") return "";
  return `, ${rate} ${decimal(low)} to ${decimal(high)}`;
}

const DECISION_METRICS = [
  "likelihood-ratio-positive",
  "likelihood-ratio-negative",
  "ppv-at-prevalence",
  "npv-at-prevalence",
  "youden-index",
  "mcc",
] as const;

/** What a call means for a patient, one table per operating point. */
function decisionTables(study: StudyView, className: string, index: number) {
  return study.operatingPoints(className).flatMap((point, place) => {
    const metrics = DECISION_METRICS.filter((metric) => exists(study, className, metric, point.id));
    if (metrics.length === 0) return [];
    const at = (metric: string, group: Group) =>
      study.find({ metric, class: className, group, operatingPoint: point.id });
    const prevalence = at("ppv-at-prevalence", EVERYBODY)?.details?.prevalence;
    const row = (group: Group) => ({
      header: textCell(group.family === null ? "All patients" : groupValue(group.values)),
      cells: metrics.map((metric) => boundedCell(at(metric, group))),
    });
    const titleOf = (metric: string) =>
      metric.endsWith("-at-prevalence") && typeof prevalence === "number"
        ? `${metric.slice(0, 3).toUpperCase()} at ${percent(prevalence)}`
        : metricTitle(metric);
    const ratios = "LR+ and LR−: the factors by which a positive and a negative call change the odds of disease.";
    const stated =
      typeof prevalence === "number"
        ? ` PPV and NPV: at the stated prevalence of ${percent(prevalence)}, if sensitivity and specificity are the same there.`
        : "";
    return [
      table({
        id: `decisions-${index + 1}-${place + 1}`,
        caption: `What a decision at ${dataName(point.id)} means for a patient, ${dataName(className)}, by subgroup, clean images`,
        note: `${ratios}${stated} MCC depends on the prevalence in each group.`,
        columns: [column("Group"), ...metrics.map((metric) => column(titleOf(metric), true))],
        bodies: [
          { heading: null, rows: [row(EVERYBODY)] },
          ...study.families.map(({ name, groups }) => ({ heading: dataName(name), rows: groups.map(row) })),
        ],
      }),
    ];
  });
}

/** A ratio that divides by 0 has no estimate, but a lower limit. */
function boundedCell(finding: Finding | undefined) {
  const lower = finding?.status === "not-estimable" ? finding.details?.["lower-limit"] : undefined;
  if (typeof lower !== "number") return findingCell(finding, true);
  return textCell(`> ${decimal(lower, 1)}`, { sub: "no upper limit", title: finding?.reason ?? null });
}

function exists(study: StudyView, className: string, metric: string, operatingPoint: string): boolean {
  return study.all(metric, className).some((one) => one.operatingPoint === operatingPoint);
}

function countCell(finding: Finding | undefined) {
  if (finding === undefined) return textCell("—", { muted: true });
  if (finding.status === "suppressed") return textCell("hidden", { muted: true });
  return textCell(integer(finding.n), { sub: `${integer(finding.positives)} / ${integer(finding.negatives)}` });
}

function chunks<Value>(values: readonly Value[], size: number): Value[][] {
  const count = Math.ceil(values.length / size);
  return Array.from({ length: count }, (_, index) => values.slice(index * size, (index + 1) * size));
}
