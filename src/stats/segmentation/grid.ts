/** Where a mask's voxels lie: two or three axes, the slowest first, as numpy's C order. */
export interface Grid {
  readonly shape: readonly number[];
  /** Size of a voxel along each axis, in millimetres. */
  readonly spacing: readonly number[];
}

/** Which of the two masks of a case have any voxel: what decides how the case can be counted. */
export type Presence = "both" | "neither" | "reference-only" | "prediction-only";

/** Voxels of a grid; throws where the axes are not two or three of positive size. */
export function voxelsOf({ shape, spacing }: Grid): number {
  const axes = shape.length;
  const fits = (axes === 2 || axes === 3) && spacing.length === axes;
  if (!fits || shape.some((size) => !(size >= 1)) || spacing.some((size) => !(size > 0 && size < Infinity))) {
    throw new RangeError(`a grid of shape ${shape} and spacing ${spacing}`);
  }
  return shape.reduce((product, size) => product * size, 1);
}

/** Refuses masks that do not fill the grid. */
export function checkMasks(grid: Grid, ...masks: readonly Uint8Array[]): void {
  const voxels = voxelsOf(grid);
  for (const mask of masks) {
    if (mask.length !== voxels) throw new RangeError(`a mask of ${mask.length} voxels on a grid of ${grid.shape}`);
  }
}

/** How far apart in memory neighbours along each axis lie. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = (strides[axis + 1] as number) * (shape[axis + 1] as number);
  }
  return strides;
}

/** The diagonal of the whole grid, in millimetres: no distance within it is larger. */
export function diagonalOf({ shape, spacing }: Grid): number {
  return Math.hypot(...shape.map((size, axis) => size * (spacing[axis] as number)));
}

/** Masks on the smallest grid that holds the voxels of all of them and a rim of one empty voxel. */
export interface Cropped {
  readonly shape: readonly number[];
  readonly masks: readonly Uint8Array[];
}

/** null where no mask has a voxel. What lies outside the image counts as background. */
export function cropped(masks: readonly Uint8Array[], shape: readonly number[]): Cropped | null {
  // Two axes are three, of which the first has one voxel and no rim.
  const [depth, height, width] = (shape.length === 3 ? shape : [1, ...shape]) as [number, number, number];
  const lowest = [Infinity, Infinity, Infinity];
  const highest = [-1, -1, -1];
  const widen = (axis: number, at: number) => {
    if (at < (lowest[axis] as number)) lowest[axis] = at;
    if (at > (highest[axis] as number)) highest[axis] = at;
  };
  for (let z = 0, at = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      let [first, last] = [width, -1];
      for (let x = 0; x < width; x++, at++) {
        let filled = 0;
        for (const mask of masks) filled |= mask[at] as number;
        if (filled === 0) continue;
        if (first === width) first = x;
        last = x;
      }
      if (last < 0) continue;
      widen(0, z);
      widen(1, y);
      widen(2, first);
      widen(2, last);
    }
  }
  if ((highest[0] as number) < 0) return null;
  const rims = [shape.length === 3 ? 1 : 0, 1, 1];
  const sizes = rims.map((rim, axis) => (highest[axis] as number) - (lowest[axis] as number) + 1 + 2 * rim);
  const [, newHeight, newWidth] = sizes as [number, number, number];
  const copies = masks.map((mask) => {
    const copy = new Uint8Array(sizes.reduce((product, size) => product * size, 1));
    const row = (highest[2] as number) - (lowest[2] as number) + 1;
    for (let z = lowest[0] as number; z <= (highest[0] as number); z++) {
      for (let y = lowest[1] as number; y <= (highest[1] as number); y++) {
        const from = (z * height + y) * width + (lowest[2] as number);
        const plane = z - (lowest[0] as number) + (rims[0] as number);
        const to = (plane * newHeight + (y - (lowest[1] as number) + 1)) * newWidth + 1;
        for (let x = 0; x < row; x++) copy[to + x] = mask[from + x] === 0 ? 0 : 1;
      }
    }
    return copy;
  });
  return { shape: shape.length === 3 ? sizes : sizes.slice(1), masks: copies };
}
