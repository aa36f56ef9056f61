import { FLOAT } from "./graph.js";
import type { Matrix } from "./network.js";
import { imageShape, type Tape, type Variable, vectorShape } from "./tape.js";

/** Differentiable operators on batches of feature maps (N×C×H×W) and of vectors (N×F). */

/**
 * Convolution with a k × k kernel (k odd), bias, stride 1 or 2 and zero padding ⌊k/2⌋. Weights start after He et al.
 * (2015), times `gain`; biases at zero.
 *
 * The gradient of the input is a convolution with the kernel turned by 180° (at stride 2 a transposed convolution). The
 * gradient of the weights is a matrix product of the output's gradient with the k² shifted copies of the input: in
 * onnxruntime twice as fast as the convolution with swapped roles that textbooks give.
 */
export function conv2d(
  tape: Tape,
  x: Variable,
  name: string,
  outputs: number,
  kernel: number,
  { stride = 1, gain = 1 }: { readonly stride?: 1 | 2; readonly gain?: number } = {},
): Variable {
  const { graph } = tape;
  const [batch, inputs, height, width] = imageShape(x);
  const shape = [outputs, inputs, kernel, kernel];
  const weight = tape.parameter(`${name}.weight`, shape, gain * Math.sqrt(2 / (inputs * kernel * kernel)));
  const bias = tape.parameter(`${name}.bias`, [outputs], 0);
  const pad = (kernel - 1) / 2;
  const attributes = {
    kernel_shape: [kernel, kernel],
    pads: [pad, pad, pad, pad],
    ...(stride === 2 && { strides: [2, 2] }), // 1 is the standard's default
  };
  const y = graph.node("Conv", [x.name, weight.name, bias.name], attributes);
  const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)];

  return tape.record(y, [batch, outputs, rows, columns], [x, weight, bias], (gradient, accumulate) => {
    accumulate(bias, () => graph.sum(gradient, 0, 2, 3));
    accumulate(weight, () => {
      const flat = graph.reshape(gradient, [batch, outputs, rows * columns]);
      const copies = shiftedCopies(tape, x, kernel, stride);
      const taps = graph.reshape(copies, [batch, kernel * kernel * inputs, rows * columns]);
      const perImage = graph.node("MatMul", [flat, graph.node("Transpose", [taps], { perm: [0, 2, 1] })]);
      const byTap = graph.reshape(graph.sum(perImage, 0), [outputs, kernel * kernel, inputs]);
      return graph.reshape(graph.node("Transpose", [byTap], { perm: [0, 2, 1] }), shape);
    });
    accumulate(x, () => {
      if (stride === 2) {
        // The even sizes' last row and column are met by no window's centre.
        const output_padding = [1 - (height % 2), 1 - (width % 2)];
        return graph.node("ConvTranspose", [gradient, weight.name], { ...attributes, output_padding });
      }
      const last = graph.integers(-1, -1);
      const beforeFirst = graph.integers(-kernel - 1, -kernel - 1);
      const turned = graph.node("Slice", [weight.name, last, beforeFirst, graph.integers(2, 3), last]);
      const swapped = graph.node("Transpose", [turned], { perm: [1, 0, 2, 3] });
      return graph.node("Conv", [gradient, swapped], attributes);
    });
  });
}

/** The input as each tap of the kernel meets it, tap by tap along the channels: N × k²C × rows × columns. */
function shiftedCopies({ graph }: Tape, x: Variable, kernel: number, stride: number): string {
  const [, , height, width] = imageShape(x);
  const pad = (kernel - 1) / 2;
  const padded = graph.node("Pad", [x.name, graph.integers(0, 0, pad, pad, 0, 0, pad, pad)]);
  const steps = stride === 1 ? [] : [graph.integers(stride, stride)];
  const copies: string[] = [];
  for (let row = 0; row < kernel; row++) {
    for (let column = 0; column < kernel; column++) {
      const from = graph.integers(row, column);
      const to = graph.integers(row + height, column + width);
      copies.push(graph.node("Slice", [padded, from, to, graph.integers(2, 3), ...steps]));
    }
  }
  return graph.node("Concat", copies, { axis: 1 });
}

/** Largest value of each 2 × 2 window; height and width are halved. Ties share the gradient's full value. */
export function maxPool2(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  const [batch, channels, height, width] = halvable(x);
  const y = graph.node("MaxPool", [x.name], { kernel_shape: [2, 2], strides: [2, 2] });
  return tape.record(y, [batch, channels, height / 2, width / 2], [x], (gradient, accumulate) =>
    accumulate(x, () => {
      const windows = graph.reshape(x.name, [batch * channels, height / 2, 2, width / 2, 2]);
      const one = [batch * channels, height / 2, 1, width / 2, 1];
      const chosen = graph.node("Cast", [graph.node("Equal", [windows, graph.reshape(y, one)])], { to: FLOAT });
      const spread = graph.node("Mul", [chosen, graph.reshape(gradient, one)]);
      return graph.reshape(spread, x.shape);
    }),
  );
}

/** Mean of each 2 × 2 window; height and width are halved. */
export function averagePool2(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  const [batch, channels, height, width] = halvable(x);
  const y = graph.node("AveragePool", [x.name], { kernel_shape: [2, 2], strides: [2, 2] });
  const half: Variable = { name: y, shape: [batch, channels, height / 2, width / 2] };
  return tape.record(y, half.shape, [x], (gradient, accumulate) =>
    accumulate(x, () => {
      const quarter = graph.node("Mul", [gradient, graph.scalar(0.25)]);
      return doubled(tape, { name: quarter, shape: half.shape });
    }),
  );
}

/** Every pixel twice in both directions. */
export function upsample2(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  const [batch, channels, height, width] = imageShape(x);
  const shape = [batch, channels, 2 * height, 2 * width];
  return tape.record(doubled(tape, x), shape, [x], (gradient, accumulate) =>
    accumulate(x, () => {
      const mean = graph.node("AveragePool", [gradient], { kernel_shape: [2, 2], strides: [2, 2] });
      return graph.node("Mul", [mean, graph.scalar(4)]);
    }),
  );
}

function doubled({ graph }: Tape, x: Variable): string {
  const [batch, channels, height, width] = imageShape(x);
  const one = graph.reshape(x.name, [batch * channels, height, 1, width, 1]);
  const size = graph.integers(batch * channels, height, 2, width, 2);
  return graph.reshape(graph.node("Expand", [one, size]), [batch, channels, 2 * height, 2 * width]);
}

/** left · plane · rightᵀ for every plane. */
export function sandwich(tape: Tape, x: Variable, left: Matrix, right: Matrix): Variable {
  const [batch, channels, height, width] = imageShape(x);
  if (left.columns !== height || right.columns !== width)
    throw new Error(`matrices for ${left.columns}×${right.columns} planes met ${height}×${width}`);
  const shape = [batch, channels, left.rows, right.rows];
  const y = multiplyPlanes(tape, x.name, left, right);
  return tape.record(y, shape, [x], (gradient, accumulate) =>
    accumulate(x, () => multiplyPlanes(tape, gradient, transposed(left), transposed(right))),
  );
}

/** The product that shrinks the planes more comes first. */
function multiplyPlanes({ graph }: Tape, planes: string, left: Matrix, right: Matrix): string {
  const before = graph.matrix(left.rows, left.columns, left.data);
  const turned = transposed(right);
  const after = graph.matrix(turned.rows, turned.columns, turned.data);
  const rightFirst = left.columns * right.rows * (right.columns + left.rows);
  const leftFirst = left.rows * right.columns * (left.columns + right.rows);
  if (rightFirst < leftFirst) return graph.node("MatMul", [before, graph.node("MatMul", [planes, after])]);
  return graph.node("MatMul", [graph.node("MatMul", [before, planes]), after]);
}

function transposed({ rows, columns, data }: Matrix): Matrix {
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = data[row * columns + column] as number;
  return { rows: columns, columns: rows, data: turned };
}

/** Feature maps or vectors side by side along the channels or features. */
export function concatenate(tape: Tape, parts: readonly Variable[]): Variable {
  const { graph } = tape;
  const [first] = parts;
  if (first === undefined) throw new Error("nothing to concatenate");
  const total = parts.reduce((sum, { shape }) => sum + (shape[1] as number), 0);
  const y = graph.node(
    "Concat",
    parts.map(({ name }) => name),
    { axis: 1 },
  );
  return tape.record(y, [first.shape[0] as number, total, ...first.shape.slice(2)], parts, (gradient, accumulate) => {
    let from = 0;
    for (const part of parts) {
      const [start, end] = [from, from + (part.shape[1] as number)];
      accumulate(part, () => slice(tape, gradient, start, end));
      from = end;
    }
  });
}

/** Channels or features `from` (inclusive) to `to` (exclusive). */
export function channels(tape: Tape, x: Variable, from: number, to: number): Variable {
  const { graph } = tape;
  const [batch, count = 0, ...sides] = x.shape as [number, ...number[]];
  if (!(0 <= from && from < to && to <= count)) throw new Error(`${x.name} has no channels ${from} to ${to}`);
  const shape = [batch, to - from, ...sides];
  return tape.record(slice(tape, x.name, from, to), shape, [x], (gradient, accumulate) =>
    accumulate(x, () => {
      const none = sides.map(() => 0);
      return graph.node("Pad", [gradient, graph.integers(0, from, ...none, 0, count - to, ...none)]);
    }),
  );
}

function slice({ graph }: Tape, value: string, from: number, to: number): string {
  return graph.node("Slice", [value, graph.integers(from), graph.integers(to), graph.integers(1)]);
}

/** Mean of each feature map: N×C×H×W to N×C. */
export function globalAveragePool(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  const [batch, channels, height, width] = imageShape(x);
  const y = graph.node("ReduceMean", [x.name, graph.integers(2, 3)], { keepdims: 0 });
  return tape.record(y, [batch, channels], [x], (gradient, accumulate) =>
    accumulate(x, () => {
      const share = graph.node("Mul", [gradient, graph.scalar(1 / (height * width))]);
      const one = graph.reshape(share, [batch, channels, 1, 1]);
      return graph.node("Expand", [one, graph.integers(...x.shape)]);
    }),
  );
}

/** Largest value of each feature map: N×C×H×W to N×C. Ties share the gradient's full value. */
export function globalMaxPool(tape: Tape, x: Variable): Variable {
  const { graph } = tape;
  const [batch, channels] = imageShape(x);
  const y = graph.node("ReduceMax", [x.name, graph.integers(2, 3)], { keepdims: 0 });
  return tape.record(y, [batch, channels], [x], (gradient, accumulate) =>
    accumulate(x, () => {
      const one = [batch, channels, 1, 1];
      const chosen = graph.node("Cast", [graph.node("Equal", [x.name, graph.reshape(y, one)])], { to: FLOAT });
      return graph.node("Mul", [chosen, graph.reshape(gradient, one)]);
    }),
  );
}

/** x W + b on vectors, N×F to N×outputs. */
export function dense(tape: Tape, x: Variable, name: string, outputs: number): Variable {
  const { graph } = tape;
  const [batch, features] = vectorShape(x);
  const weight = tape.parameter(`${name}.weight`, [features, outputs], Math.sqrt(1 / features));
  const bias = tape.parameter(`${name}.bias`, [outputs], 0);
  const y = graph.node("Add", [graph.node("MatMul", [x.name, weight.name]), bias.name]);
  return tape.record(y, [batch, outputs], [x, weight, bias], (gradient, accumulate) => {
    const turned = (value: string) => graph.node("Transpose", [value], { perm: [1, 0] });
    accumulate(bias, () => graph.sum(gradient, 0));
    accumulate(weight, () => graph.node("MatMul", [turned(x.name), gradient]));
    accumulate(x, () => graph.node("MatMul", [gradient, turned(weight.name)]));
  });
}

function halvable(x: Variable): readonly [number, number, number, number] {
  const shape = imageShape(x);
  if (shape[2] % 2 !== 0 || shape[3] % 2 !== 0)
    throw new Error(`${x.name} should have an even height and width, has shape ${shape.join("×")}`);
  return shape;
}
