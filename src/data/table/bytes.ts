import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";

/** A file is read in pieces of this size. */
const CHUNK_BYTES = 1 << 20;

/** A table's bytes, unpacked where its name ends with .gz, and the hash of the file as it lies on the disk. */
export interface TableBytes {
  readonly chunks: AsyncIterable<Buffer>;
  /** SHA-256 of the file, once all chunks have been read. */
  sha256(): string;
}

export function tableBytes(file: string): TableBytes {
  const hash = createHash("sha256");
  const raw = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  const hashed = hashing(raw, hash);
  if (!isGzip(file)) return { chunks: hashed, sha256: () => hash.digest("hex") };
  const unpacked = createGunzip({ chunkSize: CHUNK_BYTES });
  // Faults of either stream come out where the chunks are read.
  pipeline(hashed, unpacked, () => undefined);
  return { chunks: unpacked as AsyncIterable<Buffer>, sha256: () => hash.digest("hex") };
}

export function isGzip(file: string): boolean {
  return file.toLowerCase().endsWith(".gz");
}

async function* hashing(chunks: AsyncIterable<Buffer>, hash: ReturnType<typeof createHash>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}
