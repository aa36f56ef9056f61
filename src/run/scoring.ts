import { join } from "node:path";
import type { Fitted } from "../core/fitted.js";
import { conditionKey, withoutDefense } from "../core/condition.js";
import type { Outputs, QueryPurpose } from "../core/model.js";
import type { PixelBatch } from "../core/pixels.js";
import { SCORES_FOLDER, scoreColumn, sheetName } from "./evidence.js";
import type { ImageLoader } from "./images.js";
import type { QueryLedger } from "./ledger.js";
import { MEASURES, measurePerturbation } from "./measures.js";
import type { RunObserver } from "./observer.js";
import { type PlannedCondition, strengthOf } from "./plan.js";
import type { Roster } from "./roster.js";
import { Sheet } from "./sheet.js";
import { applyAttack, applyDefense } from "./transform.js";

/** Images that are decoded together; each condition of a batch is one or a few forward passes. */
const BATCH = 64;

export interface ScoringContext {
  readonly ledger: QueryLedger;
  readonly images: ImageLoader;
  readonly roster: Roster;
  readonly purpose: QueryPurpose;
  readonly out: string;
  readonly key: string;
  readonly seed: number;
  readonly observer: RunObserver;
  readonly signal: AbortSignal | undefined;
}

/** Opens a condition's sheet, with whatever an interrupted run already put into it. */
export function openSheet(
  context: Pick<ScoringContext, "roster" | "out" | "key"> & { readonly classes: readonly string[] },
  name: string,
  planned: PlannedCondition,
  hasImages: boolean,
): Promise<Sheet> {
  const classes = context.classes.map(scoreColumn);
  const columns = planned.attack === null ? classes : [...classes, ...MEASURES];
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
  fits: ReadonlyMap<string, Fitted>,
  nameOf: (planned: PlannedCondition) => string = (planned) => sheetName(planned.key),
): Promise<ReadonlyMap<string, Sheet>> {
  const sheets = new Map<string, Sheet>();
  const inFlight = new Set<Promise<void>>();
  try {
    const { classes } = context.ledger.model.meta;
    for (const planned of conditions) {
      sheets.set(planned.key, await openSheet({ ...context, classes }, nameOf(planned), planned, true));
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
  fits: ReadonlyMap<string, Fitted>,
  sheets: ReadonlyMap<string, Sheet>,
  inFlight: Set<Promise<void>>,
): Promise<void> {
  const { ledger, roster, observer, purpose, signal } = context;
  const open = (first: number) => conditions.filter((planned) => sheets.get(planned.key)?.has(first) === false);
  const load = (first: number) => {
    const loading = context.images.load(roster.rows.subarray(first, first + BATCH));
    loading.catch(() => {}); // Awaited later; a failure must not count as unhandled until then.
    return loading;
  };
  const firsts = Array.from({ length: Math.ceil(roster.ids.length / BATCH) }, (_, index) => index * BATCH);
  for (const first of firsts) {
    const count = Math.min(BATCH, roster.ids.length - first);
    const done = conditions.length - open(first).length;
    ledger.recall(count * done, purpose);
    observer.advance(count * done, "kept from before");
  }
  const todo = firsts.filter((first) => open(first).length > 0);
  let next = todo[0] === undefined ? null : load(todo[0]);
  for (const [index, first] of todo.entries()) {
    const following = todo[index + 1];
    if (next === null) break;
    const { batch, sha256 } = await next;
    next = following === undefined ? null : load(following);
    const prepared = new Map<string, Prepared>();
    for (const planned of open(first)) {
      signal?.throwIfAborted();
      const { seen, measures } = await prepare(context, planned, fits, batch, first, prepared);
      while (inFlight.size > ledger.model.concurrency) await Promise.race(inFlight);
      const work = ledger.predict(seen, purpose).then((outputs) => {
        sheets.get(planned.key)?.put(first, sheetRows(outputs, measures), planned.key === "clean" ? sha256 : []);
        observer.advance(batch.count, planned.key);
      });
      inFlight.add(work);
      work.then(
        () => inFlight.delete(work),
        () => {},
      );
    }
  }
  await Promise.all(inFlight);
}

interface Prepared {
  readonly seen: PixelBatch;
  /** Three numbers per image (see MEASURES), or null without attack. */
  readonly measures: Float64Array | null;
}

/** What the model will see of a batch under one condition. Conditions that share an attack share its images. */
async function prepare(
  context: ScoringContext,
  planned: PlannedCondition,
  fits: ReadonlyMap<string, Fitted>,
  originals: PixelBatch,
  first: number,
  cache: Map<string, Prepared>,
): Promise<Prepared> {
  const { roster, seed } = context;
  const keys = roster.ids.slice(first, first + originals.count);
  const attacked = await attackOnce(planned, fits, originals, keys, seed, first, cache);
  if (planned.defense === null) return attacked;
  return { ...attacked, seen: await applyDefense(planned.defense, attacked.seen, keys, seed) };
}

async function attackOnce(
  planned: PlannedCondition,
  fits: ReadonlyMap<string, Fitted>,
  originals: PixelBatch,
  keys: readonly string[],
  seed: number,
  first: number,
  cache: Map<string, Prepared>,
): Promise<Prepared> {
  const { attack, fit } = planned;
  if (attack === null) return { seen: originals, measures: null };
  const key = fit ?? conditionKey(withoutDefense(planned.condition));
  const known = cache.get(key);
  if (known !== undefined) return known;
  const fitted = fit === null ? null : (fits.get(fit) ?? null);
  const strength = strengthOf(attack, originals.maxValue);
  const attacked = await applyAttack(attack, fitted, strength, originals, keys, seed);
  const prepared = { seen: attacked.images, measures: measurePerturbation(attack, originals, attacked, first) };
  cache.set(key, prepared);
  return prepared;
}

/** Interleaves scores and measures: the sheet's rows. */
function sheetRows(outputs: Outputs, measures: Float64Array | null): Float64Array {
  if (measures === null) return outputs.values;
  const classes = outputs.classes.length;
  const width = classes + MEASURES.length;
  const rows = new Float64Array(outputs.count * width);
  for (let row = 0; row < outputs.count; row++) {
    rows.set(outputs.values.subarray(row * classes, (row + 1) * classes), row * width);
    rows.set(measures.subarray(row * MEASURES.length, (row + 1) * MEASURES.length), row * width + classes);
  }
  return rows;
}
