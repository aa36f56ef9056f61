import type { Stored } from "./stored.js";

/**
 * YCbCr of full range to RGB, in place of three planes (PS3.3 C.7.6.3.1.2, the inverse). Computed in fixed point of 16 bits, each
 * product rounded half up, as libjpeg does, so that results equal those of other DICOM tools.
 */
export function ybrToRgb(planes: Stored, bits: number): Stored {
  const area = planes.length / 3;
  const half = 2 ** (bits - 1);
  const top = 2 ** bits - 1;
  const rgb = planes.slice();
  for (let pixel = 0; pixel < area; pixel++) {
    const luma = planes[pixel] as number;
    const blue = (planes[area + pixel] as number) - half;
    const red = (planes[2 * area + pixel] as number) - half;
    rgb[pixel] = within(luma + Math.floor((91881 * red + 32768) / 65536), top);
    rgb[area + pixel] = within(luma + Math.floor((-22554 * blue - 46802 * red + 32768) / 65536), top);
    rgb[2 * area + pixel] = within(luma + Math.floor((116130 * blue + 32768) / 65536), top);
  }
  return rgb;
}

/** YCbCr of studio range (luma 16 … 235, chroma 16 … 240 of 8 bits; ITU-R BT.601) to RGB. */
export function partialYbrToRgb(planes: Stored): Stored {
  const area = planes.length / 3;
  const rgb = planes.slice();
  for (let pixel = 0; pixel < area; pixel++) {
    const luma = (255 / 219) * ((planes[pixel] as number) - 16);
    const blue = (255 / 224) * ((planes[area + pixel] as number) - 128);
    const red = (255 / 224) * ((planes[2 * area + pixel] as number) - 128);
    rgb[pixel] = within(Math.round(luma + 1.402 * red), 255);
    rgb[area + pixel] = within(Math.round(luma - 0.344136 * blue - 0.714136 * red), 255);
    rgb[2 * area + pixel] = within(Math.round(luma + 1.772 * blue), 255);
  }
  return rgb;
}

function within(value: number, top: number): number {
  return Math.max(0, Math.min(value, top));
}
