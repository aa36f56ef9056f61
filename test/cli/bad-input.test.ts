import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stepwedge } from "../support/cli.js";
import { type SmallStudy, smallStudy } from "../support/small-study.js";

/** Spoils one cell: row counts from the first data row, 0. */
function spoil(study: SmallStudy, row: number, column: string, value: string): void {
  const at = study.rows[0]?.indexOf(column) ?? -1;
  study.writeTable(
    study.rows.map((cells, index) => (index === row + 1 ? cells.map((cell, c) => (c === at ? value : cell)) : cells)),
  );
}
const image = (study: SmallStudy, name: string) => join(study.images, `${name}.png`);

const FAULTS: readonly (readonly [string, (study: SmallStudy) => void, readonly RegExp[]])[] = [
  ["a missing image", (study) => spoil(study, 30, "path", "images/nowhere.png"), [/line 32/, /nowhere\.png/]],
  [
    "an image that is no image",
    (study) => writeFileSync(image(study, "s30"), "no pixels, just words"),
    [/s30\.png/, /line 32/],
  ],
  ["a truncated PNG", (study) => truncateSync(image(study, "s30"), 120), [/s30\.png/, /line 32/]],
  [
    "a column that is not there",
    (study) => study.writeProtocol((yaml) => yaml.replace("column: sex", "column: sexx")),
    [/sexx/, /"sex"/],
  ],
  ["a label that is neither 0 nor 1", (study) => spoil(study, 3, "finding", "maybe"), [/line 5/, /maybe/, /finding/]],
  ["a duplicate id", (study) => spoil(study, 7, "id", "s02"), [/s02/, /line 4/, /line 9/]],
  ["a path outside the data folder", (study) => spoil(study, 7, "path", "../../etc/passwd"), [/line 9/, /outside/]],
  [
    "a path that leaves the folder by a symbolic link",
    (study) => {
      mkdirSync(`${study.folder}-elsewhere`);
      symlinkSync(`${study.folder}-elsewhere`, join(study.images, "link"));
      writeFileSync(`${study.folder}-elsewhere/x.png`, readFileSync(image(study, "s01")));
      spoil(study, 7, "path", "images/link/x.png");
    },
    [/line 9/, /outside/],
  ],
  [
    "an unknown attack",
    (study) => study.writeProtocol((yaml) => yaml.replace("wavelet-universal", "wavelet-univresal")),
    [/wavelet-univresal/, /Did you mean "wavelet-universal"/],
  ],
  [
    "an ε beyond the display window",
    (study) => study.writeProtocol((yaml) => yaml.replace("[8/255]", "[8]")),
    [/line \d+/, /epsilon/, /8/],
  ],
  ["an ε of zero", (study) => study.writeProtocol((yaml) => yaml.replace("[8/255]", "[0]")), [/epsilon/, /0/]],
  [
    "a model input that does not fit",
    (study) => study.writeProtocol((yaml) => yaml.replace("sessions: 1", "input: { width: 32 }")),
    [/width 16/, /32/],
  ],
  [
    "a model file that is no model",
    (study) => writeFileSync(join(study.folder, "linear.onnx"), "no model"),
    [/linear\.onnx/, /ONNX/],
  ],
  [
    "a model file that is not there",
    (study) => study.writeProtocol((yaml) => yaml.replace("linear.onnx", "lost.onnx")),
    [/lost\.onnx/],
  ],
  [
    "too many classes",
    (study) =>
      study.writeProtocol((yaml) =>
        yaml
          .replace("[finding]", "[finding, other]")
          .replace("{ finding: finding }", "{ finding: finding, other: finding }"),
      ),
    [/1 scores? per image/, /2 classes/],
  ],
  [
    "an unknown key",
    (study) => study.writeProtocol((yaml) => yaml.replace("sessions: 1", "sesions: 1")),
    [/line 8/, /sesions/, /Did you mean "sessions"/],
  ],
  ["YAML that cannot be read", (study) => study.writeProtocol((yaml) => `${yaml}\n  broken: [`), [/line \d+/, /YAML/]],
  ["an empty table", (study) => study.writeTable([]), [/manifest\.csv/, /empty/]],
  [
    "a table with a header alone",
    (study) => study.writeTable(study.rows.slice(0, 1)),
    [/manifest\.csv/, /no (rows|samples)/],
  ],
  [
    "a row that is too short",
    (study) => study.writeTable(study.rows.map((row, index) => (index === 5 ? row.slice(0, 3) : row))),
    [/line 6/],
  ],
  ["a patient in both splits", (study) => spoil(study, 30, "patient", "p3"), [/both/, /[0-9a-f]{12}/]],
  [
    "tuning samples of one class",
    (study) =>
      study.writeTable(
        study.rows.map((row, index) => (row[4] === "val" && index > 0 ? [...row.slice(0, 5), "0"] : row)),
      ),
    [/0 positives/, /finding/],
  ],
];

test.each(FAULTS)("%s ends with code 2 and says where, what and what to do", async (_name, spoilStudy, patterns) => {
  const study = await smallStudy();
  spoilStudy(study);
  const { code, stdout, stderr } = await stepwedge("run", study.protocol, "--out", join(study.folder, "out"));
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  for (const pattern of patterns) expect(stderr).toMatch(pattern);
  // Place and fault on the first line, the remedy on the second, and no stack trace.
  expect(stderr.trimEnd().split("\n").length).toBeGreaterThanOrEqual(2);
  expect(stderr).not.toMatch(/\n\s+at |internal fault|node_modules/);
  expect(stderr).not.toMatch(/p3\b/);
});

test("a score that is no number names row and column", async () => {
  const study = await smallStudy();
  study.writeTable(study.rows.map((row, index) => [...row, index === 0 ? "score" : index === 9 ? "NaN" : "0.5"]));
  study.writeProtocol((yaml) =>
    yaml
      .replace(/adapter: onnx[\s\S]*?sessions: 1/, "adapter: scores\n  columns: { finding: score }")
      .replace(/attacks:[\s\S]*?operatingPoints/, "operatingPoints"),
  );
  const { code, stderr } = await stepwedge("run", study.protocol, "--out", join(study.folder, "out"));
  expect(code).toBe(2);
  expect(stderr).toMatch(/line 10/);
  expect(stderr).toMatch(/NaN/);
  expect(stderr).toMatch(/score/);
});

test("what was scored before a bad image is met stays on disk, and the mended study goes on from there", async () => {
  const study = await smallStudy();
  const good = readFileSync(image(study, "s50"));
  writeFileSync(image(study, "s50"), "words");
  const out = join(study.folder, "out");
  expect((await stepwedge("run", study.protocol, "--out", out)).code).toBe(2);
  const kept = readdirSync(join(out, "scores"));
  expect(kept).toContain("clean.tuning.parquet");
  expect(existsSync(join(out, "findings.json"))).toBe(false);

  writeFileSync(image(study, "s50"), good);
  expect((await stepwedge("run", study.protocol, "--out", out)).stderr).toMatch(
    /already holds a record[\s\S]*--resume/,
  );
  const resumed = await stepwedge("run", study.protocol, "--out", out, "--resume");
  expect(resumed).toMatchObject({ code: 0, stderr: "" });
  const fresh = join(study.folder, "fresh");
  await stepwedge("run", study.protocol, "--out", fresh);
  expect(readFileSync(join(out, "findings.json"))).toEqual(readFileSync(join(fresh, "findings.json")));
});

test("--json answers an error with a document, too", async () => {
  const { code, stdout } = await stepwedge("run", "nowhere.yaml", "--json");
  expect(code).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({ error: { exitCode: 2 } });
});
