import sarif from "../../reports/sarif.js";
import { fakeRecord } from "../support/fake-record.js";
import { sarifFaults } from "../support/published-schemas.js";

describe("results.sarif", () => {
  const record = fakeRecord();
  const log = JSON.parse(sarif.render(record) as string);
  const [run] = log.runs;

  test("is valid by the published schema, with gates and without", () => {
    expect(sarifFaults(log)).toEqual([]);
    const without = { ...record, findings: { ...record.findings, gates: [] } };
    expect(sarifFaults(JSON.parse(sarif.render(without) as string))).toEqual([]);
    expect(sarifFaults({ ...log, runs: [{ ...run, results: [{ level: "grave" }] }] })).not.toEqual([]);
  });

  test("has the shape that SARIF 2.1.0 requires", () => {
    expect(log.version).toBe("2.1.0");
    expect(log.runs).toHaveLength(1);
    expect(run.tool.driver.name).toBe("stepwedge");
    for (const result of run.results) {
      expect(run.tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId);
      expect(result.message.text).toMatch(/\w/);
      expect(result.locations[0].physicalLocation.artifactLocation.uri).toBe("findings.json");
    }
  });

  test("reports a failed gate as error, an inconclusive one as warning, a passed one not at all", () => {
    const levels = Object.fromEntries(
      run.results.map((result: { ruleId: string; level: string }) => [result.ruleId, result.level]),
    );
    expect(levels).toEqual({ "REQ-002": "warning", "REQ-003": "error" });
    expect(run.tool.driver.rules).toHaveLength(4);
  });
});
