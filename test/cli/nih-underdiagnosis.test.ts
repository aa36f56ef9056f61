import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import type { Finding } from "../../src/core/finding.js";
import type { Findings } from "../../src/core/record.js";
import { stepwedge } from "../support/cli.js";
import { sharedData } from "../support/shared-data.js";

/* An oracle made by others: the numbers that a published study of 6,373 chest X-rays printed of its own predictions. */

const PUBLISHED = "audit-nih-underdiagnosis/published";

type Row = Readonly<Record<string, string>>;

function published(name: string): Row[] {
  return parse(readFileSync(join(sharedData ?? "", PUBLISHED, name), "utf8"), { columns: true }) as Row[];
}

(sharedData === null ? describe.skip : describe)("the example of the underdiagnosis study", () => {
  let findings: readonly Finding[] = [];
  beforeAll(async () => {
    const out = join(mkdtempSync(join(tmpdir(), "stepwedge-nih-")), "out");
    const { code, stderr } = await stepwedge("run", "examples/nih-underdiagnosis/audit.yaml", "--out", out);
    expect(stderr).toBe("");
    expect([0, 1, 3]).toContain(code);
    findings = (JSON.parse(readFileSync(join(out, "findings.json"), "utf8")) as Findings).findings;
  }, 300_000);

  const find = (metric: string, className: string, subgroup: Readonly<Record<string, string>> = {}): Finding => {
    const key = JSON.stringify(subgroup);
    const found = findings.find(
      (one) =>
        one.metric === metric &&
        one.class === className &&
        JSON.stringify(one.subgroup) === key &&
        (Object.keys(subgroup).length > 0 || one.family === null),
    );
    if (found === undefined) throw new Error(`no ${metric} of ${className} in ${key}`);
    return found;
  };

  test("every published AUC and area under the precision-recall curve; the predictions are rounded to six decimals", () => {
    const rows = published("run11-TestEval.csv");
    expect(rows).toHaveLength(15);
    for (const row of rows) {
      const label = row.label as string;
      expect(Math.abs((find("auc", label).estimate as number) - Number(row.auc))).toBeLessThan(1e-5);
      expect(Math.abs((find("average-precision", label).estimate as number) - Number(row.auprc))).toBeLessThan(1e-5);
      expect(find("auc", label).interval?.method).toBe("obuchowski");
    }
  });

  test("the rates of No Finding by sex, to the three decimals that were printed, with their counts", () => {
    const [row] = published("run11-FPRFNR_NF_sex.csv");
    for (const sex of ["M", "F"]) {
      const under = find("underdiagnosis-rate", "No Finding", { sex });
      const over = find("overdiagnosis-rate", "No Finding", { sex });
      expect(under.estimate?.toFixed(3)).toBe(Number(row?.[`FPR_${sex}`]).toFixed(3));
      expect(over.estimate?.toFixed(3)).toBe(Number(row?.[`FNR_${sex}`]).toFixed(3));
      expect([under.negatives, under.positives].map(String)).toEqual([row?.[`#NNF_${sex}`], row?.[`#PNF_${sex}`]]);
    }
  });

  test("the rates by age to 0.03, and by sex and age where the groups are large: the ages were revised since", () => {
    const [byAge] = published("run11-FPRFNR_NF_age.csv");
    for (const age of ["20-40", "40-60", "60-80", "0-20"]) {
      const under = find("underdiagnosis-rate", "No Finding", { age }).estimate as number;
      const over = find("overdiagnosis-rate", "No Finding", { age }).estimate as number;
      expect(Math.abs(under - Number(byAge?.[`FPR_${age}`]))).toBeLessThan(0.03);
      expect(Math.abs(over - Number(byAge?.[`FNR_${age}`]))).toBeLessThan(0.03);
    }
    for (const row of published("run11-FPFN_AgeSex.csv").filter(({ SexAge }) => SexAge === "40-60")) {
      for (const sex of ["M", "F"]) {
        const under = find("underdiagnosis-rate", "No Finding", { sex, age: row.SexAge as string }).estimate as number;
        expect(Math.abs(under - Number(row[`FPR_${sex}`]))).toBeLessThan(0.03);
      }
    }
  });

  test("what the paper did not print: clustered intervals, intersections, tests, detectable gaps, the second run", () => {
    const difference = findings.find(
      (one) =>
        one.metric === "underdiagnosis-rate-difference-rest" && one.class === "No Finding" && one.subgroup.sex === "F",
    );
    expect(difference?.interval?.method).toContain("effective-n");
    expect(difference?.tests?.[0]?.adjusted?.size).toBeGreaterThan(10);
    expect(difference?.details?.["minimum-detectable"]).toBeGreaterThan(0);
    expect(find("underdiagnosis-rate", "No Finding", { sex: "F", age: "20-40" }).status).toBe("measured");
    const advantage = findings.find(
      (one) => one.metric === "auc-advantage" && one.class === "Cardiomegaly" && one.family === null,
    );
    const published37 = published("run37-TestEval.csv").find(({ label }) => label === "Cardiomegaly");
    const published11 = published("run11-TestEval.csv").find(({ label }) => label === "Cardiomegaly");
    expect(advantage?.estimate).toBeCloseTo(Number(published11?.auc) - Number(published37?.auc), 4);
  });
});
