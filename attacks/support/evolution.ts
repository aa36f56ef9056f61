import type { Random } from "../../src/core/random.js";

/** Share of the last move that goes on in the next. */
const MOMENTUM = 0.9;

/**
 * Descent on slopes along random sign directions, an evolution strategy with antithetic pairs (Salimans et al. 2017)
 * that follows only the sign of each coordinate's estimate, as signSGD does: coordinates of very different slopes move
 * alike, which is what a box-shaped budget asks for.
 */
export class SignDescent {
  readonly position: Float64Array;
  readonly #momentum: Float64Array;

  /** @param limit Largest size of a coordinate. */
  constructor(
    dimension: number,
    readonly limit: number,
  ) {
    this.position = new Float64Array(dimension);
    this.#momentum = new Float64Array(dimension);
  }

  /** `count` directions of ±1 per coordinate, one after the other. */
  drawDirections(count: number, random: Random): Float64Array {
    return Float64Array.from({ length: count * this.position.length }, () => random.sign());
  }

  /**
   * One step of length `rate` in every coordinate.
   * @param slopes Objective at position + direction minus objective at position − direction, for each direction.
   */
  step(directions: Float64Array, slopes: Float64Array, rate: number): void {
    const dimension = this.position.length;
    for (let i = 0; i < dimension; i++) {
      let slope = 0;
      for (let k = 0; k < slopes.length; k++) {
        slope += (slopes[k] as number) * (directions[k * dimension + i] as number);
      }
      const momentum = MOMENTUM * (this.#momentum[i] as number) + slope / slopes.length;
      this.#momentum[i] = momentum;
      const moved = (this.position[i] as number) - rate * Math.sign(momentum);
      this.position[i] = Math.max(-this.limit, Math.min(this.limit, moved));
    }
  }
}
