/**
 * The index that half-sample reflection at both ends (… b a | a b c … y z | z y …) puts in the place of `index`, however
 * far outside. Under it, a symmetric blur is diagonal in the cosine transform: no brightness is lost at the border, and
 * a constant stays itself.
 */
export function reflected(index: number, length: number): number {
  const period = 2 * length;
  const within = ((index % period) + period) % period;
  return within < length ? within : period - 1 - within;
}

/** A plane with a margin of reflected pixels on every side, which is kept and filled anew for each plane. */
export class PaddedPlane {
  readonly data: Float32Array;
  readonly stride: number;
  readonly #width: number;
  readonly #columns: Int32Array;
  readonly #rows: Int32Array;

  constructor(height: number, width: number, marginRows: number, marginColumns: number) {
    this.#width = width;
    this.stride = width + 2 * marginColumns;
    this.#columns = Int32Array.from({ length: this.stride }, (_, x) => reflected(x - marginColumns, width));
    this.#rows = Int32Array.from({ length: height + 2 * marginRows }, (_, y) => reflected(y - marginRows, height));
    this.data = new Float32Array(this.#rows.length * this.stride);
  }

  fill(plane: Float32Array): void {
    let out = 0;
    for (const row of this.#rows) {
      const from = row * this.#width;
      for (const column of this.#columns) this.data[out++] = plane[from + column] as number;
    }
  }
}
