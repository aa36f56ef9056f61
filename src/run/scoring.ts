import { join } from "node:path";
import type { OperatingPoint } from "../core/audit.js";
import { StepwedgeError } from "../core/errors.js";
import { MEASURES } from "../core/measures.js";
import type { JudgedOutputs, Outputs, QueryPurpose } from "../core/model.js";
import type { OutcomeId } from "../core/outcome.js";
import { imageSize, type PixelBatch } from "../core/pixels.js";
import { ofTheSame } from "./asking.js";
import { BatchPreparation, forgetQuestions, runKey } from "./attacking.js";
import { HASH_COLUMNS, outcomeColumn, SCORES_FOLDER, scoreColumn, sheetName } from "./evidence.js";
import { withSample } from "./headed-model.js";
import type { ImageLoader, LoadedImages } from "./images.js";
import type { QueryLedger } from "./ledger.js";
import type { RunObserver } from "./observer.js";
import type { PlannedCondition } from "./plan.js";
import type { Roster } from "./roster.js";
import { Sheet } from "./sheet.js";
import type { Fits } from "./transform.js";

/** The code of the image's rejection (`REJECTIONS`), 0 where it was scored. */
export const REJECTED_COLUMN = "image.rejected";

/** Images that are decoded together; each condition of a batch is one or a few forward passes. */
const BATCH = 64;
/** Fewer where they are large, such as volumes: the values of a batch at most (a quarter of a gigabyte). */
const BATCH_VALUES = 2 ** 26;

function batchOf({ images }: ScoringContext): number {
  return Math.max(1, Math.min(BATCH, Math.floor(BATCH_VALUES / imageSize(images.geometry))));
}

/** The first row of each batch of a split. */
export function batchFirsts(context: ScoringContext): { readonly firsts: readonly number[]; readonly size: number } {
  const size = batchOf(context);
  const count = Math.ceil(context.roster.ids.length / size);
  return { firsts: Array.from({ length: count }, (_, index) => index * size), size };
}

export interface ScoringContext {
  readonly ledger: QueryLedger;
  readonly images: ImageLoader;
  readonly roster: Roster;
  readonly purpose: QueryPurpose;
  readonly out: string;
  readonly key: string;
  readonly seed: number;
  /** The protocol file's folder. */
  readonly baseFolder: string;
  readonly observer: RunObserver;
  readonly signal: AbortSignal | undefined;
  /** Frozen on the tuning split; attacks that ask about every image flip decisions at the first of them. */
  readonly operatingPoints: readonly OperatingPoint[];
  /** What the task measures; none of a classifier. */
  readonly outcomes: readonly OutcomeId[];
  /** The task's evidence columns; none of most. */
  readonly evidence: readonly string[];
  /** SHA-256 of images that something in use has learnt from: they may not be scored here. */
  readonly learntFrom: ReadonlySet<string>;
}

/** Opens a condition's sheet, with whatever an interrupted run already put into it. */
export function openSheet(
  context: Pick<ScoringContext, "roster" | "out" | "key"> & {
    readonly classes: readonly string[];
    readonly outcomes?: readonly OutcomeId[];
    readonly evidence?: readonly string[];
  },
  name: string,
  planned: PlannedCondition,
  hasImages: boolean,
): Promise<Sheet> {
  const columns = [
    ...context.classes.map(scoreColumn),
    ...context.classes.flatMap((name) => (context.outcomes ?? []).map((outcome) => outcomeColumn(name, outcome))),
    ...(context.evidence ?? []),
    ...(planned.attack === null ? [] : MEASURES),
    ...(hasImages ? [REJECTED_COLUMN] : []),
    ...(hasImages && planned.key === "clean" ? HASH_COLUMNS : []),
  ];
  const layout = { name, ids: context.roster.ids, columns, digests: hasImages && planned.key === "clean" };
  return Sheet.open(layout, join(context.out, SCORES_FOLDER), context.key);
}

/**
 * Scores one split under the given conditions. Each image is decoded once for all conditions; the next batch is
 * decoded, and the next condition prepared, while the model works.
 */
export async function scoreConditions(
  context: ScoringContext,
  conditions: readonly PlannedCondition[],
  fits: Fits,
  nameOf: (planned: PlannedCondition) => string = (planned) => sheetName(planned.key),
): Promise<ReadonlyMap<string, Sheet>> {
  const sheets = new Map<string, Sheet>();
  const inFlight = new Set<Promise<void>>();
  try {
    const { classes } = context.ledger.model.meta;
    const { evidence, outcomes } = context;
    for (const planned of conditions) {
      sheets.set(
        planned.key,
        await openSheet({ ...context, classes, outcomes, evidence }, nameOf(planned), planned, true),
      );
    }
    await scoreBatches(context, conditions, fits, sheets, inFlight);
  } finally {
    // What the model still works on is kept too, before the journals close.
    await Promise.allSettled(inFlight);
    for (const sheet of sheets.values()) sheet.close();
  }
  return sheets;
}

async function scoreBatches(
  context: ScoringContext,
  conditions: readonly PlannedCondition[],
  fits: Fits,
  sheets: ReadonlyMap<string, Sheet>,
  inFlight: Set<Promise<void>>,
): Promise<void> {
  const { roster } = context;
  const { firsts, size } = batchFirsts(context);
  const open = (first: number) => conditions.filter((planned) => sheets.get(planned.key)?.has(first) === false);
  const load = (first: number) => {
    const loading = context.images.load(roster.rows.subarray(first, first + size));
    loading.catch(() => {}); // Awaited later; a failure must not count as unhandled until then.
    return loading;
  };
  for (const first of firsts) recallBatch(context, conditions, sheets, first);
  const todo = firsts.filter((first) => open(first).length > 0);
  let next = todo[0] === undefined ? null : load(todo[0]);
  for (const [index, first] of todo.entries()) {
    const following = todo[index + 1];
    if (next === null) break;
    const loaded = await next;
    next = following === undefined ? null : load(following);
    refuseLearnt(context, loaded.sha256, first);
    await scoreBatch(context, { ...loaded, first }, open(first), fits, sheets, inFlight);
  }
  await Promise.all(inFlight);
  forgetQuestions(context.out);
}

/** Books what an interrupted run has already scored of a batch, so that the counts come out as if it had not been. */
function recallBatch(
  context: ScoringContext,
  conditions: readonly PlannedCondition[],
  sheets: ReadonlyMap<string, Sheet>,
  first: number,
): void {
  const { ledger, observer, purpose, roster } = context;
  const count = Math.min(batchOf(context), roster.ids.length - first);
  const done = conditions.filter((planned) => sheets.get(planned.key)?.has(first) === true);
  const unfinished = new Set(conditions.filter((planned) => !done.includes(planned)).map(runKey));
  for (const planned of done) {
    const rejected = sheets.get(planned.key)?.nonZero(REJECTED_COLUMN, first, first + count) ?? 0;
    ledger.recall(count - rejected, purpose);
  }
  observer.advance(count * done.length, "kept from before");
  // A run that some condition still needs is replayed from its journal, and books itself.
  const runs = new Map(done.filter((planned) => !unfinished.has(runKey(planned))).map((each) => [runKey(each), each]));
  for (const planned of runs.values()) {
    if (planned.attack?.plugin.meta.perImage === undefined) continue;
    ledger.recall(sheets.get(planned.key)?.sum("search.queries", first, first + count) ?? 0, "search");
  }
}

/** Puts every open condition of one batch before the model; rejected images only get their rows. */
async function scoreBatch(
  context: ScoringContext,
  loaded: LoadedImages & { readonly first: number },
  open: readonly PlannedCondition[],
  fits: Fits,
  sheets: ReadonlyMap<string, Sheet>,
  inFlight: Set<Promise<void>>,
): Promise<void> {
  const { ledger, observer, purpose, roster, signal } = context;
  const { first, kept, rejected, sha256 } = loaded;
  const subjects = Int32Array.from(kept, (index) => roster.rows[first + index] as number);
  const batch: PixelBatch = ledger.model.judge === undefined ? loaded.batch : { ...loaded.batch, subjects };
  const keep = (planned: PlannedCondition, outputs: Outputs, measures: Float64Array | null): void => {
    const digests = planned.key === "clean" ? sha256 : [];
    const scores = interleaved(outputs, context);
    const rows = sheetRows(scores.values, scores.width, measures, loaded, planned.key === "clean");
    sheets.get(planned.key)?.put(first, rows, digests);
    observer.advance(rejected.length, planned.key);
  };
  if (batch.count === 0) {
    const { classes } = ledger.model.meta;
    for (const planned of open) {
      const measures = planned.attack === null ? null : new Float64Array(0);
      keep(planned, { count: 0, classes, values: new Float64Array(0) }, measures);
    }
    return;
  }
  const scored: Promise<void>[] = [];
  const preparation = new BatchPreparation({
    context,
    fits,
    originals: batch,
    first,
    keys: Array.from(kept, (index) => roster.ids[first + index] as string),
    async cleanScores(classIndex) {
      await scored[0]; // A plan begins with the clean condition.
      return cleanColumn(sheets, first, kept, classIndex);
    },
  });
  try {
    for (const planned of open) {
      signal?.throwIfAborted();
      const { seen, measures } = await preparation.prepare(planned);
      while (inFlight.size > ledger.model.concurrency) await Promise.race(inFlight);
      const asked = ofTheSame(batch, seen);
      const answering =
        ledger.model.judge === undefined ? ledger.predict(asked, purpose) : ledger.judge(asked, purpose);
      const work = answering.then(
        (outputs) => keep(planned, outputs, measures),
        (error: unknown) => {
          throw withSample(error, (image) => sampleName(roster.ids[first + (kept[image] ?? 0)], planned));
        },
      );
      inFlight.add(work);
      scored.push(work);
      work.then(
        () => inFlight.delete(work),
        () => {},
      );
    }
    const all = Promise.all(scored);
    if (preparation.asks) {
      await all;
      preparation.forget();
    }
    // A failure is told by the works in flight.
    all.then(loaded.release, () => {});
  } finally {
    preparation.close();
  }
}

/** The clean scores of a class for the images of a batch. */
function cleanColumn(
  sheets: ReadonlyMap<string, Sheet>,
  first: number,
  kept: Int32Array,
  classIndex: number,
): Float64Array {
  const sheet = sheets.get("clean");
  if (sheet?.has(first) !== true) throw new Error("an attack came before the clean condition");
  const width = sheet.layout.columns.length;
  return Float64Array.from(kept, (row) => sheet.values[(first + row) * width + classIndex] as number);
}

/** @throws StepwedgeError where an image of this split taught an attack or a defense that was brought along. */
function refuseLearnt({ learntFrom, roster }: ScoringContext, sha256: readonly string[], first: number): void {
  const index = sha256.findIndex((digest) => learntFrom.has(digest));
  if (index < 0) return;
  throw new StepwedgeError(`sample "${roster.ids[first + index]}" was learnt from, so it cannot be evaluated on`, {
    where: "fitted",
    remedy: "Fit on tuning patients that are not in this evaluation split: run `stepwedge fit` with this protocol.",
  });
}

function sampleName(id: string | undefined, { key }: PlannedCondition): string {
  return key === "clean" ? `sample "${id}"` : `sample "${id}" under ${key}`;
}

/** Scores, and what a task measured beside them, as one row for each image. */
function interleaved(
  outputs: Outputs | JudgedOutputs,
  { evidence: columns, outcomes: measured }: Pick<ScoringContext, "evidence" | "outcomes">,
): { values: Float64Array; width: number } {
  const classes = outputs.classes.length;
  const further = columns.length;
  const own = classes * measured.length;
  const width = classes + own + further;
  if (measured.length === 0) return { values: outputs.values, width };
  const { evidence = new Float64Array(0), outcomes } =
    "outcomes" in outputs ? outputs : { outcomes: new Float64Array(0) };
  const values = new Float64Array(outputs.count * width);
  for (let image = 0; image < outputs.count; image++) {
    values.set(outputs.values.subarray(image * classes, (image + 1) * classes), image * width);
    values.set(outcomes.subarray(image * own, (image + 1) * own), image * width + classes);
    values.set(evidence.subarray(image * further, (image + 1) * further), image * width + classes + own);
  }
  return { values, width };
}

/** Interleaves scores, measures, rejections and hashes: the sheet's rows, NaN where an image was rejected. */
export function sheetRows(
  scores: Float64Array,
  classes: number,
  measures: Float64Array | null,
  { hashes, kept, rejected }: Pick<LoadedImages, "hashes" | "kept" | "rejected">,
  withHashes: boolean,
): Float64Array {
  const measured = measures === null ? 0 : MEASURES.length;
  const scored = classes + measured;
  const width = scored + 1 + (withHashes ? HASH_COLUMNS.length : 0);
  const rows = new Float64Array(rejected.length * width).fill(Number.NaN);
  kept.forEach((row, image) => {
    rows.set(scores.subarray(image * classes, (image + 1) * classes), row * width);
    if (measures !== null) rows.set(measures.subarray(image * measured, (image + 1) * measured), row * width + classes);
  });
  for (let row = 0; row < rejected.length; row++) {
    rows[row * width + scored] = rejected[row] as number;
    if (withHashes) rows.set(hashes[row] ?? [], row * width + scored + 1);
  }
  return rows;
}
