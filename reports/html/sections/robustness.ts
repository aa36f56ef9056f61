import type { Condition } from "../../../src/core/condition.js";
import { countsLabel, decimal, epsilonText, integer, metricRange, shortHash } from "../../common/format.js";
import { attackTitle, conditionTitle, dataName, groupTitle, metricTitle } from "../../common/names.js";
import { EVERYBODY, type Group, type Series, type StudyView, strength } from "../../common/study.js";
import { type Cell, column, type Figure, findingCell, type Table, table, textCell } from "../blocks.js";
import { strengthChart } from "../charts/strength.js";
import { swatch } from "../charts/style.js";
import { perturbationPictures } from "../pictures/perturbations.js";
import { defineSection, type PageContext } from "../section.js";
import {
  type StrengthGroup,
  stepTitle,
  strengthAxis,
  strengthGroups,
  strengthPoints,
  stylesOf,
  valueAxis,
} from "../strengths.js";

/** What changed images do to the model, without a defense: overall, beside controls, and by subgroup. */
export default defineSection({
  id: "robustness",
  title: "Robustness",
  order: 90,
  view: async (context) => {
    const { study } = context;
    const groups = strengthGroups(study.seriesBehind("none"));
    if (groups.length === 0) return null;
    const blocks = study.classes.flatMap((className, index) =>
      groups.map((group) => classView(study, className, group, `${index + 1}-${group.id}`)),
    );
    return {
      hasControls: study.series.some((series) => !series.searched),
      blocks,
      cost: costTable(context),
      pictures: await perturbationPictures(context.record),
    };
  },
});

function classView(study: StudyView, className: string, group: StrengthGroup, id: string) {
  const point = study.operatingPoints(className)[0]?.id ?? null;
  return {
    heading: study.classes.length > 1 ? `${dataName(className)}, ${group.title}` : null,
    overall: overallFigure(study, className, group, point, id),
    effects: effectTable(study, className, group, point, id),
    byGroup: groupFigure(study, className, group, id),
    drops: group.series
      .filter((series) => series.searched)
      .map((series, place) => dropTable(study, className, series, point, `${id}-${place + 1}`)),
    harm: harmTable(study, className, group, id),
  };
}

/** Decisions and AUC side by side: what one of them hides, the other shows. */
function overallFigure(
  study: StudyView,
  className: string,
  group: StrengthGroup,
  point: string | null,
  id: string,
): Figure {
  const styles = stylesOf(group.series);
  const axis = strengthAxis(group);
  const panel = (metric: string, operatingPoint: string | null, limits: { from: number | null; to: number | null }) => {
    const lines = group.series.map((series) =>
      strengthPoints(study, series, { metric, class: className, operatingPoint }),
    );
    const points = lines.flat();
    if (points.length === 0) return [];
    const { domain, ticks } = valueAxis(metric, points, limits);
    const title = metricTitle(metric);
    const chart = strengthChart({
      label: `${title} against strength: ${describeLines(group.series, lines, metric)}`,
      series: lines.flatMap((line, index) => {
        const style = styles[index];
        return style === undefined || line.length === 0 ? [] : [{ style, points: line }];
      }),
      xTicks: axis.ticks,
      xTitle: axis.title,
      yDomain: domain,
      yTicks: ticks,
      yTitle: title,
      reference: null,
      small: false,
    });
    const subtitle =
      operatingPoint === null ? "all patients" : `at the locked threshold of ${dataName(operatingPoint)}, all patients`;
    return [{ title, subtitle, chart, legend: [] }];
  };
  return {
    id: `strength-${id}`,
    caption: `Decisions and AUC side by side against the strength of the change, ${dataName(className)}, no defense`,
    note: "Vertical bars: intervals. Gray: controls, which ask the model nothing; an attack counts for what it does beyond them.",
    legend: group.series.flatMap((series, index) => {
      const style = styles[index];
      return style === undefined
        ? []
        : [{ swatch: swatch(style), label: attackTitle(series), detail: series.searched ? null : "control" }];
    }),
    panels: [
      ...(point === null ? [] : panel("fooling-rate", point, { from: 0, to: null })),
      ...panel("auc", null, { from: null, to: 1 }),
    ],
    size: "wide",
  };
}

function describeLines(
  series: readonly Series[],
  lines: readonly (readonly { strength: number; value: number }[])[],
  metric: string,
): string {
  return series
    .map((one, index) => {
      const last = lines[index]?.at(-1);
      return last === undefined
        ? `${attackTitle(one)} not estimable`
        : `${attackTitle(one)} ends at ${metricRange(metric, { lower: last.value, upper: last.value }).split("–")[0]}`;
    })
    .join("; ");
}

/** Per strength, every attack and control in one row: AUC and decisions side by side. */
function effectTable(
  study: StudyView,
  className: string,
  group: StrengthGroup,
  point: string | null,
  id: string,
): Table {
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
        ...decisions.slice(0, 1).map((metric) => findingCell(find(metric, point))),
        ...(point === null ? [] : [excessCell(series, excess("fooling-excess", point))]),
        ...decisions.slice(1).map((metric) => findingCell(find(metric, point))),
        findingCell(find("auc", null)),
        findingCell(find("auc-drop", null)),
        excessCell(series, excess("auc-drop-excess", null)),
      ],
    };
  };
  const overall = study.find({ metric: "auc", class: className, group: EVERYBODY });
  return table({
    id: `effects-${id}`,
    caption: `What each attack and control does to ${dataName(className)}, all patients, no defense${overall === undefined ? "" : ` (n = ${integer(overall.n)}: ${integer(overall.positives)} positive, ${integer(overall.negatives)} negative)`}`,
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
  return series.searched ? findingCell(finding) : textCell("", { title: "controls are what attacks are held against" });
}

/** One small panel per group: AUC against strength, attacks and controls. */
function groupFigure(study: StudyView, className: string, group: StrengthGroup, id: string): Figure | null {
  const styles = stylesOf(group.series);
  const axis = strengthAxis(group);
  const groups = study.groups.map((member) => ({
    member,
    lines: group.series.map((series) =>
      strengthPoints(study, series, { metric: "auc", class: className, group: member }),
    ),
  }));
  const all = groups.flatMap(({ lines }) => lines.flat());
  if (all.length === 0) return null;
  const { domain, ticks } = valueAxis("auc", all, { from: null, to: 1 });
  const panels = groups.flatMap(({ member, lines }) => {
    const clean = study.find({ metric: "auc", class: className, group: member });
    if (lines.every((line) => line.length === 0)) return [];
    const title = member.family === null ? "All patients" : groupTitle(member.values);
    return [
      {
        title,
        subtitle: countsLabel(clean),
        chart: strengthChart({
          label: `AUC against strength on ${title}: ${describeLines(group.series, lines, "auc")}`,
          series: lines.flatMap((line, index) => {
            const style = styles[index];
            return style === undefined || line.length === 0 ? [] : [{ style, points: line }];
          }),
          xTicks: axis.ticks,
          xTitle: axis.title.replace(" of the display window", ""),
          yDomain: domain,
          yTicks: ticks,
          yTitle: "AUC",
          reference: { value: 0.5, label: "" },
          small: true,
        }),
        legend: [],
      },
    ];
  });
  return {
    id: `strength-groups-${id}`,
    caption: `AUC of ${dataName(className)} against the strength of the change, by subgroup, no defense`,
    note: "Same scales in every panel; vertical bars: intervals; dashed line: chance (0.5).",
    legend: group.series.flatMap((series, index) => {
      const style = styles[index];
      return style === undefined
        ? []
        : [{ swatch: swatch(style), label: attackTitle(series), detail: series.searched ? null : "control" }];
    }),
    panels,
    size: "small",
  };
}

/** Drop of AUC and decisions changed per group, strengths as columns. */
function dropTable(study: StudyView, className: string, series: Series, point: string | null, id: string): Table {
  const metrics = [
    { metric: "auc-drop", operatingPoint: null },
    ...(point === null ? [] : [{ metric: "fooling-rate", operatingPoint: point }]),
  ];
  const row = (group: Group, { metric, operatingPoint }: (typeof metrics)[number]) => {
    const clean = study.find({ metric: "auc", class: className, group });
    return {
      header: textCell(group.family === null ? "All patients" : groupTitle(group.values), {
        sub: countsLabel(clean),
      }),
      cells: series.conditions.map((condition) =>
        findingCell(study.find({ metric, class: className, group, condition, operatingPoint })),
      ),
    };
  };
  return table({
    id: `drops-${id}`,
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
function harmTable(study: StudyView, className: string, group: StrengthGroup, id: string): Table | null {
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
      const { worst } = gap?.details ?? {};
      return typeof worst === "string"
        ? { ...cell, sub: `${cell.sub ?? ""}; most: ${dataName(worst.replace(/^[^=]*=/, ""))}` }
        : cell;
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

/** Queries, size and quality of every attacked condition. */
function costTable({ record }: PageContext): Table {
  const { attacks } = record.findings;
  return table({
    id: "attack-cost",
    caption: "What each attacked condition cost, and how large the change is as saved",
    note: "L∞ and L2 as shares of the display window, largest over the evaluation images after clipping and rounding to the device's levels. PSNR: mean over the images. Low band: share of the change's energy in the wavelet approximation band.",
    folded: `Queries and sizes of ${integer(attacks.length)} attacked conditions`,
    columns: [
      column("Condition"),
      column("Queries", true),
      column("Largest L∞", true),
      column("Largest L2", true),
      column("Mean PSNR", true),
      column("Low band", true),
      column("Artifact SHA-256"),
    ],
    bodies: [
      {
        heading: null,
        rows: attacks.map((summary) => ({
          header: textCell(conditionTitle(summary.condition)),
          cells: [
            textCell(integer(summary.queries)),
            textCell(epsilonText(summary.maxLinf)),
            textCell(decimal(summary.maxL2, 3)),
            summary.meanPsnr === null ? textCell("—", { muted: true }) : textCell(`${decimal(summary.meanPsnr, 1)} dB`),
            summary.lowBandEnergy === null
              ? textCell("—", { muted: true })
              : textCell(`${decimal(summary.lowBandEnergy * 100, 1)}%`),
            summary.artifactSha256 === null
              ? textCell("none", { muted: true })
              : textCell(shortHash(summary.artifactSha256)),
          ],
        })),
      },
    ],
  });
}
