import { deflateRawSync } from "node:zlib";

/** A data element: tag as gggg,eeee in hexadecimal, VR, value. Text of odd length is padded. */
export type Value = string | number | readonly number[] | Buffer | readonly DicomElement[][];
export type DicomElement = readonly [tag: string, vr: string, value: Value];

export const SYNTAX = {
  implicit: "1.2.840.10008.1.2",
  explicit: "1.2.840.10008.1.2.1",
  deflated: "1.2.840.10008.1.2.1.99",
  bigEndian: "1.2.840.10008.1.2.2",
  rle: "1.2.840.10008.1.2.5",
} as const;

const LONG = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UN", "UT"]);

/** A whole DICOM file, with preamble and meta header unless told otherwise. */
export function dicomFile(
  elements: readonly DicomElement[],
  syntax: string = SYNTAX.explicit,
  { preamble = true, meta = true }: { readonly preamble?: boolean; readonly meta?: boolean } = {},
): Buffer {
  const dataSet = dataSetBytes(elements, syntax);
  const head = preamble ? Buffer.concat([Buffer.alloc(128), Buffer.from("DICM")]) : Buffer.alloc(0);
  const group = meta ? dataSetBytes([["0002,0010", "UI", syntax]], SYNTAX.explicit) : Buffer.alloc(0);
  return Buffer.concat([head, group, syntax === SYNTAX.deflated ? deflateRawSync(dataSet) : dataSet]);
}

function dataSetBytes(elements: readonly DicomElement[], syntax: string): Buffer {
  return Buffer.concat([...elements].sort(([a], [b]) => (a < b ? -1 : 1)).map((one) => elementBytes(one, syntax)));
}

function elementBytes([tag, vr, value]: DicomElement, syntax: string): Buffer {
  const big = syntax === SYNTAX.bigEndian;
  const bytes = valueBytes(vr, value, syntax);
  const isFragments = tag === "7fe0,0010" && Array.isArray(value) && value.some((one) => Array.isArray(one));
  const length = isFragments ? 0xffffffff : bytes.length;
  const [group, element] = tag.split(",").map((part) => Number.parseInt(part, 16)) as [number, number];
  const head = Buffer.alloc(syntax === SYNTAX.implicit || !LONG.has(vr) ? 8 : 12);
  const word = (word16: number, at: number) => (big ? head.writeUInt16BE(word16, at) : head.writeUInt16LE(word16, at));
  const long = (word32: number, at: number) => (big ? head.writeUInt32BE(word32, at) : head.writeUInt32LE(word32, at));
  word(group, 0);
  word(element, 2);
  if (syntax === SYNTAX.implicit) long(length, 4);
  else {
    head.write(vr, 4, "latin1");
    if (LONG.has(vr)) long(length, 8);
    else word(length, 6);
  }
  return Buffer.concat([head, bytes]);
}

function valueBytes(vr: string, value: Value, syntax: string): Buffer {
  const big = syntax === SYNTAX.bigEndian;
  if (Buffer.isBuffer(value)) return value.length % 2 === 0 ? value : Buffer.concat([value, Buffer.alloc(1)]);
  if (typeof value === "string")
    return Buffer.from(value.length % 2 === 0 ? value : `${value}${vr === "UI" ? "\0" : " "}`, "latin1");
  if (vr === "SQ") {
    return Buffer.concat(
      (value as readonly DicomElement[][]).map((item) => {
        const bytes = dataSetBytes(item, syntax);
        return Buffer.concat([itemHead(0xe000, bytes.length, big), bytes]);
      }),
    );
  }
  const numbers = typeof value === "number" ? [value] : (value as readonly number[]);
  const width = vr === "US" || vr === "SS" ? 2 : vr === "OV" ? 8 : 4;
  const bytes = Buffer.alloc(width * numbers.length);
  numbers.forEach((number, index) => {
    if (width === 8) bytes.writeBigUInt64LE(BigInt(number), 8 * index);
    else if (big) bytes.writeUIntBE(number < 0 ? number + 2 ** (8 * width) : number, width * index, width);
    else bytes.writeUIntLE(number < 0 ? number + 2 ** (8 * width) : number, width * index, width);
  });
  return bytes;
}

function itemHead(element: number, length: number, big = false): Buffer {
  const head = Buffer.alloc(8);
  if (big) {
    head.writeUInt16BE(0xfffe, 0);
    head.writeUInt16BE(element, 2);
    head.writeUInt32BE(length, 4);
  } else {
    head.writeUInt16LE(0xfffe, 0);
    head.writeUInt16LE(element, 2);
    head.writeUInt32LE(length, 4);
  }
  return head;
}

/** Encapsulated pixel data (PS3.5 A.4): basic offset table, fragments, delimiter, as a whole element. */
export function encapsulated(fragments: readonly Buffer[], table: readonly number[] = []): Buffer {
  const offsets = Buffer.alloc(4 * table.length);
  for (const [index, offset] of table.entries()) offsets.writeUInt32LE(offset, 4 * index);
  const items = [offsets, ...fragments].map((bytes) => {
    const even = bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);
    return Buffer.concat([itemHead(0xe000, even.length), even]);
  });
  const head = Buffer.from([0xe0, 0x7f, 0x10, 0, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff]);
  return Buffer.concat([head, ...items, itemHead(0xe0dd, 0)]);
}

/** What the Image Pixel module needs, to be overridden. */
export function imageElements(
  rows: number,
  columns: number,
  changes: Readonly<Record<string, DicomElement>> = {},
): DicomElement[] {
  const base: Record<string, DicomElement> = {
    "0008,0016": ["0008,0016", "UI", "1.2.840.10008.5.1.4.1.1.7"],
    "0008,0018": ["0008,0018", "UI", "1.2.3.4.5"],
    "0028,0002": ["0028,0002", "US", 1],
    "0028,0004": ["0028,0004", "CS", "MONOCHROME2"],
    "0028,0010": ["0028,0010", "US", rows],
    "0028,0011": ["0028,0011", "US", columns],
    "0028,0100": ["0028,0100", "US", 16],
    "0028,0101": ["0028,0101", "US", 16],
    "0028,0102": ["0028,0102", "US", 15],
    "0028,0103": ["0028,0103", "US", 0],
    ...changes,
  };
  return Object.values(base);
}

/** Elements by tag, as `imageElements` takes changes. */
export function changes(...elements: readonly DicomElement[]): Record<string, DicomElement> {
  return Object.fromEntries(elements.map((element) => [element[0], element]));
}

/** Words of 16 bits as little-endian (or big-endian) bytes. */
export function words(values: readonly number[], big = false): Buffer {
  const bytes = Buffer.from(Uint16Array.from(values).buffer);
  return big ? bytes.swap16() : bytes;
}
