import type { OperatingPoint } from "../core/audit.js";
import { StepwedgeError } from "../core/errors.js";
import type { Fitted } from "../core/fitted.js";
import { sha256 } from "../core/hash.js";
import type { Model } from "../core/model.js";
import { imageSize } from "../core/pixels.js";
import type { HeadSummary, PreflightCheck, TrainingSummary } from "../core/record.js";
import type { LoadedProtocol } from "../protocol/load.js";
import type { StoredFit } from "./artifact.js";
import { requireGradients } from "./asking.js";
import { type EvidenceIndex, scoreColumn, sheetName, TUNING_SHEET } from "./evidence.js";
import { fitAttack, trainDefense } from "./fitting.js";
import { HeadedModel, withSample } from "./headed-model.js";
import { JudgedModel } from "./judged-model.js";
import type { KeptEmbeddings } from "./embeddings-file.js";
import { bankOf, keepEmbeddings } from "./kept-embeddings.js";
import { type ImageLoader, openImages } from "./images.js";
import { QueryLedger } from "./ledger.js";
import { summariseAttack } from "./measures.js";
import type { RunObserver } from "./observer.js";
import { chooseOperatingPoints } from "./operating-points.js";
import { columnsOf, type Plan } from "./plan.js";
import { preflight, preflightEncoder } from "./preflight.js";
import type { PreparedData } from "./prepare.js";
import { countRejections, NO_SCORE, rejectionsIn, writeRejections } from "./rejections.js";
import type { Roster } from "./roster.js";
import { openSheet, REJECTED_COLUMN, type ScoringContext, scoreConditions } from "./scoring.js";
import type { Sheet } from "./sheet.js";
import type { Fits } from "./transform.js";
import { raiseHead, refuseSharedPatients, summariseHead } from "./tuning-head.js";

/** Images that the preflight asks about. */
const PREFLIGHT_IMAGES = 4;

export interface PredictOptions {
  readonly loaded: LoadedProtocol;
  readonly plan: Plan;
  readonly data: PreparedData;
  readonly out: string;
  readonly key: string;
  readonly observer: RunObserver;
  readonly signal: AbortSignal | undefined;
}

export type PredictOutcome = Pick<
  EvidenceIndex,
  | "preflight"
  | "head"
  | "embeddings"
  | "queries"
  | "attacks"
  | "trainings"
  | "imagesSha256"
  | "images"
  | "maxValue"
  | "rejected"
>;

/** What stands before any condition can be scored: the way to the images, and all that was learnt on the tuning split. */
export interface Groundwork {
  readonly checks: readonly PreflightCheck[];
  readonly tuningSheet: Sheet;
  readonly head: HeadSummary | null;
  readonly operatingPoints: readonly OperatingPoint[];
  readonly stored: ReadonlyMap<string, StoredFit>;
  readonly fits: Fits;
  /** For scoring the evaluation split. */
  readonly evaluation: ScoringContext;
  /** The tuning split's clean embeddings, where they are kept. */
  readonly kept: KeptEmbeddings | null;
}

/**
 * Lays the groundwork: preflight, the tuning split's clean scores, the operating points, the trainings of defenses and the
 * searches of attacks, in this order. `use` has the images until it is through.
 */
export async function withGroundwork<Result>(
  model: Model,
  options: PredictOptions,
  use: (ground: Groundwork) => Promise<Result>,
): Promise<Result> {
  const { data, loaded } = options;
  const { bits, unreadable } = loaded.protocol.data;
  const { rows } = data.evaluation;
  const images = await openImages({ source: data.source, input: model.meta.input, bits, unreadable, rows });
  try {
    return await use(await layGroundwork(model, options, images));
  } finally {
    await images.close();
  }
}

async function layGroundwork(model: Model, options: PredictOptions, images: ImageLoader): Promise<Groundwork> {
  const { data, loaded, observer, plan } = options;
  const { protocol } = loaded;
  const ledger = new QueryLedger(model);
  for (const { attack } of plan.conditions) {
    if (attack?.plugin.meta.knowledge === "gradient") requireGradients(ledger, attack.entry.id);
  }
  const shared = {
    ledger,
    images,
    out: options.out,
    key: options.key,
    seed: protocol.seed,
    baseFolder: loaded.baseFolder,
    observer,
    signal: options.signal,
    operatingPoints: [],
    learntFrom: new Set<string>(),
    outcomes: columnsOf(plan.task),
    evidence: plan.task?.plugin.evidence?.(plan.task.parameters) ?? [],
  };
  const tuning: ScoringContext = { ...shared, roster: data.tuning, purpose: "tuning" };

  observer.stage("preflight", null);
  const { checks, width } = await checkModel({ ...tuning, roster: data.evaluation });

  observer.stage("scoring", forwardPasses(options));
  const kept = keepsEmbeddings(protocol) ? await keepTuning(model, tuning, data, width ?? 0) : null;
  const [clean] = plan.conditions;
  if (clean === undefined) throw new Error("a plan begins with the clean condition");
  const raised =
    model instanceof HeadedModel
      ? await raiseHead({ model, context: tuning, evaluation: data.evaluation, clean, width: width ?? 0 })
      : null;
  const tuningSheet =
    raised?.tuningSheet ?? (await scoreConditions(tuning, [clean], new Map(), () => TUNING_SHEET)).get(clean.key);
  if (tuningSheet === undefined) throw new Error("what was scored has a sheet");

  const operatingPoints = chooseOperatingPoints(protocol.operatingPoints, protocol.model.classes, (className) => ({
    scores: tuningSheet.column(scoreColumn(className)),
    labels: data.tuning.labels[className] ?? new Int8Array(0),
  }));
  const teachers: ScoringContext = { ...tuning, roster: withoutRejected(data.tuning, tuningSheet) };
  const stored = new Map<string, StoredFit>();
  const fits = new Map<string, Fitted>();
  const keep = (key: string, fit: StoredFit): void => {
    stored.set(key, fit);
    fits.set(key, fit.fitted);
  };
  if (raised !== null && plan.head !== null) stored.set(plan.head.key, raised.stored);
  for (const planned of plan.trainings) keep(planned.key, await trainDefense(planned, teachers, operatingPoints));
  for (const planned of plan.fits) keep(planned.key, await fitAttack(planned, teachers, operatingPoints, fits));
  // What was learnt here, from a tuning image that is an evaluation image too, is told as a duplicate across the splits.
  const borrowed = [
    ...plan.trainings.filter(({ defense }) => defense.entry.fitted !== undefined),
    ...plan.fits.filter(({ attack }) => attack.entry.fitted !== undefined),
    ...(plan.head?.entry.fitted === undefined ? [] : [plan.head]),
  ];
  const learntFrom = new Set(borrowed.flatMap(({ key }) => stored.get(key)?.learntFrom ?? []));
  const evaluation: ScoringContext = {
    ...shared,
    roster: data.evaluation,
    purpose: "score",
    operatingPoints,
    learntFrom,
  };
  const head = plan.head === null || raised === null ? null : summariseHead(plan.head, raised.stored);
  return { checks, tuningSheet, head, operatingPoints, stored, fits, evaluation, kept };
}

/** Whether every image's clean embedding is kept in the record. */
export function keepsEmbeddings({ model }: LoadedProtocol["protocol"]): boolean {
  return model.keepEmbeddings === true;
}

/** The tuning split's embeddings; a model that searches them can be asked from then on. */
async function keepTuning(
  model: Model,
  context: ScoringContext,
  { evaluation }: PreparedData,
  width: number,
): Promise<KeptEmbeddings> {
  const { roster } = context;
  refuseSharedPatients(roster, evaluation, "model", "What is made of embeddings");
  const kept = await keepEmbeddings(context, width, "tuning");
  if (model instanceof JudgedModel && model.needsBank)
    model.use(bankOf([{ split: "tuning", roster, kept }], model.meta.classes));
  return kept;
}

/** The evaluation split's beside them: they are looked at by nothing that learns. */
async function keepEvaluation(model: Model, { evaluation, kept }: Groundwork, tuning: Roster): Promise<void> {
  if (kept === null) return;
  const own = await keepEmbeddings(evaluation, kept.width, "evaluation");
  if (!(model instanceof JudgedModel && model.needsBank)) return;
  const parts = [
    { split: "tuning" as const, roster: tuning, kept },
    { split: "evaluation" as const, roster: evaluation.roster, kept: own },
  ];
  model.use(bankOf(parts, model.meta.classes));
}

/** Forward passes that a run takes at most. */
function forwardPasses({ data, loaded, plan }: PredictOptions): number {
  const learning = [
    ...plan.fits.map(({ attack }) => attack.entry.queries),
    ...plan.trainings.map(({ defense }) => defense.entry.queries),
  ];
  const learnt = learning.reduce<number>((total, queries) => total + (queries ?? 0), 0);
  const [tuning, evaluation] = [data.tuning.ids.length, data.evaluation.ids.length];
  const kept = keepsEmbeddings(loaded.protocol) ? tuning + evaluation : 0;
  return tuning + learnt + evaluation * plan.conditions.length + kept;
}

/**
 * The expensive half: preflight, the tuning split, the searches, then every condition of the evaluation split. All of
 * it is kept as it comes, so that it can be interrupted anywhere.
 */
export function predict(model: Model, options: PredictOptions): Promise<PredictOutcome> {
  return withGroundwork(model, options, (ground) => scoreAll(model, ground, options));
}

async function scoreAll(model: Model, ground: Groundwork, options: PredictOptions): Promise<PredictOutcome> {
  const { data, plan } = options;
  const { checks, evaluation, fits, head, kept, stored, tuningSheet } = ground;
  await keepEvaluation(model, ground, data.tuning);
  const sheets = await scoreConditions(evaluation, plan.conditions, fits);
  const { geometry } = evaluation.images;
  const clean = sheets.get("clean") as Sheet;
  const rejections = [
    rejectionsIn("tuning", data.tuning, tuningSheet.column(REJECTED_COLUMN)),
    rejectionsIn("evaluation", data.evaluation, clean.column(REJECTED_COLUMN)),
  ];
  await writeRejections(options.out, rejections, (row) => evaluation.images.faultOf(row));
  return {
    preflight: checks,
    head,
    embeddings: kept === null ? null : { width: kept.width },
    queries: evaluation.ledger.spent,
    attacks: plan.conditions
      .filter((planned) => planned.attack !== null)
      .map((planned) =>
        summariseAttack(
          planned,
          sheets.get(planned.key) as Sheet,
          stored.get(planned.fit ?? "") ?? null,
          imageSize(geometry),
        ),
      ),
    trainings: plan.trainings.map(({ key, defense }) =>
      summariseTraining(defense.entry.id, stored.get(key) as StoredFit),
    ),
    imagesSha256: imagesDigest([tuningSheet, clean]),
    images:
      data.tuning.ids.length + data.evaluation.ids.length - rejections.reduce((sum, { rows }) => sum + rows.length, 0),
    rejected: countRejections(rejections),
    maxValue: geometry.maxValue,
  };
}

function summariseTraining(defense: string, { fitted, queries, sha256 }: StoredFit): TrainingSummary {
  return { defense, queries: queries.search + queries.surrogate, numbers: fitted.numbers, artifactSha256: sha256 };
}

/** For tables that hold the scores: the sheets of every condition, filled at once. The tuning split's is the clean one. */
export async function copyScores(options: PredictOptions): Promise<PredictOutcome> {
  const { data, loaded, plan } = options;
  const { classes } = loaded.protocol.model;
  const clean = plan.conditions[0];
  if (clean === undefined || data.scores === null) throw new Error("there are no scores to copy");
  const wanted = [
    { roster: data.tuning, name: TUNING_SHEET, planned: clean },
    ...plan.conditions.map((planned) => ({ roster: data.evaluation, name: sheetName(planned.key), planned })),
  ];
  for (const { name, planned, roster } of wanted) {
    const sheet = await openSheet({ classes, out: options.out, key: options.key, roster }, name, planned, false);
    if (sheet.complete) continue;
    const byClass = data.scores.get(planned.key);
    const values = new Float64Array(roster.ids.length * classes.length);
    for (const [column, className] of classes.entries()) {
      const scores = byClass?.[className] ?? new Float64Array(0);
      for (const [row, sourceRow] of roster.rows.entries())
        values[row * classes.length + column] = scores[sourceRow] ?? Number.NaN;
    }
    sheet.put(0, values);
  }
  const rejections = [
    rejectionsIn("tuning", data.tuning, unscoredCodes(data, data.tuning)),
    rejectionsIn("evaluation", data.evaluation, unscoredCodes(data, data.evaluation)),
  ];
  await writeRejections(options.out, rejections, async () => null);
  return {
    preflight: [],
    head: null,
    queries: {},
    attacks: [],
    trainings: [],
    imagesSha256: null,
    images: 0,
    maxValue: null,
    rejected: countRejections(rejections),
  };
}

/** The first images that can be read are asked about. */
async function checkModel({
  ledger,
  images,
  roster,
}: ScoringContext): Promise<{ readonly checks: PreflightCheck[]; readonly width: number | null }> {
  const rows: number[] = [];
  for (let first = 0; rows.length < PREFLIGHT_IMAGES && first < roster.rows.length; first += PREFLIGHT_IMAGES) {
    const asked = roster.rows.subarray(first, first + PREFLIGHT_IMAGES);
    const { kept } = await images.load(asked);
    rows.push(...Array.from(kept, (index) => asked[index] as number));
  }
  if (rows.length === 0) {
    throw new StepwedgeError(`none of the ${roster.rows.length} images of the evaluation split can be read`, {
      where: "data",
      remedy: "Check data.root and model.input; with data.unreadable: fail the first fault is shown.",
    });
  }
  const asked = rows.slice(0, PREFLIGHT_IMAGES);
  const { batch } = await images.load(asked);
  if (ledger.model.embed === undefined) return { checks: await preflight(ledger, batch), width: null };
  try {
    return await preflightEncoder(ledger, batch);
  } catch (error) {
    throw withSample(error, (image) => `sample "${roster.ids[roster.rows.indexOf(asked[image] ?? 0)]}"`);
  }
}

/** The roster as attacks and defenses may learn from it: an image that cannot be read counts as one without a label. */
function withoutRejected(roster: Roster, sheet: Sheet): Roster {
  const rejected = sheet.column(REJECTED_COLUMN);
  const labels = Object.entries(roster.labels).map(
    ([name, all]) => [name, all.map((label, row) => (rejected[row] === 0 ? label : -1))] as const,
  );
  return { ...roster, labels: Object.fromEntries(labels) };
}

/** Of a table of scores: the code of a sample that lacks the clean score of a class. */
function unscoredCodes({ scores }: PreparedData, roster: Roster): Float64Array {
  const columns = Object.values(scores?.get("clean") ?? {});
  return Float64Array.from(roster.rows, (row) => (columns.some((column) => Number.isNaN(column[row])) ? NO_SCORE : 0));
}

/** One hash over every image's hash, in the order of the samples. */
function imagesDigest(sheets: readonly Sheet[]): string {
  const lines = sheets.flatMap((sheet) => sheet.layout.ids.map((id, row) => `${id}\t${sheet.digests[row] ?? ""}\n`));
  return sha256(lines.join(""));
}
