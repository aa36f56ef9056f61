import { createHash } from "node:crypto";
import { createReadStream, promises as fs } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { StepwedgeError } from "../../core/errors.js";

/** A file is read in pieces of this size. */
const CHUNK_BYTES = 1 << 20;

/** A table's bytes, unpacked where its name ends with .gz, and the hash of the file as it lies on the disk. */
export interface TableBytes {
  /** @throws StepwedgeError where a gzip file is damaged, cut off, or followed by something else. */
  readonly chunks: AsyncIterable<Buffer>;
  /** SHA-256 of the file, once all chunks have been read. */
  sha256(): string;
}

/** `name` is what error messages call the file. */
export function tableBytes(file: string, name: string): TableBytes {
  const hash = createHash("sha256");
  const hashed = hashing(createReadStream(file, { highWaterMark: CHUNK_BYTES }), hash);
  return { chunks: isGzip(file) ? unpacked(hashed, file, name) : hashed, sha256: () => hash.digest("hex") };
}

export function isGzip(file: string): boolean {
  return file.toLowerCase().endsWith(".gz");
}

/** What is wrong with a gzip file; null where it is whole, and where it cannot be read at all. */
export async function gzipDamage(file: string, name: string): Promise<StepwedgeError | null> {
  try {
    for await (const _ of tableBytes(file, name).chunks);
    return null;
  } catch (error) {
    return error instanceof StepwedgeError ? error : null;
  }
}

async function* hashing(chunks: AsyncIterable<Buffer>, hash: ReturnType<typeof createHash>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

async function* unpacked(packed: AsyncGenerator<Buffer>, file: string, name: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // Faults of either stream come out where the chunks are read.
  pipeline(packed, gunzip, () => undefined);
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } catch (error) {
    const isOfGzip = String((error as NodeJS.ErrnoException).code).startsWith("Z_");
    throw isOfGzip ? notWhole("the file is damaged, cut off, or no gzip file", name, error) : error;
  }
  // zlib stops at zeros behind the last member: the rest would be neither read nor hashed.
  if (gunzip.bytesWritten !== (await fs.stat(file)).size) {
    throw notWhole("the gzip data ends before the file does", name);
  }
}

function notWhole(message: string, where: string, cause?: unknown): StepwedgeError {
  return new StepwedgeError(message, {
    where,
    remedy: "Fetch or pack the file again, or unpack it and name the unpacked file.",
    cause,
  });
}
