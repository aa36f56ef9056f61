import { conditionKey } from "../src/core/condition.js";
import { type Finding, subgroupKey } from "../src/core/finding.js";
import { defineReport } from "../src/core/report.js";

/**
 * Every finding as one row of a table (RFC 4180, with a line feed at the end of rows), for spreadsheets and
 * statistics programs. Numbers keep full double precision; what does not exist is an empty cell. All is here but the
 * points of curves, which findings.json has.
 */
export default defineReport({
  id: "csv",
  title: "Findings as CSV",
  file: "findings.csv",
  render: ({ findings }) => {
    const rows = findings.findings.map((finding) => COLUMNS.map(([, value]) => cell(value(finding))).join(","));
    return `${[COLUMNS.map(([name]) => name).join(","), ...rows].join("\n")}\n`;
  },
});

type Cell = string | number | boolean | null | undefined;

const COLUMNS: readonly (readonly [name: string, value: (finding: Finding) => Cell])[] = [
  ["id", ({ id }) => id],
  ["audit", ({ audit }) => audit],
  ["metric", ({ metric }) => metric],
  ["class", (finding) => finding.class],
  ["family", ({ family }) => family],
  ["subgroup", ({ subgroup }) => subgroupKey(subgroup)],
  ["reference", ({ reference }) => (reference === undefined ? null : subgroupKey(reference))],
  ["condition", ({ condition }) => conditionKey(condition)],
  ["attack", ({ condition }) => condition.attack],
  ["variant", ({ condition }) => condition.variant],
  ["epsilon", ({ condition }) => condition.epsilon],
  ["norm", ({ condition }) => condition.norm],
  ["severity", ({ condition }) => condition.severity],
  ["objective", ({ condition }) => condition.objective],
  ["defense", ({ condition }) => condition.defense],
  ["adaptive", ({ condition }) => condition.adaptive],
  ["operating_point", ({ operatingPoint }) => operatingPoint],
  ["unit", ({ unit }) => unit],
  ["estimate", ({ estimate }) => estimate],
  ["lower", ({ interval }) => interval?.lower],
  ["upper", ({ interval }) => interval?.upper],
  ["level", ({ interval }) => interval?.level],
  ["method", ({ interval }) => interval?.method],
  ["n", ({ n }) => n],
  ["positives", ({ positives }) => positives],
  ["negatives", ({ negatives }) => negatives],
  ["patients", ({ patients }) => patients],
  ["status", ({ status }) => status],
  ["reason", ({ reason }) => reason],
  // Of the first test, for a quick look; `tests` has all of them as JSON.
  ["p", ({ tests }) => tests?.[0]?.p],
  ["p_adjusted", ({ tests }) => tests?.[0]?.adjusted?.p],
  ["tests", ({ tests }) => (tests === undefined ? null : JSON.stringify(tests))],
  ["details", ({ details }) => (details === undefined ? null : JSON.stringify(details))],
];

function cell(value: Cell): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "string") return String(value);
  // Spreadsheets run text that begins like a formula; an apostrophe makes them show it. Names of groups and classes
  // come from data, so that they are not to be trusted.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
