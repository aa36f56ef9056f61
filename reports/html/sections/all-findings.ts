import { conditionKey, isClean } from "../../../src/core/condition.js";
import { type Finding, subgroupKey } from "../../../src/core/finding.js";
import { estimateText, integer, intervalText } from "../../common/format.js";
import { conditionTitle, dataName, groupTitle, groupValue, metricTitle } from "../../common/names.js";
import { anchorOf, type StudyView } from "../../common/study.js";
import { defineSection, type PageContext } from "../section.js";

/** As many as somebody might look through. */
const MOST_FINDINGS = 4000;
/** What one takes of the page, with its share of headings. */
const BYTES_EACH = 125;

/** More columns than fit on a sheet of paper go to a further table. */
const MOST_COLUMNS = 10;

/**
 * Every finding at its own address, as one grid per measure: conditions down, groups across. This is what links from
 * gates and observations point to.
 */
export default defineSection({
  id: "all-findings",
  title: "All findings",
  order: 150,
  view: (context) => {
    const { findings } = context.record.findings;
    const most = Math.min(MOST_FINDINGS, Math.floor(context.room / BYTES_EACH));
    return findingGrids(context, findings.length <= most ? findings : essential(context, most), "findings.json");
  },
});

/**
 * What the template shows: some of the record's findings in grids, and how many are left out.
 * @param file where all of them stand
 */
export function findingGrids({ record, study }: PageContext, listed: readonly Finding[], file: string) {
  const omitted = record.findings.findings.length - listed.length;
  return {
    file,
    example: listed[0] === undefined ? "AUC view" : metricTitle(listed[0].metric).split(" ")[0],
    omitted: omitted > 0 ? integer(omitted) : null,
    grids: gridsOf(listed).map((members, index) => grid(study, members, index)),
  };
}

/**
 * What the page refers to, and then, measure by measure, as much as fits: all patients on clean images, groups on clean
 * images, all patients under every condition, all else. A measure is listed whole or not at all within its tier, so that
 * nothing is left out by its value.
 */
function essential({ linked, record }: PageContext, most: number): readonly Finding[] {
  const ofGates = new Set(record.findings.gates.flatMap((gate) => gate.findings));
  const isCited = (one: Finding) => ofGates.has(one.id) || linked.has(anchorOf(one));
  const cited = new Set(record.findings.findings.filter(isCited).map(({ id }) => id));
  const { findings } = record.findings;
  const rest = findings.filter((one) => !cited.has(one.id));
  const tiers = gathered(rest, (one) => `${tierOf(one)} ${one.metric}`);
  const kept = new Set(cited);
  for (const [, members] of [...tiers].sort(([a], [b]) => Number(a.slice(0, 1)) - Number(b.slice(0, 1)))) {
    if (kept.size + members.length > most) continue;
    for (const one of members) kept.add(one.id);
  }
  return findings.filter((one) => kept.has(one.id));
}

function tierOf({ condition, family }: Finding): number {
  if (isClean(condition)) return family === null ? 0 : 1;
  return family === null ? 2 : 3;
}

/**
 * One grid per measure. Where two findings would stand in one cell (a suppressed one no longer says which control it
 * was held against), the second goes to a further grid of the same measure: none is lost.
 */
function gridsOf(findings: readonly Finding[]): Finding[][] {
  return [...gathered(findings, measureKeyOf).values()].flatMap((members) => {
    const layers: Map<string, Finding>[] = [];
    for (const one of members) {
      const place = `${conditionKey(one.condition)} ${groupKeyOf(one)}`;
      let layer = layers.find((candidate) => !candidate.has(place));
      if (layer === undefined) {
        layer = new Map();
        layers.push(layer);
      }
      layer.set(place, one);
    }
    return layers.map((layer) => [...layer.values()]);
  });
}

function measureKeyOf({ class: className, metric, operatingPoint, details }: Finding): string {
  return JSON.stringify([className, metric, operatingPoint, details?.control ?? details?.comparator ?? null]);
}

function grid(study: StudyView, findings: readonly Finding[], index: number) {
  const [first] = findings;
  if (first === undefined) throw new Error("a grid was made of no findings");
  const heads = [...gathered(findings, groupKeyOf).values()].map((members) => members[0] ?? first);
  const rows = [...gathered(findings, (one) => conditionKey(one.condition)).values()].map((members) => ({
    label: conditionTitle((members[0] ?? first).condition),
    byGroup: new Map(members.map((one) => [groupKeyOf(one), one])),
  }));
  const parts = Array.from({ length: Math.ceil(heads.length / MOST_COLUMNS) }, (_, part) => {
    const columns = heads.slice(part * MOST_COLUMNS, (part + 1) * MOST_COLUMNS);
    return {
      id: `grid-${index + 1}-${part + 1}`,
      columns: columns.map((one) => ({
        label: columnTitle(one),
        n: one.status === "suppressed" ? "n hidden" : `n = ${integer(one.n)}`,
      })),
      rows: rows.map(({ label, byGroup }) => ({
        label,
        cells: columns.map((head) => cell(byGroup.get(groupKeyOf(head)), head)),
      })),
    };
  });
  return { title: gridTitle(study, first), count: integer(findings.length), parts };
}

function gridTitle(study: StudyView, first: Finding): string {
  const control = first.details?.control ?? first.details?.comparator;
  return [
    metricTitle(first.metric),
    ...(first.operatingPoint === null ? [] : [`at ${dataName(first.operatingPoint)}`]),
    ...(typeof control === "string" ? [`against ${dataName(control)}`] : []),
    ...(study.classes.length > 1 && first.class !== null ? [`for ${dataName(first.class)}`] : []),
  ].join(" ");
}

function cell(finding: Finding | undefined, head: Finding) {
  if (finding === undefined) return { anchor: null, text: "", sub: null };
  const n = finding.n === head.n || finding.status === "suppressed" ? null : `n = ${integer(finding.n)}`;
  const parts = [intervalText(finding), n].filter((part) => part !== null);
  return {
    anchor: anchorOf(finding),
    text: estimateText(finding),
    sub: parts.length === 0 ? null : parts.join(", "),
  };
}

function groupKeyOf(finding: Finding): string {
  const { family, subgroup, reference } = finding;
  return JSON.stringify([family, subgroupKey(subgroup), reference === undefined ? null : subgroupKey(reference)]);
}

function columnTitle({ family, subgroup, reference }: Finding): string {
  if (family !== null && Object.keys(subgroup).length === 0) return `across ${dataName(family)}`;
  return reference === undefined ? groupTitle(subgroup) : `${groupTitle(subgroup)} − ${groupValue(reference)}`;
}

function gathered(findings: readonly Finding[], keyOf: (one: Finding) => string): Map<string, Finding[]> {
  const groups = new Map<string, Finding[]>();
  for (const one of findings) {
    const key = keyOf(one);
    const members = groups.get(key);
    if (members === undefined) groups.set(key, [one]);
    else members.push(one);
  }
  return groups;
}
