import type { DecodedImage } from "../core/data.js";

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
