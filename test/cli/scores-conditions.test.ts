import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "../../src/core/finding.js";
import type { Findings } from "../../src/core/record.js";
import { readParquet } from "../../src/run/parquet.js";
import { stepwedge } from "../support/cli.js";
import { type SmallStudy, smallStudy } from "../support/small-study.js";

/* A model's scores under attack, exported to a table and audited there: what is found must not change. */

/** The score files of the record of the run with a model, and the columns that they become. */
const EXPORTED = {
  p_attacked: "random-sign@0.0314",
  p_defended: "none+jpeg",
  p_both: "random-sign@0.0314+jpeg",
} as const;

const CONDITIONS = `[
      { defense: jpeg, columns: { finding: p_defended } },
      { attack: random-sign, epsilon: 8/255, columns: { finding: p_attacked } },
      { attack: random-sign, epsilon: 8/255, defense: jpeg, columns: { finding: p_both } }]`;

const scoresProtocol = (yaml: string, conditions: string): string =>
  yaml
    .replace(
      /adapter: onnx[\s\S]*?sessions: 1/,
      `adapter: scores\n  columns: { finding: p }\n  conditions: ${conditions}`,
    )
    .replace("path: manifest.csv\n  image: path", "path: wide.csv")
    .replace(/attacks:[\s\S]*?operatingPoints:/, "operatingPoints:")
    .replace("reports: [json]", "reports: [json, html]");

let study: SmallStudy;
let asked: Findings;
let told: Findings;
let out: string;

const findingsOf = (folder: string): Findings =>
  JSON.parse(readFileSync(join(folder, "findings.json"), "utf8")) as Findings;

async function scoresOf(folder: string, name: string): Promise<ReadonlyMap<string, number>> {
  const table = await readParquet(join(folder, "scores", `${name}.parquet`));
  const scores = table.get("score.finding") as Float64Array;
  return new Map((table.get("id") as string[]).map((id, row) => [id, scores[row] as number]));
}

beforeAll(async () => {
  study = await smallStudy();
  const model = join(study.folder, "asked");
  study.writeProtocol((yaml) =>
    yaml.replace(/ {2}- id: wavelet-universal[\s\S]*?queries: 600/, "defenses: [{ id: jpeg }]"),
  );
  expect(await stepwedge("run", study.protocol, "--out", model)).toMatchObject({ stderr: "" });
  asked = findingsOf(model);

  const clean = new Map([...(await scoresOf(model, "clean.tuning")), ...(await scoresOf(model, "clean"))]);
  const attacked = await Promise.all(Object.values(EXPORTED).map((name) => scoresOf(model, name)));
  const [, ...rows] = study.rows;
  // Tuning rows have no scores under attack: their cells are empty.
  const cells = rows.map(([id = "", , ...rest]) => [
    id,
    ...rest,
    clean.get(id),
    ...attacked.map((one) => one.get(id) ?? ""),
  ]);
  const header = ["id", "patient", "sex", "split", "finding", "p", ...Object.keys(EXPORTED)];
  writeFileSync(join(study.folder, "wide.csv"), [header, ...cells].map((row) => `${row.join(",")}\n`).join(""));
  study.writeProtocol((yaml) =>
    scoresProtocol(yaml, CONDITIONS).replace(
      "gates:\n",
      "gates:\n  - { id: G2, metric: auc-drop, condition: { attack: random-sign, epsilon: 8/255 }, bound: estimate, atMost: 0.9 }\n",
    ),
  );
  out = join(study.folder, "told");
  expect(await stepwedge("run", study.protocol, "--out", out)).toMatchObject({ stderr: "" });
  told = findingsOf(out);
}, 120_000);

test("the drop of AUC and its paired interval are those of the run with the model", () => {
  const about = ({ findings }: Findings, id: string): Finding | undefined => findings.find((one) => one.id === id);
  for (const condition of Object.values(EXPORTED)) {
    for (const metric of ["discrimination/auc", "robustness/auc-drop"]) {
      const id = `${metric}/finding/all/${condition}`;
      expect(about(asked, id)).toMatchObject({ status: "measured", interval: { lower: expect.any(Number) } });
      expect(about(told, id)).toEqual(about(asked, id));
    }
  }
});

test("so is every other finding: of groups, of decisions, of defenses, of the ladder of ε", () => {
  expect(told.findings).toEqual(asked.findings);
  expect(new Set(told.findings.map(({ audit }) => audit))).toContain("gaps-under-attack");
});

test("a gate may name the table's conditions", () => {
  expect(told.gates.find(({ id }) => id === "G2")).toMatchObject({ verdict: "pass" });
});

test("the record is evaluated again, resumed and reported as any other", async () => {
  for (const args of [
    ["evaluate", out],
    ["run", study.protocol, "--resume", "--out", out],
    ["report", out, "--format", "html"],
  ]) {
    const { code, stderr } = await stepwedge(...args);
    expect([args[0], code, stderr]).toEqual([args[0], expect.any(Number), ""]);
    expect(findingsOf(out).findings).toEqual(told.findings);
  }
  expect(readFileSync(join(out, "report.html"), "utf8")).toContain("random-sign");
}, 60_000);

test("attacks without a size, and defended attacks without their undefended halves: nothing is made up", async () => {
  study.writeProtocol((yaml) =>
    scoresProtocol(
      yaml,
      `[
      { attack: weird, columns: { finding: p_attacked } },
      { attack: weird, epsilon: 4, norm: l2, defense: mine, columns: { finding: p_both } }]`,
    ),
  );
  const folder = join(study.folder, "odd");
  expect(await stepwedge("run", study.protocol, "--out", folder)).toMatchObject({ stderr: "" });
  const { attacks, findings } = findingsOf(folder);
  expect(attacks).toEqual([]);
  const of = (metric: string) =>
    new Set(findings.filter((one) => one.metric === metric).map(({ id }) => id.split("/").at(-1)));
  expect([...of("auc-drop")]).toEqual(["weird@0.0000", "weird@l2-4.0000+mine"]);
  expect([...of("auc-epsilon-area")]).toEqual([]);
  expect([...of("median-queries")]).toEqual([]);
  expect([...of("median-minimal-epsilon")]).toEqual(["weird@l2-4.0000+mine"]);
  expect([...of("auc-drop-excess")]).toEqual([]);
}, 60_000);

test.each([
  ["{ columns: { finding: p } }", /conditions\[0\].*neither an attack nor a defense/s],
  ["{ attack: fgsm, columns: { } }", /conditions\[0\]\.columns.*no column for class "finding"/s],
  ["{ attack: fgsm, epsilon: 0, columns: { finding: p } }", /conditions\[0\]\.epsilon.*greater than 0/s],
  ["{ attack: fgsm, epsilon: 4, columns: { finding: p } }", /conditions\[0\]\.epsilon.*at most 1/s],
  ["{ defense: jpeg, epsilon: 4/255, columns: { finding: p } }", /conditions\[0\].*no attack/s],
  ["{ attack: fgsm, norm: l2, columns: { finding: p } }", /conditions\[0\].*no ε/s],
  ["{ attack: ../fgsm, columns: { finding: p } }", /conditions\[0\]\.attack.*letters, digits/s],
  [
    "{ attack: a, epsilon: 4/255, columns: { finding: p } }, { attack: a, epsilon: 0.0157, columns: { finding: p } }",
    /conditions\[1\].*"a@0.0157" appears twice/s,
  ],
  ["{ attack: fgsm, columns: { finding: p_fgms } }", /p_fgms/],
])(
  "conditions: [%s] is refused",
  async (condition, words) => {
    study.writeProtocol((yaml) => scoresProtocol(yaml, `[${condition}]`));
    const { code, stderr } = await stepwedge("run", study.protocol, "--out", join(study.folder, "refused"));
    expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
  },
  20_000,
);

test("an evaluation sample without its score under attack is refused; a tuning sample needs none", async () => {
  const lines = readFileSync(join(study.folder, "wide.csv"), "utf8").split("\n");
  // Line 32 is an evaluation sample; tuning samples have empty cells all along.
  const cells = (lines[31] as string).split(",");
  cells[6] = "";
  writeFileSync(join(study.folder, "holes.csv"), lines.with(31, cells.join(",")).join("\n"));
  study.writeProtocol((yaml) => scoresProtocol(yaml, CONDITIONS).replace("wide.csv", "holes.csv"));
  const folder = join(study.folder, "holes");
  const { code, stderr } = await stepwedge("run", study.protocol, "--out", folder);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/line 32.*p_attacked.*no finite number/s)]);

  const rejecting = ["--set", "data.unreadable=reject"];
  expect(await stepwedge("run", study.protocol, "--out", folder, ...rejecting)).toMatchObject({ stderr: "" });
  const found = (id: string) => findingsOf(folder).findings.find((one) => one.id === id)?.n;
  expect(found("robustness/auc-drop/finding/all/random-sign@0.0314")).toBe(39);
  expect(found("robustness/auc-drop/finding/all/none+jpeg")).toBe(40);
}, 60_000);
