import { setImmediate } from "node:timers/promises";
import * as ort from "onnxruntime-node";
import * as elementwise from "./elementwise.js";
import type { Feeds, NetworkRunner, Operators, Program, TrainingBackend, Weights } from "./network.js";
import * as maps from "./operators.js";
import { Tape, type Variable } from "./tape.js";
import { ONE_THREAD, Trainer } from "./trainer.js";

/**
 * Programs as ONNX graphs, run by onnxruntime: a training step (forward pass, backward pass, Adam) is one graph, and so
 * is an inference. One thread and a fixed order of operations make results repeat bit by bit on one machine.
 */
export const onnxBackend: TrainingBackend = {
  id: "onnx",

  async trainer(program, random, initial) {
    const trainer = await Trainer.create((tape) => program(onnxOperators(tape)), random, initial);
    return {
      step: (feeds, learningRate) => trainer.step(feeds, learningRate),
      weights: async () => trainer.weights(),
      close: () => trainer.close(),
    };
  },

  async runner(program, weights) {
    const session = await ort.InferenceSession.create(encodeProgram(program, weights), ONE_THREAD);
    return new OnnxRunner(session);
  },
};

/** A program with its weights as the bytes of an .onnx file. */
export function encodeProgram(program: Program, weights: Weights, name = "program", description = ""): Uint8Array {
  const tape = new Tape(weights);
  for (const [output, value] of Object.entries(program(onnxOperators(tape))))
    tape.graph.output(output, value.name, value.shape);
  return tape.graph.encode(name, description);
}

class OnnxRunner implements NetworkRunner {
  readonly #session: ort.InferenceSession;

  constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  async run(feeds: Feeds): Promise<Readonly<Record<string, Float32Array>>> {
    await setImmediate(); // a run holds the event loop still
    const tensors = Object.entries(feeds).map(
      ([name, { shape, data }]) => [name, new ort.Tensor("float32", data, shape)] as const,
    );
    const results = await this.#session.run(Object.fromEntries(tensors));
    return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, tensor.data as Float32Array]));
  }

  close(): Promise<void> {
    return this.#session.release();
  }
}

/** The words of `Operators` on a tape. */
export function onnxOperators(tape: Tape): Operators<Variable> {
  return {
    shapeOf: ({ shape }) => shape,

    input: (name, shape) => tape.input(name, shape),
    parameter: (name, shape, deviation) => tape.parameter(name, shape, deviation),
    constant: (shape, data) => tape.constant(shape, data),
    frozen: (weights) => onnxOperators(tape.frozen(weights)),
    stopGradient: (x) => elementwise.stopGradient(tape, x),

    conv2d: (x, name, outputs, kernel, options) => maps.conv2d(tape, x, name, outputs, kernel, options),
    maxPool2: (x) => maps.maxPool2(tape, x),
    averagePool2: (x) => maps.averagePool2(tape, x),
    upsample2: (x) => maps.upsample2(tape, x),
    sandwich: (x, left, right) => maps.sandwich(tape, x, left, right),
    concatenate: (...parts) => maps.concatenate(tape, parts),
    channels: (x, from, to) => maps.channels(tape, x, from, to),
    globalAveragePool: (x) => maps.globalAveragePool(tape, x),
    globalMaxPool: (x) => maps.globalMaxPool(tape, x),

    dense: (x, name, outputs) => maps.dense(tape, x, name, outputs),
    logSoftmax: (x) => elementwise.logSoftmax(tape, x),

    relu: (x) => elementwise.relu(tape, x),
    leakyRelu: (x, slope) => elementwise.leakyRelu(tape, x, slope),
    tanh: (x) => elementwise.tanh(tape, x),
    sigmoid: (x) => elementwise.sigmoid(tape, x),
    softplus: (x) => elementwise.softplus(tape, x),
    abs: (x) => elementwise.abs(tape, x),
    sqrt: (x, floor) => elementwise.sqrt(tape, x, floor),
    log: (x, floor) => elementwise.log(tape, x, floor),
    affine: (x, scale, shift) => elementwise.affine(tape, x, scale, shift),
    add: (a, b) => elementwise.add(tape, a, b),
    subtract: (a, b) => elementwise.subtract(tape, a, b),
    multiply: (a, b) => elementwise.multiply(tape, a, b),
    divide: (a, b) => elementwise.divide(tape, a, b),
    sign: (x) => elementwise.sign(tape, x),
    clip: (x, low, high) => elementwise.clip(tape, x, low, high),

    mean: (x) => elementwise.mean(tape, x),
    sumPerImage: (x) => elementwise.sumPerImage(tape, x),
    maxPerImage: (x) => elementwise.maxPerImage(tape, x),
    gradient: (scalar, by) => {
      const name = tape.gradients(scalar, [by]).get(by.name);
      if (name === undefined) throw new Error("a scalar's gradient was asked by a value that it does not depend on");
      return { name, shape: by.shape };
    },
  };
}
