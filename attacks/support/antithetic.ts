import type { AttackTarget, Calibration } from "../../src/core/attack.js";
import { createBatch, imageSize, type PixelBatch, sliceBatch } from "../../src/core/pixels.js";
import { attackedLogits, contributions, type Objective } from "./objective.js";
import { gatherImages, gatherLabels } from "./sampling.js";

/** A linear space of perturbations: `synthesise` writes `gain` times the sum of its directions into `image`. */
export interface PerturbationSpace {
  readonly dimension: number;
  synthesise(amplitudes: Float64Array, gain: number, image: Float32Array): Float32Array;
}

/**
 * Asks what small moves of a universal perturbation do: every image of a minibatch gets the perturbation plus a
 * direction of its own, and the perturbation minus it. Two queries per image.
 */
export class AntitheticProbe {
  // One pair of buffers for the whole search: fresh memory at every step would cost as much as filling it.
  readonly #originals: PixelBatch;
  readonly #candidates: PixelBatch;
  readonly #move: Float32Array;

  /** @param gain What directions of ±1 are multiplied by, in stored values per pixel. */
  constructor(
    readonly calibration: Calibration,
    readonly objective: Objective,
    readonly space: PerturbationSpace,
    readonly gain: number,
    readonly minibatch: number,
  ) {
    this.#originals = createBatch(calibration.images, 2 * minibatch);
    this.#candidates = createBatch(calibration.images, 2 * minibatch);
    this.#move = new Float32Array(imageSize(calibration.images));
  }

  /**
   * The objective's slope along each direction: forwards minus backwards.
   * @param drawn Calibration images of the minibatch.
   * @param directions One for each of them, one after the other.
   */
  async slopes(
    target: AttackTarget,
    drawn: Uint32Array,
    perturbation: Float32Array,
    directions: Float64Array,
  ): Promise<Float64Array> {
    const { calibration, minibatch } = this;
    gatherImages(calibration.images, drawn, sliceBatch(this.#originals, 0, minibatch));
    gatherImages(calibration.images, drawn, sliceBatch(this.#originals, minibatch, 2 * minibatch));
    this.#fillCandidates(perturbation, directions);
    const logits = attackedLogits(await target.predictCandidates(this.#originals, this.#candidates), calibration);
    return differences(this.objective, logits, gatherLabels(calibration.labels, drawn));
  }

  #fillCandidates(perturbation: Float32Array, directions: Float64Array): void {
    const { space, minibatch } = this;
    const size = perturbation.length;
    const { data: originals } = this.#originals;
    const { data: candidates } = this.#candidates;
    const move = this.#move;
    for (let image = 0; image < minibatch; image++) {
      space.synthesise(directions.subarray(image * space.dimension, (image + 1) * space.dimension), this.gain, move);
      const forwards = image * size;
      const backwards = forwards + minibatch * size;
      for (let i = 0; i < size; i++) {
        const centre = (originals[forwards + i] as number) + (perturbation[i] as number);
        candidates[forwards + i] = centre + (move[i] as number);
        candidates[backwards + i] = centre - (move[i] as number);
      }
    }
  }
}

/** Each image's part of the objective forwards less that backwards; the other images stand midway between the two. */
function differences(objective: Objective, logits: Float64Array, labels: Uint8Array): Float64Array {
  const forwards = logits.subarray(0, labels.length);
  const backwards = logits.subarray(labels.length);
  const midway = forwards.map((logit, image) => (logit + (backwards[image] as number)) / 2);
  const after = contributions(objective, forwards, midway, labels);
  const before = contributions(objective, backwards, midway, labels);
  return after.map((part, image) => part - (before[image] as number));
}
