import type { DecodedImage } from "../core/data.js";
import { loadKernels } from "./wasm/kernels.js";

/** Numbers as files hold them, before they are brought to a display window. */
export type NumberArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** Zeros in the same kind of array as an image's data. */
export function emptyLike(data: DecodedImage["data"], length: number): DecodedImage["data"] {
  if (data instanceof Uint8Array) return new Uint8Array(length);
  return data instanceof Uint16Array ? new Uint16Array(length) : new Float32Array(length);
}

/** Values converted at a time: what stays in a processor's nearest memory. */
const CHUNK = 2 ** 13;

/** Copies whole values into an array of floats. (For bytes, `set` converts one by one; WebAssembly, sixteen.) */
export function toFloats(data: DecodedImage["data"], out: Float32Array): void {
  const kernels = data instanceof Uint8Array ? loadKernels() : null;
  if (kernels === null) {
    out.set(data);
    return;
  }
  const [source, target] = kernels.areas(CHUNK, 4 * CHUNK) as [number, number];
  const memory = kernels.bytes();
  const floats = new Float32Array(memory.buffer, target, CHUNK);
  for (let from = 0; from < data.length; from += CHUNK) {
    const part = data.subarray(from, from + CHUNK);
    memory.set(part, source);
    kernels.floats(source, target, part.length);
    out.set(part.length === CHUNK ? floats : floats.subarray(0, part.length), from);
  }
}
