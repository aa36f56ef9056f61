import { StepwedgeError } from "../core/errors.js";

/** Pixels as codecs deliver them: interleaved, `stride` values each, the last one alpha where the file has alpha. */
export interface InterleavedPixels {
  readonly data: Uint8Array | Uint16Array;
  readonly stride: number;
}

/** Interleaved pixels to planes, without alpha: HWC → CHW. Gray without alpha is handed on as it is. */
export function toPlanes({ data, stride }: InterleavedPixels, channels: number): Uint8Array | Uint16Array {
  if (stride === 1) return data instanceof Uint16Array ? data : plain(data);
  const area = data.length / stride;
  return data instanceof Uint16Array
    ? spread(data, new Uint16Array(channels * area), stride, area)
    : spread(plain(data), new Uint8Array(channels * area), stride, area);
}

/** A Buffer is a Uint8Array of another class: what is compiled for one is compiled anew for the other. */
function plain(data: Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.length);
}

function spread<Data extends Uint8Array | Uint16Array>(data: Data, planes: Data, stride: number, area: number): Data {
  if (planes.length === 3 * area) {
    for (let pixel = 0, from = 0; pixel < area; pixel++, from += stride) {
      planes[pixel] = data[from] as number;
      planes[area + pixel] = data[from + 1] as number;
      planes[2 * area + pixel] = data[from + 2] as number;
    }
    return planes;
  }
  for (let pixel = 0, from = 0; pixel < area; pixel++, from += stride) planes[pixel] = data[from] as number;
  return planes;
}

/** @throws StepwedgeError where a pixel's alpha is not full */
export function checkOpaque({ data, stride }: InterleavedPixels, where: string): void {
  const opaque = data instanceof Uint16Array ? 65535 : 255;
  for (let alpha = stride - 1; alpha < data.length; alpha += stride) {
    if (data[alpha] !== opaque) {
      throw new StepwedgeError("the image has transparent pixels", {
        where,
        remedy: "Save it without transparency: what a transparent pixel's value is depends on who looks.",
      });
    }
  }
}

export function asUint16(bytes: Buffer): Uint16Array {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : Buffer.from(bytes);
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
}
