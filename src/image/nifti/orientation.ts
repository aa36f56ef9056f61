/**
 * How slices are cut. Anatomical axes are those of the "closest canonical" orientation (nibabel's as_closest_canonical): each
 * stored dimension belongs to the patient's axis that it runs along most, and nothing is interpolated. An oblique volume's
 * "axial" slices are its own planes, the ones nearest to axial.
 *
 * Slices are shown by the radiological convention, as DICOM images are:
 *   axial     rows from anterior (top) to posterior,  columns from the patient's right (at the image's left) to left
 *   coronal   rows from superior (top) to inferior,   columns from the patient's right to left
 *   sagittal  rows from superior (top) to inferior,   columns from anterior (at the image's left) to posterior
 * and numbered from 0 as RAS+ indices are: axial from inferior, coronal from posterior, sagittal from the patient's left.
 */
import type { PixelOptions } from "../../core/data.js";
import { StepwedgeError } from "../../core/errors.js";
import type { NiftiHeader } from "./header.js";

/** Which stored dimension runs along the patient's right–left, anterior–posterior and superior–inferior axis, and which way. */
export interface Orientation {
  /** Stored dimension 0, 1 or 2 by anatomical axis x, y, z. */
  readonly dimension: readonly [number, number, number];
  /** +1: indices grow towards right, anterior, superior; −1: towards left, posterior, inferior. By anatomical axis. */
  readonly sign: readonly [number, number, number];
}

const PERMUTATIONS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/** The assignment of stored dimensions to anatomical axes with the greatest sum of direction cosines, of 48. */
export function orientationOf(affine: readonly number[]): Orientation {
  const entry = (row: number, column: number) => affine[4 * row + column] as number;
  const lengths = [0, 1, 2].map((column) => Math.hypot(entry(0, column), entry(1, column), entry(2, column)));
  const cosine = (row: number, column: number) => entry(row, column) / (lengths[column] as number);
  let [best, most]: [(typeof PERMUTATIONS)[number], number] = [PERMUTATIONS[0], -1];
  for (const permutation of PERMUTATIONS) {
    const total = permutation.reduce((sum: number, column, row) => sum + Math.abs(cosine(row, column)), 0);
    // Beyond rounding: ties go to the first.
    if (total > most + 1e-9) [best, most] = [permutation, total];
  }
  const sign = best.map((column, row) => (entry(row, column) < 0 ? -1 : 1)) as [number, number, number];
  return { dimension: best, sign };
}

/** The letters of the directions in which stored indices grow, by stored dimension, such as "LAS". */
export function axisCodes({ dimension, sign }: Orientation): string {
  const letters = ["RL", "AP", "SI"];
  return [0, 1, 2]
    .map((stored) => {
      const axis = dimension.indexOf(stored);
      return letters[axis]?.[sign[axis] === 1 ? 0 : 1] ?? "?";
    })
    .join("");
}

/** Where the voxels of slices lie: voxel of slice s, row r, column c = first + s · step.slice + r · step.row + c · step.column. */
export interface Slicing {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly first: number;
  readonly step: { readonly slice: number; readonly row: number; readonly column: number };
}

/** By axis of the cut: the anatomical axes of slices, rows and columns, and which way each runs. */
const CUTS = {
  axial: { slice: [2, 1], row: [1, -1], column: [0, -1] },
  coronal: { slice: [1, 1], row: [2, -1], column: [0, -1] },
  sagittal: { slice: [0, 1], row: [2, -1], column: [1, -1] },
} as const;

/**
 * How the first volume of a file is cut into slices. `stored`: along its third dimension, with the second as rows and the first
 * as columns, so that all slices together are the voxels in the order in which they are stored.
 * @throws StepwedgeError where anatomical axes are asked for and the header does not say where they are
 */
export function slicingOf(
  { affine, shape }: Pick<NiftiHeader, "affine" | "shape">,
  axis: PixelOptions["axis"],
  where: string,
): Slicing {
  const sizes = [shape[0] as number, shape[1] ?? 1, shape[2] ?? 1] as const;
  const strides = [1, sizes[0], sizes[0] * sizes[1]] as const;
  if (axis === "stored") {
    const step = { slice: strides[2], row: strides[1], column: strides[0] };
    return { count: sizes[2], height: sizes[1], width: sizes[0], first: 0, step };
  }
  if (affine === null) {
    throw new StepwedgeError("the header does not say how the volume lies in the patient (no sound sform or qform)", {
      where,
      remedy: "Set data.axis to stored: slices then run along the file's third dimension.",
    });
  }
  const { dimension, sign } = orientationOf(affine);
  const { column, row, slice } = CUTS[axis];
  let first = 0;
  const along = ([anatomical, way]: readonly [number, number]): [size: number, step: number] => {
    const stored = dimension[anatomical] as number;
    const [size, stride] = [sizes[stored] as number, strides[stored] as number];
    const runs = way * (sign[anatomical] as number);
    if (runs < 0) first += (size - 1) * stride;
    return [size, runs * stride];
  };
  const [count, sliceStep] = along(slice);
  const [height, rowStep] = along(row);
  const [width, columnStep] = along(column);
  return { count, height, width, first, step: { slice: sliceStep, row: rowStep, column: columnStep } };
}
