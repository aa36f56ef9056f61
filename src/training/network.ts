import type { Random } from "../core/random.js";

/*
 * Networks and losses are written once, in the words of `Operators`; a backend (an ONNX graph run by onnxruntime, or
 * TensorFlow.js) gives them meaning. Shapes are static and in the order N×C×H×W, N×F or [] (a scalar), whatever order
 * the backend prefers inside.
 */

/** A constant real matrix, row by row. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array;
}

/** Weights by parameter name, in the shapes that `Operators` states: conv2d out×in×k×k, dense in×out, biases out. */
export type Weights = ReadonlyMap<string, Float32Array>;

/** The differentiable operators. `V` is the backend's value: a name in a graph, or a tensor. */
export interface Operators<V> {
  shapeOf(x: V): readonly number[];

  // Where values come from.
  /** A named input of the program, fed at every step. */
  input(name: string, shape: readonly number[]): V;
  /**
   * A trained array, initially normal with the given standard deviation (0: zeros). The same name asked for again is the
   * same array, here and in `conv2d` and `dense`: a network that is applied twice is one network.
   */
  parameter(name: string, shape: readonly number[], deviation: number): V;
  constant(shape: readonly number[], data: Float32Array): V;
  /** The same operators, but every parameter whose name is in `weights` is a constant of that value. */
  frozen(weights: Weights): Operators<V>;
  /** The value, through which no gradient flows. */
  stopGradient(x: V): V;

  // Images, N×C×H×W.
  /**
   * k × k convolution (k odd) with bias; zero padding ⌊k/2⌋ on every side, stride 1 or 2 (sizes are halved, rounded up).
   * Weights start normal with `gain` (default 1) times He's deviation √(2 / (inputs k²)).
   */
  conv2d(
    x: V,
    name: string,
    outputs: number,
    kernel: number,
    options?: { readonly stride?: 1 | 2; readonly gain?: number },
  ): V;
  /** Largest or mean value of each 2 × 2 window; sides must be even. */
  maxPool2(x: V): V;
  averagePool2(x: V): V;
  /** Every pixel twice in both directions. */
  upsample2(x: V): V;
  /** left · plane · rightᵀ for every plane: any separable linear map, such as a wavelet synthesis or a resize. */
  sandwich(x: V, left: Matrix, right: Matrix): V;
  concatenate(...parts: readonly V[]): V;
  /** Channels `from` (inclusive) to `to` (exclusive). */
  channels(x: V, from: number, to: number): V;
  globalAveragePool(x: V): V;
  globalMaxPool(x: V): V;

  // Vectors, N×F.
  /** x W + b, He-like initialisation √(1/features). */
  dense(x: V, name: string, outputs: number): V;

  // Element by element. Two operands have one shape, or the second has size 1 in some axes and is repeated along them.
  relu(x: V): V;
  leakyRelu(x: V, slope: number): V;
  tanh(x: V): V;
  sigmoid(x: V): V;
  /** log softmax over the features of N×F vectors. */
  logSoftmax(x: V): V;
  /** log(1 + exp(x)), stable. */
  softplus(x: V): V;
  abs(x: V): V;
  /** √(x + floor), for x ≥ 0; the floor keeps the gradient finite. */
  sqrt(x: V, floor: number): V;
  /** log(x + floor), for x ≥ 0. */
  log(x: V, floor: number): V;
  /** scale · x + shift */
  affine(x: V, scale: number, shift: number): V;
  add(a: V, b: V): V;
  subtract(a: V, b: V): V;
  multiply(a: V, b: V): V;
  divide(a: V, b: V): V;
  /** −1, 0 or 1; its gradient is zero. */
  sign(x: V): V;
  /** Within [low, high]; the gradient passes inside and is zero outside. */
  clip(x: V, low: number, high: number): V;

  // Reductions.
  /** Mean of all values: a scalar. */
  mean(x: V): V;
  /** Sum, and largest value, of each image or vector: N×1 (N×1×1×1 for images, so that it can be multiplied back). */
  sumPerImage(x: V): V;
  maxPerImage(x: V): V;
  /**
   * The gradient of a scalar with respect to a value that it was computed from, itself a constant (no second order): for
   * examples that are made within a step, and for gradients as a program's output.
   */
  gradient(scalar: V, by: V): V;
  /**
   * A model that was loaded beside the program, applied to images: the maps of its early layers, and a margin per class.
   * Only the backend that was opened with such models has it.
   */
  imported?(model: string, images: V): { readonly features: readonly V[]; readonly margins: V };
}

/** A loaded model as a backend applies it. Its tensors are the backend's own, of N×H×W×C. */
export interface ImportedNetwork {
  /** Numbers that it answers per image. */
  readonly outputs: number;
  /** Channels, height and width of each early layer's maps. */
  readonly featureShapes: readonly (readonly [channels: number, height: number, width: number])[];
  answer(batch: unknown): { readonly features: readonly unknown[]; readonly margins: unknown };
}

/** A network with its loss (a scalar). Inputs, parameters and outputs of a program have different names. */
export type LossProgram = <V>(ops: Operators<V>) => V;
/** A network with named outputs. */
export type Program = <V>(ops: Operators<V>) => Readonly<Record<string, V>>;

/** A named batch for a program's inputs. */
export type Feeds = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;

/** Adam on the mean loss of a batch. One thread, a fixed order of sums: a training repeats bit by bit on one machine. */
export interface NetworkTrainer {
  /** One step of Adam; returns the loss before it. */
  step(feeds: Feeds, learningRate: number): Promise<number>;
  /** The parameters' current values. */
  weights(): Promise<Map<string, Float32Array>>;
  close(): Promise<void>;
}

/** A trained network, ready to be asked. */
export interface NetworkRunner {
  run(feeds: Feeds): Promise<Readonly<Record<string, Float32Array>>>;
  close(): Promise<void>;
}

/** What runs programs. The first size of every input, the batch, is fixed by the program. */
export interface TrainingBackend {
  readonly id: "onnx" | "tfjs-wasm" | "tfjs-node" | "tfjs-node-gpu" | "tfjs-cpu";
  /** @param initial Starting values by name; parameters without one are drawn from `random`. */
  trainer(program: LossProgram, random: Random, initial?: Weights): Promise<NetworkTrainer>;
  runner(program: Program, weights: Weights): Promise<NetworkRunner>;
}
