import type { Calibration } from "../../src/core/attack.js";
import { createBatch, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";

/** Copies the images at `indices` into `out`, in that order. */
export function gatherImages(images: PixelBatch, indices: Uint32Array, out: PixelBatch): PixelBatch {
  const size = imageSize(images);
  indices.forEach((from, to) => {
    out.data.set(images.data.subarray(from * size, (from + 1) * size), to * size);
  });
  return out;
}

/** The labels at `indices`. */
export function gatherLabels(labels: Uint8Array, indices: Uint32Array): Uint8Array {
  return Uint8Array.from(indices, (index) => labels[index] as number);
}

/** At most `count` of the calibration images, drawn at random. */
export function drawCalibration(calibration: Calibration, count: number, random: Random): Calibration {
  if (calibration.images.count <= count) return calibration;
  const drawn = random.permutation(calibration.images.count).subarray(0, count);
  const images = gatherImages(calibration.images, drawn, createBatch(calibration.images, count));
  return { ...calibration, images, labels: gatherLabels(calibration.labels, drawn) };
}

/**
 * Draws minibatches without replacement: every image comes once before any comes again. `balanced` takes the two
 * classes in turn, each in a random order of its own.
 */
export function minibatches(labels: Uint8Array, balanced: boolean, random: Random): (count: number) => Uint32Array {
  const all = Array.from(labels.keys());
  const strata = balanced ? [0, 1].map((label) => all.filter((image) => labels[image] === label)) : [all];
  const streams = strata.map((stratum) => endlessly(stratum, random));
  return (count) => Uint32Array.from({ length: count }, (_, k) => (streams[k % streams.length] as () => number)());
}

function endlessly(members: readonly number[], random: Random): () => number {
  let order: Uint32Array = new Uint32Array(0);
  let next = 0;
  return () => {
    if (next === order.length) {
      order = random.permutation(members.length);
      next = 0;
    }
    return members[order[next++] as number] as number;
  };
}
