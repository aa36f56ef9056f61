import type { ImageOracle } from "../../src/core/attack.js";
import { createBatch, imageSize, type PixelBatch, sliceBatch } from "../../src/core/pixels.js";

/** The search of one image: it proposes a candidate, hears how near to a flip that is, and proposes the next. */
export interface ImageSearch {
  /** Writes the next candidate (stored values). False where nothing is left to be tried. */
  propose(out: Float32Array): boolean;
  /** The loss of the last proposal: its margin on the side of the clean decision. What is not above 0 is all but flipped. */
  learn(loss: number): void;
}

/**
 * Runs the searches of all images side by side: every round is one call of the model, with one candidate of each image
 * that has not flipped and has queries left. What an image sees depends on its own answers alone, so batches may be
 * cut anyhow. Returns for each image the candidate that flipped its decision, else the one with the least loss.
 */
export async function searchInLockstep(
  batch: PixelBatch,
  oracle: ImageOracle,
  searches: readonly ImageSearch[],
): Promise<PixelBatch> {
  const size = imageSize(batch);
  const best = createBatch(batch, batch.count);
  best.data.set(batch.data);
  const least = new Float64Array(batch.count).fill(Number.POSITIVE_INFINITY);
  const proposals = createBatch(batch, batch.count);
  let active = Array.from(searches.keys());
  for (;;) {
    const asked: number[] = [];
    for (const image of active) {
      const at = asked.length * size;
      if (oracle.queriesLeft(image) < 1) continue;
      if (searches[image]?.propose(proposals.data.subarray(at, at + size)) === true) asked.push(image);
    }
    if (asked.length === 0) return best;
    const margins = await oracle.margins(asked, sliceBatch(proposals, 0, asked.length));
    active = asked.filter((image, k) => {
      const margin = margins[k] as number;
      const positive = oracle.cleanDecisions[image] === 1;
      const flipped = margin >= 0 !== positive;
      const loss = flipped ? Number.NEGATIVE_INFINITY : Math.abs(margin);
      if (loss < (least[image] as number)) {
        least[image] = loss;
        best.data.set(proposals.data.subarray(k * size, (k + 1) * size), image * size);
      }
      if (!flipped) searches[image]?.learn(loss);
      return !flipped;
    });
  }
}
