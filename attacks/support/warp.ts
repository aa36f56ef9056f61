import { z } from "zod";
import { createBatch, imageSize, type PixelBatch } from "../../src/core/pixels.js";

/** What is shown where the original has nothing. */
export type Fill = "black" | "edge";

export const fill = z
  .enum(["black", "edge"])
  .default("black")
  .describe("What fills places from outside the original: black, or its nearest border pixel.");

/**
 * Where a result's pixel comes from, relative to the centre of the image, in pixels:
 * x' = xx·x + xy·y + x0, y' = yx·x + yy·y + y0.
 */
export interface Affine {
  readonly xx: number;
  readonly xy: number;
  readonly x0: number;
  readonly yx: number;
  readonly yy: number;
  readonly y0: number;
}

/** Every image of the batch, moved by an affine map of its own, bilinearly. */
export function warpImages(batch: PixelBatch, outside: Fill, mapOf: (image: number) => Affine): PixelBatch {
  const out = createBatch(batch, batch.count);
  const area = batch.height * batch.width;
  for (let image = 0; image < batch.count; image++) {
    const map = mapOf(image);
    for (let channel = 0; channel < batch.channels; channel++) {
      const from = image * imageSize(batch) + channel * area;
      const source = batch.data.subarray(from, from + area);
      warpPlane(source, out.data.subarray(from, from + area), batch.height, batch.width, map, outside);
    }
  }
  return out;
}

function warpPlane(
  source: Float32Array,
  target: Float32Array,
  height: number,
  width: number,
  { xx, xy, x0, yx, yy, y0 }: Affine,
  outside: Fill,
): void {
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  for (let row = 0, at = 0; row < height; row++) {
    const y = row - centreY;
    for (let column = 0; column < width; column++, at++) {
      const x = column - centreX;
      let fromX = xx * x + xy * y + x0 + centreX;
      let fromY = yx * x + yy * y + y0 + centreY;
      if (outside === "edge") {
        fromX = Math.max(0, Math.min(fromX, width - 1));
        fromY = Math.max(0, Math.min(fromY, height - 1));
      }
      target[at] = bilinear(source, height, width, fromX, fromY);
    }
  }
}

/** The value between four pixels; those outside the image are 0. */
function bilinear(plane: Float32Array, height: number, width: number, x: number, y: number): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const right = x - left;
  const below = y - top;
  const at = top * width + left;
  if (left >= 0 && top >= 0 && left < width - 1 && top < height - 1) {
    const upper = (plane[at] as number) * (1 - right) + (plane[at + 1] as number) * right;
    const lower = (plane[at + width] as number) * (1 - right) + (plane[at + width + 1] as number) * right;
    return upper * (1 - below) + lower * below;
  }
  let sum = 0;
  for (let row = 0; row <= 1; row++) {
    if (top + row < 0 || top + row >= height) continue;
    for (let column = 0; column <= 1; column++) {
      if (left + column < 0 || left + column >= width) continue;
      const weight = (row === 0 ? 1 - below : below) * (column === 0 ? 1 - right : right);
      sum += weight * (plane[at + row * width + column] as number);
    }
  }
  return sum;
}
