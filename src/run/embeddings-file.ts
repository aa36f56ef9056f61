// Where the record keeps clean embeddings: numpy arrays, samples × dimensions, in the order of the split's `samples` table.
import { existsSync, readFileSync } from "node:fs";
import { ExitCode, StepwedgeError } from "../core/errors.js";
import { readArrayHeader } from "../data/npz/array.js";

export type Split = "tuning" | "evaluation";

/** One vector for each sample of a split, `values[sample * width + dimension]`; NaN where its image could not be read. */
export interface KeptEmbeddings {
  readonly width: number;
  readonly values: Float32Array;
}

export function embeddingsFile(split: Split): string {
  return `embeddings.${split}.npy`;
}

/**
 * The kept embeddings of a split; null where there are none.
 * @throws StepwedgeError (incomplete) where the file is of another number of samples, or damaged
 */
export function readKept(path: string, samples: number): KeptEmbeddings | null {
  if (!existsSync(path)) return null;
  const bytes = readFileSync(path);
  const { begin, littleEndian, shape, type } = readArrayHeader(bytes, path);
  const [count, width] = shape;
  if (
    count !== samples ||
    width === undefined ||
    type !== "f4" ||
    !littleEndian ||
    bytes.length !== begin + 4 * samples * width
  ) {
    throw new StepwedgeError(`holds no embeddings of the ${samples} samples of this split`, {
      where: path,
      remedy: "The record is damaged or of another study: run into another folder.",
      exitCode: ExitCode.incomplete,
    });
  }
  const values = new Float32Array(samples * width);
  new Uint8Array(values.buffer).set(bytes.subarray(begin));
  return { width, values };
}

/** Version 1.0 of numpy's format (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */
export function npyOf(values: Float32Array, shape: readonly number[]): Uint8Array {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  // The values begin at a multiple of 64 bytes.
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const bytes = new Uint8Array(10 + header.length + values.byteLength);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 0xff, header.length >> 8]);
  bytes.set(Buffer.from(header, "latin1"), 10);
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 10 + header.length);
  return bytes;
}
