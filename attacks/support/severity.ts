import type { Strength } from "../../src/core/attack.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch } from "../../src/core/pixels.js";

/** What all corruptions that go by severity alone say of themselves. */
export const CORRUPTION = { knowledge: "none", universal: false, strengths: ["severity"], norms: [] } as const;

/** One value for each severity 1 … 5. */
export type Severities<T = number> = readonly [T, T, T, T, T];

export function atSeverity<T>(values: Severities<T>, strength: Strength): T {
  const value = strength.kind === "severity" ? values[strength.level - 1] : undefined;
  if (value === undefined) throw new Error("a corruption goes by severity 1 to 5");
  return value;
}

/** The side that ImageNet-C's lengths are given for, and the side below which they shrink no further. */
const PUBLISHED_SIDE = 224;
const SMALLEST_SIDE = 128;

/**
 * Pixels of this image for one pixel of ImageNet-C's. Lengths grow with the shorter side, so that a severity looks
 * alike at every resolution; below 128 pixels they stay, since a blur of a small part of a pixel changes nothing.
 */
export function pixelsPerPublished({ height, width }: ImageGeometry): number {
  return Math.max(Math.min(height, width), SMALLEST_SIDE) / PUBLISHED_SIDE;
}

/** A new batch whose images `corrupt` writes, one after the other: C×H×W views of the original and of the result. */
export function mapImages(
  batch: PixelBatch,
  corrupt: (source: Float32Array, target: Float32Array, image: number) => void,
): PixelBatch {
  const out = createBatch(batch, batch.count);
  const size = imageSize(batch);
  for (let image = 0; image < batch.count; image++) {
    const from = image * size;
    corrupt(batch.data.subarray(from, from + size), out.data.subarray(from, from + size), image);
  }
  return out;
}

/** The same with one plane (H×W) at a time, for what treats every channel by itself. */
export function mapPlanes(
  batch: PixelBatch,
  corrupt: (source: Float32Array, target: Float32Array, image: number, channel: number) => void,
): PixelBatch {
  const area = batch.height * batch.width;
  return mapImages(batch, (source, target, image) => {
    for (let channel = 0, from = 0; channel < batch.channels; channel++, from += area) {
      corrupt(source.subarray(from, from + area), target.subarray(from, from + area), image, channel);
    }
  });
}
