import type { Random } from "../../src/core/random.js";

// Looked up once: a sandbox (jest's) makes every look at a global dear.
const { PI, ceil, cos, exp, max, min, round, sin } = Math;

export interface GaborSettings {
  /** Standard deviation of the Gaussian envelope, in pixels. */
  readonly sigma: number;
  /** Wavelength of the wave under it, in pixels. */
  readonly wavelength: number;
  /** Direction in which the wave runs, in radians: 0 along the rows, π/2 down the columns. */
  readonly orientation: number;
  /** Waves in as many directions, evenly spread over the half circle; many make the noise isotropic. */
  readonly sides: number;
}

/** Kernels are cut off at so many standard deviations. */
const REACH = 3;
/** Impulses per envelope of σ × σ pixels: enough that kernels overlap everywhere. */
const DENSITY = 1;

/**
 * Gabor noise by sparse convolution (Lagae et al., SIGGRAPH 2009): randomly placed impulses of random weight in [−1, 1],
 * convolved with a Gaussian times a cosine, or with the sum of several turned ones. Row by row, zero in the mean over draws.
 */
export function gaborNoise(height: number, width: number, settings: GaborSettings, random: Random): Float32Array {
  const reach = ceil(REACH * settings.sigma);
  const kernel = gaborKernel(settings, reach);
  const side = 2 * reach + 1;
  const noise = new Float32Array(height * width);
  // Impulses beyond the edges reach in: without them the noise would fade there.
  const [rows, columns] = [height + 2 * reach, width + 2 * reach];
  const impulses = max(1, round((DENSITY * rows * columns) / max(1, settings.sigma ** 2)));
  for (let impulse = 0; impulse < impulses; impulse++) {
    const weight = 2 * random.uniform() - 1;
    // The kernel's first row and column in the image.
    const [top, left] = [random.integer(rows) - 2 * reach, random.integer(columns) - 2 * reach];
    for (let row = max(0, top); row < min(height, top + side); row++) {
      const from = (row - top) * side - left;
      for (let column = max(0, left); column < min(width, left + side); column++) {
        const at = row * width + column;
        noise[at] = (noise[at] as number) + weight * (kernel[from + column] as number);
      }
    }
  }
  return noise;
}

function gaborKernel({ sigma, wavelength, orientation, sides }: GaborSettings, reach: number): Float64Array {
  const side = 2 * reach + 1;
  return Float64Array.from({ length: side ** 2 }, (_, index) => {
    const [x, y] = [(index % side) - reach, Math.floor(index / side) - reach];
    let wave = 0;
    for (let k = 0; k < sides; k++) {
      const angle = orientation + (PI * k) / sides;
      wave += cos((2 * PI * (x * cos(angle) + y * sin(angle))) / wavelength);
    }
    return exp(-(x * x + y * y) / (2 * sigma * sigma)) * wave;
  });
}
