import { type Finding, subgroupKey } from "../../../src/core/finding.js";
import { integer, listed, statusWords } from "../../common/format.js";
import { dataName, groupTitle, metricTitle } from "../../common/names.js";
import { column, table, textCell } from "../blocks.js";
import { defineSection } from "../section.js";

/** Everything that was asked and got no number, with the reason: nothing is left blank in silence. */
export default defineSection({
  id: "not-estimable",
  title: "Not estimable, suppressed, failed",
  order: 110,
  view: ({ record }) => {
    const { findings } = record.findings;
    const silent = findings.filter((one) => one.status !== "measured");
    return { total: integer(findings.length), silent: integer(silent.length), table: silentTable(silent) };
  },
});

/** One row per reason, whatever the numbers in it; groups, classes and metrics are gathered in it, and no group is left out. */
function silentTable(findings: readonly Finding[]) {
  const rows = new Map<string, Finding[]>();
  for (const one of findings) {
    const key = JSON.stringify([one.status, (one.reason ?? "").replace(/\d+(?:[.,]\d+)*/g, "#")]);
    const members = rows.get(key);
    if (members === undefined) rows.set(key, [one]);
    else members.push(one);
  }
  if (rows.size === 0) return null;
  return table({
    id: "silent",
    caption: "Findings without a number",
    columns: [column("Reason"), column("Status"), column("Groups"), column("Measures"), column("Findings", true)],
    bodies: [
      {
        heading: null,
        rows: [...rows.values()].flatMap((members) => {
          const [first] = members;
          return first === undefined ? [] : [silentRow(first, members)];
        }),
      },
    ],
  });
}

/** More measures than this are counted: they are all among the findings. */
const MOST_NAMED = 8;

function silentRow(first: Finding, members: readonly Finding[]) {
  const measures = [...new Set(members.map((one) => metricTitle(one.metric)))];
  const isOne = members.every(({ reason }) => reason === first.reason);
  return {
    header: textCell(`${isOne ? "" : "Such as: "}${first.reason ?? "no reason given"}`, { sub: classesOf(members) }),
    cells: [
      textCell(statusWords(first.status), { tone: first.status === "error" ? "fail" : "open" }),
      textCell([...new Set(members.map(groupOf))].join("; ")),
      textCell(measures.length > MOST_NAMED ? `${integer(measures.length)} measures` : listed(measures)),
      textCell(integer(members.length)),
    ],
  };
}

function groupOf({ family, subgroup }: Finding): string {
  const across = family !== null && subgroupKey(subgroup) === "all";
  return across ? `groups of ${dataName(family)}` : groupTitle(subgroup);
}

/** "pneumonia and effusion"; more than four are counted; null for findings about no class. */
function classesOf(members: readonly Finding[]): string | null {
  const names = [...new Set(members.flatMap((one) => one.class ?? []))];
  if (names.length > 4) return `${integer(names.length)} classes`;
  return names.length === 0 ? null : listed(names.map(dataName));
}
