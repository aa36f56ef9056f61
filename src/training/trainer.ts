import { setImmediate } from "node:timers/promises";
import * as ort from "onnxruntime-node";
import type { Random } from "../core/random.js";
import { addAdam, correctedRate, firstMoment, RATE, secondMoment, updated } from "./adam.js";
import type { Feeds, Weights } from "./network.js";
import { initialWeights, type Parameter, sizeOf, Tape, type Variable } from "./tape.js";

const LOSS = "loss";

/** Sums in one order: results repeat bit by bit. Constants that a program does not use are no reason to warn. */
export const ONE_THREAD = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 } as const;

/**
 * Trains by running one ONNX graph per step: forward pass, backward pass and Adam together. One thread and a fixed
 * order of operations make training repeat bit by bit on one machine and one version of onnxruntime.
 */
export class Trainer {
  readonly #session: ort.InferenceSession;
  readonly #parameters: readonly Parameter[];
  #state: Record<string, ort.Tensor>;
  #step = 0;

  private constructor(
    session: ort.InferenceSession,
    parameters: readonly Parameter[],
    random: Random,
    initial: Weights,
  ) {
    this.#session = session;
    this.#parameters = parameters;
    this.#state = {};
    const weights = initialWeights(parameters, random);
    for (const { name, shape } of parameters) {
      const values = initial.get(name) ?? weights.get(name);
      if (values?.length !== sizeOf(shape))
        throw new Error(`parameter ${name} cannot start from ${values?.length} values, being ${shape.join("×")}`);
      this.#state[name] = new ort.Tensor("float32", values, shape);
      this.#state[firstMoment(name)] = new ort.Tensor("float32", new Float32Array(values.length), shape);
      this.#state[secondMoment(name)] = new ort.Tensor("float32", new Float32Array(values.length), shape);
    }
  }

  /**
   * @param buildLoss adds the network and its loss to the tape, with inputs of a fixed batch size
   * @param initial starting values by name; parameters without one are drawn from `random`
   */
  static async create(
    buildLoss: (tape: Tape) => Variable,
    random: Random,
    initial: Weights = new Map(),
  ): Promise<Trainer> {
    const tape = new Tape();
    const loss = buildLoss(tape);
    tape.graph.output(LOSS, loss.name, []);
    addAdam(tape, tape.gradients(loss));
    const session = await ort.InferenceSession.create(tape.graph.encode("training step"), ONE_THREAD);
    return new Trainer(session, tape.parameters, random, initial);
  }

  /** One step of Adam. Returns the loss before the step. Between steps the event loop turns: a run holds it still. */
  async step(batch: Feeds, learningRate: number): Promise<number> {
    await setImmediate();
    this.#step += 1;
    const rate = Float32Array.of(correctedRate(learningRate, this.#step));
    const feeds: Record<string, ort.Tensor> = { ...this.#state, [RATE]: new ort.Tensor("float32", rate, []) };
    for (const [name, { shape, data }] of Object.entries(batch)) feeds[name] = new ort.Tensor("float32", data, shape);
    const results = await this.#session.run(feeds);
    this.#state = Object.fromEntries(Object.keys(this.#state).map((name) => [name, tensorOf(results, updated(name))]));
    return Number(tensorOf(results, LOSS).data[0]);
  }

  /** The parameters' current values, by name. */
  weights(): Map<string, Float32Array> {
    return new Map(this.#parameters.map(({ name }) => [name, tensorOf(this.#state, name).data as Float32Array]));
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

function tensorOf(tensors: Readonly<Record<string, ort.Tensor>>, name: string): ort.Tensor {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`the training graph has no ${name}`);
  return tensor;
}
