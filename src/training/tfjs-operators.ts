import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import type { ImportedNetwork, Matrix, Operators, Weights } from "./network.js";
import type { ProgramGraph, Value } from "./tfjs-graph.js";

/*
 * The operators of src/training/network.ts in TensorFlow.js. A program speaks of N×C×H×W; tensors of four axes are
 * N×H×W×C, the only order that WebAssembly has convolutions for.
 */

/** The operators that add to a graph. Parameters whose name is in `frozen` are constants. */
export function operatorsOf(graph: ProgramGraph, frozen: Weights | null = null): Operators<Value> {
  const { tf } = graph;

  /** A parameter as it is stored: in the program's order of axes. */
  const stored = (name: string, shape: readonly number[], deviation: number): Value =>
    graph.parameter(name, shape, deviation, frozen?.has(name) === true ? frozen : graph.weights);

  const toTensor = (value: Value): Value =>
    value.shape.length === 4
      ? graph.operator(value.shape, [value], (x) => tf.transpose(x as Tensor, [0, 2, 3, 1]))
      : value;

  const unary = (x: Value, compute: (x: Tensor) => Tensor, shape = x.shape): Value =>
    graph.operator(shape, [x], (tensor) => compute(tensor as Tensor));

  const binary =
    (compute: (a: Tensor, b: Tensor) => Tensor) =>
    (a: Value, b: Value): Value => {
      if (!repeats(a.shape, b.shape)) throw new Error(`${b.shape.join("×")} does not repeat to ${a.shape.join("×")}`);
      return graph.operator(a.shape, [a, b], (x, y) => compute(x as Tensor, y as Tensor));
    };

  const perImage = (x: Value, compute: (x: Tensor, axes: number[]) => Tensor): Value => {
    const axes = x.shape.map((_, axis) => axis).slice(1);
    return unary(x, (tensor) => compute(tensor, axes), [x.shape[0] as number, ...axes.map(() => 1)]);
  };

  /** Every pixel twice in both directions; what comes back is the sum over its copies. */
  const doubled = tf.customGrad((x) => {
    const [, height, width] = (x as Tensor4D).shape;
    return {
      value: tf.image.resizeNearestNeighbor(x as Tensor4D, [2 * height, 2 * width]),
      gradFunc: (dy: Tensor) => tf.mul(tf.avgPool(dy as Tensor4D, 2, 2, "valid"), 4),
    };
  });

  /** TensorFlow.js takes −1 for the slope at 0; there is none to prefer. */
  const absolute = tf.customGrad((x, save) => {
    (save as (tensors: Tensor[]) => void)([x as Tensor]);
    return {
      value: tf.abs(x as Tensor),
      gradFunc: (dy: Tensor, saved: Tensor[]) => tf.mul(dy, tf.sign(saved[0] as Tensor)),
    };
  });

  const matrix = ({ rows, columns, data }: Matrix): Value => graph.constant([rows, columns], data);

  return {
    shapeOf: ({ shape }) => shape,
    input(name, shape) {
      const known = graph.inputs.find((input) => input.name === name);
      return known ?? graph.input(name, shape);
    },
    parameter: (name, shape, deviation) => toTensor(stored(name, shape, deviation)),
    constant: (shape, data) => toTensor(graph.constant(shape, data)),
    frozen: (weights) => operatorsOf(graph, new Map([...(frozen ?? []), ...weights])),
    stopGradient: (x) => graph.barrier(x.shape, [x], (tensor) => tensor as Tensor),

    conv2d(x, name, outputs, kernel, { stride = 1, gain = 1 } = {}) {
      const [batch, inputs, height, width] = imageShape(x);
      const deviation = gain * Math.sqrt(2 / (inputs * kernel * kernel));
      const weight = stored(`${name}.weight`, [outputs, inputs, kernel, kernel], deviation);
      const bias = stored(`${name}.bias`, [outputs], 0);
      const pad = (kernel - 1) / 2;
      const sides: [number, number] = [pad, pad];
      const reduced = (size: number) => Math.floor((size - 1) / stride) + 1;
      const shape = [batch, outputs, reduced(height), reduced(width)];
      return graph.operator(shape, [x, weight, bias], (tensor, w, b) => {
        const filter = tf.transpose(w as Tensor, [2, 3, 1, 0]) as Tensor4D;
        const padding: [[number, number], [number, number], [number, number], [number, number]] = [
          [0, 0],
          sides,
          sides,
          [0, 0],
        ];
        return tf.add(tf.conv2d(tensor as Tensor4D, filter, stride, padding), b as Tensor);
      });
    },
    maxPool2: (x) => unary(x, (tensor) => tf.maxPool(tensor as Tensor4D, 2, 2, "valid"), halved(x)),
    averagePool2: (x) => unary(x, (tensor) => tf.avgPool(tensor as Tensor4D, 2, 2, "valid"), halved(x)),
    upsample2(x) {
      const [batch, channels, height, width] = imageShape(x);
      return unary(x, (tensor) => doubled(tensor), [batch, channels, 2 * height, 2 * width]);
    },
    sandwich(x, left, right) {
      const [batch, channels, height, width] = imageShape(x);
      if (left.columns !== height || right.columns !== width)
        throw new Error(`${left.columns} and ${right.columns} columns do not fit ${height} × ${width}`);
      const shape = [batch, channels, left.rows, right.rows];
      return graph.operator(shape, [x, matrix(left), matrix(right)], (tensor, l, r) => {
        // Columns first, with the channels out of the way; then rows, the channels along.
        const rows = tf.reshape(tf.transpose(tensor as Tensor, [0, 1, 3, 2]), [batch * height * channels, width]);
        const narrow = tf.reshape(tf.matMul(rows, r as Tensor2D, false, true), [batch, height, channels, right.rows]);
        const columns = tf.reshape(tf.transpose(narrow, [0, 1, 3, 2]), [batch, height, right.rows * channels]);
        const product = tf.matMul(tf.expandDims(l as Tensor2D, 0), columns);
        return tf.reshape(product, [batch, left.rows, right.rows, channels]);
      });
    },
    concatenate(...parts) {
      const [first] = parts as [Value];
      const sizes = parts.map(({ shape }) => shape[1] as number);
      const shape = first.shape.with(
        1,
        sizes.reduce((sum, size) => sum + size, 0),
      );
      return graph.operator(shape, parts, (...tensors) => tf.concat([...tensors], -1));
    },
    channels(x, from, to) {
      const begin = x.shape.map(() => 0).with(-1, from);
      const size = x.shape.map(() => -1).with(-1, to - from);
      return unary(x, (tensor) => tf.slice(tensor, begin, size), x.shape.with(1, to - from));
    },
    globalAveragePool: (x) => unary(x, (tensor) => tf.mean(tensor, [1, 2]), imageShape(x).slice(0, 2)),
    globalMaxPool: (x) => unary(x, (tensor) => tf.max(tensor, [1, 2]), imageShape(x).slice(0, 2)),

    dense(x, name, outputs) {
      const [batch, features] = x.shape as readonly [number, number];
      const weight = stored(`${name}.weight`, [features, outputs], Math.sqrt(1 / features));
      const bias = stored(`${name}.bias`, [outputs], 0);
      return graph.operator([batch, outputs], [x, weight, bias], (tensor, w, b) =>
        tf.add(tf.matMul(tensor as Tensor2D, w as Tensor2D), b as Tensor),
      );
    },

    relu: (x) => unary(x, (tensor) => tf.relu(tensor)),
    leakyRelu: (x, slope) => unary(x, (tensor) => tf.leakyRelu(tensor, slope)),
    tanh: (x) => unary(x, (tensor) => tf.tanh(tensor)),
    sigmoid: (x) => unary(x, (tensor) => tf.sigmoid(tensor)),
    logSoftmax: (x) => unary(x, (tensor) => tf.logSoftmax(tensor)),
    softplus: (x) => unary(x, (tensor) => tf.softplus(tensor)),
    abs: (x) => unary(x, (tensor) => absolute(tensor)),
    sqrt: (x, floor) => unary(x, (tensor) => tf.sqrt(tf.add(tensor, floor))),
    log: (x, floor) => unary(x, (tensor) => tf.log(tf.add(tensor, floor))),
    affine: (x, scale, shift) => unary(x, (tensor) => tf.add(tf.mul(tensor, scale), shift)),
    add: binary((a, b) => tf.add(a, b)),
    subtract: binary((a, b) => tf.sub(a, b)),
    multiply: binary((a, b) => tf.mul(a, b)),
    divide: binary((a, b) => tf.div(a, b)),
    sign: (x) => graph.barrier(x.shape, [x], (tensor) => tf.sign(tensor as Tensor)),
    clip: (x, low, high) => unary(x, (tensor) => tf.clipByValue(tensor, low, high)),

    mean: (x) => unary(x, (tensor) => tf.mean(tensor), []),
    sumPerImage: (x) => perImage(x, (tensor, axes) => tf.sum(tensor, axes, true)),
    maxPerImage: (x) => perImage(x, (tensor, axes) => tf.max(tensor, axes, true)),
    gradient: (scalar, by) => graph.gradient(scalar, by),

    imported(name, images) {
      const network = graph.models.get(name);
      if (network === undefined) throw new Error(`no model called ${name} was loaded`);
      const [batch] = imageShape(images);
      // Every output is a value of its own, but the network runs once for one tensor of images.
      const answers = new WeakMap<Tensor, ReturnType<ImportedNetwork["answer"]>>();
      const answer = (tensor: Tensor) => {
        const known = answers.get(tensor) ?? network.answer(tensor);
        answers.set(tensor, known);
        return known;
      };
      const features = network.featureShapes.map((shape, index) =>
        unary(images, (tensor) => answer(tensor).features[index] as Tensor, [batch, ...shape]),
      );
      const margins = unary(images, (tensor) => answer(tensor).margins as Tensor, [batch, network.outputs]);
      return { features, margins };
    },
  };
}

function imageShape({ shape }: Value): readonly [batch: number, channels: number, height: number, width: number] {
  if (shape.length !== 4) throw new Error(`a batch of images has 4 axes, this has shape ${shape.join("×")}`);
  return shape as readonly [number, number, number, number];
}

function halved(x: Value): number[] {
  const [batch, channels, height, width] = imageShape(x);
  if (height % 2 !== 0 || width % 2 !== 0)
    throw new Error(`pooling needs an even height and width, has shape ${x.shape.join("×")}`);
  return [batch, channels, height / 2, width / 2];
}

/** Whether the second shape is the first, or has size 1 where it differs. */
function repeats(shape: readonly number[], second: readonly number[]): boolean {
  if (second.length === 0) return true;
  return second.length === shape.length && second.every((size, axis) => size === 1 || size === shape[axis]);
}
