import * as ort from "onnxruntime-node";
import type { Random } from "../core/random.js";
import { addAdam, correctedRate, firstMoment, RATE, secondMoment, updated } from "./adam.js";
import { initialWeights, type Parameter, Tape, type Variable } from "./tape.js";

const LOSS = "loss";

/** A named batch for the graph's own inputs, such as images and targets. */
export type Batch = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;

/**
 * Trains by running one ONNX graph per step: forward pass, backward pass and Adam together. One thread and a fixed
 * order of operations make training repeat bit by bit on one machine and one version of onnxruntime.
 */
export class Trainer {
  readonly #session: ort.InferenceSession;
  readonly #parameters: readonly Parameter[];
  #state: Record<string, ort.Tensor>;
  #step = 0;

  private constructor(session: ort.InferenceSession, parameters: readonly Parameter[], random: Random) {
    this.#session = session;
    this.#parameters = parameters;
    this.#state = {};
    const weights = initialWeights(parameters, random);
    for (const { name, shape } of parameters) {
      const values = weights.get(name) ?? new Float32Array();
      this.#state[name] = new ort.Tensor("float32", values, shape);
      this.#state[firstMoment(name)] = new ort.Tensor("float32", new Float32Array(values.length), shape);
      this.#state[secondMoment(name)] = new ort.Tensor("float32", new Float32Array(values.length), shape);
    }
  }

  /** @param buildLoss adds the network and its loss to the tape, with inputs of a fixed batch size */
  static async create(buildLoss: (tape: Tape) => Variable, random: Random): Promise<Trainer> {
    const tape = new Tape();
    const loss = buildLoss(tape);
    tape.graph.output(LOSS, loss.name, []);
    addAdam(tape, tape.gradients(loss));
    const session = await ort.InferenceSession.create(tape.graph.encode("training step"), {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
    });
    return new Trainer(session, tape.parameters, random);
  }

  /** One step of Adam. Returns the loss before the step. */
  async step(batch: Batch, learningRate: number): Promise<number> {
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
