import { stridesOf } from "./grid.js";

/** The surface of a mask as points of a grid, each with the surface that it stands for. */
export interface Surface {
  /** Shape of the grid that the positions index. */
  readonly shape: readonly number[];
  readonly positions: Int32Array;
  /** mm² (mm of contour with two axes) of each point; null where all points count alike. */
  readonly weights: Float64Array | null;
}

/**
 * The voxels of a mask that share a face (with two axes: an edge) with the background: what erosion by a cross takes
 * away. All count alike.
 * @param mask 0 or 1, empty at the rim
 */
export function boundaryVoxels(mask: Uint8Array, shape: readonly number[]): Surface {
  const strides = stridesOf(shape);
  const positions = new Int32Array(mask.length);
  let count = 0;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    let inside = 1;
    for (const stride of strides) inside &= (mask[i - stride] as number) & (mask[i + stride] as number);
    if (inside === 0) positions[count++] = i;
  }
  return { shape, positions: positions.slice(0, count), weights: null };
}

/**
 * The surface between the voxels: at every corner where voxels meet, the area (with two axes: the length) of the surface
 * that marching cubes draws between those inside and those outside (W. E. Lorensen, H. E. Cline, SIGGRAPH 1987). The
 * elements, their areas and their places are those of DeepMind's surface-distance (S. Nikolov et al., J. Med. Internet
 * Res. 23 (2021) e26151). Points lie on the grid of corners, one longer than the mask's less its rim.
 * @param mask 0 or 1, empty at the rim
 */
export function surfaceElements(mask: Uint8Array, shape: readonly number[], spacing: readonly number[]): Surface {
  const areas = shape.length === 3 ? areasOfCubes(spacing) : lengthsOfSquares(spacing);
  const corners = shape.map((size) => size - 1);
  const offsets = cornerOffsets(stridesOf(shape));
  const [depth, height, width] = (shape.length === 3 ? corners : [1, ...corners]) as [number, number, number];
  const [, rowsOf, row] = (shape.length === 3 ? shape : [1, ...shape]) as [number, number, number];
  const positions: number[] = [];
  const weights: number[] = [];
  const full = areas.length - 1;
  for (let z = 0, corner = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      const line = (z * rowsOf + y) * row;
      for (let x = 0; x < width; x++, corner++) {
        let code = 0;
        for (let i = 0; i < offsets.length; i++) code |= (mask[line + x + (offsets[i] as number)] as number) << i;
        if (code === 0 || code === full) continue;
        positions.push(corner);
        weights.push(areas[code] as number);
      }
    }
  }
  return { shape: corners, positions: Int32Array.from(positions), weights: Float64Array.from(weights) };
}

/** Offsets of the 2^axes voxels that meet in a corner; bit `axes − 1 − axis` of the index says which side of the axis. */
function cornerOffsets(strides: readonly number[]): Int32Array {
  const axes = strides.length;
  return Int32Array.from({ length: 1 << axes }, (_, index) =>
    strides.reduce((sum, stride, axis) => sum + ((index >> (axes - 1 - axis)) & 1) * stride, 0),
  );
}

/** Contour length in each of the 16 squares of four pixels: marching squares with edges cut in the middle. */
export function lengthsOfSquares(spacing: readonly number[]): Float64Array {
  const [first, second] = spacing as [number, number];
  const cut = Math.hypot(first, second) / 2;
  const single = [cut, cut, cut, cut];
  const lengths = new Float64Array(16);
  for (let code = 1; code < 15; code++) {
    const inside = single.filter((_, corner) => (code >> corner) & 1).length;
    // Pixels 0 and 1 are neighbours along the second axis, 0 and 2 along the first.
    if (inside !== 2) lengths[code] = cut;
    else if (code === 0b0011 || code === 0b1100) lengths[code] = second;
    else if (code === 0b0101 || code === 0b1010) lengths[code] = first;
    else lengths[code] = 2 * cut;
  }
  return lengths;
}

/**
 * Surface area in each of the 256 cubes of eight voxels: marching cubes with edges cut in the middle. The side with fewer
 * voxels decides, and its groups of neighbouring voxels are cut off one by one; what a group of one to four voxels
 * leaves is a triangle, a rectangle, a pentagon, a plane or a hexagon.
 */
export function areasOfCubes(spacing: readonly number[]): Float64Array {
  const [depth, height, width] = spacing as [number, number, number];
  const faces = [height * width, depth * width, depth * height];
  const areas = new Float64Array(256);
  for (let code = 1; code < 255; code++) {
    const inside = CORNERS.filter((corner) => (code >> corner) & 1);
    const fewer = inside.length <= 4 ? inside : CORNERS.filter((corner) => !((code >> corner) & 1));
    areas[code] = groupsOf(fewer).reduce((sum, group) => sum + areaOfGroup(group, faces), 0);
  }
  return areas;
}

const CORNERS = [0, 1, 2, 3, 4, 5, 6, 7];
const AXES = [0, 1, 2];

function neighbour(corner: number, axis: number): number {
  return corner ^ (4 >> axis);
}

/** The corners in groups that hang together along the cube's edges. */
function groupsOf(corners: readonly number[]): number[][] {
  const left = new Set(corners);
  const groups: number[][] = [];
  for (const seed of corners) {
    if (!left.delete(seed)) continue;
    const group = [seed];
    for (let i = 0; i < group.length; i++) {
      for (const axis of AXES) {
        const next = neighbour(group[i] as number, axis);
        if (left.delete(next)) group.push(next);
      }
    }
    groups.push(group);
  }
  return groups;
}

/** The area that cuts a group of one to four connected corners off the cube; `faces` are the voxel's faces across each axis. */
function areaOfGroup(group: readonly number[], faces: readonly number[]): number {
  const face = (axis: number) => faces[axis] as number;
  const all = Math.hypot(face(0), face(1), face(2));
  const linked = group.map((corner) => AXES.filter((axis) => group.includes(neighbour(corner, axis))));
  // The axis that no edge of the group runs along, where there is one.
  const across = AXES.find((axis) => linked.every((axes) => !axes.includes(axis)));
  if (group.length === 1) return all / 8;
  if (group.length === 2) {
    const [first, second] = AXES.filter((axis) => !linked[0]?.includes(axis)) as [number, number];
    return Math.hypot(face(first), face(second)) / 2;
  }
  if (group.length === 3) return face(across as number) / 2 + (3 / 8) * all;
  if (across !== undefined) return face(across);
  if (linked.some((axes) => axes.length === 3)) return (3 / 4) * all;
  // A chain along three axes, whose hexagon is not plane: two of its triangles face the cube's diagonal, and two lean over
  // the middle edge.
  const middle = AXES.find((axis) => linked.every((axes) => axes.length < 2 || axes.includes(axis))) as number;
  const ends = AXES.filter((axis) => axis !== middle);
  return all / 2 + ends.reduce((sum, axis) => sum + Math.hypot(face(middle), face(axis)) / 4, 0);
}
