import { FLOAT } from "./graph.js";
import { imageShape, type Tape, type Variable, vectorShape } from "./tape.js";

/** Differentiable operators on batches of feature maps (N×C×H×W) and of vectors (N×F). */

/**
 * Convolution with a k × k kernel (k odd), bias, stride 1 and zero padding that keeps the size. Weights start after
 * He et al. (2015), biases at zero.
 *
 * The gradient of the input is a convolution with the kernel turned by 180°. The gradient of the weights is a matrix
 * product of the output's gradient with the k² shifted copies of the input: in onnxruntime twice as fast as the
 * convolution with swapped roles that textbooks give.
 */
export function conv2d(tape: Tape, x: Variable, name: string, outputs: number, kernel: number): Variable {
  const { graph } = tape;
  const [batch, inputs, height, width] = imageShape(x);
  const shape = [outputs, inputs, kernel, kernel];
  const weight = tape.parameter(`${name}.weight`, shape, Math.sqrt(2 / (inputs * kernel * kernel)));
  const bias = tape.parameter(`${name}.bias`, [outputs], 0);
  const pad = (kernel - 1) / 2;
  const attributes = { kernel_shape: [kernel, kernel], pads: [pad, pad, pad, pad] };
  const y = graph.node("Conv", [x.name, weight.name, bias.name], attributes);

  return tape.record(y, [batch, outputs, height, width], [x, weight, bias], (gradient, accumulate) => {
    accumulate(bias, graph.sum(gradient, 0, 2, 3));

    const flat = graph.reshape(gradient, [batch, outputs, height * width]);
    const columns = graph.reshape(shiftedCopies(tape, x, kernel), [batch, kernel * kernel * inputs, height * width]);
    const perImage = graph.node("MatMul", [flat, graph.node("Transpose", [columns], { perm: [0, 2, 1] })]);
    const taps = graph.reshape(graph.sum(perImage, 0), [outputs, kernel * kernel, inputs]);
    accumulate(weight, graph.reshape(graph.node("Transpose", [taps], { perm: [0, 2, 1] }), shape));

    if (!x.needsGradient) return;
    const last = graph.integers(-1, -1);
    const beforeFirst = graph.integers(-kernel - 1, -kernel - 1);
    const turned = graph.node("Slice", [weight.name, last, beforeFirst, graph.integers(2, 3), last]);
    const swapped = graph.node("Transpose", [turned], { perm: [1, 0, 2, 3] });
    accumulate(x, graph.node("Conv", [gradient, swapped], attributes));
  });
}

/** The input as each tap of the kernel meets it, tap by tap along the channels: N × k²C × H × W. */
function shiftedCopies({ graph }: Tape, x: Variable, kernel: number): string {
  const [, , height, width] = imageShape(x);
  const pad = (kernel - 1) / 2;
  const padded = graph.node("Pad", [x.name, graph.integers(0, 0, pad, pad, 0, 0, pad, pad)]);
  const copies: string[] = [];
  for (let row = 0; row < kernel; row++) {
    for (let column = 0; column < kernel; column++) {
      const from = graph.integers(row, column);
      const to = graph.integers(row + height, column + width);
      copies.push(graph.node("Slice", [padded, from, to, graph.integers(2, 3)]));
    }
  }
  return graph.node("Concat", copies, { axis: 1 });
}

/** max(x, 0). */
export function relu(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  const y = graph.node("Relu", [x.name]);
  return tape.record(y, x.shape, [x], (gradient, accumulate) => {
    const open = graph.node("Cast", [graph.node("Greater", [y, graph.scalar(0)])], { to: FLOAT });
    accumulate(x, graph.node("Mul", [gradient, open]));
  });
}

/** scale × x + shift, with constant scale and shift. */
export function affine(tape: Tape, x: Variable, scale: number, shift: number): Variable {
  const { graph } = tape;
  const y = graph.node("Add", [graph.node("Mul", [x.name, graph.scalar(scale)]), graph.scalar(shift)]);
  return tape.record(y, x.shape, [x], (gradient, accumulate) =>
    accumulate(x, graph.node("Mul", [gradient, graph.scalar(scale)])),
  );
}

/** Largest value of each 2 × 2 window; height and width are halved. Ties share the gradient's full value. */
export function maxPool2(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  const [batch, channels, height, width] = halvable(x);
  const y = graph.node("MaxPool", [x.name], { kernel_shape: [2, 2], strides: [2, 2] });
  return tape.record(y, [batch, channels, height / 2, width / 2], [x], (gradient, accumulate) => {
    const windows = graph.reshape(x.name, [batch * channels, height / 2, 2, width / 2, 2]);
    const one = [batch * channels, height / 2, 1, width / 2, 1];
    const chosen = graph.node("Cast", [graph.node("Equal", [windows, graph.reshape(y, one)])], { to: FLOAT });
    const spread = graph.node("Mul", [chosen, graph.reshape(gradient, one)]);
    accumulate(x, graph.reshape(spread, x.shape));
  });
}

/** Mean of each 2 × 2 window; height and width are halved. */
export function averagePool2(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  const [batch, channels, height, width] = halvable(x);
  const y = graph.node("AveragePool", [x.name], { kernel_shape: [2, 2], strides: [2, 2] });
  return tape.record(y, [batch, channels, height / 2, width / 2], [x], (gradient, accumulate) => {
    const quarter = graph.node("Mul", [gradient, graph.scalar(0.25)]);
    const one = graph.reshape(quarter, [batch * channels, height / 2, 1, width / 2, 1]);
    const size = graph.integers(batch * channels, height / 2, 2, width / 2, 2);
    accumulate(x, graph.reshape(graph.node("Expand", [one, size]), x.shape));
  });
}

/** Mean of each feature map: N×C×H×W to N×C. */
export function globalAveragePool(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  const [batch, channels, height, width] = imageShape(x);
  const y = graph.node("ReduceMean", [x.name, graph.integers(2, 3)], { keepdims: 0 });
  return tape.record(y, [batch, channels], [x], (gradient, accumulate) => {
    const share = graph.node("Mul", [gradient, graph.scalar(1 / (height * width))]);
    const one = graph.reshape(share, [batch, channels, 1, 1]);
    accumulate(x, graph.node("Expand", [one, graph.integers(...x.shape)]));
  });
}

/** Largest value of each feature map: N×C×H×W to N×C. Ties share the gradient's full value. */
export function globalMaxPool(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  const [batch, channels] = imageShape(x);
  const y = graph.node("ReduceMax", [x.name, graph.integers(2, 3)], { keepdims: 0 });
  return tape.record(y, [batch, channels], [x], (gradient, accumulate) => {
    const one = [batch, channels, 1, 1];
    const chosen = graph.node("Cast", [graph.node("Equal", [x.name, graph.reshape(y, one)])], { to: FLOAT });
    accumulate(x, graph.node("Mul", [chosen, graph.reshape(gradient, one)]));
  });
}

/** x W + b on vectors, N×F to N×outputs. */
export function dense(tape: Tape, x: Variable, name: string, outputs: number): Variable {
  const { graph } = tape;
  const [batch, features] = vectorShape(x);
  const weight = tape.parameter(`${name}.weight`, [features, outputs], Math.sqrt(1 / features));
  const bias = tape.parameter(`${name}.bias`, [outputs], 0);
  const y = graph.node("Add", [graph.node("MatMul", [x.name, weight.name]), bias.name]);
  return tape.record(y, [batch, outputs], [x, weight, bias], (gradient, accumulate) => {
    const transposed = (value: string) => graph.node("Transpose", [value], { perm: [1, 0] });
    accumulate(bias, graph.sum(gradient, 0));
    accumulate(weight, graph.node("MatMul", [transposed(x.name), gradient]));
    if (x.needsGradient) accumulate(x, graph.node("MatMul", [gradient, transposed(weight.name)]));
  });
}

function halvable(x: Variable): readonly [number, number, number, number] {
  const shape = imageShape(x);
  if (shape[2] % 2 !== 0 || shape[3] % 2 !== 0)
    throw new Error(`${x.name} should have an even height and width, has shape ${shape.join("×")}`);
  return shape;
}
