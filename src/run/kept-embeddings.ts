// The clean embeddings of a split, kept beside its score tables: galleries are made of them, and audits look at them.
import { join } from "node:path";
import type { SampleBank } from "../core/task.js";
import { embedSplit } from "./embedding-pass.js";
import { embeddingsFile, type KeptEmbeddings, npyOf, readKept, type Split } from "./embeddings-file.js";
import { SCORES_FOLDER } from "./evidence.js";
import { Journal } from "./journal.js";
import { writeWhole } from "./parquet.js";
import type { Roster } from "./roster.js";
import type { ScoringContext } from "./scoring.js";

/**
 * Embeds a split and keeps the result; what an interrupted run kept is not asked again.
 * @throws StepwedgeError where an embedding is not finite
 */
export async function keepEmbeddings(context: ScoringContext, width: number, split: Split): Promise<KeptEmbeddings> {
  const { key, ledger, observer, out, purpose, roster } = context;
  const path = join(out, SCORES_FOLDER, embeddingsFile(split));
  const kept = readKept(path, roster.ids.length);
  if (kept !== null) {
    const count = countVectors(kept);
    ledger.recall(count, purpose);
    observer.advance(roster.ids.length, "kept from before");
    return kept;
  }
  const { embeddings, journal, rows } = await embedSplit(context, width, new Journal(`${path}.journal`, key));
  const values = new Float32Array(roster.ids.length * width).fill(Number.NaN);
  rows.forEach((row, index) => {
    values.set(embeddings.values.subarray(index * width, (index + 1) * width), row * width);
  });
  writeWhole(path, npyOf(values, [roster.ids.length, width]));
  journal.remove();
  return { width, values };
}

/** Both splits as one, or the tuning split alone; without images that could not be read. */
export function bankOf(
  parts: readonly { readonly split: Split; readonly roster: Roster; readonly kept: KeptEmbeddings }[],
  classes: readonly string[],
): SampleBank {
  const width = parts[0]?.kept.width ?? 0;
  const found = parts.map(({ kept, roster, split }) => {
    const rows = Int32Array.from(Array.from(roster.ids.keys()).filter((row) => isThere(kept, row)));
    return { kept, roster, rows, split };
  });
  const count = found.reduce((total, { rows }) => total + rows.length, 0);
  const values = new Float32Array(count * width);
  let at = 0;
  for (const { kept, rows } of found) {
    for (const row of rows) values.set(kept.values.subarray(row * width, (row + 1) * width), width * at++);
  }
  const column = (pick: (roster: Roster, row: number, split: Split) => number): number[] =>
    found.flatMap(({ roster, rows, split }) => Array.from(rows, (row) => pick(roster, row, split)));
  return {
    count,
    width,
    values,
    sources: Int32Array.from(column((roster, row) => roster.rows[row] as number)),
    rows: Int32Array.from(column((_, row) => row)),
    evaluated: Uint8Array.from(column((_, __, split) => Number(split === "evaluation"))),
    persons: Int32Array.from(column((roster, row) => roster.persons[row] as number)),
    labels: classes.map((name) => Int8Array.from(column((roster, row) => roster.relevance[name]?.[row] ?? -1))),
  };
}

function isThere({ values, width }: KeptEmbeddings, row: number): boolean {
  return width > 0 && !Number.isNaN(values[row * width]);
}

function countVectors(kept: KeptEmbeddings): number {
  let count = 0;
  for (let row = 0; row * kept.width < kept.values.length; row++) count += Number(isThere(kept, row));
  return count;
}
