// TensorFlow.js behind the interface that networks are trained by. It is the slower of the two backends on a CPU, and the
// one that runs on a GPU where tfjs-node-gpu is installed.
import { setImmediate } from "node:timers/promises";
import type { Tensor } from "@tensorflow/tfjs";
import type { Random } from "../core/random.js";
import type {
  Feeds,
  ImportedNetwork,
  LossProgram,
  NetworkRunner,
  NetworkTrainer,
  Program,
  TrainingBackend,
  Weights,
} from "./network.js";
import { type GraphParameter, ProgramGraph, sizeOf, type Value } from "./tfjs-graph.js";
import { operatorsOf } from "./tfjs-operators.js";
import { type Tensorflow, tensorflow } from "../tfjs/runtime.js";

type Models = ReadonlyMap<string, ImportedNetwork>;

/**
 * The backend on whatever TensorFlow.js this process has.
 * @param models loaded models that programs may apply by name (`Operators.imported`)
 */
export async function tfjsBackend(models: Models = new Map()): Promise<TrainingBackend> {
  const { tf, id } = await tensorflow();
  return {
    id,
    trainer: async (program, random, initial) => new Trainer(tf, program, random, initial ?? new Map(), models),
    runner: async (program, weights) => new Runner(tf, program, weights, models),
  };
}

/** Adam's constants and its rate with both bias corrections (Kingma and Ba, ICLR 2015, section 2). */
const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-7;
const correctedRate = (rate: number, step: number): number =>
  (rate * Math.sqrt(1 - BETA_2 ** step)) / (1 - BETA_1 ** step);

/** A parameter with Adam's two moments. */
interface State {
  value: Tensor;
  first: Tensor;
  second: Tensor;
}

class Trainer implements NetworkTrainer {
  readonly #graph: ProgramGraph;
  readonly #loss: Value;
  readonly #states: Map<GraphParameter, State>;
  #step = 0;

  constructor(
    readonly tf: Tensorflow,
    program: LossProgram,
    random: Random,
    initial: Weights,
    models: Models,
  ) {
    this.#graph = new ProgramGraph(tf, null, models);
    this.#loss = program(operatorsOf(this.#graph));
    const [stray] = this.#graph.untouched(this.#loss);
    if (stray !== undefined) throw new Error(`the loss does not depend on ${stray.name}`);
    this.#states = new Map(
      this.#graph.parameters.map((parameter) => {
        const shape = [...parameter.shape];
        const value = tf.tensor(initialValues(parameter, random, initial), shape, "float32");
        return [parameter, { value, first: tf.zeros(shape), second: tf.zeros(shape) }];
      }),
    );
  }

  async step(feeds: Feeds, learningRate: number): Promise<number> {
    // TensorFlow.js computes on this thread: without a pause between two steps nobody could interrupt a training.
    await setImmediate();
    this.#step += 1;
    const rate = correctedRate(learningRate, this.#step);
    const { tf } = this;
    const states = [...this.#states.values()];
    const loss = tf.tidy(() => {
      const given = tensorsOf(this.#graph, feeds);
      for (const [parameter, { value }] of this.#states) given.set(parameter.index, value);
      const { value, grads } = tf.engine().gradients(
        () => this.#graph.evaluate([this.#loss], given)[0] as Tensor,
        states.map((state) => state.value),
      );
      for (const [index, state] of states.entries()) this.#update(state, grads[index] as Tensor, rate);
      return value.dataSync()[0] as number;
    });
    return loss;
  }

  #update(state: State, gradient: Tensor, rate: number): void {
    const { tf } = this;
    const blend = (old: Tensor, fresh: Tensor, beta: number) => tf.add(tf.mul(old, beta), tf.mul(fresh, 1 - beta));
    const first = blend(state.first, gradient, BETA_1);
    const second = blend(state.second, tf.square(gradient), BETA_2);
    const change = tf.div(tf.mul(first, rate), tf.add(tf.sqrt(second), EPSILON));
    const value = tf.sub(state.value, change);
    tf.dispose([state.value, state.first, state.second]);
    Object.assign(state, { value: tf.keep(value), first: tf.keep(first), second: tf.keep(second) });
  }

  async weights(): Promise<Map<string, Float32Array>> {
    return new Map([...this.#states].map(([{ name }, { value }]) => [name, numbersOf(value)]));
  }

  async close(): Promise<void> {
    for (const { value, first, second } of this.#states.values()) this.tf.dispose([value, first, second]);
    this.#states.clear();
    this.#graph.close();
  }
}

class Runner implements NetworkRunner {
  readonly #graph: ProgramGraph;
  readonly #outputs: Readonly<Record<string, Value>>;

  constructor(
    readonly tf: Tensorflow,
    program: Program,
    weights: Weights,
    models: Models,
  ) {
    this.#graph = new ProgramGraph(tf, weights, models);
    this.#outputs = program(operatorsOf(this.#graph));
  }

  async run(feeds: Feeds): Promise<Readonly<Record<string, Float32Array>>> {
    await setImmediate();
    const { tf } = this;
    const outputs = Object.values(this.#outputs);
    const arrays = tf.tidy(() => {
      const tensors = this.#graph.evaluate(outputs, tensorsOf(this.#graph, feeds));
      return tensors.map((tensor) => numbersOf(tensor.rank === 4 ? tf.transpose(tensor, [0, 3, 1, 2]) : tensor));
    });
    return Object.fromEntries(Object.keys(this.#outputs).map((name, index) => [name, arrays[index] as Float32Array]));
  }

  async close(): Promise<void> {
    this.#graph.close();
  }
}

/** Given values, or normal ones from a stream of the parameter's name. */
function initialValues({ name, shape, deviation }: GraphParameter, random: Random, initial: Weights): Float32Array {
  const given = initial.get(name);
  if (given !== undefined) {
    if (given.length !== sizeOf(shape)) throw new Error(`parameter ${name} is not of shape ${shape.join("×")}`);
    return given;
  }
  const stream = random.fork(name);
  const values = new Float32Array(sizeOf(shape));
  if (deviation > 0) for (let i = 0; i < values.length; i++) values[i] = deviation * stream.normal();
  return values;
}

/** The fed batches as tensors, by the index of their input. */
function tensorsOf(graph: ProgramGraph, feeds: Feeds): Map<number, Tensor> {
  const { tf } = graph;
  return new Map(
    graph.inputs.map(({ name, shape, index }) => {
      const feed = feeds[name];
      if (feed === undefined) throw new Error(`input ${name} was not fed`);
      if (feed.shape.join() !== shape.join())
        throw new Error(`input ${name} is of shape ${shape.join("×")}, was fed ${feed.shape.join("×")}`);
      const tensor = tf.tensor(feed.data, [...shape], "float32");
      return [index, shape.length === 4 ? tf.transpose(tensor, [0, 2, 3, 1]) : tensor];
    }),
  );
}

/** A copy: what TensorFlow.js hands out may be memory of its own. */
function numbersOf(tensor: Tensor): Float32Array {
  return Float32Array.from(tensor.dataSync());
}
