// The evidence of a search, out of a record's score tables: which samples were found for a query, and how near they are.
import { join } from "node:path";
import { type Condition, conditionKey } from "../core/condition.js";
import { StepwedgeError } from "../core/errors.js";
import { suggest } from "../core/plugins.js";
import { readEvidence, SCORES_FOLDER, sheetName } from "./evidence.js";
import { readParquet } from "./parquet.js";
import { readProtocolFile } from "./record.js";
import type { Roster } from "./roster.js";

export interface NeighboursOptions {
  readonly out: string;
  /** The query's id, of the evaluation split. */
  readonly sample: string;
  /** A condition by its key, such as "clean". */
  readonly condition: string;
}

export interface Neighbour {
  /** From 1. */
  readonly rank: number;
  readonly id: string;
  /** The cosine, or the Euclidean distance. */
  readonly nearness: number;
  /** Classes that it has. */
  readonly classes: readonly string[];
  /** Those of them that the query has, too. */
  readonly shared: readonly string[];
}

export interface FoundNeighbours {
  readonly sample: string;
  readonly classes: readonly string[];
  readonly condition: string;
  readonly metric: "cosine" | "euclidean";
  readonly gallery: "tuning" | "evaluation";
  readonly neighbours: readonly Neighbour[];
}

/** @throws StepwedgeError where the record is of no search, or has no such query or condition */
export async function neighboursOf({ condition, out, sample }: NeighboursOptions): Promise<FoundNeighbours> {
  const { model } = readProtocolFile(out).protocol;
  const settings = model.retrieval as { k: number; metric: "cosine" | "euclidean"; gallery: "tuning" | "evaluation" };
  if (model.task !== "retrieval") {
    throw new StepwedgeError(`is of task ${model.task}, which searches nothing`, {
      where: out,
      remedy: "Give a record of a protocol with model.task: retrieval.",
    });
  }
  const { evaluation, index, tuning } = await readEvidence(out);
  const sheet = await readParquet(join(out, SCORES_FOLDER, `${sheetName(known(condition, index.conditions))}.parquet`));
  const row = evaluation.ids.indexOf(sample);
  if (row < 0) {
    throw new StepwedgeError(`the evaluation split has no sample "${sample}"`, {
      where: "--sample",
      remedy: suggest(sample, evaluation.ids) || "samples.evaluation.parquet names them.",
    });
  }
  const classes = classesOf(evaluation, row);
  const gallery = settings.gallery === "evaluation" ? evaluation : tuning;
  const at = (column: string) => (sheet.get(column) as Float64Array | undefined)?.[row] ?? Number.NaN;
  const neighbours = Array.from({ length: settings.k }, (_, place) => place + 1).flatMap((rank): Neighbour[] => {
    const found = at(`neighbour.${rank}`);
    if (Number.isNaN(found)) return [];
    const own = classesOf(gallery, found);
    const shared = own.filter((name) => classes.includes(name));
    return [{ rank, id: gallery.ids[found] as string, nearness: at(`nearness.${rank}`), classes: own, shared }];
  });
  if (neighbours.length === 0) {
    throw new StepwedgeError(
      `sample "${sample}" asked nothing: it has none of the classes, or its image was not read`,
      {
        where: "--sample",
        remedy: "Choose a sample with one of model.classes.",
      },
    );
  }
  return { sample, classes, condition, metric: settings.metric, gallery: settings.gallery, neighbours };
}

function known(key: string, conditions: readonly Condition[]): string {
  const keys = conditions.map(conditionKey);
  if (keys.includes(key)) return key;
  throw new StepwedgeError(`there is no condition "${key}"`, {
    where: "--condition",
    remedy: `${suggest(key, keys)}Known: ${keys.join(", ")}.`,
  });
}

function classesOf({ relevance }: Roster, row: number): string[] {
  return Object.entries(relevance).flatMap(([name, column]) => (column[row] === 1 ? [name] : []));
}
