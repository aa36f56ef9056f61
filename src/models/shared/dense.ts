// Outputs with a value for every pixel or voxel, such as a segmenter's, made one score per class.
import { type Activation, activate, type Numbers } from "./activation.js";

/**
 * `share`: of the positions where the class's value is the greatest, the first of equals (of one channel alone: where it
 * is above one half, after the activation). `mean` and `max`: of the class's values after the activation.
 */
export const REDUCTIONS = ["none", "share", "mean", "max"] as const;
/** `whole`: nothing is reduced; the answer is all of its numbers, plane by plane, for tasks that measure it. */
export type Reduction = (typeof REDUCTIONS)[number] | "whole";

export interface DenseShape {
  readonly images: number;
  readonly classes: number;
  readonly positions: number;
  /** Classes come last, position by position, and not plane by plane. */
  readonly classesLast: boolean;
}

/** One row of scores per image: `values[image × classes + class]`. */
export function reduceDense(
  raw: Numbers,
  shape: DenseShape,
  reduction: Exclude<Reduction, "none" | "whole">,
  activation: Activation,
): Float64Array {
  const { classes, classesLast, images, positions } = shape;
  const out = new Float64Array(images * classes);
  const [step, jump] = classesLast ? [classes, 1] : [1, positions];
  const at = new Float64Array(classes);
  for (let image = 0; image < images; image++) {
    const row = out.subarray(image * classes, (image + 1) * classes);
    if (reduction === "max") row.fill(Number.NEGATIVE_INFINITY);
    for (let position = 0; position < positions; position++) {
      const first = image * classes * positions + position * step;
      for (let one = 0; one < classes; one++) at[one] = raw[first + one * jump] as number;
      if (reduction === "share" && classes > 1) {
        const greatest = indexOfGreatest(at);
        row[greatest] = (row[greatest] as number) + 1;
        continue;
      }
      activate(at, activation);
      for (let one = 0; one < classes; one++) {
        const value = at[one] as number;
        const sum = row[one] as number;
        row[one] =
          reduction === "max" ? Math.max(sum, value) : sum + (reduction === "mean" ? value : Number(value > 0.5));
      }
    }
    if (reduction !== "max") for (let one = 0; one < classes; one++) row[one] = (row[one] as number) / positions;
  }
  return out;
}

function indexOfGreatest(values: Float64Array): number {
  let greatest = 0;
  for (let index = 1; index < values.length; index++) {
    if ((values[index] as number) > (values[greatest] as number)) greatest = index;
  }
  return greatest;
}
