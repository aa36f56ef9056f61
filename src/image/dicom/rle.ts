import { damaged } from "./file.js";

/**
 * Decodes one frame of RLE Lossless (PS3.5 annex G): one PackBits segment per byte of a sample, the most significant first, one
 * sample's bytes after the other's.
 *
 * Written here because the codec library leaves pixels black where a segment ends early, and follows offsets that lead out of
 * the frame.
 * @param count values per plane; for bits, bytes that hold them
 * @param bytesPerValue 1, 2 or 4
 * @returns the planes one after the other, little endian
 * @throws StepwedgeError where a segment is missing, or holds fewer or more bytes than the frame
 */
export function decodeRle(
  frame: Buffer,
  { count, bytesPerValue, planes }: { readonly count: number; readonly bytesPerValue: number; readonly planes: number },
  where: string,
): Uint8Array {
  const segments = bytesPerValue * planes;
  if (frame.length < 64 || frame.readUInt32LE(0) !== segments) {
    throw damaged(`a frame does not consist of ${segments} RLE segments`, where);
  }
  const result = new Uint8Array(count * segments);
  for (let segment = 0; segment < segments; segment++) {
    const from = frame.readUInt32LE(4 + 4 * segment);
    const to = segment + 1 < segments ? frame.readUInt32LE(8 + 4 * segment) : frame.length;
    if (from < 64 || to < from || to > frame.length) throw damaged("an RLE segment lies outside its frame", where);
    const plane = Math.floor(segment / bytesPerValue);
    const byte = bytesPerValue - 1 - (segment % bytesPerValue);
    const written = unpack(frame, from, to, result, plane * count * bytesPerValue + byte, bytesPerValue, count);
    if (written !== count) throw damaged("an RLE segment does not hold its share of the frame", where);
  }
  return result;
}

/** PackBits. @returns how many bytes came out; −1 where there were more than `count`, or a run was cut off */
function unpack(
  source: Buffer,
  from: number,
  to: number,
  target: Uint8Array,
  start: number,
  step: number,
  count: number,
): number {
  let at = from;
  let written = 0;
  let index = start;
  while (written < count && at < to) {
    const control = source[at++] as number;
    if (control === 128) continue;
    const length = control < 128 ? control + 1 : 257 - control;
    if (written + length > count || at + (control < 128 ? length : 1) > to) return -1;
    if (control < 128) {
      for (let end = at + length; at < end; at++, index += step) target[index] = source[at] as number;
    } else {
      const value = source[at++] as number;
      for (let left = length; left > 0; left--, index += step) target[index] = value;
    }
    written += length;
  }
  return written;
}
