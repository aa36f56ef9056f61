import { CLEAN, type Condition } from "../../../src/core/condition.js";
import { countsLabel } from "../../common/format.js";
import { attackTitle, dataName, defenseTitle, groupTitle, groupValue, metricTitle } from "../../common/names.js";
import { EVERYBODY, type Group, type Series, type StudyView, strength } from "../../common/study.js";
import { column, type Figure, findingCell, type Panel, type Table, table, textCell } from "../blocks.js";
import { seriesStyle, swatch } from "../charts/style.js";
import { defineSection } from "../section.js";
import { strengthPanel } from "../strength-panel.js";
import { stepTitle, strengthGroups, strengthPoints, valueAxis } from "../strengths.js";

/** What each defense costs on clean images, and what it gives back: to attackers who do not know of it, and who do. */
export default defineSection({
  id: "defenses",
  title: "Defenses",
  order: 100,
  narrows: 1,
  view: ({ study }) => {
    if (!study.isClassifier || study.defenses.length === 0) return null;
    const blocks = study.classes.flatMap((className, index) =>
      study.defenses.map((defense, place) => {
        const id = `${index + 1}-${place + 1}`;
        return {
          heading: study.classes.length > 1 ? `${dataName(defense)}: ${dataName(className)}` : dataName(defense),
          cost: costTable(study, className, defense, id),
          figure: defenseFigure(study, className, defense, id),
          restored: restoredTable(study, className, defense, id),
        };
      }),
    );
    return { blocks };
  },
});

function costTable(study: StudyView, className: string, defense: string, id: string): Table {
  const point = study.operatingPoints(className)[0]?.id ?? null;
  const defended: Condition = { ...CLEAN, defense };
  const row = (group: Group) => {
    const find = (metric: string, condition: Condition, operatingPoint: string | null = null) =>
      study.find({ metric, class: className, group, condition, operatingPoint });
    const clean = find("auc", CLEAN);
    return {
      header: textCell(group.family === null ? "All patients" : groupValue(group.values), {
        sub: countsLabel(clean),
      }),
      cells: [
        findingCell(clean, true),
        findingCell(find("auc", defended), true),
        findingCell(find("auc-drop", defended), true),
        ...(point === null ? [] : [findingCell(find("fooling-rate", defended, point), true)]),
      ],
    };
  };
  return table({
    id: `defense-cost-${id}`,
    caption: `What ${dataName(defense)} costs on clean images, ${dataName(className)}`,
    note: "Under each estimate: its interval. A negative drop is a rise.",
    columns: [
      column("Group"),
      column("AUC without", true),
      column(`AUC with ${dataName(defense)}`, true),
      column("AUC drop", true),
      ...(point === null ? [] : [column("Decisions changed", true)]),
    ],
    bodies: [
      { heading: null, rows: [row(EVERYBODY)] },
      ...study.families.map(({ name, groups }) => ({ heading: dataName(name), rows: groups.map(row) })),
    ],
  });
}

/** The searched attacks, each without the defense, unaware of it, and aware of it. */
function variantsOf(study: StudyView, attack: Series, defense: string): Series[] {
  const same = (other: Series) =>
    other.attack === attack.attack &&
    other.variant === attack.variant &&
    other.objective === attack.objective &&
    other.conditions[0]?.norm === attack.conditions[0]?.norm;
  const behind = study.seriesBehind(defense).filter(same);
  return [attack, ...behind.sort((a, b) => Number(a.adaptive ?? false) - Number(b.adaptive ?? false))];
}

function defenseFigure(study: StudyView, className: string, defense: string, id: string): Figure | null {
  const searched = study.seriesBehind("none").filter((series) => series.searched);
  const panels = searched.flatMap((attack) => defensePanels(study, className, variantsOf(study, attack, defense)));
  if (panels.length === 0) return null;
  const name = dataName(defense);
  const words = ["no defense", `${name}, attacker does not know of it`, `${name}, attacker searches through it`];
  return {
    id: `defense-${id}`,
    caption: `What ${name} gives back, ${dataName(className)}`,
    note: "Vertical bars: intervals. A defense counts for what it withstands when the attacker knows of it.",
    legend: words.map((label, index) => ({ swatch: swatch(seriesStyle(index)), label, detail: null })),
    panels,
    size: "wide",
  };
}

/** Decisions (where there is a threshold) and AUC under one attack, a line for each knowledge of the defense. */
function defensePanels(study: StudyView, className: string, variants: readonly Series[]): Panel[] {
  const [attack] = variants;
  const [group] = strengthGroups(variants);
  if (attack === undefined || group === undefined || variants.length < 2) return [];
  const point = study.operatingPoints(className)[0]?.id ?? null;
  const shown = [
    ...(point === null ? [] : [{ metric: "fooling-rate", operatingPoint: point, limits: { from: 0, to: null } }]),
    { metric: "auc", operatingPoint: null, limits: { from: null, to: 1 } },
  ];
  return shown.flatMap(({ metric, operatingPoint, limits }) => {
    const lines = variants.map((series, index) => ({
      name: defenseTitle(series),
      style: seriesStyle(index),
      points: strengthPoints(study, series, { metric, class: className, operatingPoint }),
    }));
    const points = lines.flatMap((line) => line.points);
    if (points.length === 0) return [];
    const values = valueAxis(metric, points, limits);
    const subtitle = `under ${attackTitle(attack)}, all patients`;
    return [strengthPanel({ title: metricTitle(metric), subtitle, metric, lines, group, values })];
  });
}

/** All attacks and controls, per strength: none, oblivious, adaptive side by side. */
function restoredTable(study: StudyView, className: string, defense: string, id: string): Table | null {
  const attacks = study.seriesBehind("none");
  if (attacks.length === 0) return null;
  const point = study.operatingPoints(className)[0]?.id ?? null;
  const metrics = [
    ...(point === null ? [] : [{ metric: "fooling-rate", operatingPoint: point }]),
    { metric: "auc", operatingPoint: null },
  ];
  const cells = (attack: Series, step: Condition) => {
    const variants = variantsOf(study, attack, defense);
    const at = (wanted: (series: Series) => boolean) =>
      variants.find(wanted)?.conditions.find((condition) => strength(condition) === strength(step));
    const open = at((series) => series.defense === "none");
    const unaware = at((series) => series.defense === defense && series.adaptive !== true);
    const aware = at((series) => series.defense === defense && series.adaptive === true);
    return metrics.flatMap(({ metric, operatingPoint }) =>
      [open, unaware, aware].map((condition, place) => {
        if (condition === undefined) return textCell(place === 2 && !attack.searched ? "" : "—", { muted: true });
        return findingCell(study.find({ metric, class: className, condition, operatingPoint }), true);
      }),
    );
  };
  const counts = countsLabel(study.find({ metric: "auc", class: className }));
  return table({
    id: `defense-restores-${id}`,
    caption: `${dataName(defense)} against every attack and control, ${dataName(className)}, all patients, ${counts}`,
    note: "Under each estimate: its interval. Oblivious: the attack was searched without the defense. Adaptive: it was searched through the defense; controls search nothing.",
    folded: `Every strength: decisions changed and AUC without ${dataName(defense)}, with it unknown to the attacker, and with it known`,
    columns: [
      column("Strength"),
      ...metrics.flatMap(({ metric }) =>
        ["no defense", "oblivious", "adaptive"].map((variant) => column(`${metricTitle(metric)}, ${variant}`, true)),
      ),
    ],
    bodies: attacks.map((attack) => ({
      heading: `${attackTitle(attack)}${attack.searched ? "" : ", control"}`,
      rows: attack.conditions.map((step) => ({
        header: textCell(stepTitle(step), { title: groupTitle({}) }),
        cells: cells(attack, step),
      })),
    })),
  });
}
