import { conditionKey } from "../../../src/core/condition.js";
import type { Explorer, ExplorerClass, ExplorerTable, ThresholdCounts } from "../../../src/core/explorer.js";
import { criticalValue } from "../../../src/stats/normal.js";
import { integer, levelText, listed } from "../../common/format.js";
import { conditionTitle, dataName, groupValue } from "../../common/names.js";
import { column, type Row, table, textCell } from "../blocks.js";
import { cellsOf } from "../explorer/cells.js";
import { type Payload, packedGroup } from "../explorer/payload.js";
import { thresholdText } from "../explorer/search.js";
import { defineSection } from "../section.js";

/** As many characters of counts as leave the page room for its findings. */
const BUDGET = 120_000;

/**
 * What other thresholds would have done: the locked points as tables, complete on paper and without a script; with one, controls
 * that move the threshold. All of it comes from counts (`explorer.json`), none from a score.
 */
export default defineSection({
  id: "explorer",
  title: "Operating-point explorer",
  order: 72,
  narrows: 2,
  view: ({ record: { explorer, findings }, room, study }) => {
    if (explorer === undefined || !study.isClassifier) return null;
    const classes = explorer.classes.filter(
      ({ class: name, points }) => points.length > 0 && study.classes.includes(name),
    );
    if (classes.length === 0) {
      const isAsked = findings.operatingPoints.length > 0 && explorer.reason !== null;
      return isAsked ? { missing: explorer.reason } : null;
    }
    const z = criticalValue(explorer.level);
    const { payload, conditions, thinned } = payloadOf(classes, z, Math.min(BUDGET, room / 2));
    const several = classes.length > 1;
    const tables = classes.flatMap((of, index) =>
      of.points.map((point, place) => lockedTable(explorer, of, point, [index, place], z, several)),
    );
    const grids = classes.map(({ thresholds }) => Math.ceil(thresholds.length / thinned));
    const names = [...new Set(classes.flatMap(({ points }) => points.map(({ id }) => dataName(id))))];
    return {
      missing: null,
      level: levelText(explorer.level),
      isApproximate: classes.some(({ tables: all }) => all.some(({ groups }) => groups.some(isApproximate))),
      grid:
        Math.min(...grids) === Math.max(...grids) ? `${grids[0]}` : `${Math.min(...grids)} to ${Math.max(...grids)}`,
      classes: several ? classes.map(({ class: name }) => dataName(name)) : null,
      conditions: conditions.length > 1 ? conditions.map(({ condition }) => conditionTitle(condition)) : null,
      left: leftOut(explorer, classes, conditions.length),
      points: listed(names),
      hasSeveral: names.length > 1,
      tables,
      // In a data block only `<` can end the block or begin a comment.
      data: JSON.stringify(payload).replaceAll("<", "\\u003c"),
    };
  },
});

function isApproximate(group: ThresholdCounts | null): boolean {
  return group !== null && (group.clustered === "withheld" || group.reference?.shared === "withheld");
}

/** "12 further conditions", or null. */
function leftOut({ omitted }: Explorer, classes: readonly ExplorerClass[], shown: number): string | null {
  const further = omitted.length + Math.max(0, ...classes.map(({ tables }) => tables.length)) - shown;
  return further > 0 ? integer(further) : null;
}

/**
 * Clean counts of all classes, on a grid that is thinned until they fit; then further conditions while they fit. A locked point
 * is never thinned away.
 */
function payloadOf(classes: readonly ExplorerClass[], z: number, most: number) {
  const conditions = Math.max(...classes.map(({ tables }) => tables.length));
  let every = 1;
  let kept = keptOf(classes, every);
  let columns = [columnOf(classes, kept, 0)];
  while (sizeOf(columns) > most && every < 64) {
    every *= 2;
    kept = keptOf(classes, every);
    columns = [columnOf(classes, kept, 0)];
  }
  for (let index = 1; index < conditions; index++) {
    const next = columnOf(classes, kept, index);
    if (sizeOf([...columns, next]) > most) break;
    columns.push(next);
  }
  const payload: Payload = {
    z,
    classes: classes.map(({ class: name, points, thresholds }, index) => {
      const places = kept[index] as readonly number[];
      return {
        name: dataName(name),
        thresholds: places.map((place) => thresholds[place] as number),
        points: points.map(({ id, place }) => ({ name: dataName(id), place: places.indexOf(place) })),
        tables: columns.map((column) => column[index] ?? []),
      };
    }),
  };
  return { payload, conditions: (classes[0]?.tables ?? []).slice(0, columns.length), thinned: every };
}

/** The places of each class's grid that the page keeps. */
function keptOf(classes: readonly ExplorerClass[], every: number): readonly (readonly number[])[] {
  return classes.map(({ points, thresholds }) =>
    thresholds.flatMap((_, place) =>
      place % every === 0 || points.some((point) => point.place === place) ? [place] : [],
    ),
  );
}

/** One condition of all classes, packed. */
function columnOf(classes: readonly ExplorerClass[], kept: readonly (readonly number[])[], index: number) {
  return classes.map(({ tables }, at) =>
    (tables[index]?.groups ?? []).map((group) =>
      group === null ? null : packedGroup(thinnedGroup(group, kept[at] as readonly number[])),
    ),
  );
}

function sizeOf(columns: readonly unknown[]): number {
  return JSON.stringify(columns).length;
}

/** The group's counts at some places alone. */
function thinnedGroup(group: ThresholdCounts, places: readonly number[]): ThresholdCounts {
  const thin = <Of extends object>(of: Of): Of =>
    Object.fromEntries(
      Object.entries(of).map(([name, value]) => [name, Array.isArray(value) ? places.map((at) => value[at]) : value]),
    ) as Of;
  const { clustered, reference } = group;
  const shared = reference?.shared ?? null;
  return {
    ...thin(group),
    clustered: clustered === null || clustered === "withheld" ? clustered : thin(clustered),
    reference:
      reference === null
        ? null
        : { ...reference, shared: shared === null || shared === "withheld" ? shared : thin(shared) },
  };
}

const COLUMNS = [
  column("Group"),
  ...["TP", "FN", "TN", "FP", "Sensitivity", "Difference", "Specificity", "Difference", "PPV", "NPV"].map((label) =>
    column(label, true),
  ),
];

/** One locked point on clean images, group by group. */
function lockedTable(
  { groups }: Explorer,
  of: ExplorerClass,
  point: { readonly id: string; readonly place: number },
  [index, place]: readonly [number, number],
  z: number,
  several: boolean,
) {
  const clean = of.tables[0] as ExplorerTable;
  const row = (at: number): Row => ({
    header: textCell(groups[at]?.family === null ? "All patients" : groupValue(groups[at]?.subgroup ?? {})),
    cells: cellsOf(clean.groups, at, point.place, null, z).map(({ text, sub }) =>
      textCell(text, { sub, muted: !/^[−\d]/.test(text) }),
    ),
  });
  const bodies = new Map<string | null, Row[]>();
  groups.forEach(({ family }, at) => {
    bodies.set(family, [...(bodies.get(family) ?? []), row(at)]);
  });
  const about = several ? ` about ${dataName(of.class)}` : "";
  const threshold = thresholdText(of.thresholds[point.place] as number);
  const title = `Decisions${about} at threshold ${threshold}, ${conditionKey(clean.condition)}: the locked operating point ${dataName(point.id)}`;
  return table({
    id: `explorer-locked-${index + 1}-${place + 1}`,
    caption: title,
    folded: index + place > 0 ? title : null,
    columns: COLUMNS,
    bodies: [...bodies].map(([family, rows]) => ({ heading: family === null ? null : dataName(family), rows })),
  });
}
