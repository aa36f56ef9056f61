import { damaged, truncated } from "./faults.js";

/**
 * The directories of a TIFF file (TIFF 6.0, section 2), one per page. Everything that they point to must lie inside the
 * file: libtiff is content with less, and a file that was cut off would pass for whole.
 */

/** Tags (TIFF 6.0, appendix A) that pixels depend on. */
export const TAG = {
  newSubfileType: 254,
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  stripOffsets: 273,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  planarConfiguration: 284,
  tileWidth: 322,
  tileLength: 323,
  tileOffsets: 324,
  tileByteCounts: 325,
  sampleFormat: 339,
} as const;

/** Tags that hold the places of further directories: sub-images, EXIF, GPS. */
const POINTERS: readonly number[] = [330, 34665, 34853];

/** The entries that are whole numbers, by tag; those of other types are checked and left out. */
export interface Directory {
  get(tag: number): readonly number[] | undefined;
  has(tag: number): boolean;
  /** Where in the file the entry's numbers begin. */
  placeOf(tag: number): number | undefined;
}

/** Bytes per value of each field type: BYTE, ASCII, SHORT, LONG, RATIONAL, and their signed and floating kin. */
const TYPE_BYTES: readonly number[] = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4];
const [BYTE, SHORT, LONG, IFD] = [1, 3, 4, 13];

/** Beyond this many pages a file is refused. */
const MOST_PAGES = 65_536;
/** Beyond this many numbers in one entry a file is refused: strips and tiles of the largest images are fewer. */
const MOST_VALUES = 2 ** 22;

export function isTiff(bytes: Buffer): boolean {
  const head = bytes.toString("latin1", 0, 4);
  return head === "II*\0" || head === "MM\0*";
}

/**
 * Reads the directories of all pages, in order.
 * @throws StepwedgeError where one of them, or what it points to, is not inside the file
 */
export function readDirectories(bytes: Buffer, where: string): readonly Directory[] {
  const file = new TiffBytes(bytes, where);
  const pages: Directory[] = [];
  const seen = new Set<number>();
  let at = file.long(4);
  while (at !== 0) {
    if (seen.has(at)) throw damaged("TIFF", "its pages go round in a circle", where);
    if (pages.length === MOST_PAGES) throw damaged("TIFF", `it has more than ${MOST_PAGES} pages`, where);
    seen.add(at);
    const [directory, next] = readDirectory(file, at, seen);
    pages.push(directory);
    at = next;
  }
  if (pages.length === 0) throw damaged("TIFF", "it has no page", where);
  return pages;
}

function readDirectory(file: TiffBytes, at: number, seen: Set<number>): [Directory, next: number] {
  const count = file.short(at);
  const entries = new Map<number, Entry>();
  for (let index = 0; index < count; index++) {
    const entry = at + 2 + 12 * index;
    const tag = file.short(entry);
    const read = readEntry(file, entry);
    if (read === null) continue;
    entries.set(tag, read);
    if (POINTERS.includes(tag)) for (const place of read.values) visit(file, place, seen);
  }
  const directory: Directory = {
    get: (tag) => entries.get(tag)?.values,
    has: (tag) => entries.has(tag),
    placeOf: (tag) => entries.get(tag)?.from,
  };
  return [directory, file.long(at + 2 + 12 * count)];
}

interface Entry {
  readonly from: number;
  readonly values: readonly number[];
}

/** Further directories hold nothing that pixels depend on, but they too must be there. */
function visit(file: TiffBytes, at: number, seen: Set<number>): void {
  if (at === 0 || seen.has(at) || seen.size > MOST_PAGES) return;
  seen.add(at);
  readDirectory(file, at, seen);
}

/** The entry's numbers, or null where they are none. */
function readEntry(file: TiffBytes, at: number): Entry | null {
  const type = file.short(at + 2);
  const count = file.long(at + 4);
  const size = TYPE_BYTES[type];
  if (size === undefined || size === 0) return null;
  const from = count * size <= 4 ? at + 8 : file.long(at + 8);
  file.check(from, count * size);
  if (type !== BYTE && type !== SHORT && type !== LONG && type !== IFD) return null;
  if (count > MOST_VALUES) return null;
  const read = type === BYTE ? file.byte : type === SHORT ? file.short : file.long;
  return { from, values: Array.from({ length: count }, (_, index) => read(from + index * size)) };
}

/** Numbers of either byte order, none of them from beyond the file's end. */
class TiffBytes {
  readonly #bytes: Buffer;
  readonly #little: boolean;
  readonly #where: string;

  constructor(bytes: Buffer, where: string) {
    this.#bytes = bytes;
    this.#little = bytes[0] === 0x49;
    this.#where = where;
  }

  check(at: number, length: number): void {
    if (at + length > this.#bytes.length) throw truncated("TIFF", this.#where);
  }

  readonly byte = (at: number): number => {
    this.check(at, 1);
    return this.#bytes.readUInt8(at);
  };

  readonly short = (at: number): number => {
    this.check(at, 2);
    return this.#little ? this.#bytes.readUInt16LE(at) : this.#bytes.readUInt16BE(at);
  };

  readonly long = (at: number): number => {
    this.check(at, 4);
    return this.#little ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at);
  };
}
