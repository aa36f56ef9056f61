import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import type { Finding } from "../../src/core/finding.js";
import { encodeModel } from "../../src/training/onnx-writer.js";
import { PACKAGE_ROOT } from "../../src/core/version.js";
import { stepwedge } from "../support/cli.js";
import { maskStudy } from "../support/mask-study.js";

const example = (name: string) => join(PACKAGE_ROOT, "examples", name, "audit.yaml");
const newFolder = () => mkdtempSync(join(tmpdir(), "stepwedge-outcomes-"));
const jsonOf = <Json>(out: string, name: string) => JSON.parse(readFileSync(join(out, name), "utf8")) as Json;
const findingsOf = (out: string) => jsonOf<{ readonly findings: readonly Finding[] }>(out, "findings.json").findings;
function find(out: string, id: string): Finding {
  const found = findingsOf(out).find((finding) => finding.id === id);
  if (found === undefined) throw new Error(`no finding ${id}`);
  return found;
}
/** Sections of the page by their anchors, as text. */
function sectionsOf(out: string): ReadonlyMap<string, string> {
  const html = readFileSync(join(out, "report.html"), "utf8");
  return new Map(
    html
      .split(/<section /)
      .slice(1)
      .map((part) => part.split("</section>")[0] ?? "")
      .map((part) => [/id="([^"]+)"/.exec(part)?.[1] ?? "", part.replace(/<style.*?<\/style>|<[^>]+>/gs, " ")]),
  );
}

const SMALL = ["data.patients=90", "attacks.0.queries=200"];

test("a report on segmentation speaks of its outcomes with their units, and of nothing that only classifiers have", async () => {
  const out = join(newFolder(), "out");
  await stepwedge("run", example("phantom-lungs"), "--set", ...SMALL, "privacy.minimumCell=0", "--out", out);
  const sections = sectionsOf(out);
  for (const name of ["discrimination", "calibration", "gaps", "defenses", "explorer", "attack-effort"]) {
    expect(sections.has(name)).toBe(false);
  }
  for (const name of ["summary", "data", "method", "outcomes", "robustness", "limitations", "all-findings"]) {
    const words = sections.get(name) ?? "";
    expect(words).not.toBe("");
    if (name !== "summary") expect(words).not.toMatch(/\bAUC\b|PPV|[Ss]ensitivity and specificity|positive, \d/);
    expect(words).not.toMatch(/not examined|undefined|NaN/);
  }
  // Requirements that ask for other things than AUC are told by their own titles.
  expect(sections.get("summary")).toMatch(/Dice: worst tenth/);
  expect(sections.get("summary")).toMatch(/\d mm/);
  const hd95 = find(out, "outcomes/hd95/lungs/all/clean");
  expect(hd95.unit).toBe("mm");
  expect(sections.get("outcomes")).toContain(`${(hd95.estimate as number).toFixed(3)} mm`);
  for (const file of ["report.md", "model-card.md"]) {
    expect(readFileSync(join(out, file), "utf8")).toContain(`${(hd95.estimate as number).toFixed(3)} mm`);
  }
});

test("regression: a scanner that the model never met is caught, and limits of agreement are in the reference's unit", async () => {
  const out = join(newFolder(), "out");
  await stepwedge(
    "run",
    example("phantom-heart"),
    "--set",
    "attacks=[]",
    "defenses=[]",
    "reports=[html,model-card]",
    "--out",
    out,
  );
  const gap = find(out, "outcomes/absolute-error-gap/ctr/scanner/clean");
  expect(gap.details).toMatchObject({ worst: "scanner=C" });
  expect(gap.interval?.lower).toBeGreaterThan(0.3);
  expect(find(out, "outcomes/absolute-error-gap/ctr/sex/clean").interval?.lower).toBe(0);
  const [lower, bias, upper] = ["agreement/agreement-lower", "outcomes/bias", "agreement/agreement-upper"].map(
    (id) => find(out, `${id}/ctr/all/clean`).estimate as number,
  );
  expect(lower).toBeLessThan(bias as number);
  expect(upper).toBeGreaterThan(bias as number);
  expect(find(out, "agreement/agreement-upper/ctr/all/clean").unit).toBe("%");
  const slope = find(out, "agreement/agreement-slope/ctr/all/clean");
  // A ridge regression shrinks.
  expect(slope.interval?.upper).toBeLessThan(1);
  expect(sectionsOf(out).get("outcomes")).toMatch(/Agreement of ctr with the reference/);
});

test("masks are inputs: a changed one shows in the record", async () => {
  const study = await maskStudy({ faint: { F: 0, M: 0 }, patients: 20 });
  study.writeProtocol((yaml) => yaml.replace(/attacks:\n(?:.|\n)*?operatingPoints/, "operatingPoints"));
  const hashOf = async (name: string) => {
    const out = join(study.folder, name);
    await stepwedge("run", study.protocol, "--out", out);
    const { data } = jsonOf<{ readonly data: { readonly files: Readonly<Record<string, string>> } }>(
      out,
      "provenance.json",
    );
    return data.files["mask (40 files)"];
  };
  const before = await hashOf("before");
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  expect(await hashOf("again")).toBe(before);
  const black = { raw: { width: 24, height: 24, channels: 1 } } as const;
  await sharp(new Uint8Array(24 * 24), black)
    .png()
    .toFile(join(study.folder, "masks", "p19l.png"));
  expect(await hashOf("after")).not.toBe(before);
});

test("pixels may be of another size in every sample, by columns of the table", async () => {
  const study = await maskStudy({ faint: { F: 0.3, M: 0.3 }, patients: 24 });
  const manifest = join(study.folder, "manifest.csv");
  const [head, ...rows] = readFileSync(manifest, "utf8").trim().split("\n");
  const withSizes = rows.map((row, index) => `${row},${index % 2 === 0 ? 0.5 : 2},0.5`);
  writeFileSync(manifest, `${[`${head},row_mm,column_mm`, ...withSizes].join("\n")}\n`);
  const plain = (yaml: string) => yaml.replace(/attacks:\n(?:.|\n)*?operatingPoints/, "operatingPoints");
  const bySize = (columns: string) =>
    study.writeProtocol((yaml) =>
      plain(yaml)
        .replace("spacing: [0.5, 0.5], ", "")
        .replace("{ disc: mask }", `{ disc: { column: mask, spacing: [${columns}] } }`),
    );
  bySize("row_mm, column_mm");
  const out = join(study.folder, "out");
  await stepwedge("run", study.protocol, "--out", out);
  const hd95 = find(out, "outcomes/hd95/disc/all/clean");
  expect(hd95.unit).toBe("mm");
  // Missed discs count with the diagonal: 24 × √2 × 0.5 = 17.0 mm, or √(48² + 12²) = 49.5 mm.
  const missed = find(out, "outcomes/missed/disc/all/clean").estimate as number;
  expect(hd95.estimate).toBeGreaterThan(missed * 17);
  expect(hd95.estimate).toBeLessThan(missed * 49.5 + 1);
  bySize("row_mm, nothing");
  const { code, stderr } = await stepwedge("run", study.protocol, "--out", join(study.folder, "other"));
  expect(code).toBe(2);
  expect(stderr).toMatch(/nothing/);
});

test("a program of the user's may give maps, and a sample whose answer is no number is named", async () => {
  const study = await maskStudy({ faint: { F: 0, M: 0 }, patients: 20 });
  const program = join(process.cwd(), "test", "support", "command-program.mjs");
  const plain = (yaml: string) => yaml.replace(/attacks:\n(?:.|\n)*?operatingPoints/, "operatingPoints");
  study.writeProtocol(plain);
  const out = join(study.folder, "onnx");
  await stepwedge("run", study.protocol, "--out", out);
  study.writeProtocol((yaml) =>
    plain(yaml)
      .replace(
        "adapter: onnx\n  path: identity.onnx",
        `adapter: command\n  command: [node, ${program}, identity, "24"]`,
      )
      .replace("sessions: 1", "processes: 1"),
  );
  const other = join(study.folder, "command");
  expect((await stepwedge("run", study.protocol, "--out", other)).stderr).not.toMatch(/several vectors/);
  expect(find(other, "outcomes/dice/disc/all/clean").estimate).toBe(find(out, "outcomes/dice/disc/all/clean").estimate);

  const shape = ["batch", 1, 24, 24] as const;
  const logarithm = encodeModel({
    name: "logarithm",
    description: "infinite where the picture is black",
    nodes: [{ op: "Log", inputs: ["image"], outputs: ["map"], attributes: {} }],
    initializers: [],
    inputs: [{ name: "image", type: "float32", shape }],
    outputs: [{ name: "map", type: "float32", shape }],
  });
  writeFileSync(join(study.folder, "identity.onnx"), logarithm);
  const black = { raw: { width: 24, height: 24, channels: 1 } } as const;
  await sharp(new Uint8Array(24 * 24), black)
    .png()
    .toFile(join(study.folder, "images", "p17r.png"));
  study.writeProtocol(plain);
  const { code, stderr } = await stepwedge("run", study.protocol, "--out", join(study.folder, "nan"));
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/sample "p17r"[^\n]*\n?.*-Infinity in an answer|p17r/);
});

test("report text: F1 of stated findings by group, from extracted labels; findings that are missed in one group are caught", async () => {
  const out = join(newFolder(), "out");
  await stepwedge("run", example("report-text"), "--set", "reports=[json]", "--out", out);
  const f1 = (group: string, condition = "clean") => find(out, `decisions/f1/effusion/stated/${group}/${condition}`);
  // 45% of the effusions of women are not stated, 10% of those of men.
  expect(f1("sex=F").interval?.upper).toBeLessThan(f1("sex=M").estimate as number);
  expect(f1("all", "noise@0.0314").estimate).toBeLessThan(f1("all").estimate as number);
  expect(find(out, "robustness/fooling-rate/effusion/stated/all/noise@0.0314").estimate).toBeCloseTo(0.15, 1);
});

test("symbol sentences: tokens go into the score tables, a broken hierarchy and a language that tells sex come out", async () => {
  const folder = newFolder();
  // Pictures whose pixels are the tokens: one of the coarse level, two of the fine one, and a padding.
  const shape = ["batch", 1, 1, 4] as const;
  const flatten = encodeModel({
    name: "tokens",
    description: "the picture's pixels",
    nodes: [{ op: "Flatten", inputs: ["image"], outputs: ["tokens"], attributes: {} }],
    initializers: [],
    inputs: [{ name: "image", type: "float32", shape }],
    outputs: [{ name: "tokens", type: "float32", shape: ["batch", 4] }],
  });
  writeFileSync(join(folder, "tokens.onnx"), flatten);
  const rows = ["id,path,patient,sex,coarse,fine,split"];
  for (let i = 0; i < 120; i++) {
    const sex = i % 2;
    const [coarse, fine] = [i % 3, i % 5];
    // Every fourth sentence of the fine level begins with another word than the coarse one; its last word is the sex.
    const pixels = Uint8Array.of(coarse, i % 4 === 0 ? coarse + 7 : coarse, fine, sex + 20);
    const raw = { width: 4, height: 1, channels: 1 } as const;
    await sharp(pixels, { raw })
      .png()
      .toFile(join(folder, `${i}.png`));
    rows.push(`s${i},${i}.png,p${i},${sex === 0 ? "F" : "M"},${coarse},${fine},${i < 20 ? "val" : "test"}`);
  }
  writeFileSync(join(folder, "manifest.csv"), `${rows.join("\n")}\n`);
  writeFileSync(
    join(folder, "audit.yaml"),
    `version: 1
title: Sentences
seed: 3
model:
  adapter: onnx
  path: tokens.onnx
  task: symbols
  classes: [coarse, fine]
  sessions: 1
  input: { width: 4, height: 1, channels: 1, range: [0, 255] }
  symbols: { lengths: { coarse: 1, fine: 3 } }
data:
  adapter: table
  path: manifest.csv
  image: path
  patient: patient
  references: { coarse: coarse, fine: fine }
  split: { column: split, tuning: val, evaluation: test }
subgroups:
  sex: { column: sex }
attacks:
  - id: random-sign
    epsilon: [1/255]
reports: [html, json]
`,
  );
  const out = join(folder, "out");
  expect((await stepwedge("run", join(folder, "audit.yaml"), "--out", out)).stderr).toBe("");
  expect(find(out, "outcomes/sentence-consistency/fine/all/clean").estimate).toBe(0.75);
  const telling = find(out, "symbols/sentence-group-information/fine/sex/clean");
  // All of it, in everybody: no error to estimate, and a test all the same.
  expect(telling).toMatchObject({ status: "not-estimable", reason: expect.stringMatching(/1\.00 bits/) });
  expect(telling.tests?.[0]?.p).toBeLessThan(0.01);
  expect(find(out, "symbols/sentence-group-information/coarse/sex/clean").tests?.[0]?.p).toBeGreaterThan(0.05);
  // A token is a pixel, and every pixel is changed by one: no word is left as it was, but for those at the window's end.
  expect(find(out, "symbols/sentence-stability/fine/all/random-sign@0.0039").estimate).toBeLessThan(0.2);
  expect(sectionsOf(out).get("summary")).toMatch(/Sentences tell sex for fine/);
  expect(sectionsOf(out).get("outcomes")).toMatch(/What the sentences of fine say/);
});
