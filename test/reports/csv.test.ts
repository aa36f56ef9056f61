import { parse } from "csv-parse/sync";
import csv from "../../reports/csv.js";
import { conditionKey } from "../../src/core/condition.js";
import { subgroupKey } from "../../src/core/finding.js";
import { fakeRecord } from "../support/fake-record.js";

const record = fakeRecord();

function rowsOf(text: string): Record<string, string>[] {
  return parse(text, { columns: true }) as Record<string, string>[];
}

describe("findings.csv", () => {
  const { findings } = record.findings;
  const rows = rowsOf(csv.render(record) as string);

  test("has a row for every finding, in their order", () => {
    expect(rows.map((row) => row.id)).toEqual(findings.map(({ id }) => id));
  });

  test("gives every number back to the last bit, and an empty cell for what does not exist", () => {
    expect(findings.some(({ estimate }) => estimate === null)).toBe(true);
    for (const [index, finding] of findings.entries()) {
      const row = rows[index] as Record<string, string>;
      const number = (name: string) => (row[name] === "" ? null : Number(row[name]));
      expect(number("estimate")).toBe(finding.estimate);
      expect(number("lower")).toBe(finding.interval?.lower ?? null);
      expect(number("upper")).toBe(finding.interval?.upper ?? null);
      expect([row.n, row.positives, row.negatives, row.patients].map(Number)).toEqual([
        finding.n,
        finding.positives,
        finding.negatives,
        finding.patients,
      ]);
      expect(row.condition).toBe(conditionKey(finding.condition));
      expect(row.subgroup).toBe(subgroupKey(finding.subgroup));
      expect([row.status, row.reason]).toEqual([finding.status, finding.reason ?? ""]);
      expect(row.tests === "" ? undefined : JSON.parse(row.tests as string)).toEqual(finding.tests);
      expect(row.details === "" ? undefined : JSON.parse(row.details as string)).toEqual(finding.details);
    }
  });

  test("text that looks like a formula, a quote or a line is text in a spreadsheet", () => {
    const [first] = findings;
    const names = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", 'say "no", twice\r\nplease'];
    const hostile = names.map((name) => ({ ...first, class: name, estimate: -0.5 })) as unknown as typeof findings;
    const read = rowsOf(csv.render({ ...record, findings: { ...record.findings, findings: hostile } }) as string);
    expect(read.map((row) => row.class)).toEqual(names.map((name) => (/^[=+\-@\t]/.test(name) ? `'${name}` : name)));
    expect(read.map((row) => row.estimate)).toEqual(names.map(() => "-0.5"));
  });
});
