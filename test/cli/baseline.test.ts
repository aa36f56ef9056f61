import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Comparison } from "../../src/core/comparison.js";
import { sha256 } from "../../src/core/hash.js";
import { randomFrom } from "../../src/core/random.js";
import type { Findings } from "../../src/core/record.js";
import { stepwedge } from "../support/cli.js";
import { tagsOf, visibleText, withoutCode } from "../support/markup.js";
import { schemaFaults } from "../support/validator.js";

/** A predecessor, and a successor that has lost its grip on women at site B and is like it elsewhere. */
const folder = mkdtempSync(join(tmpdir(), "stepwedge-baseline-"));
const at = (...parts: string[]) => join(folder, ...parts);
const json = <T>(...parts: string[]): T => JSON.parse(readFileSync(at(...parts), "utf8")) as T;

const HEADER = ["id", "patient", "split", "y", "sex", "site", "old", "new"];
const rows = makeRows();

function makeRows(): string[][] {
  const random = randomFrom("baseline", 1);
  const sigmoid = (value: number) => (1 / (1 + Math.exp(-value))).toFixed(6);
  return Array.from({ length: 1300 }, (_, row) => {
    const label = random.uniform() < 0.4 ? 1 : 0;
    const [sex, site] = [random.uniform() < 0.5 ? "F" : "M", random.uniform() < 0.5 ? "A" : "B"];
    const shared = random.normal();
    const old = 2.2 * label - 1 + shared + 0.4 * random.normal();
    const lost = sex === "F" && site === "B";
    const fresh = (lost ? 0.7 : 2.2) * label - 1 + shared + 0.4 * random.normal();
    const split = row < 300 ? "val" : "test";
    return [`s${row}`, `p${row >> 1}`, split, String(label), sex, site, sigmoid(old), sigmoid(fresh)];
  });
}

function writeTable(name: string, table: readonly (readonly string[])[]): void {
  writeFileSync(at(name), [HEADER, ...table].map((cells) => `${cells.join(",")}\n`).join(""));
}

function writeProtocol(name: string, column: string, more = "", table = "table.csv"): void {
  writeFileSync(
    at(name),
    `version: 1
title: Model <script>alert(1)</script>
model: { adapter: scores, classes: [y], columns: { y: ${column} } }
data: { adapter: table, path: ${table}, patient: patient, labels: { y: y }, split: { column: split, tuning: val, evaluation: test } }
subgroups:
  sex: { column: sex }
  both: { cross: [sex, site] }
  site: { column: site }
operatingPoints: [{ id: screening, sensitivity: 0.9 }]
audits: [discrimination, comparison]
reports: [json, html, markdown]
gates:
  - { id: floor, metric: auc, bound: lower, atLeast: 0.7 }
${more}`,
  );
}

const REGRESSION = `  - { id: women, metric: auc, against: baseline, noWorseThan: 0.05, subgroups: [both] }
  - { id: men, metric: auc, against: baseline, noWorseThan: 0.05, subgroup: { sex: M } }
baseline: { path: base }
`;

beforeAll(async () => {
  writeTable("table.csv", rows);
  writeProtocol("old.yaml", "old");
  expect((await stepwedge("run", at("old.yaml"), "--out", at("old"))).code).toBe(0);
  const blessed = await stepwedge("bless", at("old"), "--as", at("base"), "--name", "2.2", "--json");
  expect(blessed).toMatchObject({ code: 0, stderr: "" });
  const { sha256: hash } = JSON.parse(blessed.stdout) as { sha256: string };
  expect(hash).toBe(sha256(readFileSync(at("base", "baseline.json"))));
  writeProtocol("new.yaml", "new", REGRESSION);
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("bless", () => {
  test("keeps evaluation scores, labels and groups, by hash, and neither tuning scores nor reports", () => {
    const { files, name, verdict } = json<{ files: Record<string, string>; name: string; verdict: string }>(
      "base",
      "baseline.json",
    );
    expect([name, verdict]).toEqual(["2.2", "pass"]);
    const kept = readdirSync(at("base"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(kept.map((entry) => entry.name).sort()).toEqual([
      "baseline.json",
      "clean.parquet",
      "findings.json",
      "index.json",
      "protocol.json",
      "provenance.json",
      "samples.evaluation.parquet",
    ]);
    for (const [file, hash] of Object.entries(files)) expect(sha256(readFileSync(at("base", file)))).toBe(hash);
  });

  test("refuses a changed record, a folder in use, and, without a name and a reason, one that did not pass", async () => {
    const used = await stepwedge("bless", at("old"), "--as", at("base"));
    expect(used).toMatchObject({ code: 2 });
    expect(used.stderr).toContain("is not overwritten");
    cpSync(at("old"), at("touched"), { recursive: true });
    writeFileSync(at("touched", "findings.json"), `${readFileSync(at("touched", "findings.json"), "utf8")} `);
    const touched = await stepwedge("bless", at("touched"));
    expect(touched).toMatchObject({ code: 2 });
    expect(touched.stderr).toContain("findings.json: was changed after the run");
    writeProtocol("low.yaml", "old", "  - { id: never, metric: auc, bound: lower, atLeast: 0.999 }\n");
    expect((await stepwedge("run", at("low.yaml"), "--out", at("low"))).code).toBe(1);
    const failed = await stepwedge("bless", at("low"), "--as", at("low-base"));
    expect(failed).toMatchObject({ code: 2 });
    expect(failed.stderr).toContain("--by NAME --reason TEXT");
    const signed = await stepwedge("bless", at("low"), "--as", at("low-base"), "--by", "QA", "--reason", "old limit");
    expect(signed.code).toBe(0);
    expect(json("low-base", "baseline.json")).toMatchObject({ verdict: "fail", blessedBy: "QA", reason: "old limit" });
  });
});

describe("a run against a baseline", () => {
  beforeAll(async () => {
    const { code, stdout } = await stepwedge("run", at("new.yaml"), "--out", at("new"));
    expect(code).toBe(1);
    expect(stdout).toContain("sex=F,site=B");
  }, 60_000);

  test("judges absolute and regression gates in one, and names the group that lost", () => {
    const findings = json<Findings>("new", "findings.json");
    expect(findings.gates.map(({ verdict }) => verdict)).toEqual(["pass", "fail", "pass"]);
    expect(findings.gates[1]).toMatchObject({ against: "baseline", limit: -0.05 });
    expect(findings.baseline).toMatchObject({
      name: "2.2",
      samples: { common: 1000, onlyHere: 0, onlyThere: 0, relabelled: {}, regrouped: 0, imagesChecked: false },
    });
    expect(schemaFaults("findings", findings)).toEqual([]);
  });

  test("the protocol's hash covers the baseline's", () => {
    const { protocol } = json<{ protocol: { baseline: { sha256: string } } }>("new", "protocol.json");
    expect(protocol.baseline.sha256).toBe(sha256(readFileSync(at("base", "baseline.json"))));
  });

  test("the report shows the paired interval, both estimates and the samples in common", () => {
    const page = readFileSync(at("new", "report.html"), "utf8");
    const text = visibleText(page.slice(page.indexOf('<section id="gates"')));
    expect(text).toContain("difference from baseline on the same samples");
    expect(text).toMatch(/in common; this model 0\.\d{3}, baseline 0\.\d{3}/);
  });

  test("is done again from the record alone, to the same bytes, wherever it lies and whatever became of the baseline", async () => {
    cpSync(at("new"), at("moved"), { recursive: true });
    const before = readFileSync(at("moved", "findings.json"));
    expect((await stepwedge("evaluate", at("moved"))).code).toBe(1);
    expect(readFileSync(at("moved", "findings.json")).equals(before)).toBe(true);
    const [copy] = readdirSync(at("moved", "baselines"));
    const sheet = at("moved", "baselines", copy as string, "scores", "clean.parquet");
    const bytes = readFileSync(sheet);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    writeFileSync(sheet, bytes);
    const spoilt = await stepwedge("evaluate", at("moved"));
    expect(spoilt.code).toBe(2);
    expect(spoilt.stderr).toContain("clean.parquet: was changed after it was blessed");
    rmSync(at("moved", "baselines"), { recursive: true });
    expect(await stepwedge("evaluate", at("moved"))).toMatchObject({ code: 4 });
  }, 60_000);

  test("another baseline than the protocol names is refused, and so is none", async () => {
    const wanted = "a".repeat(64);
    const other = await stepwedge("run", at("new.yaml"), "--out", at("x"), "--set", `baseline.sha256=${wanted}`);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain("is another baseline");
    const none = await stepwedge("run", at("new.yaml"), "--out", at("x"), "--set", "baseline.path=nowhere");
    expect(none.code).toBe(2);
    expect(none.stderr).toContain("stepwedge bless");
    expect(existsSync(at("x"))).toBe(false);
  });

  test.each([
    [
      "no baseline",
      "  - { id: r, metric: auc, against: baseline, noWorseThan: 0.02 }\n",
      'unknown model to compare with "baseline"',
    ],
    ["no model", "  - { id: r, metric: auc, noWorseThan: 0.02, bound: lower }\n", "noWorseThan needs against"],
    ["no bound", "  - { id: r, metric: auc, atLeast: 0.8 }\n", "gates[1].bound: is missing"],
    [
      "no paired metric",
      "  - { id: r, metric: ece, against: baseline, noWorseThan: 0.02 }\nbaseline: { path: base }\n",
      'unknown metric of a comparison "ece"',
    ],
    [
      "two limits",
      "  - { id: r, metric: auc, against: baseline, noWorseThan: 0.02, atLeast: 0 }\nbaseline: { path: base }\n",
      "exactly one of",
    ],
    [
      "an upper limit",
      "  - { id: r, metric: auc, against: baseline, atMost: 0.1 }\nbaseline: { path: base }\n",
      "against goes with",
    ],
  ])("a gate with %s is refused, with what to do", async (_, more, message) => {
    writeProtocol("bad.yaml", "new", more);
    const { code, stderr } = await stepwedge("run", at("bad.yaml"), "--out", at("bad"));
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("samples that are not those of the baseline", () => {
  test("are left out and counted; changed labels and patients are deviations", async () => {
    const changed = rows
      .filter((_, row) => row !== 400 && row !== 401)
      .map((cells, row) => {
        const [id = "", patient = "", split = "", label = "", ...rest] = cells;
        if (id === "s500") return [`${id}-again`, patient, split, label, ...rest];
        if (row >= 700 && row < 705) return [id, patient, split, label === "1" ? "0" : "1", ...rest];
        return id === "s900" ? [id, "p999", split, label, ...rest] : [...cells];
      });
    writeTable("changed.csv", changed);
    writeProtocol("changed.yaml", "new", REGRESSION, "changed.csv");
    expect((await stepwedge("run", at("changed.yaml"), "--out", at("changed"))).code).toBe(1);
    const { baseline, deviations, findings } = json<Findings>("changed", "findings.json");
    expect(baseline?.samples).toMatchObject({ common: 997, onlyHere: 1, onlyThere: 3, relabelled: { y: 5 } });
    expect(baseline?.samples.regrouped).toBe(2);
    const ids = deviations.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(["baseline-samples", "baseline-labels", "baseline-patients"]));
    const area = findings.find(({ id }) => id === "comparison/auc-advantage/y/all/clean/vs-baseline");
    expect(area).toMatchObject({ n: 997 });
    expect(area?.reason).toContain("1 labelled sample has no score");
  }, 60_000);

  test("none in common: inconclusive, exit code 3", async () => {
    writeTable(
      "others.csv",
      rows.map(([id, ...rest]) => [`other-${id}`, ...rest]),
    );
    writeProtocol("others.yaml", "new", REGRESSION, "others.csv");
    expect((await stepwedge("run", at("others.yaml"), "--out", at("others"))).code).toBe(3);
    const { gates } = json<Findings>("others", "findings.json");
    expect(gates.map(({ verdict }) => verdict)).toEqual(["pass", "inconclusive", "inconclusive"]);
    expect(gates[1]?.reason).toContain("baseline has scored no labelled sample");
  }, 60_000);
});

describe("compare", () => {
  test("without gates against a baseline it is exploration: exit code 0, and it says so", async () => {
    writeProtocol("plain.yaml", "new");
    expect((await stepwedge("run", at("plain.yaml"), "--out", at("plain"))).code).toBe(0);
    const { code, stdout } = await stepwedge("compare", at("old"), at("plain"), "--out", at("c1"));
    expect(code).toBe(0);
    expect(stdout).toContain("this is exploration");
    expect(stdout).toContain("worse: comparison/auc-advantage/y/sex=F,site=B/clean/vs-baseline");
    const comparison = json<Comparison>("c1", "comparison.json");
    expect(schemaFaults("comparison", comparison)).toEqual([]);
    expect(comparison.verdict).toBeNull();
    const direction = (id: string) => comparison.changes.find(({ finding }) => finding === id)?.direction;
    expect(direction("comparison/auc-advantage/y/sex=F,site=B/clean/vs-baseline")).toBe("worse");
    expect(direction("comparison/auc-advantage/y/sex=M,site=A/clean/vs-baseline")).toBe("undecided");
    expect(comparison.differences).toContainEqual({
      kind: "protocol",
      what: "model.columns.y",
      before: "old",
      after: "new",
    });
    expect(readFileSync(at("c1", "comparison.html"), "utf8")).toContain("no criterion was fixed beforehand");
  }, 60_000);

  test("with them their verdict is its exit code; a baseline stands in for its record", async () => {
    const options = ["--out", at("c2"), "--modification", "Retrained </style><script>alert(2)</script>"];
    const { code } = await stepwedge("compare", at("base"), at("new"), ...options);
    expect(code).toBe(1);
    const comparison = json<Comparison>("c2", "comparison.json");
    expect(schemaFaults("comparison", comparison)).toEqual([]);
    expect(comparison.before.name).toBe("2.2");
    expect(comparison.regression.map(({ id, verdict }) => [id, verdict])).toEqual([
      ["women", "fail"],
      ["men", "pass"],
    ]);
    expect(comparison.gates.map(({ id, change }) => [id, change])).toEqual([
      ["floor", "same"],
      ["women", "added"],
      ["men", "added"],
    ]);
    // The same numbers as in the successor's own record, where it was run against the same baseline.
    const own = json<Findings>("new", "findings.json").findings.filter(({ audit }) => audit === "comparison");
    expect(comparison.findings).toEqual(own);
  }, 60_000);

  test("the page is one self-contained file, escapes what users wrote, and is the same when made again", async () => {
    const page = readFileSync(at("c2", "comparison.html"), "utf8");
    const tags = tagsOf(withoutCode(page));
    // The page's own, and none of what users wrote.
    expect(tags.filter((tag) => tag.name === "script")).toHaveLength(1);
    for (const { attributes } of tags) {
      for (const reference of [attributes.href, attributes.src])
        if (reference !== undefined) expect(reference).toMatch(/^#/);
    }
    const ids = tags.flatMap(({ attributes }) => attributes.id ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { attributes } of tags)
      if (attributes.href?.startsWith("#")) expect(ids).toContain(attributes.href.slice(1));
    const text = visibleText(page);
    expect(text).toContain("Retrained </style><script>alert(2)</script>");
    expect(text).toContain("supports, does not establish, conformity");
    expect(text).toContain("What got worse, and for whom");
    expect(text).toMatch(/Benjamini and Hochberg within each condition/);
    expect(readFileSync(at("c2", "comparison.md"), "utf8")).not.toContain("<script>");
    const options = ["--out", at("c3"), "--modification", "Retrained </style><script>alert(2)</script>"];
    await stepwedge("compare", at("base"), at("new"), ...options);
    for (const file of readdirSync(at("c2")))
      expect(readFileSync(at("c3", file)).equals(readFileSync(at("c2", file)))).toBe(true);
  }, 60_000);

  test("a model against itself: nothing worse, nothing better", async () => {
    const { code, stdout } = await stepwedge("compare", at("old"), at("old"), "--out", at("c4"), "--format", "json");
    expect(code).toBe(0);
    expect(stdout).toContain("0 worse, 0 better");
    expect(readdirSync(at("c4"))).toEqual(["comparison.json"]);
  }, 60_000);

  test("writes into no record", async () => {
    const { code, stderr } = await stepwedge("compare", at("old"), at("new"), "--out", at("new"));
    expect(code).toBe(2);
    expect(stderr).toContain("stay as they are");
  });
});
