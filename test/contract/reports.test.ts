import { loadPlugins } from "../../src/core/plugins.js";
import type { AuditRecord } from "../../src/core/record.js";
import type { Report } from "../../src/core/report.js";
import { fakeRecord } from "../support/fake-record.js";
import { withoutCode } from "../support/markup.js";

const reports = await loadPlugins("reports");
const full = fakeRecord();
const records: readonly (readonly [string, AuditRecord])[] = [
  ["a whole audit", full],
  ["scores alone", fakeRecord({ attacked: false })],
  ["neither attacks nor subgroups", fakeRecord({ attacked: false, grouped: false })],
  ["several classes", fakeRecord({ classes: ["pneumonia", "effusion", "nodule"], attacked: false })],
  ["nothing estimable", fakeRecord({ labelled: false })],
  ["no finding, gate, group or check", emptied(full)],
];

/** A record in which every list is empty: an audit of nothing. */
function emptied(record: AuditRecord): AuditRecord {
  const nothing = {
    findings: [],
    gates: [],
    operatingPoints: [],
    groups: [],
    attacks: [],
    preflight: [],
    deviations: [],
  };
  return {
    ...record,
    protocol: { ...record.protocol, intendedUse: null, attacks: [], defenses: [], gates: [], subgroups: {} },
    findings: { ...record.findings, ...nothing, verdict: "inconclusive", queries: {} },
    perturbations: {},
  };
}

test("no two formats write the same file", () => {
  const files = [...reports.values()].map((report) => report.file);
  expect(new Set(files).size).toBe(files.length);
});

describe.each([...reports])("report %s", (id: string, report: Report) => {
  test("its metadata is complete", () => {
    expect(report.id).toBe(id);
    expect(report.title).toMatch(/\w/);
    expect(report.file).toMatch(/^[a-z]+\.[a-z]+$/);
  });

  test("the same record gives the same bytes", async () => {
    const again = structuredClone(full);
    expect(await report.render(again)).toBe(await report.render(full));
  });

  test.each(records)("renders a record of %s", async (_, record) => {
    const text = await report.render(record);
    expect(text.length).toBeGreaterThan(50);
    expect(text.endsWith("\n")).toBe(true);
    expect(withoutCode(text)).not.toMatch(/\[object Object\]|\bundefined\b|\bNaN\b/);
  });

  test("claims neither fairness nor safety", async () => {
    const prose = (await report.render(full)).replace(/"id": "[^"]*"|"audit": "[^"]*"/g, "");
    expect(prose).not.toMatch(/\b(is|are|model) (fair|safe)\b/i);
  });
});
