import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadProtocol } from "../../src/protocol/load.js";
import { parse } from "csv-parse/sync";
import type { Findings } from "../../src/core/record.js";
import { stepwedge } from "../support/cli.js";
import { sharedData } from "../support/shared-data.js";
import { smallStudy } from "../support/small-study.js";

test("a protocol that init wrote from a model and a table runs as it is", async () => {
  const study = await smallStudy();
  mkdirSync(join(study.folder, "protocols"));
  const out = join(study.folder, "protocols", "audit.yaml");
  const model = join(study.folder, "linear.onnx");
  const written = await stepwedge("init", "--model", model, "--data", join(study.folder, "manifest.csv"), "--out", out);
  expect(written).toMatchObject({ code: 0, stderr: "" });
  expect(written.stdout).toMatch(/Lines to check: \d/);

  // Editors complete and check by this line, offline: the schema lies in the installed package.
  const schema = /^# yaml-language-server: \$schema=(\S+)\n/.exec(readFileSync(out, "utf8"))?.[1] ?? "";
  expect(JSON.parse(readFileSync(join(study.folder, "protocols", schema), "utf8"))).toMatchObject({
    $id: "urn:stepwedge:audit:1",
  });

  const { protocol } = await loadProtocol(out);
  expect(protocol).toMatchObject({
    model: { adapter: "onnx", path: "../linear.onnx", activation: "none", classes: ["finding"] },
    data: { path: "../manifest.csv", image: "path", patient: "patient", split: { column: "split" } },
    subgroups: { sex: { column: "sex" } },
  });
  const record = join(study.folder, "record");
  const small = ["--set", "attacks.0.queries=400", "attacks.0.objective=ranking", "attacks.0.epsilon=8/255"];
  const run = await stepwedge("run", out, "--out", record, ...small, "privacy.minimumCell=0");
  expect(run.stderr).toBe("");
  expect([0, 1, 3]).toContain(run.code);
  expect(existsSync(join(record, "report.html"))).toBe(true);
});

const real = sharedData === null ? test.skip : test;
const SMALL = [
  "attacks.0.queries=200",
  "attacks.0.objective=ranking",
  "attacks.0.epsilon=8/255",
  "privacy.minimumCell=0",
];

real(
  "a TensorFlow.js model and a table",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "stepwedge-init-"));
    const rows = readFileSync(join(sharedData ?? "", "cxr-nih-160", "manifest.csv"), "utf8").split("\n");
    const few = [rows[0], ...rows.slice(1).filter((_, row) => row % 20 === 0)].join("\n");
    writeFileSync(join(folder, "few.csv"), few);
    const out = join(folder, "audit.yaml");
    const model = join(sharedData ?? "", "models", "tfjs-pneumonia", "model.json");
    const written = await stepwedge("init", "--model", model, "--data", join(folder, "few.csv"), "--out", out);
    expect(written).toMatchObject({ code: 0, stderr: "" });
    const { protocol } = await loadProtocol(out);
    expect(protocol.model).toMatchObject({ adapter: "tfjs", activation: "none", classes: ["pneumonia"] });
    const root = `data.root=${join(sharedData ?? "", "cxr-nih-160")}`;
    const run = await stepwedge("run", out, "--out", join(folder, "record"), "--set", root, ...SMALL, "attacks=[]");
    expect(run.stderr).toBe("");
    expect([0, 1, 3]).toContain(run.code);
  },
  120_000,
);

real(
  "an ONNX model and a folder of DICOM files with a table of labels in it",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "stepwedge-init-"));
    mkdirSync(join(folder, "study"));
    const dicom = join(sharedData ?? "", "dicom");
    const manifest = parse(readFileSync(join(dicom, "manifest.csv"), "utf8"), { columns: true }) as Record<
      string,
      string
    >[];
    const gray = manifest.filter(({ decode, samples }) => decode === "ok" && samples === "1").slice(0, 40);
    const labels = gray.map(({ path }, index) => {
      copyFileSync(join(dicom, path ?? ""), join(folder, "study", `${index}.dcm`));
      return `${index}.dcm,${index % 2}`;
    });
    writeFileSync(join(folder, "study", "labels.csv"), ["path,effusion", ...labels].join("\n"));
    const out = join(folder, "audit.yaml");
    const model = join(sharedData ?? "", "models", "cxr.onnx");
    const written = await stepwedge("init", "--model", model, "--data", join(folder, "study"), "--out", out);
    expect(written).toMatchObject({ code: 0, stderr: "" });
    const { protocol } = await loadProtocol(out);
    expect(protocol).toMatchObject({
      data: { adapter: "dicom", path: "study", id: "path", table: { path: "study/labels.csv", on: "path" } },
      subgroups: { sex: { column: "PatientSex" }, age: { column: "PatientAge" }, scanner: { column: "Manufacturer" } },
    });
    const run = await stepwedge("run", out, "--out", join(folder, "record"), "--set", ...SMALL);
    expect(run.stderr).toBe("");
    expect([0, 1, 3]).toContain(run.code);
    const { flow } = JSON.parse(readFileSync(join(folder, "record", "findings.json"), "utf8")) as Findings;
    expect(flow.read).toBe(40);
  },
  120_000,
);

test("init overwrites nothing", async () => {
  const study = await smallStudy();
  const before = readFileSync(study.protocol, "utf8");
  const { code, stderr } = await stepwedge("init", "--out", study.protocol);
  expect(code).toBe(2);
  expect(stderr).toMatch(/audit\.yaml: exists already/);
  expect(readFileSync(study.protocol, "utf8")).toBe(before);
});

test("without files it writes a template that validates", async () => {
  const { folder } = await smallStudy();
  const out = join(folder, "template.yaml");
  const { code, stdout } = await stepwedge("init", "--out", out, "--json");
  expect(code).toBe(0);
  const { linesToCheck } = JSON.parse(stdout) as { linesToCheck: number[] };
  const lines = readFileSync(out, "utf8").split("\n");
  expect(linesToCheck.length).toBeGreaterThan(5);
  for (const line of linesToCheck) expect(lines[line - 1]).toMatch(/TODO:/);
  expect((await stepwedge("run", out, "--dry-run")).code).toBe(0);
});

describe("what init cannot look into ends with code 2 and writes nothing", () => {
  const cases: readonly (readonly [string, string, string, RegExp])[] = [
    ["a model that is not there", "--model", "none.onnx", /none\.onnx: the model file does not exist/],
    ["a model of another kind", "--model", "manifest.csv", /manifest\.csv: is no \.onnx file/],
    ["a file that only bears the name of a model", "--model", "fake.onnx", /fake\.onnx: cannot be loaded/],
    ["a table that is not there", "--data", "none.csv", /none\.csv: the table does not exist/],
    ["a table without rows", "--data", "empty.csv", /empty\.csv: the table has no rows/],
    ["a file that is no table", "--data", "linear.onnx", /linear\.onnx, line \d+/],
  ];
  test.each(cases)("%s", async (_, option, name, message) => {
    const { folder } = await smallStudy();
    writeFileSync(join(folder, "fake.onnx"), "no model");
    writeFileSync(join(folder, "empty.csv"), "id,path\n");
    const out = join(folder, "new.yaml");
    const { code, stdout, stderr } = await stepwedge("init", option, join(folder, name), "--out", out);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at |internal fault/);
    expect(existsSync(out)).toBe(false);
  });
});
