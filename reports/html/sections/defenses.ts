import { CLEAN, type Condition } from "../../../src/core/condition.js";
import { countsLabel, decimal } from "../../common/format.js";
import { attackTitle, dataName, defenseTitle, groupTitle, groupValue, metricTitle } from "../../common/names.js";
import { EVERYBODY, type Group, type Series, type StudyView, strength } from "../../common/study.js";
import { column, type Figure, findingCell, type Table, table, textCell } from "../blocks.js";
import { strengthChart } from "../charts/strength.js";
import { seriesStyle, swatch } from "../charts/style.js";
import { defineSection } from "../section.js";
import { stepTitle, strengthAxis, strengthGroups, strengthPoints, valueAxis } from "../strengths.js";

/** What each defense costs on clean images, and what it gives back: to attackers who do not know of it, and who do. */
export default defineSection({
  id: "defenses",
  title: "Defenses",
  order: 100,
  view: ({ study }) => {
    if (study.defenses.length === 0) return null;
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
        findingCell(clean),
        findingCell(find("auc", defended)),
        findingCell(find("auc-drop", defended)),
        ...(point === null ? [] : [findingCell(find("fooling-rate", defended, point))]),
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
  const point = study.operatingPoints(className)[0]?.id ?? null;
  const metric = point === null ? "auc" : "fooling-rate";
  const searched = study.seriesBehind("none").filter((series) => series.searched);
  const panels = searched.flatMap((attack) => {
    const variants = variantsOf(study, attack, defense);
    const [group] = strengthGroups(variants);
    if (variants.length < 2 || group === undefined) return [];
    return [metric, ...(metric === "auc" ? [] : ["auc"])].flatMap((shown) => {
      const operatingPoint = shown === "fooling-rate" ? point : null;
      const lines = variants.map((series) =>
        strengthPoints(study, series, { metric: shown, class: className, operatingPoint }),
      );
      const points = lines.flat();
      if (points.length === 0) return [];
      const axis = strengthAxis(group);
      const limits = shown === "auc" ? { from: null, to: 1 } : { from: 0, to: null };
      const { domain, ticks } = valueAxis(shown, points, limits);
      const chart = strengthChart({
        label: `${metricTitle(shown)} under ${attackTitle(attack)}: ${variants
          .map(
            (series, index) => `${defenseTitle(series)} ends at ${decimal(lines[index]?.at(-1)?.value ?? Number.NaN)}`,
          )
          .join("; ")}`,
        series: lines.flatMap((line, index) =>
          line.length === 0 ? [] : [{ style: seriesStyle(index), points: line }],
        ),
        xTicks: axis.ticks,
        xTitle: axis.title,
        yDomain: domain,
        yTicks: ticks,
        yTitle: metricTitle(shown),
        reference: null,
        small: false,
      });
      return [{ title: metricTitle(shown), subtitle: `under ${attackTitle(attack)}, all patients`, chart, legend: [] }];
    });
  });
  if (panels.length === 0) return null;
  const words = [
    "no defense",
    `${dataName(defense)}, attacker does not know of it`,
    `${dataName(defense)}, attacker searches through it`,
  ];
  return {
    id: `defense-${id}`,
    caption: `What ${dataName(defense)} gives back, ${dataName(className)}`,
    note: "Vertical bars: intervals. A defense counts for what it withstands when the attacker knows of it.",
    legend: words.map((label, index) => ({ swatch: swatch(seriesStyle(index)), label, detail: null })),
    panels,
    size: "wide",
  };
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
        return findingCell(study.find({ metric, class: className, condition, operatingPoint }));
      }),
    );
  };
  return table({
    id: `defense-restores-${id}`,
    caption: `${dataName(defense)} against every attack and control, ${dataName(className)}, all patients`,
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
