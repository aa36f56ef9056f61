import type { PixelDescription } from "./description.js";
import { type DicomFile, damaged, UNDEFINED } from "./file.js";

/** One item of encapsulated pixel data: its value, and where its tag begins, counted from the first fragment's. */
interface Fragment {
  readonly offset: number;
  readonly bytes: Buffer;
}

const ITEM = 0xe000fffe;
const DELIMITER = 0xe0ddfffe;

/**
 * The compressed bytes of each frame of encapsulated pixel data (PS3.5 A.4). Frames of several fragments are put together by the
 * Extended or the Basic Offset Table; where neither is there, where a codestream begins.
 * @throws StepwedgeError where the fragments are cut off, or do not make up the frames that the file declares
 */
export function encapsulatedFrames(
  { body, transferSyntax }: DicomFile,
  { element, frames }: PixelDescription,
  where: string,
): (frame: number) => Buffer {
  const { fragments, table } = readItems(body, element.from, where);
  const starts = frameStarts(fragments, table, element.extended?.offsets ?? [], frames, transferSyntax);
  if (starts === null) {
    throw damaged(
      `its ${fragments.length} fragments do not make up ${frames} ${frames === 1 ? "frame" : "frames"}`,
      where,
    );
  }
  return (frame) => {
    const parts = fragments.slice(starts[frame], starts[frame + 1] ?? fragments.length).map(({ bytes }) => bytes);
    const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    const length = element.extended?.lengths[frame] ?? bytes.length;
    return bytes.subarray(0, length);
  };
}

function readItems(body: Buffer, from: number, where: string): { fragments: Fragment[]; table: number[] } {
  const fragments: Fragment[] = [];
  let table: number[] | null = null;
  let first = 0;
  let at = from;
  for (;;) {
    if (at + 8 > body.length) throw damaged("its pixel data has no end", where);
    const tag = body.readUInt32LE(at);
    const length = body.readUInt32LE(at + 4);
    if (tag === DELIMITER) break;
    if (tag !== ITEM || length === UNDEFINED)
      throw damaged("its pixel data holds something that is no fragment", where);
    const bytes = body.subarray(at + 8, at + 8 + length);
    if (bytes.length < length) throw damaged("a fragment of its pixel data is cut off", where);
    if (table === null) {
      table = Array.from({ length: Math.floor(length / 4) }, (_, index) => bytes.readUInt32LE(4 * index));
      first = at + 8 + length;
    } else {
      fragments.push({ offset: at - first, bytes });
    }
    at += 8 + length;
  }
  return { fragments, table: table ?? [] };
}

/** The number of each frame's first fragment; null where they cannot be told. */
function frameStarts(
  fragments: readonly Fragment[],
  table: readonly number[],
  extended: readonly number[],
  frames: number,
  transferSyntax: string,
): readonly number[] | null {
  if (fragments.length < frames) return null;
  if (frames === 1) return [0];
  if (fragments.length === frames) return fragments.map((_, index) => index);
  const offsets = extended.length > 0 ? extended : table;
  const at = new Map(fragments.map(({ offset }, index) => [offset, index]));
  const starts =
    offsets.length > 0 ? offsets.map((offset) => at.get(offset) ?? -1) : codestreamStarts(fragments, transferSyntax);
  const ascends = starts.every((start, index) => (index === 0 ? start === 0 : start > (starts[index - 1] as number)));
  return starts.length === frames && ascends ? starts : null;
}

/**
 * Fragments with which a codestream begins. JPEG and JPEG-LS cannot hold SOI inside; JPEG 2000 could hold its SOC, but not
 * behind the end of another codestream.
 */
function codestreamStarts(fragments: readonly Fragment[], transferSyntax: string): number[] {
  const isJpeg2000 = JPEG_2000.test(transferSyntax);
  const begins = (bytes: Buffer): boolean =>
    isJpeg2000
      ? bytes.length > 4 && bytes.readUInt32BE(0) === 0xff4fff51
      : bytes.length > 2 && bytes.readUInt16BE(0) === 0xffd8;
  return fragments.flatMap(({ bytes }, index) => (begins(bytes) ? [index] : []));
}

const JPEG_2000 = /^1\.2\.840\.10008\.1\.2\.4\.(90|91|92|93|201|202|203)$/;
