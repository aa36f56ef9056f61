import type { DecodedImage } from "../core/data.js";

/** Zeros in the same kind of array as an image's data. */
export function emptyLike(data: DecodedImage["data"], length: number): DecodedImage["data"] {
  if (data instanceof Uint8Array) return new Uint8Array(length);
  return data instanceof Uint16Array ? new Uint16Array(length) : new Float32Array(length);
}
