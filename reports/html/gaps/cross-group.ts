import { type Finding, subgroupKey } from "../../../src/core/finding.js";
import { isMeasured } from "../../common/format.js";
import { dataName, groupValue } from "../../common/names.js";
import type { Group, StudyView } from "../../common/study.js";
import { type Cell, column, findingCell, type Table, table, textCell } from "../blocks.js";

/** Areas against the background, and the matrix of each family: empty where they were not audited. */
export function crossGroupTables(study: StudyView, className: string, id: string): Table[] {
  const matrices = study.families.flatMap(({ name, groups }, place) => {
    const made = matrixTable(study, className, name, groups, `${id}-matrix-${place + 1}`);
    return made === null ? [] : [made];
  });
  const background = backgroundTable(study, className, id);
  return background === null ? matrices : [background, ...matrices];
}

function backgroundTable(study: StudyView, className: string, id: string): Table | null {
  const metrics = ["auc", "bpsn-auc", "bnsp-auc", "positive-aeg", "negative-aeg"];
  if (study.all("bpsn-auc", className).length === 0) return null;
  const title = `Ranking against the background for ${dataName(className)}, clean images`;
  return table({
    id,
    caption: title,
    note: "The background: everybody outside the group. BPSN: background positives against the group's negatives; low where the group's healthy are mistaken for ill. BNSP: the group's positives against background negatives; low where the group's ill are missed. Equality gaps: the chance that the group's positives (negatives) score higher than the background's, less one half.",
    folded: title,
    columns: [
      column("Group"),
      column("Own AUC", true),
      column("BPSN", true),
      column("BNSP", true),
      column("Gap of positives", true),
      column("Gap of negatives", true),
    ],
    bodies: study.families.map(({ name, groups }) => ({
      heading: dataName(name),
      rows: groups.map((group) => ({
        header: textCell(groupValue(group.values)),
        cells: metrics.map((metric) => findingCell(study.find({ metric, class: className, group }))),
      })),
    })),
  });
}

/** Positives of the row's group against negatives of the column's; the groups' own areas stand on the diagonal. */
function matrixTable(
  study: StudyView,
  className: string,
  family: string,
  groups: readonly Group[],
  id: string,
): Table | null {
  const found = study.all("xauc", className).filter((one) => one.family === family);
  if (found.length === 0) return null;
  const keyOf = (row: Group, of: Group) => `${subgroupKey(row.values)} ${subgroupKey(of.values)}`;
  const pairs = new Map<string, Finding>(
    found.map((one) => [`${subgroupKey(one.subgroup)} ${subgroupKey(one.reference ?? {})}`, one]),
  );
  const at = (row: Group, of: Group) =>
    row === of ? study.find({ metric: "auc", class: className, group: row }) : pairs.get(keyOf(row, of));
  const values = groups.flatMap((row) =>
    groups.flatMap((of) => {
      const one = at(row, of);
      return isMeasured(one) ? [one.estimate] : [];
    }),
  );
  const shaded = (cell: Cell, value: number | null): Cell => ({ ...cell, shade: shadeOf(value, values) });
  const title = `Areas across groups of ${dataName(family)} for ${dataName(className)}: positives of the row, negatives of the column`;
  return table({
    id,
    caption: title,
    note: "Each number: the chance that a positive of the row's group scores higher than a negative of the column's. The darker, the lower; the diagonal holds each group's own AUC.",
    folded: title,
    columns: [
      column("Positives of"),
      ...groups.map(({ values: of }) => column(`Negatives of ${groupValue(of)}`, true)),
    ],
    bodies: [
      {
        heading: null,
        rows: groups.map((row) => ({
          header: textCell(groupValue(row.values)),
          cells: groups.map((of) => {
            const one = at(row, of);
            return shaded(findingCell(one), isMeasured(one) ? one.estimate : null);
          }),
        })),
      },
    ],
  });
}

const SHADES = 5;

/** 5 for the lowest of the values, 1 for the highest; null where there is no value or nothing to tell apart. */
function shadeOf(value: number | null, all: readonly number[]): number | null {
  const [lowest, highest] = [Math.min(...all), Math.max(...all)];
  if (value === null || highest - lowest < 1e-9) return null;
  return SHADES - Math.min(SHADES - 1, Math.floor(((value - lowest) / (highest - lowest)) * SHADES));
}
