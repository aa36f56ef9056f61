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

/** One row per group, status and reason; the classes, the metrics and the number of conditions are gathered in it. */
function silentTable(findings: readonly Finding[]) {
  const rows = new Map<string, Finding[]>();
  for (const one of findings) {
    const key = JSON.stringify([one.family, subgroupKey(one.subgroup), one.status, one.reason]);
    const members = rows.get(key);
    if (members === undefined) rows.set(key, [one]);
    else members.push(one);
  }
  if (rows.size === 0) return null;
  return table({
    id: "silent",
    caption: "Findings without a number",
    columns: [column("Group"), column("Status"), column("Reason"), column("Measures"), column("Findings", true)],
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

function silentRow(first: Finding, members: readonly Finding[]) {
  const across = first.family !== null && subgroupKey(first.subgroup) === "all";
  return {
    header: textCell(across ? `groups of ${dataName(first.family ?? "")}` : groupTitle(first.subgroup), {
      sub: classesOf(members),
    }),
    cells: [
      textCell(statusWords(first.status), { tone: first.status === "error" ? "fail" : "open" }),
      textCell(first.reason ?? "no reason given"),
      textCell(listed([...new Set(members.map((one) => metricTitle(one.metric)))])),
      textCell(integer(members.length)),
    ],
  };
}

/** "pneumonia and effusion"; more than four are counted; null for findings about no class. */
function classesOf(members: readonly Finding[]): string | null {
  const names = [...new Set(members.flatMap((one) => one.class ?? []))];
  if (names.length > 4) return `${integer(names.length)} classes`;
  return names.length === 0 ? null : listed(names.map(dataName));
}
