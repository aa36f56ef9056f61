import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "../../src/core/finding.js";
import { randomFrom } from "../../src/core/random.js";
import { readParquet } from "../../src/run/parquet.js";
import { measured, nearestNeighbours } from "../../src/stats/neighbours.js";
import { startStepwedge, stepwedge } from "../support/cli.js";
import { encoderStudy } from "../support/encoder-study.js";
import { type RetrievalStudy, retrievalStudy } from "../support/retrieval-study.js";

interface Record {
  readonly verdict: string;
  readonly findings: readonly Finding[];
  readonly queries: Readonly<{ [purpose: string]: number }>;
}
const read = (out: string) => JSON.parse(readFileSync(join(out, "findings.json"), "utf8")) as Record;
const find = ({ findings }: Record, id: string): Finding => {
  const found = findings.find((finding) => finding.id === id);
  if (found === undefined) throw new Error(`no finding ${id}`);
  return found;
};
const run = (study: { readonly folder: string; readonly protocol: string }, out: string, ...more: string[]) =>
  stepwedge("run", study.protocol, "--out", join(study.folder, out), ...more);
const withAttacks = (yaml: string) =>
  yaml.replace(
    "gates:",
    [
      "attacks:",
      "  - { id: random-sign, epsilon: [16/255] }",
      "  - { id: wavelet-universal, epsilon: [16/255], queries: 300 }",
      "defenses:",
      "  - { id: jpeg, quality: 75, adaptive: false }",
      "gates:",
    ].join("\n"),
  );

/** A float32 array as numpy writes it. */
function readNpy(path: string) {
  const bytes = readFileSync(path);
  const begin = 10 + bytes.readUInt16LE(8);
  const [, count, width] = /\((\d+), (\d+)\)/.exec(bytes.toString("latin1", 10, begin)) as unknown as string[];
  expect(begin % 64).toBe(0);
  const values = new Float32Array(new Uint8Array(bytes.subarray(begin)).buffer);
  return { count: Number(count), width: Number(width), values };
}

test("an encoder that tells of sex is caught, one that does not is not; both find the same class", async () => {
  const leaking = await retrievalStudy({ leak: 30 });
  expect((await run(leaking, "out")).code).toBe(1);
  const record = read(join(leaking.folder, "out"));
  expect(find(record, "leakage/leakage-auc/all-classes/sex=F/clean").estimate).toBeGreaterThan(0.85);
  expect(find(record, "outcomes/mean-average-precision/left/all/clean").estimate).toBeGreaterThan(0.9);

  const silent = await retrievalStudy({ leak: 0 });
  expect(await run(silent, "out")).toMatchObject({ code: 0, stderr: "" });
  const null_ = find(read(join(silent.folder, "out")), "leakage/leakage-auc/all-classes/sex=F/clean");
  expect(null_.interval?.lower).toBeLessThan(0.5);
  expect(
    find(read(join(silent.folder, "out")), "outcomes/mean-average-precision/left/all/clean").estimate,
  ).toBeGreaterThan(0.9);
  // Without a signal of the class its share in the gallery is all that is found.
  const blind = await retrievalStudy({ leak: 0, signal: 0 });
  await run(blind, "out");
  const chance = find(read(join(blind.folder, "out")), "outcomes/precision-at-k/left/all/clean");
  expect(chance.estimate).toBeGreaterThan(0.3);
  expect(chance.estimate).toBeLessThan(0.7);
}, 120_000);

test("what the score tables say is what brute force over the kept embeddings finds; no patient is found for itself", async () => {
  const study = await retrievalStudy({ leak: 0, signal: 12 });
  for (const side of ["tuning", "evaluation"] as const) {
    study.writeProtocol((yaml) => yaml.replace("{ k: 5 }", `{ k: 5, gallery: ${side} }`));
    const out = join(study.folder, side);
    expect(await run(study, side)).toMatchObject({ stderr: "" });
    const scores = (name: string) => join(out, "scores", name);
    const queries = readNpy(scores("embeddings.evaluation.npy"));
    const gallery = readNpy(scores(`embeddings.${side}.npy`));
    const roster = await readParquet(scores("samples.evaluation.parquet"));
    const found = await readParquet(scores(`samples.${side}.parquet`));
    const sheet = await readParquet(scores("clean.parquet"));
    const groups = { queries: roster.get("person") as Int32Array, references: found.get("person") as Int32Array };
    const near = nearestNeighbours(queries, measured(gallery), { k: 5, metric: "cosine", groups });
    const isLeft = found.get("relevance.left") as Int32Array;
    const asks = roster.get("label.left") as Int32Array;
    for (let query = 0; query < queries.count; query++) {
      const ranks = [0, 1, 2, 3, 4].map((rank) => near.indices[query * 5 + rank] as number);
      expect(ranks.map((_, rank) => (sheet.get(`neighbour.${rank + 1}`) as Float64Array)[query])).toEqual(ranks);
      expect(ranks.some((item) => groups.references[item] === groups.queries[query])).toBe(false);
      const precision = (sheet.get("outcome.precision-at-k.left") as Float64Array)[query];
      expect(precision).toBe(asks[query] === 1 ? ranks.filter((item) => isLeft[item] === 1).length / 5 : Number.NaN);
    }
    expect(asks.every((label) => label === 1 || label === -1)).toBe(true);
  }
}, 120_000);

test("under attack the same samples drift and lose neighbours; threads, batches and verification change nothing", async () => {
  const study = await retrievalStudy({ leak: 0, signal: 12 });
  study.writeProtocol(withAttacks);
  const out = join(study.folder, "out");
  expect(await run(study, "out", "--threads", "1")).toMatchObject({ stderr: "" });
  const record = read(out);
  // The two splits once beforehand; then each image under each of six conditions.
  expect(record.queries).toMatchObject({ tuning: 240, score: 7 * 120 });
  const keys = record.findings
    .filter(({ id }) => id.startsWith("outcomes/clean-similarity-drop/left/all/"))
    .map(({ id }) => id.slice("outcomes/clean-similarity-drop/left/all/".length));
  expect(keys).toHaveLength(5);
  for (const key of keys) {
    expect(find(record, `outcomes/clean-similarity-drop/left/all/${key}`).estimate).toBeGreaterThan(0);
    expect(find(record, `outcomes/neighbour-overlap/left/all/${key}`).estimate).toBeLessThan(1);
  }
  const drop = (key: string) => find(record, `outcomes/mean-average-precision-drop/left/all/${key}`).estimate as number;
  const [noise, searched] = ["random-sign@0.0627", "wavelet-universal:operating-point@0.0627"].map(
    (key) => keys.find((one) => one === key) ?? keys.find((one) => one.startsWith(key.split("@")[0] as string)),
  ) as [string, string];
  expect(drop(searched)).toBeGreaterThan(drop(noise));
  expect(await run(study, "again", "--threads", "2")).toMatchObject({ stderr: "" });
  expect(
    readFileSync(join(study.folder, "again", "findings.json")).equals(readFileSync(join(out, "findings.json"))),
  ).toBe(true);
  expect(await stepwedge("verify", out, "--recompute")).toMatchObject({ code: 0 });
  const before = readFileSync(join(out, "findings.json"));
  await stepwedge("evaluate", out);
  expect(readFileSync(join(out, "findings.json")).equals(before)).toBe(true);

  const asked = await stepwedge("neighbours", out, "--sample", "p100a", "--condition", searched, "--json");
  const { neighbours } = JSON.parse(asked.stdout) as { neighbours: { rank: number; nearness: number; id: string }[] };
  expect(neighbours.map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5]);
  expect(neighbours.map(({ nearness }) => nearness)).toEqual(
    neighbours
      .map(({ nearness }) => nearness)
      .sort()
      .reverse(),
  );
  expect((await stepwedge("neighbours", out, "--sample", "p100a")).stdout).toMatch(/p100a \((left|right)\), clean/);
  expect((await stepwedge("neighbours", out, "--sample", "p100c")).stderr).toMatch(
    /no sample "p100c"[\s\S]*Did you mean/,
  );
  expect((await stepwedge("neighbours", out, "--sample", "p100a", "--condition", "clen")).stderr).toMatch(/"clean"/);
}, 180_000);

test("killed at random moments and resumed, a search ends in the same findings", async () => {
  const study = await retrievalStudy({ leak: 10, signal: 12, patients: 60 });
  study.writeProtocol(withAttacks);
  const started = performance.now();
  await run(study, "undisturbed");
  const duration = performance.now() - started;
  const random = randomFrom("kill searches");
  const disturbed = join(study.folder, "disturbed");
  let killed = 0;
  for (let round = 0; round < 30 && killed < 4; round++) {
    const started = startStepwedge("run", study.protocol, "--out", disturbed, "--resume");
    await new Promise((resolve) => setTimeout(resolve, duration * random.uniform()));
    started.process.kill("SIGKILL");
    if ((await started.ended).code === null) killed++;
  }
  expect(killed).toBe(4);
  await run(study, "disturbed", "--resume");
  for (const file of ["findings.json", join("scores", "embeddings.evaluation.npy"), join("scores", "clean.parquet")]) {
    expect(readFileSync(join(disturbed, file)).equals(readFileSync(join(study.folder, "undisturbed", file)))).toBe(
      true,
    );
  }
  rmSync(join(disturbed, "scores", "embeddings.tuning.npy"));
  expect((await stepwedge("evaluate", disturbed)).stderr).toMatch(/embeddings.tuning.npy/);
}, 240_000);

test("a head's encoder is looked at, too, where its embeddings are kept", async () => {
  const study = await encoderStudy("{ kind: knn, k: 5 }");
  const small = (yaml: string) => `${yaml}privacy: { minimumCell: 0 }\n`;
  study.writeProtocol((yaml) => small(yaml.replace("  head:", "  keepEmbeddings: true\n  head:")));
  expect(await stepwedge("run", study.protocol, "--out", join(study.folder, "kept"))).toMatchObject({ stderr: "" });
  const record = read(join(study.folder, "kept"));
  expect(find(record, "leakage/leakage-auc/all-classes/sex=F/clean").status).toBe("measured");
  expect(find(record, "discrimination/auc/finding/all/clean").status).toBe("measured");
  study.writeProtocol(small);
  await stepwedge("run", study.protocol, "--out", join(study.folder, "plain"));
  const plain = read(join(study.folder, "plain"));
  expect(plain.findings.filter(({ audit }) => audit === "leakage")).toEqual([]);
  expect(record.findings.filter(({ audit }) => audit !== "leakage")).toEqual(plain.findings);
}, 120_000);

test("what does not fit is named", async () => {
  const study = await retrievalStudy({ leak: 0, patients: 24 });
  let refused = 0;
  const errorOf = async (change: (yaml: string) => string) => {
    study.writeProtocol(change);
    const { code, stderr } = await run(study as RetrievalStudy, `refused-${refused++}`);
    expect(code).toBe(2);
    return stderr;
  };
  expect(await errorOf((yaml) => yaml.replace("k: 5", "k: 23"))).toMatch(/k is 23; some patient's others are 22/);
  expect(await errorOf((yaml) => yaml.replace("  sessions: 1", "  head: { kind: knn }"))).toMatch(
    /makes a classifier of an encoder; the task is retrieval/,
  );
  expect(
    await errorOf((yaml) => yaml.replace(/ {2}labels:[\s\S]*?(?= {2}split)/, "  references: { left: class }\n")),
  ).toMatch(/data.labels/);
  expect(await errorOf((yaml) => yaml.replace("task: retrieval", "task: multiclass\n  keepEmbeddings: true"))).toMatch(
    /needs an encoder/,
  );
  expect(await errorOf((yaml) => yaml.replace("classes: [left, right]", "classes: [left, right, up]"))).toMatch(
    /class "up" has no labels/,
  );
  expect(await errorOf((yaml) => yaml.replace("gates:", "attacks: [{ id: pgd, epsilon: [4/255] }]\ngates:"))).toMatch(
    /needs gradients/,
  );
}, 120_000);
