/**
 * The orthonormal two-dimensional DCT-II basis of images of one size. A basis image is the outer product of two cosine
 * vectors, so that it costs one multiplication a pixel: u_k[n] = c_k · cos(π (2n + 1) k / 2N), c_0 = √(1/N), else √(2/N).
 */
export class CosineBasis {
  readonly #vertical: Float64Array;
  readonly #horizontal: Float64Array;

  constructor(
    readonly height: number,
    readonly width: number,
  ) {
    this.#vertical = cosineVectors(height);
    this.#horizontal = cosineVectors(width);
  }

  /** Writes the basis image of so many half waves down the rows and along the columns. */
  fill(vertical: number, horizontal: number, out: Float32Array | Float64Array): void {
    const { height, width } = this;
    for (let row = 0; row < height; row++) {
      const factor = this.#vertical[vertical * height + row] as number;
      for (let column = 0; column < width; column++) {
        out[row * width + column] = factor * (this.#horizontal[horizontal * width + column] as number);
      }
    }
  }
}

/** The N cosine vectors of N values, one after the other. */
function cosineVectors(count: number): Float64Array {
  return Float64Array.from({ length: count * count }, (_, index) => {
    const frequency = Math.floor(index / count);
    const at = index % count;
    const scale = Math.sqrt((frequency === 0 ? 1 : 2) / count);
    return scale * Math.cos((Math.PI * (2 * at + 1) * frequency) / (2 * count));
  });
}
