// Fits a head on the tuning split. The split's own scores are held out: a head is not asked about patients that it learnt from.
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { StepwedgeError } from "../core/errors.js";
import type { Fitted } from "../core/fitted.js";
import type { HeadSamples } from "../core/head.js";
import { sha256 } from "../core/hash.js";
import { randomFrom } from "../core/random.js";
import type { HeadSummary } from "../core/record.js";
import { borrowArtifact, type FitPurpose, readArtifact, type StoredFit, writeArtifact } from "./artifact.js";
import { TUNING_SHEET } from "./evidence.js";
import { ARTIFACTS_FOLDER, artifactFile } from "./fitting.js";
import { embedSplit, type SplitEmbeddings } from "./embedding-pass.js";
import type { HeadedModel } from "./headed-model.js";
import { Journal } from "./journal.js";
import { otherEncoderWidth, type PlannedCondition, type PlannedHead } from "./plan.js";
import type { Roster } from "./roster.js";
import { openSheet, REJECTED_COLUMN, type ScoringContext, sheetRows } from "./scoring.js";
import type { Sheet } from "./sheet.js";
import { readVectorTable } from "./vector-table.js";

/** Kept beside the head's own arrays: its scores of the samples that it learnt from, by heads that did not know the patient. */
const HELD_OUT = "held-out";
/** Artifacts are JSON, and a text has an end. */
const MOST_BYTES = 256 * 2 ** 20;

/** A head that is ready. */
export interface RaisedHead {
  readonly stored: StoredFit;
  /** The tuning split's clean scores; null where they are those of any model, and yet to be asked for. */
  readonly tuningSheet: Sheet | null;
}

export interface RaiseOptions {
  readonly model: HeadedModel;
  /** Over the tuning split. */
  readonly context: ScoringContext;
  readonly evaluation: Roster;
  /** The clean condition. */
  readonly clean: PlannedCondition;
  /** Of the encoder's vectors. */
  readonly width: number;
}

/**
 * Makes the head, or takes it from where it was made already, and hands it to the model.
 * @throws StepwedgeError where the tuning split does not suffice, or its patients are evaluated on
 */
export async function raiseHead(options: RaiseOptions): Promise<RaisedHead> {
  const { context, model, width } = options;
  const { head } = model;
  const path = join(context.out, ARTIFACTS_FOLDER, artifactFile(head.key));
  const key = sha256(`${context.key} ${head.key}`);
  if (head.plugin.source.kind === "table") {
    const stored = readArtifact(path, key) ?? (await buildHead(head, path, key, width, context, model));
    model.use(stored.fitted);
    return { stored, tuningSheet: null };
  }
  refuseSharedPatients(context.roster, options.evaluation, "model.head", "A head");
  const { classes } = head.context;
  const sheet = await openSheet({ ...context, classes }, TUNING_SHEET, options.clean, true);
  const done = given(head, path, key, model, context);
  const journal = `${path}.journal`;
  if (sheet.complete && done !== null) {
    recall(sheet, context);
    rmSync(journal, { force: true });
    model.use(done.fitted);
    return { stored: done, tuningSheet: sheet };
  }
  const tuning = await embedSplit(context, width, new Journal(journal, key));
  try {
    const stored = done ?? learn(tuning, { path, key, head, model, context });
    model.use(stored.fitted);
    if (!sheet.complete) fillSheet(sheet, tuning, tuningScores(tuning, stored, model), classes.length);
    tuning.journal.remove();
    return { stored, tuningSheet: sheet };
  } catch (error) {
    tuning.journal.close();
    throw error;
  }
}

/** What a record tells of a head. */
export function summariseHead({ entry, parameters }: PlannedHead, { fitted, sha256 }: StoredFit): HeadSummary {
  return { kind: entry.kind, parameters, numbers: fitted.numbers, artifactSha256: sha256 };
}

function purposeOf(head: PlannedHead, model: HeadedModel, { images }: ScoringContext): FitPurpose {
  const { classes, task } = head.context;
  const encoder = { ...head.encoder, files: Object.values(model.meta.files).sort() };
  const { entry, parameters } = head;
  return { family: "heads", id: entry.kind, parameters, geometry: images.geometry, classes, task, encoder };
}

/** The head that `fitted` names, or that an interrupted run left; null where there is none. */
function given(
  head: PlannedHead,
  path: string,
  key: string,
  model: HeadedModel,
  context: ScoringContext,
): StoredFit | null {
  if (head.entry.fitted === undefined) return readArtifact(path, key);
  const from = join(context.baseFolder, head.entry.fitted, artifactFile(head.key));
  const borrowed = borrowArtifact(from, purposeOf(head, model, context));
  copyFileSync(from, path);
  return borrowed;
}

/** Other patients are what is tried on what was learnt: one that it was learnt from would be recognised. */
export function refuseSharedPatients(tuning: Roster, evaluation: Roster, where: string, learner: string): void {
  const known = new Set(tuning.persons);
  const shared = new Set(evaluation.persons.filter((person) => known.has(person)));
  if (shared.size === 0) return;
  throw new StepwedgeError(
    `${shared.size} ${shared.size === 1 ? "patient is" : "patients are"} in both the tuning and the evaluation split`,
    {
      where,
      remedy: `${learner} learns on the tuning split and may not be evaluated on the same patients: put each on one side.`,
    },
  );
}

async function buildHead(
  head: PlannedHead,
  path: string,
  key: string,
  width: number,
  context: ScoringContext,
  model: HeadedModel,
): Promise<StoredFit> {
  const { source } = head.plugin;
  if (source.kind !== "table") throw new Error("this head learns");
  const { columns, parameter } = source.table;
  const name = String(head.parameters[parameter]);
  const table = await readVectorTable(head.files[parameter] ?? "", name, columns);
  if (table.width !== width) throw otherEncoderWidth(name, table.width, width);
  const { arrays, numbers } = source.build(table, head.context);
  const fitted = { arrays, numbers: { width, ...numbers } };
  const purpose = purposeOf(head, model, context);
  return writeArtifact(path, { key, purpose, fitted, queries: { search: 0, surrogate: 0 }, learntFrom: [] });
}

interface LearnOptions {
  readonly path: string;
  readonly key: string;
  readonly head: PlannedHead;
  readonly model: HeadedModel;
  readonly context: ScoringContext;
}

function learn(tuning: SplitEmbeddings, { context, head, key, model, path }: LearnOptions): StoredFit {
  const { source } = head.plugin;
  if (source.kind !== "tuning") throw new Error("this head does not learn");
  const { roster, seed } = context;
  const { classes } = head.context;
  const { embeddings, rows } = tuning;
  const samples: HeadSamples = {
    embeddings,
    labels: classes.map((name) => Int8Array.from(rows, (row) => roster.labels[name]?.[row] ?? -1)),
    patients: Int32Array.from(rows, (row) => roster.patients[row] as number),
    ids: Array.from(rows, (row) => roster.ids[row] as string),
  };
  const counts = countLabels(samples, classes);
  const own = source.fit(samples, head.context);
  const random = randomFrom(seed, "head", head.entry.kind);
  const scores = source.heldOut(samples, own, { ...head.context, random });
  const heldOut = { shape: [rows.length, classes.length], data: Float32Array.from(scores) };
  const fitted: Fitted = {
    arrays: { ...own.arrays, [HELD_OUT]: heldOut },
    numbers: {
      width: embeddings.width,
      samples: rows.length,
      patients: new Set(samples.patients).size,
      ...counts,
      ...own.numbers,
    },
  };
  refuseTooLarge(fitted, head);
  const learntFrom = tuning.batches.flatMap(({ kept, sha256 }) => Array.from(kept, (row) => sha256[row] as string));
  const queries = { search: 0, surrogate: 0 };
  return writeArtifact(path, { key, purpose: purposeOf(head, model, context), fitted, queries, learntFrom });
}

/** Labels of each class among the samples. @throws StepwedgeError where a class has not both */
function countLabels({ labels }: HeadSamples, classes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [index, className] of classes.entries()) {
    const own = labels[index] as Int8Array;
    const positives = own.reduce((total, label) => total + Number(label === 1), 0);
    const negatives = own.reduce((total, label) => total + Number(label === 0), 0);
    if (positives === 0 || negatives === 0) {
      throw new StepwedgeError(
        `the tuning split holds ${positives} positives and ${negatives} negatives of class "${className}"`,
        { where: "model.head", remedy: "A head learns on tuning samples of both labels: widen the tuning split." },
      );
    }
    counts[`positives.${className}`] = positives;
    counts[`negatives.${className}`] = negatives;
  }
  return counts;
}

function refuseTooLarge({ arrays }: Fitted, { entry }: PlannedHead): void {
  const bytes = Object.values(arrays).reduce((total, { data }) => total + data.byteLength, 0);
  if (bytes <= MOST_BYTES) return;
  throw new StepwedgeError(
    `would keep ${Math.round(bytes / 2 ** 20)} MiB of tuning embeddings; a record holds ${MOST_BYTES / 2 ** 20} MiB of them`,
    { where: `model.head, ${entry.kind}`, remedy: "Make the tuning split smaller, or take a linear-probe." },
  );
}

/** Each image's score: held out where the head learnt from the image, else the head's. */
function tuningScores(
  { batches, embeddings, rows }: SplitEmbeddings,
  stored: StoredFit,
  model: HeadedModel,
): Float64Array {
  const { values } = model.outputsOf(embeddings);
  const heldOut = stored.fitted.arrays[HELD_OUT];
  if (heldOut === undefined) throw new Error("a head that learnt has scores of what it learnt from");
  const classes = values.length / rows.length;
  const digests = batches.flatMap(({ kept, sha256 }) => Array.from(kept, (row) => sha256[row] as string));
  const places = new Map(stored.learntFrom.map((digest, place) => [digest, place] as const).reverse());
  for (const [image, digest] of digests.entries()) {
    // In the study itself the two lists are one, and equal files keep their own places.
    const place = stored.learntFrom[image] === digest ? image : places.get(digest);
    if (place === undefined) continue;
    for (let index = 0; index < classes; index++) {
      values[image * classes + index] = heldOut.data[place * classes + index] as number;
    }
  }
  return values;
}

function fillSheet(sheet: Sheet, { batches, rows }: SplitEmbeddings, scores: Float64Array, classes: number): void {
  let image = 0;
  for (const loaded of batches) {
    const { first, kept, sha256 } = loaded;
    const values = scores.subarray(image * classes, (image + kept.length) * classes);
    image += kept.length;
    if (!sheet.has(first)) sheet.put(first, sheetRows(values, classes, null, loaded, true), sha256);
  }
  if (image !== rows.length) throw new Error("every image has its row");
}

/** Books what an earlier part of the run has asked. */
function recall(sheet: Sheet, { ledger, observer, purpose }: ScoringContext): void {
  const { length } = sheet.layout.ids;
  ledger.recall(length - sheet.nonZero(REJECTED_COLUMN, 0, length), purpose);
  observer.advance(length, "kept from before");
}
