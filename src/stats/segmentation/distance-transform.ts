import { stridesOf } from "./grid.js";

/**
 * The squared Euclidean distance, in mm², from every voxel to the nearest of some voxels: exact, in time linear in the
 * voxels, one axis after the other by the lower envelope of parabolas (P. F. Felzenszwalb, D. P. Huttenlocher, Theory of
 * Computing 8 (2012) 415–428). ∞ everywhere where there are none.
 * @param features flat positions of the voxels from which distance is taken
 * @param spacing size of a voxel along each axis
 */
export function squaredDistances(
  features: Int32Array,
  shape: readonly number[],
  spacing: readonly number[],
): Float64Array {
  const field = new Float64Array(shape.reduce((product, size) => product * size, 1)).fill(Infinity);
  for (let i = 0; i < features.length; i++) field[features[i] as number] = 0;
  const strides = stridesOf(shape);
  const scratch = envelopeOf(Math.max(...shape));
  shape.forEach((length, axis) => {
    const stride = strides[axis] as number;
    const square = (spacing[axis] as number) ** 2;
    for (let block = 0; block < field.length; block += length * stride) {
      for (let start = block; start < block + stride; start++) lowerLine(field, start, stride, length, square, scratch);
    }
  });
  return field;
}

interface Envelope {
  /** Where the parabolas of the envelope have their lowest points, and how high these lie, in units of the spacing². */
  readonly sites: Int32Array;
  readonly heights: Float64Array;
  /** From where on each parabola is the lowest. */
  readonly from: Float64Array;
}

function envelopeOf(length: number): Envelope {
  return { sites: new Int32Array(length), heights: new Float64Array(length), from: new Float64Array(length) };
}

/** Replaces each value of one line by the lowest of (distance along the line)² + value over the line. */
function lowerLine(
  field: Float64Array,
  start: number,
  stride: number,
  length: number,
  square: number,
  { sites, heights, from }: Envelope,
): void {
  let last = -1;
  for (let q = 0, at = start; q < length; q++, at += stride) {
    const value = field[at] as number;
    if (value === Infinity) continue;
    const height = value / square;
    let crossing = -Infinity;
    for (; last >= 0; last--) {
      const site = sites[last] as number;
      crossing = (height - (heights[last] as number) + (q - site) * (q + site)) / (2 * (q - site));
      if (crossing > (from[last] as number)) break;
    }
    if (last < 0) crossing = -Infinity;
    last++;
    sites[last] = q;
    heights[last] = height;
    from[last] = crossing;
  }
  if (last < 0) return;
  let k = 0;
  for (let q = 0, at = start; q < length; q++, at += stride) {
    while (k < last && (from[k + 1] as number) < q) k++;
    const distance = q - (sites[k] as number);
    field[at] = square * (distance * distance + (heights[k] as number));
  }
}
