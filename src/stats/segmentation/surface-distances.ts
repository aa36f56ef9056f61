import { ascendingOrder } from "../order.js";
import { takeDoubles } from "../take.js";
import { squaredDistances } from "./distance-transform.js";
import { checkMasks, cropped, type Grid } from "./grid.js";
import { boundaryVoxels, type Surface, surfaceElements } from "./surface.js";

/**
 * What counts as a mask's surface. "voxel-boundary": the outermost voxels, all alike, as most challenge scripts have it.
 * "surface-elements": the surface between the voxels, weighted by area, as DeepMind's surface-distance has it. The two give
 * different numbers: whoever reports one says which.
 */
export type SurfaceKind = "voxel-boundary" | "surface-elements";

/** Distances in mm from each point of one surface to the nearest of the other, ascending. */
export interface Directed {
  readonly distances: Float64Array;
  /** Surface that each point stands for; null where all count alike. */
  readonly weights: Float64Array | null;
}

export interface SurfaceDistances {
  readonly fromReference: Directed;
  readonly fromPrediction: Directed;
}

/**
 * The distances between the surfaces of two masks, both ways. null where either mask is empty: there is no distance to
 * nothing. Such cases must be counted, or enter as the worst case (diagonalOf); they may not be dropped.
 * @param reference 0 outside, anything else inside
 */
export function surfaceDistances(
  reference: Uint8Array,
  prediction: Uint8Array,
  grid: Grid,
  kind: SurfaceKind,
): SurfaceDistances | null {
  checkMasks(grid, reference, prediction);
  const crop = cropped([reference, prediction], grid.shape);
  if (crop === null) return null;
  const [first, second] = crop.masks.map((mask) =>
    kind === "voxel-boundary" ? boundaryVoxels(mask, crop.shape) : surfaceElements(mask, crop.shape, grid.spacing),
  ) as [Surface, Surface];
  if (first.positions.length === 0 || second.positions.length === 0) return null;
  return {
    fromReference: directed(first, second, grid.spacing),
    fromPrediction: directed(second, first, grid.spacing),
  };
}

function directed(from: Surface, to: Surface, spacing: readonly number[]): Directed {
  const squares = squaredDistances(to.positions, to.shape, spacing);
  const distances = new Float64Array(from.positions.length);
  for (let i = 0; i < distances.length; i++) distances[i] = Math.sqrt(squares[from.positions[i] as number] as number);
  return ascending(distances, from.weights);
}

function ascending(distances: Float64Array, weights: Float64Array | null): Directed {
  if (weights === null) return { distances: distances.sort(), weights };
  const order = ascendingOrder(distances);
  return { distances: takeDoubles(distances, order), weights: takeDoubles(weights, order) };
}

/** The Hausdorff distance: the farthest that any point of either surface lies from the other (F. Hausdorff, 1914). */
export function hausdorff({ fromReference, fromPrediction }: SurfaceDistances): number {
  return Math.max(fromReference.distances.at(-1) as number, fromPrediction.distances.at(-1) as number);
}

/** How a percentile of the distances takes both directions: the larger of the two percentiles, or that of all distances. */
export type Directions = "larger" | "pooled";

/**
 * A percentile of the surface distances, such as HD95: less at the mercy of single voxels than the maximum. Where all
 * points count alike, it interpolates between neighbours as numpy does; where they are weighted it is the first distance at
 * which the share of surface within it reaches the percentage.
 * @param percent in (0, 100]
 * @param directions "larger" is the usual one and DeepMind's
 */
export function hausdorffPercentile(
  { fromReference, fromPrediction }: SurfaceDistances,
  percent: number,
  directions: Directions = "larger",
): number {
  if (directions === "larger") return Math.max(percentile(fromReference, percent), percentile(fromPrediction, percent));
  const weights =
    fromReference.weights === null || fromPrediction.weights === null
      ? null
      : concatenated(fromReference.weights, fromPrediction.weights);
  return percentile(ascending(concatenated(fromReference.distances, fromPrediction.distances), weights), percent);
}

function percentile({ distances, weights }: Directed, percent: number): number {
  const last = distances.length - 1;
  if (weights === null) {
    const place = (percent / 100) * last;
    const below = Math.min(Math.floor(place), last);
    const value = distances[below] as number;
    return value + (place - below) * ((distances[Math.min(below + 1, last)] as number) - value);
  }
  // Rounding in the sum must not push the percentile to the next distance.
  const wanted = (percent / 100) * sumOf(weights) * (1 - ROUNDING);
  let within = 0;
  for (let i = 0; i < last; i++) {
    within += weights[i] as number;
    if (within >= wanted) return distances[i] as number;
  }
  return distances[last] as number;
}

/** The mean distance from the reference's surface to the prediction's, and back. */
export function averageDistances({ fromReference, fromPrediction }: SurfaceDistances): [number, number] {
  return [meanOf([fromReference]), meanOf([fromPrediction])];
}

/** The average symmetric surface distance: the mean over the points of both surfaces together. */
export function averageSymmetricDistance({ fromReference, fromPrediction }: SurfaceDistances): number {
  return meanOf([fromReference, fromPrediction]);
}

function meanOf(parts: readonly Directed[]): number {
  let [sum, size] = [0, 0];
  for (const { distances, weights } of parts) {
    for (let i = 0; i < distances.length; i++) {
      const weight = weights === null ? 1 : (weights[i] as number);
      sum += weight * (distances[i] as number);
      size += weight;
    }
  }
  return sum / size;
}

/** Distances are equal to a tolerance within this: 5 voxels of 0.2 mm are no farther than 1 mm. */
const ROUNDING = 1e-9;

/**
 * Normalised surface Dice: the share of both surfaces that lies within a tolerance of the other (S. Nikolov et al., J. Med.
 * Internet Res. 23 (2021) e26151). In [0, 1].
 * @param tolerance in mm, at least 0
 */
export function surfaceDice({ fromReference, fromPrediction }: SurfaceDistances, tolerance: number): number {
  let [within, size] = [0, 0];
  for (const { distances, weights } of [fromReference, fromPrediction]) {
    for (let i = 0; i < distances.length; i++) {
      const weight = weights === null ? 1 : (weights[i] as number);
      size += weight;
      if ((distances[i] as number) <= tolerance * (1 + ROUNDING)) within += weight;
    }
  }
  return within / size;
}

function concatenated(a: Float64Array, b: Float64Array): Float64Array {
  const both = new Float64Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum;
}
