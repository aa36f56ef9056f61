/*
 * What decision-based attacks share: a first image of the other decision, the way from an image to the boundary, and the
 * normal of the boundary, estimated from decisions.
 */
import { imageSize } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";
import { CosineSpace } from "./cosines.js";
import { distance, type Search, type SearchedImage } from "./together.js";

// Looked up once, not once a pixel: a sandbox (jest's) makes every look at a global dear.
const { floor, max, min, round, sign, sqrt } = Math;

/** Smooth patterns and noises that are tried as a start, and how fine the patterns are (share of all frequencies). */
const SMOOTH_STARTS = 10;
const NOISE_STARTS = 6;
const SMOOTHNESS = 1 / 16;
/** Of an image's budget, the share that trying starts may cost at most. */
const START_SHARE = 0.25;
/** Another start must be nearer than the best one by this factor to be worth its own way to the boundary. */
const NEARER = 0.9;

/** A flipped image on the boundary, and how far it is from the original. */
export interface BoundaryPoint {
  readonly point: Float32Array;
  readonly distance: number;
}

/**
 * The point at distance t on the way from the original to `end`. L2: on the straight line. L∞: `end` clipped to the cube
 * of half-width t round the original (Chen et al. 2020, section III-B).
 */
export function writeOnWay(
  image: SearchedImage,
  end: Float32Array,
  length: number,
  t: number,
  out: Float32Array,
): void {
  const { norm, original } = image;
  const share = length === 0 ? 0 : t / length;
  for (let i = 0; i < end.length; i++) {
    const from = original[i] as number;
    const way = (end[i] as number) - from;
    out[i] = from + (norm === "linf" ? min(max(way, -t), t) : share * way);
  }
}

/**
 * Bisects the way from the original to `end`, which was seen to be flipped, down to `resolution` (stored values along the
 * way). One query a step.
 */
export function* boundaryOnWay(
  image: SearchedImage,
  end: Float32Array,
  resolution: number,
  known = distance(image.original, end, image.norm),
): Search<BoundaryPoint> {
  const length = distance(image.original, end, image.norm);
  let low = 0;
  let high = known;
  while (high - low > resolution && image.left() > 0) {
    const middle = (low + high) / 2;
    const [flipped] = yield { count: 1, write: (_, out) => writeOnWay(image, end, length, middle, out) };
    if (flipped === 1) high = middle;
    else low = middle;
  }
  const point = new Float32Array(end.length);
  writeOnWay(image, end, length, high, point);
  return { point, distance: high };
}

/**
 * A first point on the boundary; null where no start is decided otherwise than the original. The papers start from uniform
 * noise, which many medical models decide all alike, so that simple changes of the whole image are tried first: inverted,
 * black, grey, white, less and more contrast, and smooth patterns added to it. All that flipped are compared at the
 * distance of the best so far, and only one that is flipped there too is followed to its own boundary.
 */
export function* firstBoundary(
  image: SearchedImage,
  resolution: (distance: number) => number,
): Search<BoundaryPoint | null> {
  const { geometry, norm, original } = image;
  const starts = startsOf(image);
  const tried = min(starts.length, max(1, floor(image.left() * START_SHARE)), image.left());
  const answers = yield { count: tried, write: (index, out) => (starts[index] as Start)(out) };
  let best: BoundaryPoint | null = null;
  const end = new Float32Array(imageSize(geometry));
  for (let index = 0; index < tried; index++) {
    if (answers[index] !== 1) continue;
    (starts[index] as Start)(end);
    const length = distance(original, end, norm);
    let known = length;
    if (best !== null) {
      known = NEARER * best.distance;
      if (length > known) {
        if (image.left() < 1) break;
        const [flipped] = yield { count: 1, write: (_, out) => writeOnWay(image, end, length, known, out) };
        if (flipped !== 1) continue;
      } else known = length;
    }
    best = yield* boundaryOnWay(image, end, resolution(known), known);
  }
  return best;
}

/** Writes one start, within the window. The same at every call. */
type Start = (out: Float32Array) => void;

function startsOf({ geometry, original, random }: SearchedImage): Start[] {
  const { maxValue } = geometry;
  const half = maxValue / 2;
  const each = (change: (value: number) => number): Start => {
    return (out) => {
      for (let i = 0; i < out.length; i++) out[i] = round(clip(change(original[i] as number), maxValue));
    };
  };
  const space = new CosineSpace(geometry, SMOOTHNESS);
  const smooth = Array.from({ length: SMOOTH_STARTS }, (_, index): Start => {
    return (out) => {
      space.draw(random.fork("smooth start", index), out);
      for (let i = 0; i < out.length; i++) {
        const push = (out[i] as number) < 0 ? -half : half;
        out[i] = round(clip((original[i] as number) + push, maxValue));
      }
    };
  });
  const noise = Array.from({ length: NOISE_STARTS }, (_, index): Start => {
    return (out) => {
      const stream = random.fork("noise start", index);
      for (let i = 0; i < out.length; i++) out[i] = round(maxValue * stream.uniform());
    };
  });
  return [
    each((value) => maxValue - value),
    each(() => 0),
    each(() => half),
    each(() => maxValue),
    each((value) => (value + half) / 2),
    each((value) => half + 2 * (value - half)),
    ...smooth,
    ...noise,
  ];
}

/** Fills `out` with one random direction whose root mean square is about 1. */
export type DrawDirection = (random: Random, out: Float32Array) => void;

/** What probes round boundary points have told of the normal so far. */
export class NormalEstimate {
  readonly sum: Float32Array;

  constructor(readonly image: SearchedImage) {
    this.sum = new Float32Array(imageSize(image.geometry));
  }

  /**
   * Probes `count` points round `point`, `size` away in root mean square per pixel, and adds
   *   Σ (φ_b − mean φ) u_b,  φ_b = 1 where flipped, else −1
   * (Chen et al. 2020, eq. 16: the mean as a baseline takes variance away), with u_b the step that was really made, after
   * clipping and rounding. Returns the share of flipped probes.
   */
  *probe(point: Float32Array, count: number, size: number, draw: DrawDirection, random: Random): Search<number> {
    const { length } = this.sum;
    const steps = new Float64Array(length);
    const flippedSteps = new Float64Array(length);
    const answers = yield {
      count,
      write: (_, out) => {
        draw(random, out);
        for (let i = 0; i < length; i++) out[i] = (point[i] as number) + size * (out[i] as number);
      },
      read: (_, candidate, flipped) => {
        for (let i = 0; i < length; i++) {
          const step = (candidate[i] as number) - (point[i] as number);
          steps[i] = (steps[i] as number) + step;
          if (flipped) flippedSteps[i] = (flippedSteps[i] as number) + step;
        }
      },
    };
    const share = answers.reduce((sum, flipped) => sum + flipped, 0) / count;
    // Answers that are all alike tell no more than where the probes went: the mean of the steps, or its opposite.
    const baseline = share === 0 || share === 1 ? 0.5 : share;
    for (let i = 0; i < length; i++) {
      const slope = (flippedSteps[i] as number) - baseline * (steps[i] as number);
      this.sum[i] = (this.sum[i] as number) + (2 * slope) / size;
    }
    return share;
  }

  /** Gives what was learnt so far this weight beside what is learnt next. */
  fade(weight: number): void {
    for (let i = 0; i < this.sum.length; i++) this.sum[i] = weight * (this.sum[i] as number);
  }
}

function clip(value: number, maxValue: number): number {
  return max(0, min(maxValue, value));
}

/** Standard normal values, independent in every pixel. */
export const whiteNoise: DrawDirection = (random, out) => {
  for (let i = 0; i < out.length; i++) out[i] = random.normal();
};

/** Adds `step` along the direction (L2) or its signs (L∞) to `from`, within the window. */
export function writeStep(
  { geometry, norm }: SearchedImage,
  from: Float32Array,
  direction: Float32Array,
  step: number,
  out: Float32Array,
): void {
  let squares = 0;
  if (norm === "l2") for (let i = 0; i < direction.length; i++) squares += (direction[i] as number) ** 2;
  const scale = norm === "l2" ? step / sqrt(squares || 1) : step;
  for (let i = 0; i < direction.length; i++) {
    const value = direction[i] as number;
    out[i] = clip((from[i] as number) + scale * (norm === "l2" ? value : sign(value)), geometry.maxValue);
  }
}
