import markdown from "../../reports/markdown.js";
import { fakeRecord } from "../support/fake-record.js";

describe("report.md", () => {
  const record = fakeRecord({ attacked: false });
  const text = markdown.render(record) as string;

  test("states verdict, gates, results by group and the limits of what it claims", () => {
    expect(text).toContain("**Verdict: FAIL**");
    expect(text).toContain("supports, does not establish, conformity");
    for (const gate of record.findings.gates) expect(text).toContain(gate.id);
    expect(text).toMatch(/\| view = AP \| \d+ \(\d+ \/ \d+\) \| 0\.8\d\d \(0\.\d{3}–0\.\d{3}\) \|/);
    expect(text).toMatch(/\| age = unknown \| hidden \| suppressed \|/);
  });

  test("every row of a table has as many cells as its head, whatever the names hold", () => {
    const title = "a | b\n<script>alert(1)</script> [x](https://example.org) `c` *d*";
    const hostile = markdown.render({ ...record, protocol: { ...record.protocol, title } }) as string;
    expect(hostile).not.toContain("<script>");
    expect(hostile).not.toMatch(/[^\\]\[x\]\(https:/);
    const cells = (line: string) => line.split(/(?<!\\)\|/).length;
    const lines = hostile.split("\n");
    lines.forEach((line, index) => {
      if (line.startsWith("|") && lines[index - 1]?.startsWith("|"))
        expect(cells(line)).toBe(cells(lines[index - 1] ?? ""));
    });
  });
});
