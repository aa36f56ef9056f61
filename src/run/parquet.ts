import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { asyncBufferFromFile, parquetMetadataAsync, parquetRead } from "hyparquet";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import { ExitCode, StepwedgeError } from "../core/errors.js";

export type Column =
  | { readonly name: string; readonly type: "STRING"; readonly data: readonly string[] }
  | { readonly name: string; readonly type: "DOUBLE"; readonly data: Float64Array }
  | { readonly name: string; readonly type: "INT32"; readonly data: Int32Array };

/** Writes a Parquet file under another name, flushes it, and moves it into place: it is there whole, or not at all. */
export function writeParquet(
  path: string,
  columns: readonly Column[],
  metadata: Readonly<Record<string, string>>,
): void {
  const bytes = parquetWriteBuffer({
    columnData: columns.map(
      ({ name, type, data }): ColumnSource => ({ name, type, data: data as ColumnSource["data"], nullable: false }),
    ),
    kvMetadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    createdBy: "stepwedge",
  });
  writeWhole(path, new Uint8Array(bytes));
}

/** What a file is called until it is whole. */
export function unfinishedName(path: string): string {
  return `${path}.writing`;
}

/** Writes a file so that a reader finds either the old one or the whole new one, never a part. */
export function writeWhole(path: string, data: string | Uint8Array): void {
  const temporary = unfinishedName(path);
  const file = openSync(temporary, "w");
  try {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    for (let from = 0; from < bytes.length; ) from += writeSync(file, bytes, from);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

/**
 * Reads whole columns of a Parquet file: DOUBLE and INT32 as typed arrays, STRING as strings.
 * @throws StepwedgeError (incomplete) where the file is damaged or a column is missing.
 */
export async function readParquet(path: string): Promise<ReadonlyMap<string, Float64Array | Int32Array | string[]>> {
  const chunks = new Map<string, Chunk[]>();
  const types = new Map<string, string>();
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    for (const { name, type } of metadata.schema.slice(1)) types.set(name, type ?? "");
    await parquetRead({
      file,
      metadata,
      onChunk({ columnName, columnData, rowStart }) {
        const list = chunks.get(columnName) ?? [];
        list.push({ rowStart, data: columnData });
        chunks.set(columnName, list);
      },
    });
  } catch (cause) {
    throw new StepwedgeError(`is damaged: ${cause instanceof Error ? cause.message : String(cause)}`, {
      where: path,
      remedy: "Delete the file and run again with --resume: only this condition is scored anew.",
      exitCode: ExitCode.incomplete,
      cause,
    });
  }
  return new Map([...types].map(([name, type]) => [name, join(chunks.get(name) ?? [], type)]));
}

interface Chunk {
  readonly rowStart: number;
  readonly data: ArrayLike<unknown>;
}

function join(parts: readonly Chunk[], type: string): Float64Array | Int32Array | string[] {
  const ordered = [...parts].sort((a, b) => a.rowStart - b.rowStart);
  if (type !== "DOUBLE" && type !== "INT32") return ordered.flatMap((part) => Array.from(part.data) as string[]);
  const length = ordered.reduce((total, part) => total + part.data.length, 0);
  const out = type === "INT32" ? new Int32Array(room(4 * length)) : new Float64Array(room(8 * length));
  let at = 0;
  for (const part of ordered) {
    out.set(part.data as ArrayLike<number>, at);
    at += part.data.length;
  }
  return out;
}

/** Large columns are made where threads can share them. */
function room(bytes: number): ArrayBuffer | SharedArrayBuffer {
  return bytes < LARGE ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes);
}

const LARGE = 1 << 20;
