import { endianness } from "node:os";
import { promisify } from "node:util";
import { isMainThread } from "node:worker_threads";
import { crc32, inflate, inflateSync } from "node:zlib";
import type { ImageHeader } from "./header.js";
import type { InterleavedPixels } from "./interleaved.js";
import { type Kernels, loadKernels, MOST_BYTES } from "./wasm/kernels.js";

/**
 * The plain kinds of PNG (W3C Portable Network Graphics, third edition): gray and RGB with or without alpha, 8 or 16 bits,
 * not interlaced. Node's zlib unpacks them and rows are unfiltered here, which takes less time than a pipeline
 * of sharp: two thirds at 1024 × 1024 pixels, a quarter at 160 × 160. Everything else, and whatever looks odd, is left to sharp, which then also says what is wrong with it.
 */

const inflateAside = promisify(inflate);
/** Larger images are unpacked beside the main thread; smaller ones take less time than going there and back. */
const LARGE = 2 ** 18;

/** Colour types by number, and the samples that a pixel of each has. */
const SAMPLES: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [2, 3],
  [4, 2],
  [6, 4],
]);

const CHUNK_TYPE = /^[A-Za-z]{4}$/;

/** The pixels, or null where another decoder has to do it. `header` is that of the same bytes. */
export async function decodePlainPng(bytes: Buffer, header: ImageHeader): Promise<InterleavedPixels | null> {
  const packed = plainData(bytes);
  if (packed === null) return null;
  const { bits, height, samples, width } = packed;
  const rowBytes = (width * samples * bits) / 8;
  const size = height * (rowBytes + 1);
  // One byte more is asked for than there may be, so that too many show.
  const options = { chunkSize: Math.max(64, size + 1), maxOutputLength: size };
  let rows: Uint8Array;
  try {
    rows = size < LARGE || !isMainThread ? inflateSync(packed.data, options) : await inflateAside(packed.data, options);
  } catch {
    return null;
  }
  if (rows.length !== size || header.width !== width || header.height !== height) return null;
  const data = unfilter(rows, height, rowBytes, (samples * bits) / 8);
  if (data === null) return null;
  return { data: bits === 8 ? data : fromBigEndian(data), stride: samples };
}

interface PackedRows {
  readonly width: number;
  readonly height: number;
  readonly bits: 8 | 16;
  readonly samples: number;
  readonly data: Buffer;
}

/** The header and the packed rows, where the file is plain and the checksums of both are right. Its chunks are known to be whole. */
function plainData(bytes: Buffer): PackedRows | null {
  const bits = bytes[24];
  const samples = SAMPLES.get(bytes[25] as number);
  const [compression, filter, interlace] = [bytes[26], bytes[27], bytes[28]];
  if ((bits !== 8 && bits !== 16) || samples === undefined) return null;
  if (compression !== 0 || filter !== 0 || interlace !== 0) return null;
  const parts: Buffer[] = [];
  let ended = false;
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    const end = at + 8 + length;
    if (type === "IEND") break;
    if (!CHUNK_TYPE.test(type)) return null;
    if (type === "IHDR" ? at !== 8 : type !== "IDAT" && (isCritical(type) || type === "tRNS")) return null;
    if (type === "IHDR" || type === "IDAT") {
      if (crc32(bytes.subarray(at + 4, end)) !== bytes.readUInt32BE(end)) return null;
    }
    if (type === "IDAT") {
      if (ended) return null;
      parts.push(bytes.subarray(at + 8, end));
    } else if (parts.length > 0) ended = true;
    at = end + 4;
  }
  const data = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20), bits, samples, data };
}

/** Chunks that nobody may skip begin with an upper-case letter; palettes beside true colour are suggestions. */
function isCritical(type: string): boolean {
  return type !== "PLTE" && (type.charCodeAt(0) & 0x20) === 0;
}

/** Rows without their filters (section 9), or null where there is an unknown filter. `step`: bytes per pixel. */
function unfilter(rows: Uint8Array, height: number, rowBytes: number, step: number): Uint8Array | null {
  const filtered = new Uint8Array(rows.buffer, rows.byteOffset, rows.length);
  const kernels = loadKernels();
  if (kernels !== null && 2 * rows.length + rowBytes <= MOST_BYTES) {
    return unfilterFast(kernels, filtered, height, rowBytes, step);
  }
  const out = new Uint8Array(height * rowBytes);
  const zeros = new Uint8Array(rowBytes);
  for (let y = 0; y < height; y++) {
    const from = y * (rowBytes + 1);
    const row = filtered.subarray(from + 1, from + 1 + rowBytes);
    const to = out.subarray(y * rowBytes, (y + 1) * rowBytes);
    const above = y === 0 ? zeros : out.subarray((y - 1) * rowBytes, y * rowBytes);
    switch (filtered[from]) {
      case 0:
        to.set(row);
        break;
      case 1:
        for (let x = 0; x < step; x++) to[x] = row[x] as number;
        for (let x = step; x < rowBytes; x++) to[x] = (row[x] as number) + (to[x - step] as number);
        break;
      case 2:
        for (let x = 0; x < rowBytes; x++) to[x] = (row[x] as number) + (above[x] as number);
        break;
      case 3:
        for (let x = 0; x < step; x++) to[x] = (row[x] as number) + ((above[x] as number) >> 1);
        for (let x = step; x < rowBytes; x++) {
          to[x] = (row[x] as number) + (((to[x - step] as number) + (above[x] as number)) >> 1);
        }
        break;
      case 4:
        for (let x = 0; x < step; x++) to[x] = (row[x] as number) + (above[x] as number);
        if (step === 1) paethGray(row, above, to);
        else paeth(row, above, to, step);
        break;
      default:
        return null;
    }
  }
  return out;
}

/** The same by WebAssembly's vectors (assembly/png.ts). */
function unfilterFast(
  kernels: Kernels,
  rows: Uint8Array,
  height: number,
  rowBytes: number,
  step: number,
): Uint8Array | null {
  const size = height * rowBytes;
  const [source, target, zeros] = kernels.areas(rows.length, size, rowBytes + 16) as [number, number, number];
  const memory = kernels.bytes();
  memory.set(rows, source);
  memory.fill(0, zeros, zeros + rowBytes + 16);
  if (kernels.unfilter(source, target, zeros, height, rowBytes, step) === 0) return null;
  return memory.slice(target, target + size);
}

/** Paeth's predictor from the second pixel on. */
function paeth(row: Uint8Array, above: Uint8Array, to: Uint8Array, step: number): void {
  for (let x = step; x < row.length; x++) {
    const left = to[x - step] as number;
    const up = above[x] as number;
    const corner = above[x - step] as number;
    to[x] = (row[x] as number) + nearest(left, up, corner);
  }
}

/** The same with a step of one, where the neighbours need not be read again. */
function paethGray(row: Uint8Array, above: Uint8Array, to: Uint8Array): void {
  let left = to[0] as number;
  let corner = above[0] as number;
  for (let x = 1; x < row.length; x++) {
    const up = above[x] as number;
    left = ((row[x] as number) + nearest(left, up, corner)) & 0xff;
    corner = up;
    to[x] = left;
  }
}

/**
 * Whichever of three is nearest to left + up − corner; of equals the first. Without branches, which noise makes
 * unpredictable: v >> 31 is −1 where v is negative, else 0.
 */
function nearest(left: number, up: number, corner: number): number {
  const p = up - corner;
  const q = left - corner;
  const r = p + q;
  const toLeft = (p ^ (p >> 31)) - (p >> 31);
  const toUp = (q ^ (q >> 31)) - (q >> 31);
  const toCorner = (r ^ (r >> 31)) - (r >> 31);
  const upIsNearer = (toUp - toLeft) >> 31;
  const best = left + ((up - left) & upIsNearer);
  const distance = toLeft + ((toUp - toLeft) & upIsNearer);
  return best + ((corner - best) & ((toCorner - distance) >> 31));
}

function fromBigEndian(data: Uint8Array): Uint16Array {
  if (endianness() === "LE") Buffer.from(data.buffer).swap16();
  return new Uint16Array(data.buffer);
}
