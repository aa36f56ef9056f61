import type { Tensor } from "@tensorflow/tfjs";
import type { ImportedNetwork, Weights } from "./network.js";
import type { Tensorflow } from "../tfjs/runtime.js";

/** A value of a program: its place in the graph, and its shape as the program sees it (N×C×H×W, N×F or []). */
export interface Value {
  readonly index: number;
  readonly shape: readonly number[];
}

/** A trained array; its tensor has the shape of the program's words, and `deviation` is that of its initial values. */
export interface GraphParameter extends Value {
  readonly name: string;
  readonly deviation: number;
}

export interface GraphInput extends Value {
  readonly name: string;
}

/** From the tensors of all values so far to the tensor of this one. */
type Compute = (values: Tensors) => Tensor;
type Tensors = (Tensor | undefined)[];

interface Node extends Value {
  /** Values that must be known first. */
  readonly needs: readonly Value[];
  /** Values through which a gradient flows to this one. */
  readonly follows: readonly Value[];
  /** Null for values that are given: inputs, parameters, constants. */
  readonly compute: Compute | null;
}

/**
 * What a program computes, written down once and evaluated at every step by TensorFlow.js, which differentiates it. A
 * gradient inside a program is an evaluation of part of the graph under a gradient of TensorFlow's own.
 */
export class ProgramGraph {
  readonly inputs: GraphInput[] = [];
  readonly parameters: GraphParameter[] = [];
  readonly #nodes: Node[] = [];
  readonly #constants = new Map<number, Tensor>();

  constructor(
    readonly tf: Tensorflow,
    /** Given for programs that are run and not trained: the parameters are constants. */
    readonly weights: Weights | null,
    /** Models that programs may apply by name. */
    readonly models: ReadonlyMap<string, ImportedNetwork> = new Map(),
  ) {}

  input(name: string, shape: readonly number[]): Value {
    const input = { ...this.#add(shape, [], [], null), name };
    this.inputs.push(input);
    return input;
  }

  constant(shape: readonly number[], data: Float32Array): Value {
    const value = this.#add(shape, [], [], null);
    this.#constants.set(value.index, this.tf.tensor(data, [...shape], "float32"));
    return value;
  }

  /** A parameter, or a constant where `weights` has its values. A name that comes again is the same parameter. */
  parameter(name: string, shape: readonly number[], deviation: number, weights = this.weights): Value {
    if (weights !== null) {
      const data = weights.get(name);
      if (data?.length !== sizeOf(shape))
        throw new Error(`parameter ${name} has no values of shape ${shape.join("×")}`);
      return this.constant(shape, data);
    }
    const known = this.parameters.find((parameter) => parameter.name === name);
    if (known !== undefined) {
      if (known.shape.join() === shape.join()) return known;
      throw new Error(`parameter ${name} is of shape ${known.shape.join("×")} and of shape ${shape.join("×")}`);
    }
    const parameter = { ...this.#add(shape, [], [], null), name, deviation };
    this.parameters.push(parameter);
    return parameter;
  }

  /** The result of an operator on `operands`. */
  operator(
    shape: readonly number[],
    operands: readonly Value[],
    compute: (...tensors: readonly Tensor[]) => Tensor,
  ): Value {
    return this.#add(shape, operands, operands, (values) => compute(...operands.map((value) => known(values, value))));
  }

  /** As `operator`, but no gradient flows through it. */
  barrier(
    shape: readonly number[],
    operands: readonly Value[],
    compute: (...tensors: readonly Tensor[]) => Tensor,
  ): Value {
    return this.#add(shape, operands, [], (values) =>
      detached(this.tf, compute(...operands.map((value) => known(values, value)))),
    );
  }

  /** d scalar / d by, itself a constant. */
  gradient(scalar: Value, by: Value): Value {
    if (scalar.shape.length > 0) throw new Error(`the gradient is taken of a scalar, not of ${scalar.shape.join("×")}`);
    const moved = this.#dependents(by);
    if (!moved.has(scalar.index)) throw new Error("a gradient was asked for by a value that the scalar does not use");
    // What does not change with `by` is computed once, outside.
    const given = this.#ancestors([scalar]).filter((node) => !moved.has(node.index));
    return this.#add(by.shape, [by, ...given], [], (values) => {
      const { tf } = this;
      const at = known(values, by);
      const evaluate = (x: Tensor) => {
        const local = values.map((tensor, index) => (moved.has(index) ? undefined : tensor));
        local[by.index] = x;
        return known(this.#compute([scalar], local), scalar);
      };
      const x = detached(tf, at);
      const [found] = tf.engine().gradients(() => evaluate(x), [x], undefined, true).grads;
      return found === undefined ? tf.zerosLike(at) : detached(tf, found);
    });
  }

  /** The tensors of `outputs`. `given` holds those of inputs and parameters, by index. Call it within `tf.tidy`. */
  evaluate(outputs: readonly Value[], given: ReadonlyMap<number, Tensor>): Tensor[] {
    const values: Tensors = new Array(this.#nodes.length).fill(undefined);
    for (const [index, tensor] of [...this.#constants, ...given]) values[index] = tensor;
    this.#compute(outputs, values);
    return outputs.map((output) => known(values, output));
  }

  /** The parameters from which no gradient flows to a value. */
  untouched(value: Value): GraphParameter[] {
    const reached = new Set<number>([value.index]);
    for (const node of this.#nodes.toReversed()) {
      if (reached.has(node.index)) for (const { index } of node.follows) reached.add(index);
    }
    return this.parameters.filter(({ index }) => !reached.has(index));
  }

  close(): void {
    for (const tensor of this.#constants.values()) tensor.dispose();
    this.#constants.clear();
  }

  #add(shape: readonly number[], needs: readonly Value[], follows: readonly Value[], compute: Compute | null): Value {
    const node: Node = { index: this.#nodes.length, shape, needs, follows, compute };
    this.#nodes.push(node);
    return node;
  }

  /** Fills in what `outputs` need; values that are there already stay. */
  #compute(outputs: readonly Value[], values: Tensors): Tensors {
    for (const node of this.#ancestors(outputs, values)) {
      if (values[node.index] !== undefined) continue;
      if (node.compute === null) throw new Error(`value ${node.index} was not given`);
      values[node.index] = node.compute(values);
    }
    return values;
  }

  /** `values` and all that they need, in the graph's order; not beyond those that are known. */
  #ancestors(values: readonly Value[], known: Tensors = []): Node[] {
    const needed = new Set(values.map(({ index }) => index));
    for (const node of this.#nodes.toReversed()) {
      if (!needed.has(node.index) || known[node.index] !== undefined) continue;
      for (const { index } of node.needs) needed.add(index);
    }
    return this.#nodes.filter(({ index }) => needed.has(index));
  }

  /** A value and all that changes with it. */
  #dependents(value: Value): ReadonlySet<number> {
    const moved = new Set([value.index]);
    for (const node of this.#nodes) if (node.needs.some(({ index }) => moved.has(index))) moved.add(node.index);
    return moved;
  }
}

function known(values: Tensors, { index }: Value): Tensor {
  const tensor = values[index];
  if (tensor === undefined) throw new Error(`value ${index} is not known yet`);
  return tensor;
}

/** The same numbers as a tensor that no gradient knows of. Nothing is copied. */
function detached(tf: Tensorflow, { dataId, shape, dtype }: Tensor): Tensor {
  const tensor = tf.engine().makeTensorFromDataId(dataId, shape, dtype);
  tf.backend().incRef(dataId);
  return tensor;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
