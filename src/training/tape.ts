import type { Random } from "../core/random.js";
import { GraphBuilder } from "./graph.js";

/** A value of the graph with its static shape. In inference graphs the first size, the batch, is DYNAMIC. */
export interface Variable {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The batch size of an inference graph: whatever it is given. (Reshape's -1 means the same.) */
export const DYNAMIC = -1;

/** A weight or bias that training changes. */
export interface Parameter extends Variable {
  /** Standard deviation of its initial values; 0 starts it at zero. */
  readonly deviation: number;
}

/** Adds the gradient of one input to what the input's other uses contributed. It is computed only where it is wanted. */
export type Accumulate = (input: Variable, gradient: () => string) => void;

interface Step {
  readonly output: Variable;
  readonly inputs: readonly Variable[];
  readonly backward: (gradient: string, accumulate: Accumulate) => void;
}

/**
 * Reverse-mode differentiation that writes a graph instead of numbers: each differentiable operator adds its forward
 * nodes and leaves on the tape how to add its backward nodes; `gradients` plays the tape backwards. The result is one
 * ordinary ONNX graph, which runs wherever ONNX runs.
 *
 * With `weights` the tape builds an inference graph: parameters are constants of those values.
 */
export class Tape {
  readonly graph: GraphBuilder;
  readonly parameters: Parameter[];
  readonly #steps: Step[];
  readonly #declared = new Map<string, Variable>();
  readonly #weights: ReadonlyMap<string, Float32Array> | null;
  readonly #whole: Tape | null;

  constructor(weights: ReadonlyMap<string, Float32Array> | null = null, whole: Tape | null = null) {
    this.graph = whole?.graph ?? new GraphBuilder();
    this.parameters = whole?.parameters ?? [];
    this.#steps = whole === null ? [] : whole.#steps;
    this.#weights = weights;
    this.#whole = whole;
  }

  /** This tape, to be written on with parameters of those names held constant. */
  frozen(weights: ReadonlyMap<string, Float32Array>): Tape {
    return new Tape(weights, this);
  }

  input(name: string, shape: readonly number[]): Variable {
    this.graph.input(
      name,
      shape.map((size) => (size === DYNAMIC ? "N" : size)),
    );
    return { name, shape };
  }

  /**
   * A parameter. Its initial values are normal with the given standard deviation. Asked for again under the same name,
   * it is the same parameter: a network that is applied twice is one network.
   */
  parameter(name: string, shape: readonly number[], deviation: number): Variable {
    const known = this.#declared.get(name);
    if (known !== undefined) {
      if (known.shape.join() !== shape.join())
        throw new Error(`parameter ${name} is ${known.shape.join("×")} here and ${shape.join("×")} there`);
      return known;
    }
    const declared = this.#declare(name, shape, deviation);
    this.#declared.set(name, declared);
    return declared;
  }

  /** A constant array. */
  constant(shape: readonly number[], data: Float32Array): Variable {
    if (data.length !== sizeOf(shape)) throw new Error(`a constant has ${data.length} values, not ${shape.join("×")}`);
    return { name: this.graph.array(shape, data), shape };
  }

  /** Declares the output of an operator on `inputs`. `backward` is played only where a gradient flows through it. */
  record(name: string, shape: readonly number[], inputs: readonly Variable[], backward: Step["backward"]): Variable {
    const output = { name, shape };
    this.#steps.push({ output, inputs, backward });
    return output;
  }

  /** Adds the backward pass of a scalar. Returns the names of its gradients by the `wanted` variables, and by others. */
  gradients(scalar: Variable, wanted: readonly Variable[] = this.parameters): ReadonlyMap<string, string> {
    const dependent = new Set(wanted.map(({ name }) => name));
    for (const { output, inputs } of this.#steps)
      if (inputs.some(({ name }) => dependent.has(name))) dependent.add(output.name);

    const gradients = new Map([[scalar.name, this.graph.scalar(1)]]);
    const accumulate: Accumulate = ({ name }, gradient) => {
      if (!dependent.has(name)) return;
      const other = gradients.get(name);
      gradients.set(name, other === undefined ? gradient() : this.graph.node("Add", [other, gradient()]));
    };
    for (const { output, backward } of this.#steps.toReversed()) {
      const gradient = gradients.get(output.name);
      if (gradient !== undefined && dependent.has(output.name)) backward(gradient, accumulate);
    }
    return gradients;
  }

  #declare(name: string, shape: readonly number[], deviation: number): Variable {
    const values = this.#weights?.get(name);
    if (values === undefined && this.#whole !== null) return this.#whole.parameter(name, shape, deviation);
    if (this.#weights === null) {
      const parameter: Parameter = { name: this.graph.input(name, shape), shape, deviation };
      this.parameters.push(parameter);
      return parameter;
    }
    if (values?.length !== sizeOf(shape))
      throw new Error(`parameter ${name} has no values of shape ${shape.join("×")}`);
    if (this.#whole !== null) return this.constant(shape, values);
    return { name: this.graph.initializer(name, shape, values), shape };
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
