import { endianness } from "node:os";
import { promisify } from "node:util";
import { gunzip, gunzipSync, constants as zlib } from "node:zlib";
import { StepwedgeError } from "../../core/errors.js";
import type { NumberArray } from "../storage.js";
import { HEADER_BYTES, kindOf, type NiftiHeader, readNiftiHeader } from "./header.js";
import type { Slicing } from "./orientation.js";

/** Stored voxels, in the file's order; colours as planes of one volume each. 64-bit integers as float64. */
export type Voxels = NumberArray;

export interface NiftiVolume {
  readonly header: NiftiHeader;
  readonly voxels: Voxels;
  /** 3: red, green and blue of each voxel are `voxels[3 n … 3 n + 2]`. */
  readonly channels: 1 | 3;
  /** Bits per value that the file stores. */
  readonly bits: number;
}

/** A header is found in so many bytes of a file, packed or not. */
export const HEAD_BYTES = 2 ** 17;

/** Bytes behind the voxels that are let pass; a file with more is not what its header says. */
const SLACK = 2 ** 20;

/** Deflate cannot pack better than this (https://zlib.net/zlib_tech.html). */
const BEST_RATIO = 1032;

const unpack = promisify(gunzip);

/** Codes of nifti1.h that have a plain reading, and how many bytes each value and voxel takes. */
const DATATYPES: ReadonlyMap<
  number,
  { readonly bytes: number; readonly channels: 1 | 3; from(part: ArrayBuffer): Voxels }
> = new Map([
  [2, { bytes: 1, channels: 1, from: (part) => new Uint8Array(part) }],
  [4, { bytes: 2, channels: 1, from: (part) => new Int16Array(part) }],
  [8, { bytes: 4, channels: 1, from: (part) => new Int32Array(part) }],
  [16, { bytes: 4, channels: 1, from: (part) => new Float32Array(part) }],
  [64, { bytes: 8, channels: 1, from: (part) => new Float64Array(part) }],
  [128, { bytes: 1, channels: 3, from: (part) => new Uint8Array(part) }],
  [256, { bytes: 1, channels: 1, from: (part) => new Int8Array(part) }],
  [512, { bytes: 2, channels: 1, from: (part) => new Uint16Array(part) }],
  [768, { bytes: 4, channels: 1, from: (part) => new Uint32Array(part) }],
  [1024, { bytes: 8, channels: 1, from: (part) => Float64Array.from(new BigInt64Array(part), Number) }],
  [1280, { bytes: 8, channels: 1, from: (part) => Float64Array.from(new BigUint64Array(part), Number) }],
]);

/** Why the other codes are refused. */
const REFUSED: ReadonlyMap<number, string> = new Map([
  [1, "single bits"],
  [32, "complex numbers"],
  [1536, "floats of 128 bits"],
  [1792, "complex numbers"],
  [2048, "complex numbers"],
  [2304, "colours with transparency (RGBA)"],
]);

/** Whether the bytes, packed with gzip or not, begin as a NIfTI file or an ANALYZE header does. Unpacks no more than a head. */
export function isNifti(bytes: Buffer): boolean {
  const head = headOf(bytes);
  return head !== null && kindOf(head) !== null;
}

/**
 * The header of a file, of which only the first HEAD_BYTES need be there.
 * @throws StepwedgeError where it is no single NIfTI file
 */
export function readHead(bytes: Buffer, where: string): NiftiHeader {
  return readNiftiHeader(headOf(bytes) ?? bytes, where);
}

/**
 * Reads a file whole: every volume of it, in stored order.
 * @throws StepwedgeError where it is no single NIfTI file, truncated, or of values that have no plain reading
 */
export async function readNifti(bytes: Buffer, where: string): Promise<NiftiVolume> {
  const header = readHead(bytes, where);
  const type = DATATYPES.get(header.datatype);
  if (type === undefined) {
    const reason = REFUSED.get(header.datatype) ?? `values of the unknown datatype ${header.datatype}`;
    throw new StepwedgeError(`the volume holds ${reason}`, {
      where,
      remedy: "Convert it to whole numbers, to floats of 32 or 64 bits or to RGB24.",
    });
  }
  const count = type.channels * header.shape.reduce((product, size) => product * size, 1);
  const end = header.voxelOffset + count * type.bytes;
  const whole = isGzip(bytes) ? await unpackWhole(bytes, end, where) : bytes;
  if (whole.length < end) throw truncated(`it holds ${whole.length} bytes of ${end}`, where);
  const part = new Uint8Array(whole.subarray(header.voxelOffset, end));
  if (header.littleEndian !== (endianness() === "LE")) swap(Buffer.from(part.buffer), type.bytes);
  const voxels = type.from(part.buffer);
  if (header.datatype === 1024 || header.datatype === 1280) refuseInexact(voxels, where);
  return { header, voxels, channels: type.channels, bits: 8 * type.bytes };
}

/**
 * Slices of a volume, one behind the other: slices × channels × rows × columns.
 * @param slices numbers of slices, from 0
 */
export function cutSlices({ channels, voxels }: NiftiVolume, slicing: Slicing, slices: readonly number[]): Voxels {
  const { first, height, step, width } = slicing;
  const Kind = voxels.constructor as new (length: number) => Voxels;
  const out = new Kind(slices.length * channels * height * width);
  let to = 0;
  for (const slice of slices) {
    for (let channel = 0; channel < channels; channel++) {
      for (let row = 0; row < height; row++) {
        let from = (first + slice * step.slice + row * step.row) * channels + channel;
        for (let column = 0; column < width; column++, from += step.column * channels) {
          out[to++] = voxels[from] as number;
        }
      }
    }
  }
  return out;
}

function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The first bytes, unpacked; null where they cannot be unpacked. */
function headOf(bytes: Buffer): Buffer | null {
  if (!isGzip(bytes)) return bytes.subarray(0, HEADER_BYTES);
  // The names and comments that gzip allows before its data may be long; hardly any file has them.
  for (const most of [2 ** 12, HEAD_BYTES]) {
    try {
      const head = gunzipSync(bytes.subarray(0, most), { finishFlush: zlib.Z_SYNC_FLUSH });
      if (head.length >= HEADER_BYTES || bytes.length <= most) return head;
    } catch {
      return null;
    }
  }
  return null;
}

async function unpackWhole(bytes: Buffer, end: number, where: string): Promise<Buffer> {
  if (end > bytes.length * BEST_RATIO) throw truncated(`${bytes.length} bytes cannot unpack to ${end}`, where);
  try {
    return await unpack(bytes, { maxOutputLength: end + SLACK });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
      throw new StepwedgeError("the file holds more than its header says", {
        where,
        remedy: "Copy the file again from its source, or write it anew.",
        cause,
      });
    }
    throw truncated(cause instanceof Error ? cause.message : String(cause), where);
  }
}

function swap(bytes: Buffer, size: number): void {
  if (size === 2) bytes.swap16();
  else if (size === 4) bytes.swap32();
  else if (size === 8) bytes.swap64();
}

function refuseInexact(voxels: Voxels, where: string): void {
  if (voxels.every((value) => Math.abs(value) <= Number.MAX_SAFE_INTEGER)) return;
  throw new StepwedgeError("the volume holds whole numbers beyond 2^53", {
    where,
    remedy: "Convert it to floats or to smaller numbers.",
  });
}

function truncated(how: string, where: string): StepwedgeError {
  return new StepwedgeError(`the NIfTI file is truncated or damaged: ${how}`, {
    where,
    remedy: "Copy the file again from its source.",
  });
}
