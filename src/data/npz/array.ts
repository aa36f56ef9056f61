import { endianness } from "node:os";
import { StepwedgeError } from "../../core/errors.js";
import type { NumberArray } from "../../image/storage.js";

/** What a .npy header says (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), versions 1 to 3. */
export interface ArrayHeader {
  /** Such as "u1", "f4" or "U12". */
  readonly type: string;
  readonly littleEndian: boolean;
  readonly shape: readonly number[];
  /** Where the values begin, in bytes. */
  readonly begin: number;
  /** Bytes per value. */
  readonly itemSize: number;
}

/** A header is looked for in this many bytes; numpy's take 128. */
export const ARRAY_HEAD_BYTES = 4096;

export type Values = NumberArray;

const KINDS: Readonly<Record<string, (part: ArrayBuffer) => Values>> = {
  b1: (part) => new Uint8Array(part),
  u1: (part) => new Uint8Array(part),
  i1: (part) => new Int8Array(part),
  u2: (part) => new Uint16Array(part),
  i2: (part) => new Int16Array(part),
  u4: (part) => new Uint32Array(part),
  i4: (part) => new Int32Array(part),
  f4: (part) => new Float32Array(part),
  f8: (part) => new Float64Array(part),
  i8: (part) => Float64Array.from(new BigInt64Array(part), Number),
  u8: (part) => Float64Array.from(new BigUint64Array(part), Number),
};

/** @throws StepwedgeError for what is no array of plain values in C order */
export function readArrayHeader(bytes: Buffer, where: string): ArrayHeader {
  const version = bytes[6] ?? 0;
  if (bytes.length < 12 || bytes.toString("latin1", 0, 6) !== "\x93NUMPY" || version < 1 || version > 3) {
    throw refused("the entry is no numpy array", where);
  }
  const begin = version === 1 ? 10 + bytes.readUInt16LE(8) : 12 + bytes.readUInt32LE(8);
  if (begin > bytes.length)
    throw refused("the header of the array is cut off or longer than any that numpy writes", where);
  const text = bytes.toString("utf8", version === 1 ? 10 : 12, begin);
  const descr = /'descr': *'([<>|=])([A-Za-z])(\d+)'/.exec(text);
  const order = /'fortran_order': *(True|False)/.exec(text)?.[1];
  const sizes = /'shape': *\(([\d, ]*)\)/.exec(text)?.[1];
  if (descr === null || order === undefined || sizes === undefined) {
    throw refused("the array holds objects or records, not plain values", where);
  }
  const [, mark, letter, digits] = descr as unknown as [string, string, string, string];
  const type = `${letter}${digits}`;
  const shape = sizes.split(",").flatMap((part) => (part.trim() === "" ? [] : [Number(part)]));
  if (order === "True" && shape.length > 1) {
    throw new StepwedgeError("the array is in Fortran order", {
      where,
      remedy: "Write numpy.ascontiguousarray of it.",
    });
  }
  if (letter !== "U" && KINDS[type] === undefined)
    throw refused(`the array holds values of the type ${letter}${digits}`, where);
  const count = shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(count * Number(digits) * 4)) throw refused("the array's sizes are broken", where);
  const itemSize = letter === "U" ? 4 * Number(digits) : Number(digits);
  return { type, littleEndian: mark === "=" ? endianness() === "LE" : mark !== ">", shape, begin, itemSize };
}

/** Values of an array's bytes; 64-bit integers as float64. */
export function valuesOf({ itemSize, littleEndian, type }: ArrayHeader, bytes: Uint8Array): Values {
  const part = new Uint8Array(bytes);
  const buffer = Buffer.from(part.buffer);
  if (littleEndian !== (endianness() === "LE")) {
    if (itemSize === 2) buffer.swap16();
    else if (itemSize === 4) buffer.swap32();
    else if (itemSize === 8) buffer.swap64();
  }
  return (KINDS[type] as (part: ArrayBuffer) => Values)(part.buffer);
}

/** Values of an array as text: numbers as JavaScript writes them, NaN as nothing. */
export function textsOf(header: ArrayHeader, bytes: Uint8Array): string[] {
  if (!header.type.startsWith("U")) {
    return Array.from(valuesOf(header, bytes), (value) => (Number.isNaN(value) ? "" : String(value)));
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { itemSize, littleEndian } = header;
  return Array.from({ length: itemSize === 0 ? 0 : Math.floor(bytes.length / itemSize) }, (_, index) => {
    let text = "";
    for (let at = index * itemSize; at < (index + 1) * itemSize; at += 4) {
      const code = view.getUint32(at, littleEndian);
      if (code !== 0 && code <= 0x10ffff) text += String.fromCodePoint(code);
    }
    return text;
  });
}

function refused(message: string, where: string): StepwedgeError {
  return new StepwedgeError(message, {
    where,
    remedy: "Write arrays of numbers (or of texts, for labels) with numpy.savez or savez_compressed.",
  });
}
