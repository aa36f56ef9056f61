import type { DataSet } from "dicom-parser";
import { inside, unsigned } from "./description.js";
import { damaged } from "./file.js";
import type { Stored } from "./stored.js";

/** A look-up table (PS3.3 C.11.1, C.11.2, C.7.6.3.1.5): inputs below or above it take its first or last entry. */
export interface Lut {
  /** The input that the first entry is for. */
  readonly first: number;
  readonly entries: Uint8Array | Uint16Array;
  /** Bits of an entry. */
  readonly bits: number;
}

/**
 * Reads a table by its descriptor (number of entries, first input, bits) and data.
 * @param signedInput whether inputs, and so the descriptor's second value, are signed
 * @throws StepwedgeError where the two do not fit together
 */
export function readLut(
  dataSet: DataSet,
  tags: { readonly descriptor: string; readonly data: string },
  signedInput: boolean,
  where: string,
): Lut {
  const descriptor = [0, 1, 2].map((index) => unsigned(dataSet, tags.descriptor, index));
  const [count, first, bits] = descriptor;
  const element = dataSet.elements[tags.data];
  if (
    count === undefined ||
    first === undefined ||
    bits === undefined ||
    element === undefined ||
    !inside(dataSet, tags.data)
  ) {
    throw damaged("a look-up table is not whole", where);
  }
  // A count of 0 stands for 65536 (PS3.3 C.7.6.3.1.5).
  const entries = count === 0 ? 65536 : count;
  if (bits < 1 || bits > 16) throw damaged(`a look-up table has entries of ${bits} bits`, where);
  const base = { first: signedInput && first >= 0x8000 ? first - 65536 : first, bits };
  if (element.length >= 2 * entries) {
    const words = new Uint16Array(entries);
    for (let index = 0; index < entries; index++) words[index] = dataSet.uint16(tags.data, index) as number;
    return { ...base, entries: checked(words, bits, where) };
  }
  if (element.length < entries)
    throw damaged(`a look-up table has ${element.length} bytes for ${entries} entries`, where);
  // Entries of 8 bits are bytes, also where the descriptor says 16.
  const bytes = new Uint8Array(entries);
  for (let index = 0; index < entries; index++) bytes[index] = dataSet.byteArray[element.dataOffset + index] as number;
  return { ...base, entries: checked(bytes, Math.min(bits, 8), where), bits: Math.min(bits, 8) };
}

function checked<Entries extends Uint8Array | Uint16Array>(entries: Entries, bits: number, where: string): Entries {
  for (let index = 0; index < entries.length; index++) {
    if ((entries[index] as number) >= 2 ** bits) {
      throw damaged(`a look-up table of ${bits} bits has the entry ${entries[index]}`, where);
    }
  }
  return entries;
}

/** Looks every value up, after slope and intercept; fractions go to the entry below. */
export function look(values: Stored, { entries, first }: Lut, slope = 1, intercept = 0): Uint8Array | Uint16Array {
  const last = entries.length - 1;
  const result = entries instanceof Uint8Array ? new Uint8Array(values.length) : new Uint16Array(values.length);
  for (let index = 0; index < values.length; index++) {
    const at = Math.floor((values[index] as number) * slope + intercept) - first;
    result[index] = entries[Math.max(0, Math.min(at, last))] as number;
  }
  return result;
}
