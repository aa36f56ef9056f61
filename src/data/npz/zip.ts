/**
 * Reads single entries of a zip file (PKWARE APPNOTE 6.3.10, with zip64, which numpy writes always) without the others: archives of
 * arrays can be larger than memory. No library is asked: those at hand unpack all, or want the whole file in memory.
 */
import { promises as fs } from "node:fs";
import { promisify } from "node:util";
import { crc32, inflateRaw } from "node:zlib";
import { StepwedgeError } from "../../core/errors.js";

export interface ZipEntry {
  readonly name: string;
  readonly isPacked: boolean;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  /** Where the entry's own header lies. */
  readonly header: number;
}

/** A packed entry cannot be read in part: it must fit into memory. */
export const LARGEST_ENTRY = 2 ** 30;
/** Deflate cannot pack better than this (https://zlib.net/zlib_tech.html). */
const BEST_RATIO = 1032;
/** The end record, and the longest comment behind it. */
const END_BYTES = 22 + 65_535;
const LARGEST_DIRECTORY = 2 ** 24;

const unpack = promisify(inflateRaw);

/** A zip file's directory, and the way to its entries. The file is open only while something is read. */
export class ZipFile {
  private constructor(
    private readonly path: string,
    private readonly name: string,
    readonly entries: readonly ZipEntry[],
  ) {}

  /**
   * @param name what messages call the file
   * @throws StepwedgeError where it is no zip file, or damaged
   */
  static async open(path: string, name: string): Promise<ZipFile> {
    return new ZipFile(path, name, await withFile(path, name, (file) => directoryOf(file, name)));
  }

  /**
   * Some bytes of an entry that is not packed.
   * @throws StepwedgeError where the file ends before
   */
  async read(entry: ZipEntry, from: number, length: number): Promise<Buffer> {
    if (from + length > entry.size) throw damaged(this.name, `${entry.name} ends early`);
    return this.#read(entry, from, length);
  }

  /**
   * A whole entry, packed or not, its checksum checked.
   * @throws StepwedgeError where it is damaged, or beyond 1 GiB
   */
  async readWhole(entry: ZipEntry): Promise<Buffer> {
    if (entry.size > LARGEST_ENTRY) {
      throw new StepwedgeError(`${entry.name} unpacks to ${Math.ceil(entry.size / 2 ** 20)} MiB`, {
        where: this.name,
        remedy: "Write it with numpy.savez, not savez_compressed: arrays that are not packed are read in part.",
      });
    }
    if (entry.isPacked && entry.size > entry.packedSize * BEST_RATIO)
      throw damaged(this.name, `${entry.name} is too long`);
    const stored = await this.#read(entry, 0, entry.packedSize);
    const bytes = entry.isPacked ? await this.#unpacked(entry, stored) : stored;
    if (bytes.length !== entry.size || crc32(bytes) !== entry.crc)
      throw damaged(this.name, `${entry.name} has changed`);
    return bytes;
  }

  /** The first bytes of an entry, packed or not. */
  async readHead(entry: ZipEntry, length: number): Promise<Buffer> {
    const most = Math.min(length, entry.size);
    if (!entry.isPacked) return this.read(entry, 0, most);
    // Text as short as an array's header lies within the first packed bytes, whatever comes behind.
    const packed = await this.#read(entry, 0, Math.min(entry.packedSize, 2 * length + 1024));
    return (await this.#unpacked(entry, packed, true)).subarray(0, most);
  }

  async #unpacked(entry: ZipEntry, packed: Buffer, isPart = false): Promise<Buffer> {
    const flush = isPart ? { finishFlush: Z_SYNC_FLUSH } : {};
    try {
      return await unpack(packed, { maxOutputLength: Math.max(1, isPart ? LARGEST_ENTRY : entry.size), ...flush });
    } catch (cause) {
      throw damaged(this.name, `${entry.name}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }

  /** Bytes as they lie in the file, behind the entry's own header, whose names may differ in length from the directory's. */
  #read(entry: ZipEntry, from: number, length: number): Promise<Buffer> {
    return withFile(this.path, this.name, async (file) => {
      const header = await readAt(file, entry.header, 30, this.name);
      if (header.readUInt32LE(0) !== 0x04034b50) throw damaged(this.name, `${entry.name} is not where it should be`);
      const start = entry.header + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
      return readAt(file, start + from, length, this.name);
    });
  }
}

async function withFile<T>(path: string, name: string, use: (file: fs.FileHandle) => Promise<T>): Promise<T> {
  let file: fs.FileHandle;
  try {
    file = await fs.open(path);
  } catch (cause) {
    throw new StepwedgeError("the file does not exist or cannot be read", {
      where: name,
      remedy: "Correct data.path; it is relative to the protocol file.",
      cause,
    });
  }
  try {
    if (!(await file.stat()).isFile()) throw damaged(name, "it is no file");
    return await use(file);
  } finally {
    await file.close();
  }
}

const Z_SYNC_FLUSH = 2;

async function directoryOf(file: fs.FileHandle, name: string): Promise<ZipEntry[]> {
  const { size } = await file.stat();
  const tail = await readAt(file, Math.max(0, size - END_BYTES), Math.min(size, END_BYTES), name);
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end === -1 || end + 22 > tail.length) {
    throw new StepwedgeError("the file is no .npz file, or it is truncated: it has no zip directory at its end", {
      where: name,
      remedy: "Copy the file again from its source.",
    });
  }
  let [count, length, offset]: [number, number, number] = [
    tail.readUInt16LE(end + 10),
    tail.readUInt32LE(end + 12),
    tail.readUInt32LE(end + 16),
  ];
  const locator = end - 20;
  if (locator >= 0 && tail.readUInt32LE(locator) === 0x07064b50) {
    const record = await readAt(file, Number(tail.readBigUInt64LE(locator + 8)), 56, name);
    if (record.readUInt32LE(0) !== 0x06064b50) throw damaged(name, "its zip64 record is missing");
    count = Number(record.readBigUInt64LE(32));
    length = Number(record.readBigUInt64LE(40));
    offset = Number(record.readBigUInt64LE(48));
  }
  if (length > LARGEST_DIRECTORY || offset + length > size) throw damaged(name, "its directory lies outside the file");
  const directory = await readAt(file, offset, length, name);
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== 0x02014b50)
      throw damaged(name, "its directory is cut off");
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => directory.readUInt16LE(at + field));
    const next = at + 46 + (nameLength as number) + (extraLength as number) + (commentLength as number);
    if (next > directory.length) throw damaged(name, "its directory is cut off");
    const entry = entryOf(directory.subarray(at, next), nameLength as number, extraLength as number, name);
    if (entry.header + 30 + entry.packedSize > size) throw damaged(name, `${entry.name} lies outside the file`);
    entries.push(entry);
    at = next;
  }
  return entries;
}

function entryOf(record: Buffer, nameLength: number, extraLength: number, file: string): ZipEntry {
  const name = record.toString("utf8", 46, 46 + nameLength);
  const [flags, method] = [record.readUInt16LE(8), record.readUInt16LE(10)];
  if ((flags & 1) !== 0) throw damaged(file, `${name} is encrypted`);
  if (method !== 0 && method !== 8) throw damaged(file, `${name} is packed by the unknown method ${method}`);
  const fields = [record.readUInt32LE(24), record.readUInt32LE(20), record.readUInt32LE(42)];
  const large = zip64Fields(record.subarray(46 + nameLength, 46 + nameLength + extraLength));
  const [size, packedSize, header] = fields.map((value) => (value === 0xffffffff ? (large.shift() ?? -1) : value)) as [
    number,
    number,
    number,
  ];
  const isSound = [size, packedSize, header].every((value) => Number.isSafeInteger(value) && value >= 0);
  if (!isSound || (method === 0 && size !== packedSize)) throw damaged(file, `the sizes of ${name} are broken`);
  return { name, isPacked: method === 8, crc: record.readUInt32LE(16), size, packedSize, header };
}

/** The 64-bit numbers of the extra field 1, in order: those of size, packed size and offset that did not fit. */
function zip64Fields(extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; ) {
    const [id, length] = [extra.readUInt16LE(at), extra.readUInt16LE(at + 2)];
    const end = Math.min(at + 4 + length, extra.length);
    if (id === 1) {
      const found: number[] = [];
      for (let from = at + 4; from + 8 <= end; from += 8) found.push(Number(extra.readBigUInt64LE(from)));
      return found;
    }
    at = end;
  }
  return [];
}

async function readAt(file: fs.FileHandle, from: number, length: number, name: string): Promise<Buffer> {
  const { size } = await file.stat();
  if (!(from >= 0 && length >= 0 && from + length <= size)) throw damaged(name, "it ends early");
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, from + done);
    if (bytesRead === 0) throw damaged(name, "it ends early");
    done += bytesRead;
  }
  return bytes;
}

function damaged(where: string, how: string): StepwedgeError {
  return new StepwedgeError(`the .npz file is damaged: ${how}`, {
    where,
    remedy: "Copy the file again from its source.",
  });
}
