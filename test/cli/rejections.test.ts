import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { randomFrom } from "../../src/core/random.js";
import type { Findings } from "../../src/core/record.js";
import { readParquet } from "../../src/run/parquet.js";
import { startStepwedge, stepwedge } from "../support/cli.js";
import { type SmallStudy, smallStudy } from "../support/small-study.js";

const EVALUATED = ["s20", "s30", "s31", "s32", "s33"];
const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const findingsOf = (out: string) => JSON.parse(readFileSync(join(out, "findings.json"), "utf8")) as Findings;

/** One tuning image and five evaluation images that no model can be given, each for a reason of its own. */
async function spoiltStudy(change: (yaml: string) => string = (yaml) => yaml): Promise<SmallStudy> {
  const study = await smallStudy();
  const file = (name: string) => join(study.images, `${name}.png`);
  const pixels = (side: number, channels: 1 | 3) =>
    sharp(
      Uint8Array.from({ length: side * side * channels }, (_, i) => (i * 89) % 256),
      {
        raw: { width: side, height: side, channels },
      },
    ).png();
  writeFileSync(file("s03"), "no pixels, just words");
  truncateSync(file("s20"), 120); // The first of the evaluation split: depth and preflight are those of the next.
  await pixels(8, 1).toFile(file("s31"));
  await pixels(16, 3).toFile(file("s32"));
  await sharp(
    Uint16Array.from({ length: 256 }, (_, i) => 200 * i),
    { raw: { width: 16, height: 16, channels: 1 } },
  )
    .toColourspace("grey16")
    .png()
    .toFile(file("s33"));
  study.writeTable(study.rows.map((row) => row.map((cell) => (cell === "images/s30.png" ? "images/gone.png" : cell))));
  study.writeProtocol((yaml) =>
    change(yaml)
      .replace("image: path\n", "image: path\n  unreadable: reject\n")
      .replace("sessions: 1\n", "sessions: 1\n  input: { resize: none }\n")
      .concat("privacy: { minimumCell: 0 }\n"),
  );
  return study;
}

test("without data.unreadable the first such image ends the run", async () => {
  const study = await spoiltStudy();
  study.writeProtocol();
  const { code, stderr } = await stepwedge("run", study.protocol, "--out", join(study.folder, "out"));
  expect(code).toBe(2);
  expect(stderr).toMatch(/gone\.png/);
});

test("rejected images keep their place, without a score under any condition, and are told by reason alone", async () => {
  const study = await spoiltStudy((yaml) => yaml.replace("[json]", "[json, html, markdown]"));
  const out = join(study.folder, "out");
  expect(await stepwedge("run", study.protocol, "--out", out)).toMatchObject({ code: 0, stderr: "" });
  const findings = findingsOf(out);
  expect(findings.flow).toMatchObject({ read: 60, tuning: 20, evaluation: 40 });
  expect(findings.flow.rejected).toEqual([
    { split: "tuning", reason: "the image is missing or cannot be decoded", count: 1 },
    { split: "evaluation", reason: "the image is missing or cannot be decoded", count: 2 },
    { split: "evaluation", reason: "the image's colours do not fit the model", count: 1 },
    { split: "evaluation", reason: "the image's size does not fit the model", count: 1 },
    { split: "evaluation", reason: "the image's values are beyond the study's depth", count: 1 },
  ]);
  expect(findings.flow.classes.finding).toEqual({
    tuning: { positives: 10, negatives: 10, missing: 0 },
    evaluation: { positives: 20, negatives: 20, missing: 0 },
  });
  expect(findings.queries).toMatchObject({ tuning: 19, score: 35 * 3 });

  for (const sheet of ["clean", "random-sign@0.0314", "wavelet-universal.operating-point@0.0314"]) {
    const table = await readParquet(join(out, "scores", `${sheet}.parquet`));
    const scores = table.get("score.finding") as Float64Array;
    const unscored = (table.get("id") as string[]).filter((_, row) => Number.isNaN(scores[row]));
    expect(unscored).toEqual(EVALUATED);
  }
  for (const attack of findings.attacks) expect([attack.maxLinf, attack.maxL2].every(Number.isFinite)).toBe(true);
  const rate = findings.findings.find((one) => one.id === "rejections/rejection-rate/finding/all/clean");
  expect(rate).toMatchObject({ estimate: 5 / 40, n: 40 });

  const listed = readFileSync(join(out, "scores", "rejections.json"), "utf8");
  expect(listed).toMatch(/gone\.png/);
  expect(JSON.parse(listed)).toHaveLength(6);
  for (const file of ["findings.json", "report.html", "report.md"]) {
    expect(readFileSync(join(out, file), "utf8")).not.toMatch(/gone\.png|s3[0-3]\b|line \d+/);
  }
}, 60_000);

test("the other images' results are those of a study without the rejected ones", async () => {
  const study = await spoiltStudy();
  const out = join(study.folder, "with");
  await stepwedge("run", study.protocol, "--out", out);
  study.writeTable(study.rows.filter(([name]) => ![...EVALUATED, "s03"].includes(name ?? "")));
  const without = join(study.folder, "without");
  await stepwedge("run", study.protocol, "--out", without);
  const [a, b] = [findingsOf(out), findingsOf(without)];
  expect(a.operatingPoints).toEqual(b.operatingPoints);
  const compared = b.findings.filter(({ audit }) => audit === "discrimination" || audit === "robustness");
  expect(compared.length).toBeGreaterThan(10);
  for (const finding of compared) {
    const found = a.findings.find(({ id }) => id === finding.id);
    expect(found).toMatchObject({ estimate: finding.estimate, n: finding.n, status: finding.status });
  }
}, 60_000);

test("killed at random moments and resumed, the run ends in the same findings", async () => {
  const study = await spoiltStudy((yaml) =>
    yaml.replace("queries: 600\n", "queries: 3000\n  - { id: square, epsilon: [2/255], queries: 100 }\n"),
  );
  const whole = join(study.folder, "whole");
  const started = performance.now();
  expect((await stepwedge("run", study.protocol, "--out", whole)).code).toBe(0);
  const duration = performance.now() - started;
  const out = join(study.folder, "out");
  const random = randomFrom("kill rejections");
  let killed = 0;
  for (let round = 0; round < 30 && killed < 4; round++) {
    const run = startStepwedge("run", study.protocol, "--out", out, "--resume");
    await wait(duration * (0.3 + 0.7 * random.uniform()));
    run.process.kill("SIGKILL");
    if ((await run.ended).code === null) killed++;
  }
  expect((await stepwedge("run", study.protocol, "--out", out, "--resume")).code).toBe(0);
  for (const file of ["findings.json", join("scores", "rejections.json"), join("scores", "clean.parquet")]) {
    expect(readFileSync(join(out, file)).equals(readFileSync(join(whole, file)))).toBe(true);
  }
}, 200_000);

test("a path that leaves the folder is no rejected image: the run ends", async () => {
  const study = await spoiltStudy();
  study.writeTable(study.rows.map((row) => row.map((cell) => (cell === "images/s40.png" ? "../../etc/passwd" : cell))));
  const { code, stderr } = await stepwedge("run", study.protocol, "--out", join(study.folder, "out"));
  expect([code, stderr]).toEqual([2, expect.stringMatching(/outside/)]);
});

test("an empty score in a table of scores: an error, or with reject a sample without a score", async () => {
  const study = await smallStudy();
  const header = ["id", "patient", "split", "finding", "score"];
  const rows = study.rows.slice(1).map(([id, , patient, , split, finding], index) => {
    return [id, patient, split, finding, index === 30 ? "" : String(((index * 7) % 60) / 60)] as string[];
  });
  study.writeTable([header, ...rows]);
  const protocol = (more: string) =>
    [
      "version: 1",
      "title: scores",
      "model: { adapter: scores, columns: { finding: score } }",
      `data: { adapter: table, path: manifest.csv, patient: patient, labels: { finding: finding }, split: { column: split }${more} }`,
      "operatingPoints: [{ id: locked, sensitivity: 0.8 }]",
      "reports: [json]",
    ].join("\n");
  study.writeProtocol(() => protocol(""));
  const out = join(study.folder, "out");
  const failed = await stepwedge("run", study.protocol, "--out", out);
  expect([failed.code, failed.stderr]).toEqual([2, expect.stringMatching(/line 32.*unreadable/s)]);
  expect(existsSync(out)).toBe(false);
  study.writeProtocol(() => protocol(", unreadable: reject"));
  await stepwedge("run", study.protocol, "--out", out);
  const { findings, flow } = findingsOf(out);
  expect(flow.rejected).toEqual([{ split: "evaluation", reason: "the table holds no score", count: 1 }]);
  expect(findings.find(({ id }) => id === "discrimination/auc/finding/all/clean")).toMatchObject({
    n: 39,
    reason: expect.stringMatching(/1 labelled sample has no score/),
  });
  expect(findings.some(({ metric }) => metric === "sensitivity-worst-case")).toBe(true);
});
