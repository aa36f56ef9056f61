import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { randomFrom } from "../../src/core/random.js";
import { readParquet } from "../../src/run/parquet.js";
import { startStepwedge, stepwedge } from "../support/cli.js";
import { encoderStudy } from "../support/encoder-study.js";
import type { SmallStudy } from "../support/small-study.js";

const KNN = "{ kind: knn, k: 5 }";
const PROBE = "{ kind: linear-probe, l2: 10, folds: 4 }";

interface Findings {
  readonly findings: readonly { readonly id: string; readonly estimate: number | null }[];
  readonly operatingPoints: readonly { readonly threshold: number; readonly n: number }[];
  readonly queries: Readonly<Record<string, number>>;
  readonly preflight: readonly { readonly id: string }[];
}
interface Provenance {
  readonly model: {
    readonly head: {
      readonly kind: string;
      readonly numbers: Readonly<Record<string, number>>;
      readonly artifactSha256: string;
    };
  };
}

const read = <T>(record: string, file: string) => JSON.parse(readFileSync(join(record, file), "utf8")) as T;
const findingsOf = (record: string) => read<Findings>(record, "findings.json");
const run = (study: SmallStudy, out: string, ...more: string[]) =>
  stepwedge("run", study.protocol, "--out", join(study.folder, out), ...more);
const aucOf = ({ findings }: Findings) =>
  findings.find(({ id }) => id === "discrimination/auc/finding/all/clean")?.estimate;

test.each([
  ["knn", KNN],
  ["linear-probe", PROBE],
])(
  "%s over a tensor inside a graph: fitted on tuning patients, audited under attack, told in the record",
  async (kind, head) => {
    const study = await encoderStudy(head);
    const ended = await run(study, "record");
    expect(ended).toMatchObject({ stderr: "", code: 0 });
    const record = join(study.folder, "record");
    const found = findingsOf(record);
    expect(aucOf(found)).toBeGreaterThan(0.75);
    expect(found.queries).toMatchObject({ preflight: 12, tuning: 20 });
    expect(found.queries.score).toBeGreaterThan(40);
    expect(found.operatingPoints[0]).toMatchObject({ n: 20 });
    expect(found.preflight.map(({ id }) => id)).toEqual(["finite", "repeatable", "batch-invariant"]);
    const { head: told } = read<Provenance>(record, "provenance.json").model;
    expect(told).toMatchObject({
      kind,
      numbers: { width: 16, samples: 20, patients: 10, "positives.finding": 10, "negatives.finding": 10 },
    });
    const manifest = read<{ files: Record<string, string> }>(record, "manifest.json");
    expect(manifest.files[`artifacts/head.${kind}.json`]).toBe(told.artifactSha256);
    expect(readdirSync(join(record, "artifacts")).filter((name) => name.endsWith(".journal"))).toEqual([]);
  },
  60_000,
);

test("thresholds are chosen on scores that know nobody of the same patient", async () => {
  const study = await encoderStudy("{ kind: knn, k: 1 }");
  await run(study, "record");
  const sheet = await readParquet(join(study.folder, "record", "scores", "clean.tuning.parquet"));
  const scores = [...(sheet.get("score.finding") as Float64Array)];
  // One neighbour, and that would be the image itself: every score would be its label.
  const labels = study.rows.slice(1, 21).map((row) => Number(row.at(-1)));
  expect(scores.every((score) => score === 0 || score === 1)).toBe(true);
  expect(scores).not.toEqual(labels);
}, 60_000);

test("the report says which head, made of whom", async () => {
  const study = await encoderStudy(PROBE);
  study.writeProtocol((yaml) => yaml.replace("reports: [json]", "reports: [html]"));
  await run(study, "record");
  const page = readFileSync(join(study.folder, "record", "report.html"), "utf8");
  expect(page).toContain("linear-probe over embeddings of 16 dimensions");
  expect(page).toContain("fitted on 20 tuning samples of 10 patients");
}, 60_000);

test("whatever the batches that the encoder is asked in, and by whatever adapter, the findings are the same bytes", async () => {
  const study = await encoderStudy(KNN);
  await run(study, "onnx");
  const program = join(process.cwd(), "test", "support", "command-program.mjs");
  const rest = (record: string) => {
    const text = readFileSync(join(study.folder, record, "findings.json"), "utf8");
    // Hashes of artifacts are those of a model too, which is another one here; and the matrix of requirements names the protocol.
    return text
      .replace(/"(protocolSha256|artifactSha256)": ?"[0-9a-f]{64}"/g, "")
      .replace(/"requirements": \[[\s\S]*/, "");
  };
  for (const batch of [3, 16]) {
    study.writeProtocol((yaml) =>
      yaml
        .replace("adapter: onnx\n  path: encoder.onnx\n  output: { name: vector }", () =>
          [
            "adapter: command",
            `  command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(program)}, onnx, vector.onnx]`,
            `  batch: ${batch}`,
          ].join("\n"),
        )
        .replace("  sessions: 1\n", ""),
    );
    expect(await run(study, `command-${batch}`)).toMatchObject({ stderr: "", code: 0 });
    expect(rest(`command-${batch}`)).toBe(rest("onnx"));
  }
}, 120_000);

test("what fit made is used by a run that then asks nothing to learn, with the same thresholds", async () => {
  const study = await encoderStudy(PROBE);
  const fits = join(study.folder, "fits");
  const fit = await stepwedge("fit", study.protocol, "--out", fits, "--json");
  const learnt = (JSON.parse(fit.stdout) as { fits: { key: string; file: string }[] }).fits;
  expect(learnt[0]).toMatchObject({ key: "head:linear-probe", file: join("artifacts", "head.linear-probe.json") });
  await run(study, "learning");
  const reusing = (yaml: string) => yaml.replace("folds: 4 }", "folds: 4, fitted: fits/artifacts }");
  study.writeProtocol(reusing);
  expect(await run(study, "reusing")).toMatchObject({ stderr: "", code: 0 });
  const [one, two] = ["learning", "reusing"].map((record) => findingsOf(join(study.folder, record)));
  expect(two?.operatingPoints).toEqual(one?.operatingPoints);
  expect(two?.findings).toEqual(one?.findings);

  study.writeProtocol((yaml) => reusing(yaml).replace("l2: 10", "l2: 1"));
  expect(await run(study, "other")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/was made for parameters/),
  });
  // The two splits change places: the head now meets whom it learnt from.
  study.writeProtocol((yaml) =>
    reusing(yaml).replace("tuning: val, evaluation: test", "tuning: test, evaluation: val"),
  );
  expect(await run(study, "crossed")).toMatchObject({ code: 2, stderr: expect.stringMatching(/was learnt from/) });
}, 120_000);

test("killed at random moments and resumed, a run with a head ends in the same findings", async () => {
  const study = await encoderStudy(PROBE);
  study.writeProtocol((yaml) => yaml.replace("queries: 600", "queries: 6000"));
  const started = performance.now();
  await run(study, "undisturbed");
  const duration = performance.now() - started;
  const random = randomFrom("kill heads");
  const disturbed = join(study.folder, "disturbed");
  let killed = 0;
  for (let round = 0; round < 30 && killed < 5; round++) {
    const run = startStepwedge("run", study.protocol, "--out", disturbed, "--resume");
    await new Promise((resolve) => setTimeout(resolve, duration * random.uniform()));
    run.process.kill("SIGKILL");
    if ((await run.ended).code === null) killed++;
  }
  expect(killed).toBe(5);
  expect(await run(study, "disturbed", "--resume")).toMatchObject({ code: 0, stderr: "" });
  for (const file of [
    "findings.json",
    join("scores", "clean.tuning.parquet"),
    join("artifacts", "head.linear-probe.json"),
  ]) {
    expect(readFileSync(join(disturbed, file)).equals(readFileSync(join(study.folder, "undisturbed", file)))).toBe(
      true,
    );
  }
}, 300_000);

test("a run that was cut off between its steps goes on from what is there", async () => {
  const study = await encoderStudy(KNN);
  await run(study, "record");
  const record = join(study.folder, "record");
  const before = readFileSync(join(record, "findings.json"));
  // The artifact stands, the tuning sheet does not: as if the process had died between the two.
  for (const file of [join("scores", "clean.tuning.parquet"), "findings.json"]) rmSync(join(record, file));
  expect(await run(study, "record", "--resume")).toMatchObject({ code: 0, stderr: "" });
  expect(readFileSync(join(record, "findings.json")).equals(before)).toBe(true);
  rmSync(join(record, "artifacts", "head.knn.json"));
  expect(await run(study, "record", "--resume")).toMatchObject({ code: 0, stderr: "" });
  expect(readFileSync(join(record, "findings.json")).equals(before)).toBe(true);
  expect(existsSync(join(record, "artifacts", "head.knn.json"))).toBe(true);
}, 60_000);

test("text prompts from a table classify without learning", async () => {
  const study = await encoderStudy("{ kind: text-prompts, embeddings: prompts.csv, logitScale: 50 }");
  const columns = Array.from({ length: 16 }, (_, i) => `e${i}`);
  // Left half brighter, or darker: what the labels mean.
  const row = (polarity: string, sign: number) =>
    ["finding", polarity, ...columns.map((_, i) => 0.5 + sign * (i % 4 < 2 ? 0.02 : -0.02))].join(",");
  const table = (rows: readonly string[]) =>
    writeFileSync(
      join(study.folder, "prompts.csv"),
      `${[`class,polarity,${columns.join(",")}`, ...rows].join("\n")}\n`,
    );
  table([row("positive", 1), row("negative", -1)]);
  expect(await run(study, "record")).toMatchObject({ stderr: "", code: 0 });
  expect(aucOf(findingsOf(join(study.folder, "record")))).toBeGreaterThan(0.85);
  expect(read<Provenance>(join(study.folder, "record"), "provenance.json").model.head.numbers).toEqual({
    width: 16,
    prompts: 2,
  });

  table([row("positive", 1)]);
  expect(await run(study, "no-negatives")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/no negative prompt/),
  });
  table([row("positive", 1).replace(/,[^,]*$/, ","), row("negative", -1)]);
  expect(await run(study, "gap")).toMatchObject({ code: 2, stderr: expect.stringMatching(/line 2.*column e15/) });
  writeFileSync(join(study.folder, "prompts.csv"), "class,polarity,e0\nfinding,positive,1\nfinding,negative,-1\n");
  expect(await run(study, "narrow")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/vectors of 1 dimensions; the encoder gives 16/),
  });
}, 60_000);

test("images perturbed under a head are scored again by it", async () => {
  const study = await encoderStudy(KNN);
  const out = join(study.folder, "perturbed");
  const options = ["--attack", "random-sign", "--epsilon", "8/255", "--out", out];
  expect(await stepwedge("perturb", study.protocol, ...options)).toMatchObject({ code: 0, stderr: "" });
  expect(await stepwedge("perturb", study.protocol, "--check", out)).toMatchObject({ code: 0, stderr: "" });
}, 60_000);

test.each([
  ["an unknown head", "kind: knn", "kind: kn", /unknown head "kn"[\s\S]*Did you mean "knn"/],
  ["columns of an embedding", "{ name: vector }", "{ name: vector, select: { finding: 0 } }", /no column of a class/],
  ["an activation", "  head:", "  activation: sigmoid\n  head:", /takes no activation/],
  ["more neighbours than there are", "k: 5", "k: 19", /k is 19; the tuning split has 20 samples[\s\S]*k to at most 18/],
  ["a tensor that is not there", "name: vector", "name: vectors", /no output "vectors"[\s\S]*map, vector, score/],
  ["a map without a way to pool it", "name: vector", "name: map", /several vectors per image[\s\S]*mean or max/],
  ["gradients", "id: random-sign", "id: pgd", /pgd needs gradients, and a head over an encoder gives none/],
])(
  "%s is refused with a remedy",
  async (_, what, by, message) => {
    const study = await encoderStudy(KNN);
    study.writeProtocol((yaml) => yaml.replace(what, by));
    expect(await run(study, "record")).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  },
  60_000,
);

test("patients in both splits are refused under a head, even where the protocol allows them", async () => {
  const study = await encoderStudy(KNN);
  study.writeTable(study.rows.map((row, i) => (i === 21 ? row.map((cell, at) => (at === 2 ? "p0" : cell)) : row)));
  study.writeProtocol((yaml) =>
    yaml.replace("  patient: patient\n", "  patient: patient\n  allowPatientOverlap: true\n"),
  );
  expect(await run(study, "record")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/1 patient is in both[\s\S]*put each on one side/),
  });
}, 60_000);

test("a class without both labels on the tuning split is refused", async () => {
  const study = await encoderStudy(PROBE);
  study.writeTable(study.rows.map((row, i) => (i > 0 && i <= 20 ? [...row.slice(0, -1), "0"] : row)));
  expect(await run(study, "record")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/0 positives and 20 negatives of class "finding"/),
  });
}, 60_000);

test.each([
  ["s05", /sample "s05": the encoder gave NaN/],
  ["s30", /sample "s30": the encoder gave NaN/],
])(
  "an embedding that is not finite ends the run and names its sample, %s",
  async (sample, message) => {
    const study = await encoderStudy(KNN);
    study.writeProtocol((yaml) => yaml.replace("name: vector", "name: ratio"));
    await sharp({ create: { width: 16, height: 16, channels: 3, background: "black" } })
      .toColourspace("b-w")
      .png()
      .toFile(join(study.images, `${sample}.png`));
    expect(await run(study, "record")).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  },
  60_000,
);

test("list and explain know heads", async () => {
  const list = await stepwedge("list", "heads");
  for (const kind of ["knn", "linear-probe", "text-prompts"]) expect(list.stdout).toContain(kind);
  const explained = await stepwedge("explain", "knn");
  expect(explained.stdout).toMatch(/metric: cosine \| euclidean; default "cosine"/);
  expect(explained.stdout).toContain("docs/models/heads.md");
}, 30_000);
