import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stepwedge } from "../support/cli.js";
import { smallStudy } from "../support/small-study.js";

interface Findings {
  readonly verdict: string;
  readonly gates: readonly { readonly id: string; readonly verdict: string }[];
  readonly deviations: readonly { readonly id: string }[];
}
const read = (out: string, name: string) => readFileSync(join(out, name), "utf8");

test("evaluate without another protocol changes nothing in the findings", async () => {
  const study = await smallStudy();
  const out = join(study.folder, "out");
  await stepwedge("run", study.protocol, "--out", out);
  const before = read(out, "findings.json");
  expect((await stepwedge("evaluate", out)).code).toBe(0);
  expect(read(out, "findings.json")).toBe(before);
});

test("evaluate takes other gates and subgroups, and says that they were not fixed before the run", async () => {
  const study = await smallStudy();
  const out = join(study.folder, "out");
  await stepwedge("run", study.protocol, "--out", out);
  study.writeProtocol((yaml) =>
    yaml
      .replace("atLeast: 0.6 }", "atLeast: 0.9999 }")
      .replace("subgroups:\n", "subgroups:\n  twice: { column: sex }\n"),
  );
  const { code, stdout } = await stepwedge("evaluate", out, "--protocol", study.protocol, "--json");
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ verdict: "fail" });
  const findings = JSON.parse(read(out, "findings.json")) as Findings;
  expect(findings.deviations.map((deviation) => deviation.id)).toContain("protocol-changed");
  expect((await stepwedge("gate", out)).code).toBe(1);
  expect(await stepwedge("report", out, "--format", "html")).toMatchObject({ code: 0 });
});

test("evaluate refuses a protocol that would need other scores", async () => {
  const study = await smallStudy();
  const out = join(study.folder, "out");
  await stepwedge("run", study.protocol, "--out", out);
  study.writeProtocol((yaml) => yaml.replace("epsilon: [8/255]", "epsilon: [4/255]"));
  expect(await stepwedge("evaluate", out, "--protocol", study.protocol)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/asks for other scores/),
  });
});

test("gates decide the exit code: 0 pass, 1 fail, 3 inconclusive", async () => {
  const study = await smallStudy();
  const out = join(study.folder, "out");
  await stepwedge("run", study.protocol, "--out", out);
  const codeOf = async (gate: string) => {
    study.writeProtocol((yaml) => yaml.replace(/ {2}- \{ id: G1.*\n/, gate));
    return (await stepwedge("evaluate", out, "--protocol", study.protocol)).code;
  };
  expect(await codeOf("  - { id: G, metric: auc, bound: estimate, atLeast: 0.5 }\n")).toBe(0);
  expect(await codeOf("  - { id: G, metric: auc, bound: estimate, atLeast: 0.9999 }\n")).toBe(1);
  expect(
    await codeOf(
      "  - { id: G, metric: auc, bound: lower, atLeast: 0.8 }\n  - { id: H, metric: auc, subgroup: { sex: X }, bound: lower, atLeast: 0 }\n",
    ),
  ).toBe(1);
  expect(await codeOf("  - { id: G, metric: auc-gap, subgroups: [sex], bound: upper, atMost: 0.01 }\n")).toBe(3);
});

test("a folder that is no record ends with 2, one that is not finished with 4", async () => {
  const study = await smallStudy();
  expect((await stepwedge("gate", join(study.folder, "nowhere"))).code).toBe(2);
  expect((await stepwedge("gate", study.images)).code).toBe(4);
});

test("operating points come from the tuning split, and evaluation labels do not move them", async () => {
  const study = await smallStudy();
  const points = async (name: string) => {
    const out = join(study.folder, name);
    await stepwedge("run", study.protocol, "--out", out);
    return (JSON.parse(read(out, "findings.json")) as { operatingPoints: readonly { n: number; positives: number }[] })
      .operatingPoints;
  };
  const before = await points("before");
  expect(before).toMatchObject([{ id: "locked", class: "finding", chosenOn: "tuning", n: 20, positives: 10 }]);
  study.writeTable(
    study.rows.map((row) => (row[4] === "test" ? [...row.slice(0, 5), row[5] === "1" ? "0" : "1"] : row)),
  );
  expect(await points("after")).toEqual(before);
});
