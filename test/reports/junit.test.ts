import junit from "../../reports/junit.js";
import { fakeRecord } from "../support/fake-record.js";
import { junitFaults } from "../support/published-schemas.js";
import { expectWellFormed, tagsOf } from "../support/markup.js";

describe("junit.xml", () => {
  const record = fakeRecord();
  const xml = junit.render(record) as string;

  test("is well-formed", () => expectWellFormed(xml));

  test("is valid by the published schema, with gates and without", async () => {
    expect(await junitFaults(xml)).toEqual([]);
    const without = { ...record, findings: { ...record.findings, gates: [], preflight: [] } };
    expect(await junitFaults(junit.render(without) as string)).toEqual([]);
    expect(await junitFaults(xml.replace("<testcase ", "<case "))).not.toEqual([]);
  });

  test("counts a failed gate as failure and an inconclusive gate as error, never as passed or skipped", () => {
    const tags = tagsOf(xml);
    const count = (name: string) => tags.filter((tag) => tag.name === name).length;
    const verdicts = record.findings.gates.map((gate) => gate.verdict);
    expect(verdicts).toEqual(["pass", "inconclusive", "fail", "pass"]);
    expect(count("testcase")).toBe(4 + record.findings.preflight.length);
    expect(count("failure")).toBe(1);
    expect(count("error")).toBe(1);
    expect(count("skipped")).toBe(0);
    const gates = tags.find((tag) => tag.name === "testsuite" && tag.attributes.name === "gates");
    expect(gates?.attributes).toMatchObject({ tests: "4", failures: "1", errors: "1", skipped: "0" });
    const root = tags.find((tag) => tag.name === "testsuites");
    expect(root?.attributes).toMatchObject({ tests: "7", failures: "1", errors: "1" });
  });

  test("a failed preflight check is a failure", () => {
    const preflight = [{ id: "finite", title: "Outputs are finite", passed: false, detail: "NaN in image 3" }];
    const failed = junit.render({ ...record, findings: { ...record.findings, preflight } }) as string;
    expect(failed).toContain('<failure message="NaN in image 3" type="fail">');
  });

  test("markup and forbidden characters in names stay text", () => {
    const hostile = 'x" onload="1"><script>&\u0000\u001b\ud800';
    const gates = record.findings.gates.map((gate) => ({ ...gate, title: hostile, reason: hostile }));
    const text = junit.render({ ...record, findings: { ...record.findings, gates } }) as string;
    expectWellFormed(text);
    expect(tagsOf(text).map((tag) => tag.name)).not.toContain("script");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be gone.
    expect(text).not.toMatch(/[\u0000\u001b]|\p{Surrogate}/u);
  });
});
