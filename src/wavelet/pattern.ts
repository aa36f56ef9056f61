import type { Random } from "../core/random.js";
import { type Band, type Coefficients2d, ORIENTATIONS } from "./dwt2d.js";

/** A small block of signs, repeated over a window of one detail band: a direction in which to search. */
export interface TiledPattern {
  readonly band: Band;
  /** Coefficient of a ±1 pattern: 2^level, at which a haar detail of this level is one grey level per pixel. */
  readonly scale: number;
  /** The window, in coefficients: rows top … bottom - 1, columns left … right - 1. */
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
  /** side × side signs. */
  readonly side: number;
  readonly signs: Int8Array;
}

/** Sides of the blocks of signs that are tiled. */
const SIDES = [1, 2, 4] as const;

/**
 * Draws channel, level, orientation, window and signs. Windows have a side of all, half or a quarter of the band's, so
 * that broad textures and local ones are both tried.
 */
export function drawPattern(channels: readonly Coefficients2d[], random: Random): TiledPattern {
  const details = pick(channels, random).details;
  const fromCoarsest = random.integer(details.length);
  const bands = details[fromCoarsest];
  if (bands === undefined) throw new RangeError("a transform without levels has no detail band");
  const band = bands[pick(ORIENTATIONS, random)];
  const part = 2 ** random.integer(3);
  const height = Math.ceil(band.rows / part);
  const width = Math.ceil(band.columns / part);
  const top = random.integer(band.rows - height + 1);
  const left = random.integer(band.columns - width + 1);
  const side = pick(SIDES, random);
  return {
    band,
    scale: 2 ** (details.length - fromCoarsest),
    top,
    bottom: top + height,
    left,
    right: left + width,
    side,
    signs: Int8Array.from({ length: side * side }, () => random.sign()),
  };
}

/** Adds `step` times the pattern to its band. Adding −step afterwards takes it back. */
export function addPattern(pattern: TiledPattern, step: number): void {
  const { band, top, bottom, left, right, side, signs } = pattern;
  const amount = step * pattern.scale;
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const sign = signs[(row % side) * side + (column % side)] as number;
      const at = row * band.columns + column;
      band.values[at] = (band.values[at] as number) + amount * sign;
    }
  }
}

function pick<T>(choices: readonly T[], random: Random): T {
  return choices[random.integer(choices.length)] as T;
}
