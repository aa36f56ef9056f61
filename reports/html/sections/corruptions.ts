import { countsLabel, isMeasured } from "../../common/format.js";
import { attackTitle, dataName, groupTitle } from "../../common/names.js";
import { EVERYBODY, type Series, type StudyView } from "../../common/study.js";
import { type Cell, column, type Figure, findingCell, type Panel, type Table, table, textCell } from "../blocks.js";
import { seriesStyle } from "../charts/style.js";
import { defineSection } from "../section.js";
import { strengthPanel } from "../strength-panel.js";
import { strengthGroups, strengthPoints, valueAxis } from "../strengths.js";

/** What noise, blur, wrong windows and the like cost, without anybody attacking. */
export default defineSection({
  id: "corruptions",
  title: "Corruptions",
  order: 95,
  narrows: 1,
  view: ({ study }) => {
    const corruptions = study
      .seriesBehind("none")
      .filter((series) => series.conditions.every(({ severity }) => severity !== undefined));
    if (!study.isClassifier || corruptions.length === 0) return null;
    return {
      blocks: study.classes.map((className, index) => ({
        heading: study.classes.length > 1 ? dataName(className) : null,
        figure: corruptionFigure(study, className, corruptions, index + 1),
        errors: errorTable(study, className, corruptions, index + 1),
      })),
    };
  },
});

/** A small panel for each corruption, on one scale: AUC against severity. */
function corruptionFigure(
  study: StudyView,
  className: string,
  corruptions: readonly Series[],
  place: number,
): Figure | null {
  const lines = corruptions.map((series) => ({
    series,
    points: strengthPoints(study, series, { metric: "auc", class: className }),
  }));
  const points = lines.flatMap((line) => line.points);
  if (points.length === 0) return null;
  const values = valueAxis("auc", points, { from: null, to: 1 });
  const panels = lines.flatMap(({ series, points: own }): Panel[] => {
    const [group] = strengthGroups([series]);
    if (group === undefined || own.length === 0) return [];
    const line = { name: attackTitle(series), style: seriesStyle(0), points: own };
    const options = { subtitle: null, metric: "auc", lines: [line], group, values, small: true };
    return [strengthPanel({ title: attackTitle(series), ...options })];
  });
  return {
    id: `corruptions-${place}`,
    caption: `AUC of ${dataName(className)} against the severity of each corruption, all patients, no defense`,
    note: "Same scale in every panel; severity 0 is the clean image; vertical bars: intervals.",
    legend: [],
    panels,
    size: "small",
  };
}

function errorTable(study: StudyView, className: string, corruptions: readonly Series[], place: number): Table | null {
  const point = study.operatingPoints(className)[0]?.id ?? null;
  if (point === null) return null;
  const find = (series: Series, metric: string, group = EVERYBODY) => {
    const condition = series.conditions.at(-1);
    if (condition === undefined) return undefined;
    return study.find({ metric, class: className, group, condition, operatingPoint: point });
  };
  /** The group whose errors grow most: a lead, not a test. */
  const worst = (series: Series): Cell => {
    const groups = study.groups
      .filter((group) => group.family !== null)
      .flatMap((group) => {
        const finding = find(series, "relative-corruption-error", group);
        return isMeasured(finding) ? [{ group, finding }] : [];
      });
    const [first, ...others] = groups;
    if (first === undefined) return textCell("—", { muted: true });
    const most = others.reduce((kept, one) => (one.finding.estimate > kept.finding.estimate ? one : kept), first);
    const cell = findingCell(most.finding);
    return { ...cell, text: `${groupTitle(most.group.values)}: ${cell.text}` };
  };
  const counts = countsLabel(study.find({ metric: "auc", class: className, group: EVERYBODY }));
  return table({
    id: `corruption-errors-${place}`,
    caption: `Wrong decisions at the locked threshold of ${dataName(point)} over all severities, ${dataName(className)}, all patients${counts === null ? "" : `, ${counts}`}`,
    note: "In relation to clean images: 1 costs nothing, 1.5 is half as many wrong decisions again. The group that suffers most is a lead for further study; it is the largest of many, and so overstated.",
    columns: [
      column("Corruption"),
      column("Severities"),
      column("Wrong decisions", true),
      column("… over clean images", true),
      column("Most, among groups", true),
    ],
    bodies: [
      {
        heading: null,
        rows: corruptions.map((series) => ({
          header: textCell(attackTitle(series)),
          cells: [
            textCell(series.conditions.map(({ severity }) => severity).join(", ")),
            findingCell(find(series, "corruption-error"), true),
            findingCell(find(series, "relative-corruption-error"), true),
            worst(series),
          ],
        })),
      },
    ],
  });
}
