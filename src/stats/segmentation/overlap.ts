import { checkMasks, type Grid, type Presence } from "./grid.js";

/** How two masks of one case overlap. */
export interface Overlap {
  /**
   * "neither" is a true negative: it has no Dice and belongs in no mean of Dice, but into the count of such cases. One
   * empty mask gives a Dice of 0, a missed object or a false alarm.
   */
  readonly presence: Presence;
  /** Voxels in both, in the reference, and in the prediction. */
  readonly intersection: number;
  readonly reference: number;
  readonly prediction: number;
  /** 2|A∩B|/(|A| + |B|); null where neither mask has a voxel. */
  readonly dice: number | null;
  /** |A∩B|/|A∪B|, Jaccard's index; null where neither mask has a voxel. */
  readonly iou: number | null;
}

/**
 * L. R. Dice (Ecology 26 (1945) 297–302) and P. Jaccard's index of two masks.
 * @param reference 0 outside, anything else inside
 * @param prediction likewise, on the same grid
 */
export function overlapOf(reference: Uint8Array, prediction: Uint8Array): Overlap {
  if (reference.length !== prediction.length) {
    throw new RangeError(`masks of ${reference.length} and ${prediction.length} voxels`);
  }
  let [both, first, second] = [0, 0, 0];
  for (let i = 0; i < reference.length; i++) {
    const a = reference[i] === 0 ? 0 : 1;
    const b = prediction[i] === 0 ? 0 : 1;
    both += a & b;
    first += a;
    second += b;
  }
  const sum = first + second;
  return {
    presence: presenceOf(first, second),
    intersection: both,
    reference: first,
    prediction: second,
    dice: sum === 0 ? null : (2 * both) / sum,
    iou: sum === 0 ? null : both / (sum - both),
  };
}

export function presenceOf(reference: number, prediction: number): Presence {
  if (reference > 0) return prediction > 0 ? "both" : "reference-only";
  return prediction > 0 ? "prediction-only" : "neither";
}

export interface VolumeError {
  /** Volumes in mm³, or areas in mm² of two axes. */
  readonly reference: number;
  readonly prediction: number;
  /** Prediction minus reference. */
  readonly difference: number;
  /** The difference over the reference's volume; null where that is 0. */
  readonly relative: number | null;
}

/** The volumes of two masks and how far the prediction's is off. It says nothing of where the voxels lie. */
export function volumeError(reference: Uint8Array, prediction: Uint8Array, grid: Grid): VolumeError {
  checkMasks(grid, reference, prediction);
  const voxel = grid.spacing.reduce((product, size) => product * size, 1);
  const counts = overlapOf(reference, prediction);
  const [first, second] = [counts.reference * voxel, counts.prediction * voxel];
  const difference = second - first;
  return { reference: first, prediction: second, difference, relative: first === 0 ? null : difference / first };
}
