import modelCard from "../../reports/model-card.js";
import { intervalText } from "../../reports/common/format.js";
import { STATEMENTS } from "../../reports/common/statements.js";
import { fakeRecord } from "../support/fake-record.js";

describe("model-card.md", () => {
  const record = fakeRecord();
  const text = modelCard.render(record) as string;

  test("has the parts that FDA's draft proposes, and claims no conformity", () => {
    const headings = text.match(/^## .*$/gm)?.map((line) => line.slice(3));
    expect(headings).toEqual([
      "Device",
      "Intended use",
      "Test data",
      "Performance",
      "Subgroups",
      "Robustness",
      "Biases and failure modes",
      "Limitations and gaps of the data",
      "Oversight, monitoring and changes",
      "Provenance",
    ]);
    expect(text).toContain("supports, does not establish, conformity");
    expect(text).not.toMatch(/\b(compliant|is safe|is fair)\b/i);
  });

  test("performance has intervals and counts: overall, at the operating point, by group", () => {
    const auc = record.findings.findings.find(({ id }) => id.startsWith("discrimination/auc/pneumonia/all/clean"));
    expect(text).toContain(`${intervalText(auc)} | ${auc?.n} (${auc?.positives} / ${auc?.negatives})`);
    expect(text).toMatch(/\| Sensitivity at screening \| \d\d\.\d% \|/);
    expect(text).toMatch(/\| view = AP \| \d+ \(\d+ \/ \d+\) \| 0\.8\d\d \(0\.\d{3}–0\.\d{3}\) \|/);
    expect(text).toMatch(/\| age = unknown \| hidden \| suppressed \|/);
  });

  test("what the author did not state is said to be so; what is stated is shown, escaped", () => {
    expect(text).toContain(`- ${STATEMENTS.monitoring.title}: **Not stated.**`);
    expect(text).toContain("| Name | Not stated |");
    const submission = { device: { name: "Reader | X" }, monitoring: "Monthly <b>" };
    const stated = modelCard.render({ ...record, protocol: { ...record.protocol, submission } }) as string;
    expect(stated).toContain(`- ${STATEMENTS.monitoring.title}: Monthly \\<b\\>`);
    expect(stated).toContain("| Name | Reader \\| X |");
  });

  test("every row of a table has as many cells as its head", () => {
    const cells = (line: string) => line.split(/(?<!\\)\|/).length;
    const lines = text.split("\n");
    lines.forEach((line, index) => {
      if (line.startsWith("|") && lines[index - 1]?.startsWith("|"))
        expect(cells(line)).toBe(cells(lines[index - 1] ?? ""));
    });
  });

  test("without attacks and groups it says that they were not examined", () => {
    const bare = modelCard.render(fakeRecord({ attacked: false, grouped: false })) as string;
    expect(bare).toContain("Not examined: no attack and no corruption was run.");
    expect(bare).toContain("No subgroups were declared");
  });
});
