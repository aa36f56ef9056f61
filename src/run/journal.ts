import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";

/** One entry: an index (a first row, or the number of a query), a guard that must match on replay, and bytes. */
export interface JournalEntry {
  readonly index: number;
  readonly guard: number;
  readonly bytes: Uint8Array;
}

const HEADER = 64;
const PREFIX = 12;
const SUFFIX = 4;

/**
 * An append-only file of checksummed entries. Whatever moment the process dies at, the entries before the last are
 * whole; a torn or foreign tail is cut off when the file is opened again. `key` (64 hexadecimal characters) names what
 * the entries belong to: a journal with another key is started anew.
 */
export class Journal {
  readonly entries: readonly JournalEntry[];
  readonly #file: number;
  #end: number;

  constructor(
    readonly path: string,
    key: string,
  ) {
    const old = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    const ours = old.length >= HEADER && old.subarray(0, HEADER).toString("latin1") === key;
    const { entries, end } = ours ? readEntries(old) : { entries: [], end: HEADER };
    this.entries = entries;
    this.#end = end;
    this.#file = openSync(path, ours ? "r+" : "w");
    if (ours) ftruncateSync(this.#file, end);
    else writeSync(this.#file, Buffer.from(key, "latin1"), 0, HEADER, 0);
  }

  append(entry: JournalEntry): void {
    const record = Buffer.alloc(PREFIX + entry.bytes.length + SUFFIX);
    record.writeUInt32LE(entry.bytes.length, 0);
    record.writeUInt32LE(entry.index, 4);
    record.writeUInt32LE(entry.guard, 8);
    record.set(entry.bytes, PREFIX);
    record.writeUInt32LE(crc32(record.subarray(0, PREFIX + entry.bytes.length)), PREFIX + entry.bytes.length);
    writeSync(this.#file, record, 0, record.length, this.#end);
    this.#end += record.length;
  }

  close(): void {
    closeSync(this.#file);
  }

  remove(): void {
    this.close();
    rmSync(this.path, { force: true });
  }
}

function readEntries(file: Buffer): { entries: JournalEntry[]; end: number } {
  const entries: JournalEntry[] = [];
  let end = HEADER;
  while (end + PREFIX + SUFFIX <= file.length) {
    const length = file.readUInt32LE(end);
    const tail = end + PREFIX + length;
    if (tail + SUFFIX > file.length || file.readUInt32LE(tail) !== crc32(file.subarray(end, tail))) break;
    // A copy, so that views of other element types start at an aligned offset.
    const bytes = new Uint8Array(file.subarray(end + PREFIX, tail));
    entries.push({ index: file.readUInt32LE(end + 4), guard: file.readUInt32LE(end + 8), bytes });
    end = tail + SUFFIX;
  }
  return { entries, end };
}
