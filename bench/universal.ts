/*
 * Universal attacks under equal budgets of queries: decisions flipped on other patients, with Wilson's intervals, for
 * the chest X-ray and the skin classifier of ../shared/data, split as in examples/. L∞, ε = 4/255, objective
 * operating-point where there is a choice. And what the search adds to its queries: queries per second of
 * wavelet-universal as a share of bare onnxruntime-node's in its faster arrangement, measured in turns.
 *
 *   npm run build && node dist/bench/universal.js [models] [attacks] [budgets] [seeds]
 *
 * Models, attacks and budgets are lists with commas, or "all"; seeds is a number. A search whose course does not depend
 * on its budget (u-simba) answers the first part of a larger budget from the journal of the smaller one, as a resumed
 * audit does. The column of seconds counts what was asked anew.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import type { Calibration, Strength } from "../src/core/attack.js";
import type { Fitted } from "../src/core/fitted.js";
import { sha256 } from "../src/core/hash.js";
import type { Model } from "../src/core/model.js";
import { createBatch, type PixelBatch, sliceBatch } from "../src/core/pixels.js";
import { findPlugin } from "../src/core/plugins.js";
import { randomFrom } from "../src/core/random.js";
import { PACKAGE_ROOT } from "../src/core/version.js";
import { projectCandidates } from "../src/image/budget.js";
import { loadProtocol } from "../src/protocol/load.js";
import { parametersOf } from "../src/protocol/schema.js";
import { openImages } from "../src/run/images.js";
import { Journal } from "../src/run/journal.js";
import { QueryLedger } from "../src/run/ledger.js";
import { prepareData } from "../src/run/prepare.js";
import type { Roster } from "../src/run/roster.js";
import { MeteredTarget } from "../src/run/target.js";
import { areaUnderCurve, type LabelledScores } from "../src/stats/auc.js";
import { flipRate } from "../src/stats/decisions.js";
import { intervalOf } from "../src/stats/estimate.js";
import { oneSessionSeconds, sessionPerCoreSeconds } from "./support/bare.js";

const EPSILON = 4 / 255;
const BATCH = 64;
const SPEED_QUERIES = 2048;
const REPEATS = 3;
const SEED = 20261123;
const EXAMPLES: Readonly<Record<string, string>> = { cxr: "cxr-nih", skin: "skin-ham" };

interface Entry {
  readonly name: string;
  readonly id: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

const ENTRIES: readonly Entry[] = [
  { name: "wavelet-universal", id: "wavelet-universal", parameters: {} },
  { name: "dct-universal", id: "dct-universal", parameters: {} },
  { name: "pixel-universal", id: "pixel-universal", parameters: {} },
  { name: "u-simba-dct", id: "u-simba", parameters: { basis: "dct" } },
  { name: "u-simba-dct-long", id: "u-simba", parameters: { basis: "dct", step: 3 } },
  { name: "u-simba-pixel", id: "u-simba", parameters: { basis: "pixel" } },
  { name: "procedural-perlin", id: "procedural-noise", parameters: { noise: "perlin" } },
  { name: "procedural-gabor", id: "procedural-noise", parameters: { noise: "gabor" } },
];

const [models = "all", attacks = "all", budgetList = "all", seedCount = "1"] = process.argv.slice(2);
const chosen = (list: string, name: string) => list === "all" || list.split(",").includes(name);
const budgets = (budgetList === "all" ? "5000,20000,72000" : budgetList).split(",").map(Number);
const seeds = Array.from({ length: Number(seedCount) }, (_, index) => SEED + index);

/** A classifier with its tuning set, and its evaluation set in patient order. */
interface Subject {
  readonly name: string;
  readonly path: string;
  readonly model: Model;
  readonly tuning: Calibration;
  readonly images: PixelBatch;
  readonly clean: LabelledScores;
  readonly threshold: number;
}

async function openSubject(name: string): Promise<Subject | null> {
  const loaded = await loadProtocol(join(PACKAGE_ROOT, "examples", EXAMPLES[name] ?? "", "audit.yaml"));
  const { protocol, baseFolder } = loaded;
  const path = join(baseFolder, String(protocol.model.path));
  if (!existsSync(path)) return null;
  const adapter = await findPlugin("models", protocol.model.adapter);
  const { classes } = protocol.model;
  const options = { baseFolder, classes, threads: availableParallelism() };
  const model = await adapter.open(parametersOf(protocol.model, adapter), options);
  if (model === null) throw new Error(`${name} has no model`);
  const data = await prepareData(loaded, adapter);
  const loader = await openImages({
    source: data.source,
    input: model.meta.input,
    bits: undefined,
    unreadable: "fail",
    rows: data.tuning.rows,
  });
  const className = classes[0] ?? "";
  const labelsOf = (roster: Roster) => Uint8Array.from(roster.labels[className] ?? []);
  const threshold = Number(protocol.operatingPoints.map((point) => ("threshold" in point ? point.threshold : 0))[0]);
  const tuning = {
    images: (await loader.load(data.tuning.rows)).batch,
    labels: labelsOf(data.tuning),
    patients: data.tuning.patients,
    classIndex: 0,
    threshold,
  };
  const { patients, rows } = data.evaluation;
  const order = [...patients.keys()].sort((a, b) => (patients[a] as number) - (patients[b] as number));
  const { batch: images } = await loader.load(order.map((row) => rows[row] as number));
  const sorted = Int32Array.from(order, (row) => patients[row] as number);
  const clean = {
    scores: await scoresOf(model, images),
    labels: Uint8Array.from(order, (row) => labelsOf(data.evaluation)[row] as number),
    patients: sorted,
    clustered: new Set(sorted).size < sorted.length,
  };
  return { name, path, model, tuning, images, clean, threshold };
}

async function scoresOf(model: Model, images: PixelBatch): Promise<Float64Array> {
  const scores = new Float64Array(images.count);
  for (let from = 0; from < images.count; from += BATCH) {
    const { values, classes, count } = await model.predict(
      sliceBatch(images, from, Math.min(from + BATCH, images.count)),
    );
    for (let image = 0; image < count; image++) scores[from + image] = values[image * classes.length] as number;
  }
  return scores;
}

/** One search on the tuning set, or none for a control; its answers are kept in a journal of that name. */
async function search(subject: Subject, entry: Entry, queries: number, seed: number, folder: string) {
  const { model, tuning } = subject;
  const attack = await findPlugin("attacks", entry.id);
  const strength: Strength = {
    kind: "epsilon",
    norm: "linf",
    epsilon: EPSILON,
    stored: EPSILON * tuning.images.maxValue,
  };
  const key = `${subject.name} ${entry.name} ${seed}`;
  const journal = new Journal(join(folder, `${key}.journal`), sha256(key));
  const target = new MeteredTarget({
    ledger: new QueryLedger(model),
    strength,
    defense: null,
    budget: queries,
    classIndex: tuning.classIndex,
    threshold: subject.threshold,
    journal,
    seed,
    signal: undefined,
  });
  const { data: _data, count: _count, ...geometry } = tuning.images;
  const context = {
    parameters: attack.meta.parameters.parse(entry.parameters),
    strength,
    objective: attack.meta.objectives?.[0] ?? null,
    geometry,
    file: noFile,
  };
  const random = randomFrom(seed, "search", entry.name);
  const started = performance.now();
  const fitted = (await attack.fit?.(tuning, { ...context, target, random, progress() {} })) ?? null;
  const seconds = (performance.now() - started) / 1000;
  journal.close();
  return { attack, context, fitted, seconds, used: target.queriesUsed };
}

async function attackSubject(
  subject: Subject,
  entry: Entry,
  queries: number,
  seed: number,
  folder: string,
): Promise<void> {
  const { attack, context, fitted, seconds, used } = await search(subject, entry, queries, seed, folder);
  const randomOf = (image: number) => randomFrom(seed, entry.name, image);
  const candidates = await attack.apply(subject.images, { ...context, fitted, oracle: null, randomOf });
  const perturbed = createBatch(subject.images, subject.images.count);
  projectCandidates(subject.images, candidates, context.strength, perturbed);
  await printRow(subject, entry.name, queries, used, perturbed, seconds, fitted);
}

async function printRow(
  subject: Subject,
  name: string,
  budget: number,
  used: number,
  perturbed: PixelBatch,
  seconds: number,
  fitted: Fitted | null,
): Promise<void> {
  const attacked = { ...subject.clean, scores: await scoresOf(subject.model, perturbed) };
  const flips = flipRate(subject.clean, attacked, subject.threshold);
  const auc = areaUnderCurve(attacked);
  if (flips.status !== "estimated" || auc.status !== "estimated") throw new Error("nothing to estimate");
  const { lower, upper } = intervalOf(flips, 0.95);
  const percent = (share: number) => (100 * share).toFixed(1);
  const numbers = Object.entries(fitted?.numbers ?? {}).map(([key, value]) => `${key} ${Number(value.toPrecision(4))}`);
  const cells = [
    subject.name,
    name,
    budget,
    used,
    `${percent(flips.value)} % (${percent(lower)}–${percent(upper)})`,
    auc.value.toFixed(3),
    seconds.toFixed(1),
    numbers.join(", "),
  ];
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
}

async function printSpeed(subject: Subject, folder: string): Promise<void> {
  const { name, path, images } = subject;
  const [entry] = ENTRIES;
  if (entry === undefined) return;
  const { data: _data, count: _count, ...geometry } = images;
  const bare = { path, input: "image", output: "prob", geometry };
  const shares: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const { used, seconds } = await search(subject, entry, SPEED_QUERIES, repeat, folder);
    const bareSeconds = [
      await oneSessionSeconds(bare, SPEED_QUERIES),
      await sessionPerCoreSeconds(bare, SPEED_QUERIES),
    ];
    shares.push(used / seconds / (SPEED_QUERIES / Math.min(...bareSeconds)));
    const rates = `${(used / seconds).toFixed(0)} queries/s, ${(SPEED_QUERIES / Math.min(...bareSeconds)).toFixed(0)} bare`;
    process.stdout.write(`${name}: ${rates} passes/s\n`);
  }
  shares.sort((a, b) => a - b);
  process.stdout.write(`${name}: median share of bare throughput ${(shares[1] ?? 0).toFixed(2)}\n`);
}

function noFile(parameter: string): never {
  throw new Error(`no file was given for ${parameter}`);
}

const subjects: Subject[] = [];
for (const name of Object.keys(EXAMPLES)) {
  if (!chosen(models, name)) continue;
  const subject = await openSubject(name);
  if (subject === null) process.stdout.write(`universal: ${name} skipped, its model is not here\n`);
  else subjects.push(subject);
}
const folder = mkdtempSync(join(tmpdir(), "stepwedge-bench-"));
process.stdout.write(
  "| model | attack | budget | queries | flips (95 %) | AUC | s | |\n|---|---|---|---|---|---|---|---|\n",
);
for (const subject of subjects) {
  await printRow(subject, "none", 0, 0, subject.images, 0, null);
  await attackSubject(subject, { name: "random-sign", id: "random-sign", parameters: {} }, 0, SEED, folder);
}
for (const queries of budgets) {
  for (const subject of subjects) {
    for (const entry of ENTRIES) {
      if (!chosen(attacks, entry.name)) continue;
      for (const seed of seeds) await attackSubject(subject, entry, queries, seed, folder);
    }
  }
}
for (const subject of subjects) {
  await printSpeed(subject, folder);
  await subject.model.close();
}
rmSync(folder, { recursive: true });
