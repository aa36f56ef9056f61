/**
 * Total-variation denoising (Rudin, Osher and Fatemi): the image u that minimises ½‖u − f‖² + weight · Σ|∇u|, f the image
 * given. Channels are treated one by one.
 *
 * References: L. Rudin, S. Osher, E. Fatemi, "Nonlinear total variation based noise removal algorithms", Physica D 60,
 * 1992; A. Chambolle, "An algorithm for total variation minimization and applications", Journal of Mathematical Imaging
 * and Vision 20, 2004 (the dual problem); A. Beck, M. Teboulle, "Fast gradient-based algorithms for constrained total
 * variation image denoising and deblurring problems", IEEE Transactions on Image Processing 18(11), 2009 (how it is
 * solved here). As a defense: C. Guo, M. Rana, M. Cissé, L. van der Maaten, ICLR 2018, arXiv:1711.00117 (who minimise it
 * on randomly dropped pixels; this one is not random).
 *
 * Threat model: oscillations cost much variation and go; flat regions with sharp borders stay. An attacker who knows of
 * it perturbs in patches with borders. Read it together with its adaptive condition.
 *
 * Cost: no queries; two passes over the image per iteration, 20 to 30 iterations at the defaults. Fine texture goes with
 * the noise.
 */
import { z } from "zod";
import { defineDefense } from "../src/core/defense.js";
import { createBatch } from "../src/core/pixels.js";

/** One over the Lipschitz constant of the dual's gradient: the squared norm of ∇ in two dimensions is at most 8. */
const STEP = 1 / 8;

/** The distance from the minimiser is bounded after every so many iterations, at the cost of another one. */
const CHECK_EVERY = 5;

export default defineDefense({
  meta: {
    id: "total-variation",
    title: "Total-variation denoising",
    summary:
      "Finds the nearest image with little variation, which flattens noise and fine texture and keeps sharp borders.",
    random: false,
    parameters: z.strictObject({
      weight: z
        .number()
        .min(1e-4)
        .max(10)
        .default(0.03)
        .describe("How much variation costs, with the display window as unit; larger is smoother."),
      tolerance: z
        .number()
        .min(0)
        .max(1)
        .default(0.004)
        .describe("Stop once the image is surely as near to the minimiser: root mean square, the window as unit."),
      iterations: z.int().min(1).max(100_000).default(500).describe("At most as many iterations."),
    }),
    references: [
      "Rudin, Osher and Fatemi, Nonlinear total variation based noise removal algorithms, Physica D 60, 1992",
      "Chambolle, An algorithm for total variation minimization and applications, Journal of Mathematical Imaging and Vision 20, 2004",
      "Beck and Teboulle, Fast gradient-based algorithms for constrained total variation image denoising and deblurring problems, IEEE Transactions on Image Processing 18(11), 2009",
      "Guo, Rana, Cissé and van der Maaten, Countering adversarial images using input transformations, ICLR 2018, arXiv:1711.00117",
    ],
  },

  apply(batch, { parameters }) {
    const { height, width, maxValue } = batch;
    const plane = height * width;
    const out = createBatch(batch, batch.count);
    const solver = new DualSolver(height, width, parameters.weight);
    for (let from = 0; from < batch.data.length; from += plane) {
      const denoised = solver.solve(batch.data.subarray(from, from + plane), maxValue, parameters);
      for (let i = 0; i < plane; i++) out.data[from + i] = (denoised[i] as number) * maxValue;
    }
    return out;
  },
});

/**
 * The minimiser is u = f − div p, where the field p, |p| ≤ weight in every pixel, minimises ½‖f − div p‖² (Chambolle 2004).
 * The dual is solved by Beck and Teboulle's fast gradient projection (2009, section 4.1): p ← P(q − τ∇u(q)) with P the
 * projection onto |p| ≤ weight, and q is p carried on by its momentum. Signs are such that −p points along ∇u. Differences are
 * forward, and zero across the last row and column.
 */
class DualSolver {
  readonly #image: Float64Array;
  readonly #primal: Float64Array;
  /** The field p: its parts down the columns and along the rows. */
  readonly #down: Float64Array;
  readonly #right: Float64Array;
  /** The point q from which the next step is made. */
  readonly #downAhead: Float64Array;
  readonly #rightAhead: Float64Array;

  constructor(
    readonly height: number,
    readonly width: number,
    readonly weight: number,
  ) {
    const plane = height * width;
    this.#image = new Float64Array(plane);
    this.#primal = new Float64Array(plane);
    this.#down = new Float64Array(plane);
    this.#right = new Float64Array(plane);
    this.#downAhead = new Float64Array(plane);
    this.#rightAhead = new Float64Array(plane);
  }

  /** The denoised plane with the display window as unit; valid until the next call. */
  solve(
    plane: Float32Array,
    maxValue: number,
    { iterations, tolerance }: { readonly iterations: number; readonly tolerance: number },
  ): Float64Array {
    for (let i = 0; i < plane.length; i++) this.#image[i] = (plane[i] as number) / maxValue;
    for (const field of [this.#down, this.#right, this.#downAhead, this.#rightAhead]) field.fill(0);
    let t = 1;
    for (let iteration = 1; iteration <= iterations; iteration++) {
      const next = (1 + Math.sqrt(1 + 4 * t * t)) / 2;
      this.#reconstruct(this.#downAhead, this.#rightAhead);
      this.#step((t - 1) / next);
      t = next;
      if (iteration % CHECK_EVERY !== 0 && iteration !== iterations) continue;
      this.#reconstruct(this.#down, this.#right);
      // The energy is strongly convex: ½‖u − minimiser‖² is no more than the duality gap.
      if (Math.sqrt((2 * this.#dualityGap()) / plane.length) <= tolerance) break;
    }
    return this.#primal;
  }

  /** u = f − div of the given field. */
  #reconstruct(down: Float64Array, right: Float64Array): void {
    const { height, width } = this;
    const [image, primal] = [this.#image, this.#primal];
    for (let row = 0, i = 0; row < height; row++) {
      // The right-going parts are summed with the one before; beyond the last column there is none.
      let before = 0;
      for (let column = 0; column < width; column++, i++) {
        const beside = right[i] as number;
        let value = (image[i] as number) - (down[i] as number) - beside + before;
        before = beside;
        if (row > 0) value += down[i - width] as number;
        primal[i] = value;
      }
    }
  }

  /** One step of p from q, and the next q. */
  #step(momentum: number): void {
    const { height, width, weight } = this;
    const [primal, down, right] = [this.#primal, this.#down, this.#right];
    const [downAhead, rightAhead] = [this.#downAhead, this.#rightAhead];
    const square = weight * weight;
    for (let row = 0, i = 0; row < height; row++) {
      const below = row + 1 < height ? width : 0;
      for (let column = 0; column < width; column++, i++) {
        const value = primal[i] as number;
        const beside = column + 1 < width ? 1 : 0;
        let y = (downAhead[i] as number) - STEP * ((primal[i + below] as number) - value);
        let x = (rightAhead[i] as number) - STEP * ((primal[i + beside] as number) - value);
        const length = y * y + x * x;
        if (length > square) {
          const shrink = weight / Math.sqrt(length);
          y *= shrink;
          x *= shrink;
        }
        downAhead[i] = y + momentum * (y - (down[i] as number));
        rightAhead[i] = x + momentum * (x - (right[i] as number));
        down[i] = y;
        right[i] = x;
      }
    }
  }

  /** Energy of u less that of the dual, for u = f − div p: Σ weight · |∇u| + p·∇u. Never below 0. */
  #dualityGap(): number {
    const { height, width, weight } = this;
    const [primal, down, right] = [this.#primal, this.#down, this.#right];
    let gap = 0;
    for (let row = 0, i = 0; row < height; row++) {
      const below = row + 1 < height ? width : 0;
      for (let column = 0; column < width; column++, i++) {
        const dy = (primal[i + below] as number) - (primal[i] as number);
        const dx = (primal[column + 1 < width ? i + 1 : i] as number) - (primal[i] as number);
        gap += weight * Math.sqrt(dy * dy + dx * dx) + dy * (down[i] as number) + dx * (right[i] as number);
      }
    }
    return Math.max(gap, 0);
  }
}
