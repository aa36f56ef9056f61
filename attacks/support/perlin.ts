import type { Random } from "../../src/core/random.js";

// Looked up once: a sandbox (jest's) makes every look at a global dear.
const { PI, cos, floor, max, min, sin } = Math;

/** The lattice repeats itself every so many cells, both ways. */
export const LATTICE_PERIOD = 256;
/** Gradients are unit vectors in so many directions. */
const GRADIENTS = 16;

/**
 * Perlin's gradient noise in two dimensions (SIGGRAPH 1985, with the fade of 2002): every lattice point has a random
 * unit gradient, every point in between a smooth mixture of the four linear functions round it. Zero at lattice points.
 */
export class PerlinLattice {
  readonly #order: Uint32Array;

  constructor(random: Random) {
    this.#order = random.permutation(LATTICE_PERIOD);
  }

  /** The noise at a point, in cells; within ±√½. */
  at(x: number, y: number): number {
    const [column, row] = [floor(x), floor(y)];
    const [dx, dy] = [x - column, y - row];
    const across = fade(dx);
    const upper = mix(across, this.#slope(column, row, dx, dy), this.#slope(column + 1, row, dx - 1, dy));
    const lower = mix(
      across,
      this.#slope(column, row + 1, dx, dy - 1),
      this.#slope(column + 1, row + 1, dx - 1, dy - 1),
    );
    return mix(fade(dy), upper, lower);
  }

  /** The linear function of one lattice point, at a displacement from it. */
  #slope(column: number, row: number, dx: number, dy: number): number {
    const hashed = this.#order[modulo(column)] as number;
    const angle = (2 * PI * ((this.#order[modulo(hashed + row)] as number) % GRADIENTS)) / GRADIENTS;
    return cos(angle) * dx + sin(angle) * dy;
  }
}

export interface PerlinSettings {
  /** Pixels per lattice cell of the first octave. */
  readonly wavelength: number;
  /** Octaves: each has twice the frequency and half the amplitude of the one before. */
  readonly octaves: number;
  /** How often the sine colour map goes from one sign to the other over the range of the noise. */
  readonly sineFrequency: number;
}

/**
 * Octaves of gradient noise, stretched to [0, 1] and sent through the sine colour map: sin(π · frequency · noise), as in
 * the code of Co et al. In [−1, 1], row by row.
 */
export function perlinNoise(height: number, width: number, settings: PerlinSettings, random: Random): Float32Array {
  const { wavelength, octaves, sineFrequency } = settings;
  const lattice = new PerlinLattice(random);
  const noise = new Float32Array(height * width);
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < noise.length; i++) {
    const [x, y] = [(i % width) / wavelength, floor(i / width) / wavelength];
    let value = 0;
    for (let octave = 0, frequency = 1; octave < octaves; octave++, frequency *= 2) {
      value += lattice.at(x * frequency, y * frequency) / frequency;
    }
    noise[i] = value;
    lowest = min(lowest, value);
    highest = max(highest, value);
  }
  const range = highest - lowest;
  return noise.map((value) => sin(PI * sineFrequency * (range === 0 ? 0.5 : (value - lowest) / range)));
}

function fade(t: number): number {
  return t * t * t * (t * (6 * t - 15) + 10);
}

function mix(share: number, from: number, to: number): number {
  return from + share * (to - from);
}

function modulo(index: number): number {
  return ((index % LATTICE_PERIOD) + LATTICE_PERIOD) % LATTICE_PERIOD;
}
