import { inflateRawSync } from "node:zlib";
import dicomParser, { type DataSet } from "dicom-parser";
import { StepwedgeError } from "../../core/errors.js";

/** Transfer syntaxes that change how the data set is written (PS3.5 annex A); all others write it as explicit little endian. */
export const IMPLICIT = "1.2.840.10008.1.2";
export const EXPLICIT = "1.2.840.10008.1.2.1";
export const BIG_ENDIAN = "1.2.840.10008.1.2.2";
const DEFLATED = "1.2.840.10008.1.2.1.99";

/** An inflated data set may be at most so many times its deflated size; DEFLATE itself ends at 1032. */
const MOST_INFLATED = 2 ** 30;

/** Pixel Data, Float Pixel Data or Double Float Pixel Data (PS3.3 C.7.6.24, C.7.6.25), where its value begins in the body. */
export interface PixelElement {
  readonly kind: "integer" | "float" | "double";
  /** Null where the data set is written without VRs. */
  readonly vr: string | null;
  readonly from: number;
  /** Null where the length is undefined: then the value is encapsulated (PS3.5 A.4). */
  readonly length: number | null;
  /** Extended Offset Table (7FE0,0001) and its Lengths (7FE0,0002), where the file has them. */
  readonly extended: { readonly offsets: readonly number[]; readonly lengths: readonly number[] } | null;
}

/** A DICOM file up to its pixels. */
export interface DicomFile {
  /** Every element before the pixels. */
  readonly dataSet: DataSet;
  /** UID; where the file has no meta header, that of the native syntax that it is written in. */
  readonly transferSyntax: string;
  readonly bigEndian: boolean;
  /** The bytes of the data set, inflated; offsets count from its beginning. */
  readonly body: Buffer;
  /** Null where the file has no pixel data, or where `bytes` end before it. */
  readonly pixels: PixelElement | null;
}

/** Whether a file has DICOM's mark, or begins, without one, as data sets do. Looks at the first 200 bytes. */
export function looksLikeDicom(bytes: Buffer): boolean {
  return bytes.toString("latin1", 128, 132) === "DICM" || unmarked(bytes) !== null;
}

/** Whether the file has the mark that PS3.10 demands. */
export function hasMark(bytes: Buffer): boolean {
  return bytes.toString("latin1", 128, 132) === "DICM";
}

/**
 * Reads a DICOM file (PS3.10) up to its pixels with dicom-parser. Files without preamble or without meta header are read where
 * their first elements are plausible, and so is an implicit data set under an explicit transfer syntax.
 * @param bytes the file, or as much of its head as holds everything before the pixels
 * @throws StepwedgeError where the bytes are no data set, are damaged, or end before the pixels do begin
 */
export function readDicom(bytes: Buffer, where: string): DicomFile {
  const start = hasMark(bytes) ? 132 : 0;
  const meta = readMeta(bytes, start);
  const rest = bytes.subarray(meta.end);
  if (rest.length === 0) throw damaged("it has no data set", where);
  const transferSyntax = meta.transferSyntax ?? guessSyntax(rest);
  if (transferSyntax === null) {
    throw new StepwedgeError("the DICOM file does not say its transfer syntax, and its beginning shows none", {
      where,
      remedy: "Write the file anew with a meta header, for example with dcmconv.",
    });
  }
  const body = transferSyntax === DEFLATED ? inflated(rest, where) : rest;
  const syntax = writing(transferSyntax, body);
  const { dataSet, pixels } = readDataSet(body, syntax, where);
  return { dataSet, transferSyntax, bigEndian: syntax === BIG_ENDIAN, body, pixels };
}

/** The transfer syntax that the meta header (group 0002, explicit little endian) names, and where the header ends. */
function readMeta(bytes: Buffer, start: number): { readonly transferSyntax: string | null; readonly end: number } {
  let transferSyntax: string | null = null;
  let at = start;
  while (at + 12 <= bytes.length && bytes.readUInt16LE(at) === 2) {
    const isLong = LONG_VRS.has(bytes.toString("latin1", at + 4, at + 6));
    const from = at + (isLong ? 12 : 8);
    const to = from + (isLong ? bytes.readUInt32LE(at + 8) : bytes.readUInt16LE(at + 6));
    if (bytes.readUInt16LE(at + 2) === 0x0010) transferSyntax = trimmed(bytes.toString("latin1", from, to));
    at = to;
  }
  return { transferSyntax: transferSyntax === "" ? null : transferSyntax, end: Math.min(at, bytes.length) };
}

const LONG_VRS: ReadonlySet<string> = new Set([
  "OB",
  "OD",
  "OF",
  "OL",
  "OV",
  "OW",
  "SQ",
  "SV",
  "UC",
  "UN",
  "UR",
  "UT",
  "UV",
]);

function trimmed(text: string): string {
  return text.replace(/[\0 ]+$/, "");
}

/** How the data set of a file without a mark is written; null where it does not look like one. */
function unmarked(bytes: Buffer): string | null {
  if (bytes.length < 16) return null;
  if (bytes.readUInt16LE(0) === 2) return isVr(bytes, 4) && bytes.readUInt16LE(2) <= 0x0102 ? EXPLICIT : null;
  return guessSyntax(bytes);
}

/** Data sets begin with group 0008, in all that is written; the next element must follow in order. */
function guessSyntax(bytes: Buffer): string | null {
  if (bytes.length < 16) return null;
  const group = { little: bytes.readUInt16LE(0), big: bytes.readUInt16BE(0) };
  if (group.big === 8 && isVr(bytes, 4)) return BIG_ENDIAN;
  if (group.little !== 8) return null;
  if (isVr(bytes, 4)) return EXPLICIT;
  const next = 8 + bytes.readUInt32LE(4);
  if (next + 8 > bytes.length) return null;
  const follows = bytes.readUInt16LE(next) * 65536 + bytes.readUInt16LE(next + 2) > 8 * 65536 + bytes.readUInt16LE(2);
  return follows && bytes.readUInt16LE(next) <= 0x0028 ? IMPLICIT : null;
}

const VRS = "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV";
const VR_SET: ReadonlySet<string> = new Set(VRS.split(" "));

function isVr(bytes: Buffer, at: number): boolean {
  return VR_SET.has(bytes.toString("latin1", at, at + 2));
}

/** How the body is written in truth: some files have an implicit one under an explicit transfer syntax. */
function writing(transferSyntax: string, body: Buffer): string {
  if (transferSyntax === IMPLICIT || transferSyntax === BIG_ENDIAN) return transferSyntax;
  return guessSyntax(body) === IMPLICIT ? IMPLICIT : EXPLICIT;
}

function inflated(bytes: Buffer, where: string): Buffer {
  try {
    return inflateRawSync(bytes, { maxOutputLength: MOST_INFLATED });
  } catch (cause) {
    throw damaged(`its data set cannot be inflated (${(cause as Error).message})`, where, cause);
  }
}

const PIXELS = "x7fe00010";

function readDataSet(
  body: Buffer,
  syntax: string,
  where: string,
): { readonly dataSet: DataSet; readonly pixels: PixelElement | null } {
  const { dataSet, fault } = parsed(body, syntax, PIXELS);
  if (dataSet?.elements.x7fe00001?.vr === "OV") return readExtended(body, syntax, where);
  if (dataSet === null || fault !== null) throw damaged(String(fault), where, fault);
  return { dataSet, pixels: pixelElement(dataSet, null) };
}

function pixelElement({ elements }: DataSet, extended: PixelElement["extended"]): PixelElement | null {
  const kinds = [
    ["integer", elements.x7fe00010],
    ["float", elements.x7fe00008],
    ["double", elements.x7fe00009],
  ] as const;
  for (const [kind, element] of kinds) {
    if (element === undefined) continue;
    const length = element.hadUndefinedLength === true ? null : element.length;
    return { kind, vr: element.vr ?? null, from: element.dataOffset, length, extended };
  }
  return null;
}

/** dicom-parser does not know the VR OV of the Extended Offset Table: from there on the few elements are read here. */
function readExtended(body: Buffer, syntax: string, where: string): ReturnType<typeof readDataSet> {
  const { dataSet, fault } = parsed(body, syntax, "x7fe00001");
  if (dataSet === null || fault !== null) throw damaged(String(fault), where, fault);
  const table: { offsets: number[]; lengths: number[] } = { offsets: [], lengths: [] };
  let at = (dataSet.elements.x7fe00001?.dataOffset ?? body.length) - 8;
  while (at + 12 <= body.length) {
    const tag = body.readUInt16LE(at) * 65536 + body.readUInt16LE(at + 2);
    const vr = body.toString("latin1", at + 4, at + 6);
    const length = body.readUInt32LE(at + 8);
    const from = at + 12;
    if (tag === 0x7fe00010) {
      const pixels: PixelElement = {
        kind: "integer",
        vr,
        from,
        length: length === UNDEFINED ? null : length,
        extended: table,
      };
      return { dataSet, pixels };
    }
    if (from + length > body.length) break;
    const numbers = tag === 0x7fe00001 ? table.offsets : tag === 0x7fe00002 ? table.lengths : null;
    for (let byte = from; numbers !== null && byte + 8 <= from + length; byte += 8) {
      numbers.push(Number(body.readBigUInt64LE(byte)));
    }
    at = from + length;
  }
  throw damaged("its table of frame offsets is not whole", where);
}

export const UNDEFINED = 0xffffffff;

/** What dicom-parser reads up to a tag, and what it stumbled over. */
function parsed(body: Buffer, syntax: string, untilTag: string) {
  try {
    const dataSet = dicomParser.parseDicom(body, { TransferSyntaxUID: syntax, untilTag });
    return { dataSet, fault: null };
  } catch (thrown) {
    // It throws strings, errors, and objects that hold one of these and what was read before.
    const { dataSet = null, exception = thrown } = (typeof thrown === "object" && thrown !== null ? thrown : {}) as {
      dataSet?: DataSet | null;
      exception?: unknown;
    };
    const fault = exception instanceof Error ? exception.message : String(exception);
    return { dataSet, fault: fault.replace(/^dicomParser[^ ]* /, "") };
  }
}

export function damaged(how: string, where: string, cause?: unknown): StepwedgeError {
  return new StepwedgeError(`the DICOM file is truncated or damaged: ${how}`, {
    where,
    remedy: "Copy the file again from its source.",
    cause,
  });
}
