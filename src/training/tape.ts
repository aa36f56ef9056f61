import type { Random } from "../core/random.js";
import { GraphBuilder } from "./graph.js";

/** A value of the graph with its static shape. In inference graphs the first size, the batch, is DYNAMIC. */
export interface Variable {
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether the loss is to be differentiated with respect to it. */
  readonly needsGradient: boolean;
}

/** The batch size of an inference graph: whatever it is given. (Reshape's -1 means the same.) */
export const DYNAMIC = -1;

/** A weight or bias that training changes. */
export interface Parameter extends Variable {
  /** Standard deviation of its initial values; 0 starts it at zero. */
  readonly deviation: number;
}

/** Adds the gradient of one input to what the input's other uses contributed. */
export type Accumulate = (input: Variable, gradient: string) => void;

interface Step {
  readonly output: Variable;
  readonly backward: (gradient: string, accumulate: Accumulate) => void;
}

/**
 * Reverse-mode differentiation that writes a graph instead of numbers: each differentiable operator adds its forward
 * nodes and leaves on the tape how to add its backward nodes; `gradients` plays the tape backwards. The result is one
 * ordinary ONNX graph, which runs wherever ONNX runs.
 *
 * With `weights` the tape builds an inference graph: parameters are constants of those values, and nothing needs a
 * gradient.
 */
export class Tape {
  readonly graph = new GraphBuilder();
  readonly parameters: Parameter[] = [];
  readonly #steps: Step[] = [];
  readonly #weights: ReadonlyMap<string, Float32Array> | null;

  constructor(weights: ReadonlyMap<string, Float32Array> | null = null) {
    this.#weights = weights;
  }

  input(name: string, shape: readonly number[], needsGradient = false): Variable {
    this.graph.input(
      name,
      shape.map((size) => (size === DYNAMIC ? "N" : size)),
    );
    return { name, shape, needsGradient };
  }

  /** Declares a parameter. Its initial values are normal with the given standard deviation. */
  parameter(name: string, shape: readonly number[], deviation: number): Variable {
    if (this.#weights === null) {
      const parameter: Parameter = { name: this.graph.input(name, shape), shape, needsGradient: true, deviation };
      this.parameters.push(parameter);
      return parameter;
    }
    const values = this.#weights.get(name);
    if (values?.length !== sizeOf(shape))
      throw new Error(`parameter ${name} has no values of shape ${shape.join("×")}`);
    return { name: this.graph.initializer(name, shape, values), shape, needsGradient: false };
  }

  /** Declares the output of an operator on `inputs`. `backward` is played only where one of them needs a gradient. */
  record(name: string, shape: readonly number[], inputs: readonly Variable[], backward: Step["backward"]): Variable {
    const output = { name, shape, needsGradient: inputs.some((input) => input.needsGradient) };
    if (output.needsGradient) this.#steps.push({ output, backward });
    return output;
  }

  /** Adds the backward pass of a scalar loss. Returns the gradient's name for every variable that needs one. */
  gradients(loss: Variable): ReadonlyMap<string, string> {
    const gradients = new Map([[loss.name, this.graph.scalar(1)]]);
    const accumulate: Accumulate = ({ name, needsGradient }, gradient) => {
      if (!needsGradient) return;
      const other = gradients.get(name);
      gradients.set(name, other === undefined ? gradient : this.graph.node("Add", [other, gradient]));
    };
    for (const { output, backward } of this.#steps.toReversed()) {
      const gradient = gradients.get(output.name);
      if (gradient !== undefined) backward(gradient, accumulate);
    }
    return gradients;
  }
}

/** Initial values of a tape's parameters, each from a stream of its own name. */
export function initialWeights(parameters: readonly Parameter[], random: Random): Map<string, Float32Array> {
  return new Map(
    parameters.map(({ name, shape, deviation }) => {
      const stream = random.fork(name);
      const values = new Float32Array(sizeOf(shape));
      if (deviation > 0) for (let i = 0; i < values.length; i++) values[i] = deviation * stream.normal();
      return [name, values];
    }),
  );
}

/** Number of values of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The four sizes of a batch of images or feature maps. */
export function imageShape({
  name,
  shape,
}: Variable): readonly [batch: number, channels: number, height: number, width: number] {
  const [batch, channels, height, width, ...rest] = shape;
  if (batch === undefined || channels === undefined || height === undefined || width === undefined || rest.length > 0)
    throw new Error(`${name} should have 4 axes, has shape ${shape.join("×")}`);
  return [batch, channels, height, width];
}

/** The two sizes of a batch of vectors. */
export function vectorShape({ name, shape }: Variable): readonly [batch: number, features: number] {
  const [batch, features, ...rest] = shape;
  if (batch === undefined || features === undefined || rest.length > 0)
    throw new Error(`${name} should have 2 axes, has shape ${shape.join("×")}`);
  return [batch, features];
}
