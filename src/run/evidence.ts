import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { StudyEmbeddings } from "../core/audit.js";
import { type Condition, conditionKey } from "../core/condition.js";
import { ExitCode, StepwedgeError } from "../core/errors.js";
import type { Measure } from "../core/measures.js";
import type { OutcomeId } from "../core/outcome.js";
import type {
  AttackSummary,
  Deviation,
  Flow,
  HeadSummary,
  PreflightCheck,
  RejectionCount,
  TrainingSummary,
} from "../core/record.js";
import { embeddingsFile, readKept } from "./embeddings-file.js";
import { readParquet, writeWhole } from "./parquet.js";
import { type Roster, readRoster } from "./roster.js";
import { DIGEST_COLUMN } from "./sheet.js";

/** What predicting leaves behind, beside the score tables: counts and facts that no score shows. */
export interface EvidenceIndex {
  /** SHA-256 that the score tables bear: of the inputs and of the protocol's part that decides about scores. */
  readonly key: string;
  readonly classes: readonly string[];
  readonly conditions: readonly Condition[];
  readonly flow: Omit<Flow, "rejected" | "classes">;
  /** Samples without a score, by split and reason. */
  readonly rejected: readonly RejectionCount[];
  readonly deviations: readonly Deviation[];
  readonly preflight: readonly PreflightCheck[];
  readonly queries: Readonly<Record<string, number>>;
  readonly attacks: readonly AttackSummary[];
  readonly trainings: readonly TrainingSummary[];
  /** null where the model is no head over an encoder. */
  readonly head?: HeadSummary | null;
  /** Absent or null where the record keeps no embeddings. */
  readonly embeddings?: { readonly width: number } | null;
  readonly attackKnowledge: Readonly<Record<string, string>>;
  readonly imagesSha256: string | null;
  readonly images: number;
  /** Largest stored value of the images' depth; null without images. */
  readonly maxValue: number | null;
  readonly model: {
    readonly adapter: string;
    readonly runtime: string;
    readonly files: Readonly<Record<string, string>>;
  };
  readonly data: { readonly adapter: string; readonly files: Readonly<Record<string, string>> };
}

/** All that audits need: the rosters, the scores of every condition, and the index. Nothing of it needs the model. */
export interface Evidence {
  readonly index: EvidenceIndex;
  readonly tuning: Roster;
  readonly evaluation: Roster;
  tuningScores(className: string): Float64Array;
  scores(condition: Condition, className: string): Float64Array;
  /** What a task measured. */
  outcome(condition: Condition, className: string, outcome: OutcomeId): Float64Array;
  /** Clean embeddings of both splits, where they are kept. */
  readonly embeddings: StudyEmbeddings | null;
  /** The images of a split; null for tables of scores. */
  images(split: "tuning" | "evaluation"): ImageColumns | null;
  /** null under conditions without an attack. */
  measures(condition: Condition, measure: Measure): Float64Array | null;
}

/** What is known of a split's images, by sample. */
export interface ImageColumns {
  /** SHA-256 of the file's bytes. */
  readonly digests: readonly string[];
  /** The four words of the perceptual hash; NaN where there is none. */
  readonly hashes: readonly Float64Array[];
}

export const SCORES_FOLDER = "scores";
const INDEX_FILE = "index.json";

/** The score table's file name of a condition: its key, with what file systems dislike replaced. */
export function sheetName(key: string): string {
  return key.replaceAll(":", ".").replaceAll("/", "_");
}

export const TUNING_SHEET = "clean.tuning";
export const ROSTER_FILES = { tuning: "samples.tuning.parquet", evaluation: "samples.evaluation.parquet" } as const;

export function scoreColumn(className: string): string {
  return `score.${className}`;
}

/** What a task measured of a class. */
export function outcomeColumn(className: string, outcome: OutcomeId): string {
  return `outcome.${outcome}.${className}`;
}

/** The words of the image's perceptual hash, beside the clean scores; NaN where it has none. */
export const HASH_COLUMNS = [0, 1, 2, 3].map((word) => `image.hash.${word}`);

export function writeIndex(out: string, index: EvidenceIndex): void {
  writeWhole(join(out, SCORES_FOLDER, INDEX_FILE), `${JSON.stringify(index, null, 2)}\n`);
}

/**
 * Reads the evidence of a record.
 * @throws StepwedgeError (incomplete) where scoring has not ended or a file is missing.
 */
export async function readEvidence(out: string): Promise<Evidence> {
  const folder = join(out, SCORES_FOLDER);
  const index = readIndex(out);
  const load = async (name: string): Promise<ReadonlyMap<string, unknown>> =>
    readParquet(join(folder, `${name}.parquet`));
  const tables = new Map<string, ReadonlyMap<string, unknown>>();
  for (const name of [TUNING_SHEET, ...index.conditions.map((condition) => sheetName(conditionKey(condition)))]) {
    tables.set(name, await load(name));
  }
  const column = (table: string, className: string, name = scoreColumn(className)): Float64Array => {
    const data = tables.get(table)?.get(name);
    if (data instanceof Float64Array) return data;
    throw new StepwedgeError(`has no scores of class "${className}"`, {
      where: join(folder, `${table}.parquet`),
      remedy: "The record is damaged or of another protocol: run again.",
      exitCode: ExitCode.incomplete,
    });
  };
  const tuning = await readRoster(join(folder, ROSTER_FILES.tuning));
  const evaluation = await readRoster(join(folder, ROSTER_FILES.evaluation));
  return {
    index,
    tuning,
    evaluation,
    embeddings: index.embeddings == null ? null : readEmbeddings(folder, tuning, evaluation),
    tuningScores: (className) => column(TUNING_SHEET, className),
    scores: (condition, className) => column(sheetName(conditionKey(condition)), className),
    outcome: (condition, className, outcome) =>
      column(sheetName(conditionKey(condition)), className, outcomeColumn(className, outcome)),
    images(split) {
      const table = tables.get(split === "tuning" ? TUNING_SHEET : sheetName("clean"));
      const digests = table?.get(DIGEST_COLUMN);
      const hashes = HASH_COLUMNS.map((name) => table?.get(name)).filter((words) => words instanceof Float64Array);
      if (hashes.length < HASH_COLUMNS.length || digests === undefined) return null;
      return { digests: digests as string[], hashes };
    },
    measures(condition, measure) {
      const data = tables.get(sheetName(conditionKey(condition)))?.get(measure);
      return data instanceof Float64Array ? data : null;
    },
  };
}

function readEmbeddings(folder: string, tuning: Roster, evaluation: Roster): StudyEmbeddings {
  const read = (split: "tuning" | "evaluation", { ids }: Roster) => {
    const path = join(folder, embeddingsFile(split));
    const kept = readKept(path, ids.length);
    if (kept !== null) return kept;
    throw new StepwedgeError("is missing", {
      where: path,
      remedy: "The record is damaged: run again.",
      exitCode: ExitCode.incomplete,
    });
  };
  const { values, width } = read("tuning", tuning);
  return { width, tuning: values, evaluation: read("evaluation", evaluation).values };
}

/**
 * What scoring left beside the score tables.
 * @throws StepwedgeError (incomplete) where scoring has not ended
 */
export function readIndex(out: string): EvidenceIndex {
  try {
    return JSON.parse(readFileSync(join(out, SCORES_FOLDER, INDEX_FILE), "utf8")) as EvidenceIndex;
  } catch (cause) {
    throw new StepwedgeError("holds no finished score tables", {
      where: out,
      remedy: "If a run was interrupted there, go on with `stepwedge run --resume`; otherwise check the folder's name.",
      exitCode: ExitCode.incomplete,
      cause,
    });
  }
}
