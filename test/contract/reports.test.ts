import { loadPlugins } from "../../src/core/plugins.js";
import type { AuditRecord } from "../../src/core/record.js";
import type { Report } from "../../src/core/report.js";
import { fakeRecord } from "../support/fake-record.js";

// PDF has its own test: it takes a browser, and its contract is of bytes.
const all = await loadPlugins("reports");
const reports = new Map([...all].filter(([id]) => id !== "pdf"));
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

async function textOf(report: Report, record: AuditRecord): Promise<string> {
  const rendering = await report.render(record);
  if (typeof rendering !== "string") throw new Error(`${report.id} renders bytes`);
  return rendering;
}

test("no two formats write the same file", () => {
  const files = [...all.values()].map((report) => report.file);
  expect(new Set(files).size).toBe(files.length);
});

describe.each([...reports])("report %s", (id: string, report: Report) => {
  test("its metadata is complete", () => {
    expect(report.id).toBe(id);
    expect(report.title).toMatch(/\w/);
    expect(report.file).toMatch(/^[a-z]+(-[a-z]+)*\.[a-z]+$/);
  });

  test("the same record gives the same bytes", async () => {
    const again = structuredClone(full);
    expect(await report.render(again)).toBe(await report.render(full));
  });

  test.each(records)("renders a record of %s", async (_, record) => {
    const text = await textOf(report, record);
    expect(text.length).toBeGreaterThan(50);
    expect(text.endsWith("\n")).toBe(true);
    expect(text).not.toMatch(/\[object Object\]|\bundefined\b|\bNaN\b/);
  });

  test("claims neither fairness nor safety", async () => {
    const prose = (await textOf(report, full)).replace(/"id": "[^"]*"|"audit": "[^"]*"/g, "");
    expect(prose).not.toMatch(/\b(is|are|model) (fair|safe)\b/i);
  });
});
