import type { Calibration } from "../../src/core/attack.js";
import { createBatch, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";

/** Copies the images at `indices` into a batch of their own. */
export function gatherImages(images: PixelBatch, indices: Uint32Array): PixelBatch {
  const size = imageSize(images);
  const gathered = createBatch(images, indices.length);
  indices.forEach((from, to) => {
    gathered.data.set(images.data.subarray(from * size, (from + 1) * size), to * size);
  });
  return gathered;
}

/** Images with their labels. */
export function gatherCalibration(calibration: Calibration, indices: Uint32Array): Calibration {
  return {
    ...calibration,
    images: gatherImages(calibration.images, indices),
    labels: Uint8Array.from(indices, (index) => calibration.labels[index] as number),
  };
}

/** At most `count` of the calibration images, drawn at random. */
export function drawCalibration(calibration: Calibration, count: number, random: Random): Calibration {
  if (calibration.images.count <= count) return calibration;
  return gatherCalibration(calibration, random.permutation(calibration.images.count).subarray(0, count));
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
