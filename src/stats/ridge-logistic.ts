// Logistic regression with an L2 penalty on many features: Newton's method, its steps by conjugate gradients, so that no
// matrix of features × features is ever made (Lin, Weng & Keerthi, JMLR 9 (2008) 627).
import { StepwedgeError } from "../core/errors.js";
import type { VectorSet } from "./neighbours.js";

export interface RidgeLogisticOptions {
  /** Weight of the penalty ½ l2 ‖w‖² beside the sum of the samples' losses; scikit-learn's C is 1 / l2. Greater than 0. */
  readonly l2: number;
  /** Features are centred and divided by their standard deviation over the samples, so that the penalty weighs them alike. */
  readonly standardise: boolean;
  /** How messages call the fit. */
  readonly where: string;
}

/** The fitted model: logit[k] = intercept[k] + Σ weights[k, d] (x[d] − mean[d]) / scale[d]. */
export interface RidgeLogistic {
  /** Rows of weights: 1 of two classes (the logit of the second), else one for each class of a softmax. */
  readonly outputs: number;
  readonly width: number;
  /** outputs × width. */
  readonly weights: Float64Array;
  readonly intercepts: Float64Array;
  readonly mean: Float64Array;
  readonly scale: Float64Array;
  readonly iterations: number;
}

/** Ends where no derivative of the mean objective is greater than this. */
export const GRADIENT_TOLERANCE = 1e-9;
const MOST_ITERATIONS = 200;
const MOST_CG_STEPS = 2000;
const SUFFICIENT_DECREASE = 1e-4;
const MOST_HALVINGS = 40;

/**
 * Fits samples `rows` of `features` to `targets` (aligned with `rows`).
 * @param outputs 1: targets are 0 or 1, the loss is that of a sigmoid. K > 1: targets are 0 … K − 1, the loss that of a softmax.
 * @throws StepwedgeError where it does not converge
 */
export function fitRidgeLogistic(
  features: VectorSet,
  rows: Int32Array,
  targets: ArrayLike<number>,
  outputs: number,
  options: RidgeLogisticOptions,
): RidgeLogistic {
  const { width } = features;
  const { mean, scale } = standardisation(features, rows, options.standardise);
  const problem = new Problem(features, rows, targets, outputs, options.l2, mean, scale);
  const point = new Float64Array(outputs * (width + 1));
  let state = problem.evaluate(point);
  let iterations = 0;
  while (largest(state.gradient) > GRADIENT_TOLERANCE * rows.length) {
    if (iterations++ === MOST_ITERATIONS) throw unconverged(options, largest(state.gradient) / rows.length);
    const direction = newtonDirection(problem, state);
    const slope = inner(direction, state.gradient);
    let step = 1;
    let next = problem.evaluate(moved(point, direction, step));
    // Near the optimum the objective's last digits cannot show a decrease any more: there the whole step is right.
    const noise = 1e-12 * Math.abs(state.value);
    for (let half = 0; next.value > state.value + SUFFICIENT_DECREASE * step * slope + noise; half++) {
      if (half === MOST_HALVINGS) throw unconverged(options, largest(state.gradient) / rows.length);
      step /= 2;
      next = problem.evaluate(moved(point, direction, step));
    }
    point.set(moved(point, direction, step));
    state = next;
  }
  return {
    outputs,
    width,
    weights: point.slice(0, outputs * width),
    intercepts: point.slice(outputs * width),
    mean,
    scale,
    iterations,
  };
}

/** Logits of all vectors, `values[row * outputs + output]`. */
export function logitsOf(vectors: VectorSet, model: Omit<RidgeLogistic, "iterations">): Float64Array {
  const { intercepts, mean, outputs, scale, weights, width } = model;
  const logits = new Float64Array(vectors.count * outputs);
  const centred = new Float64Array(width);
  for (let row = 0; row < vectors.count; row++) {
    for (let d = 0; d < width; d++) {
      centred[d] = ((vectors.values[row * width + d] as number) - (mean[d] as number)) / (scale[d] as number);
    }
    for (let k = 0; k < outputs; k++) {
      let sum = intercepts[k] as number;
      for (let d = 0; d < width; d++) sum += (weights[k * width + d] as number) * (centred[d] as number);
      logits[row * outputs + k] = sum;
    }
  }
  return logits;
}

/** Mean and standard deviation (over n) of each feature; a feature that does not vary is only centred. */
function standardisation({ values, width }: VectorSet, rows: Int32Array, wanted: boolean) {
  const mean = new Float64Array(width);
  const scale = new Float64Array(width).fill(1);
  if (!wanted) return { mean, scale };
  const squares = new Float64Array(width);
  for (const row of rows) {
    for (let d = 0; d < width; d++) mean[d] = (mean[d] as number) + (values[row * width + d] as number);
  }
  for (let d = 0; d < width; d++) mean[d] = (mean[d] as number) / rows.length;
  for (const row of rows) {
    for (let d = 0; d < width; d++) {
      const off = (values[row * width + d] as number) - (mean[d] as number);
      squares[d] = (squares[d] as number) + off * off;
    }
  }
  for (let d = 0; d < width; d++) {
    const deviation = Math.sqrt((squares[d] as number) / rows.length);
    // What the rounding of float32 makes is no variation.
    scale[d] = deviation > 1e-6 * Math.abs(mean[d] as number) ? deviation : 1;
  }
  return { mean, scale };
}

/** Objective and derivatives at a point, with the probabilities that second derivatives need. */
interface State {
  readonly value: number;
  readonly gradient: Float64Array;
  /** samples × outputs. */
  readonly probabilities: Float64Array;
}

/** Points are outputs × width weights, then the intercepts, all of standardised features. */
class Problem {
  readonly size: number;

  constructor(
    readonly features: VectorSet,
    readonly rows: Int32Array,
    readonly targets: ArrayLike<number>,
    readonly outputs: number,
    readonly l2: number,
    readonly mean: Float64Array,
    readonly scale: Float64Array,
  ) {
    this.size = outputs * (features.width + 1);
  }

  evaluate(point: Float64Array): State {
    const { outputs, targets } = this;
    const logits = this.forward(point);
    let value = 0;
    const residuals = new Float64Array(logits.length);
    for (let i = 0; i < this.rows.length; i++) {
      const target = targets[i] as number;
      value += outputs === 1 ? sigmoidLoss(logits, i, target) : softmaxLoss(logits, i, outputs, target);
      for (let k = 0; k < outputs; k++) {
        const hit = outputs === 1 ? target : Number(k === target);
        residuals[i * outputs + k] = (logits[i * outputs + k] as number) - hit;
      }
    }
    const gradient = this.backward(residuals);
    value += this.#penalise(point, gradient);
    return { value, gradient, probabilities: logits };
  }

  /** The second derivatives at the state, times a direction. */
  curvature({ probabilities }: State, direction: Float64Array): Float64Array {
    const { outputs } = this;
    const changes = this.forward(direction);
    for (let i = 0; i < this.rows.length; i++) {
      if (outputs === 1) {
        const p = probabilities[i] as number;
        changes[i] = (changes[i] as number) * p * (1 - p);
        continue;
      }
      let mean = 0;
      for (let k = 0; k < outputs; k++) {
        mean += (probabilities[i * outputs + k] as number) * (changes[i * outputs + k] as number);
      }
      for (let k = 0; k < outputs; k++) {
        const at = i * outputs + k;
        changes[at] = (probabilities[at] as number) * ((changes[at] as number) - mean);
      }
    }
    const product = this.backward(changes);
    this.#penalise(direction, product);
    return product;
  }

  /** Adds the penalty's derivative; returns the penalty. Intercepts bear none. */
  #penalise(point: Float64Array, out: Float64Array): number {
    let sum = 0;
    for (let at = 0; at < this.outputs * this.features.width; at++) {
      const weight = point[at] as number;
      sum += weight * weight;
      out[at] = (out[at] as number) + this.l2 * weight;
    }
    return (this.l2 / 2) * sum;
  }

  /** Logits of the samples: the standardisation is folded into the weights, and no copy of the features is made. */
  forward(point: Float64Array): Float64Array {
    const { features, mean, outputs, rows, scale } = this;
    const { values, width } = features;
    const logits = new Float64Array(rows.length * outputs);
    const folded = new Float64Array(width);
    for (let k = 0; k < outputs; k++) {
      let shift = point[outputs * width + k] as number;
      for (let d = 0; d < width; d++) {
        folded[d] = (point[k * width + d] as number) / (scale[d] as number);
        shift -= (folded[d] as number) * (mean[d] as number);
      }
      for (let i = 0; i < rows.length; i++) {
        const from = (rows[i] as number) * width;
        let sum = shift;
        for (let d = 0; d < width; d++) sum += (values[from + d] as number) * (folded[d] as number);
        logits[i * outputs + k] = sum;
      }
    }
    return logits;
  }

  /** The derivative by the point, of the derivatives by the logits. */
  backward(residuals: Float64Array): Float64Array {
    const { features, mean, outputs, rows, scale } = this;
    const { values, width } = features;
    const out = new Float64Array(this.size);
    for (let k = 0; k < outputs; k++) {
      const own = out.subarray(k * width, (k + 1) * width);
      let total = 0;
      for (let i = 0; i < rows.length; i++) {
        const residual = residuals[i * outputs + k] as number;
        total += residual;
        const from = (rows[i] as number) * width;
        for (let d = 0; d < width; d++) own[d] = (own[d] as number) + residual * (values[from + d] as number);
      }
      for (let d = 0; d < width; d++)
        own[d] = ((own[d] as number) - total * (mean[d] as number)) / (scale[d] as number);
      out[outputs * width + k] = total;
    }
    return out;
  }
}

/** −log of the target's probability; the logit gives way to the probability. */
function sigmoidLoss(logits: Float64Array, i: number, target: number): number {
  const z = logits[i] as number;
  const tail = Math.exp(-Math.abs(z));
  logits[i] = z >= 0 ? 1 / (1 + tail) : tail / (1 + tail);
  return Math.log1p(tail) + Math.max(z, 0) - target * z;
}

function softmaxLoss(logits: Float64Array, i: number, outputs: number, target: number): number {
  const row = logits.subarray(i * outputs, (i + 1) * outputs);
  let most = Number.NEGATIVE_INFINITY;
  for (const z of row) most = Math.max(most, z);
  const hit = row[target] as number;
  let sum = 0;
  for (let k = 0; k < outputs; k++) {
    row[k] = Math.exp((row[k] as number) - most);
    sum += row[k] as number;
  }
  for (let k = 0; k < outputs; k++) row[k] = (row[k] as number) / sum;
  return Math.log(sum) + most - hit;
}

/** Newton's step, solved as exactly as the distance from the optimum is worth (Nocedal & Wright, Numerical Optimization, 7.1). */
function newtonDirection(problem: Problem, state: State): Float64Array {
  const norm = Math.sqrt(inner(state.gradient, state.gradient));
  const enough = norm * Math.min(0.1, Math.sqrt(norm / Math.max(1, problem.rows.length)));
  const step = new Float64Array(problem.size);
  const residual = state.gradient.map((value) => -value);
  const direction = residual.slice();
  let square = inner(residual, residual);
  for (let i = 0; i < MOST_CG_STEPS && Math.sqrt(square) > enough; i++) {
    const image = problem.curvature(state, direction);
    const bend = inner(direction, image);
    if (bend <= 0) break;
    const length = square / bend;
    for (let at = 0; at < step.length; at++) {
      step[at] = (step[at] as number) + length * (direction[at] as number);
      residual[at] = (residual[at] as number) - length * (image[at] as number);
    }
    const next = inner(residual, residual);
    for (let at = 0; at < step.length; at++) {
      direction[at] = (residual[at] as number) + (next / square) * (direction[at] as number);
    }
    square = next;
  }
  return step;
}

function moved(point: Float64Array, direction: Float64Array, step: number): Float64Array {
  return point.map((value, at) => value + step * (direction[at] as number));
}

function inner(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number);
  return sum;
}

function largest(values: Float64Array): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}

function unconverged({ where }: RidgeLogisticOptions, gradient: number): StepwedgeError {
  return new StepwedgeError(
    `logistic regression did not converge: the largest derivative is ${gradient.toExponential(1)}, wanted ${GRADIENT_TOLERANCE}`,
    { where, remedy: "Raise l2, or set standardise: true." },
  );
}
