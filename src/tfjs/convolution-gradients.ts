import type { Tensor3D, Tensor4D } from "@tensorflow/tfjs";
import type { Tensorflow } from "./runtime.js";

/*
 * Gradients of convolutions, composed of operators that every backend of TensorFlow.js has. Batches are N×H×W×C, filters
 * k×k×in×out (depthwise: k×k×in×multiplier). Any stride, dilation and padding.
 *
 * Notation: y = x ∗ w, dy the gradient of y. Output row r and tap i meet at padded input row r·stride + i·dilation.
 */

/** Sizes and paddings of a convolution: TensorFlow.js's own record of them. */
export type Convolution = ReturnType<Tensorflow["backend_util"]["computeConv2DInfo"]>;

type Pair = [number, number];

/**
 * dw[i, j] = Σ x(shifted by tap i, j)ᵀ · dy: one matrix product of the k² shifted copies of the input with dy. On
 * WebAssembly twice as fast as the convolution with swapped roles that textbooks give.
 */
export function filterGradient(tf: Tensorflow, x: Tensor4D, dy: Tensor4D, convolution: Convolution): Tensor4D {
  return tf.tidy(() => {
    const { filterHeight, filterWidth, inChannels, outChannels, strideHeight, strideWidth } = convolution;
    const source = padded(tf, x, convolution);
    const positions = dy.size / outChannels;
    // Copies are wanted with channels first. Without strides it is cheaper to turn the input once than every copy.
    const turned = strideHeight === 1 && strideWidth === 1 ? tf.transpose(source, [3, 0, 1, 2]) : null;
    const copies = taps(convolution).map(([row, column]) => {
      if (turned === null) {
        const copy = tf.reshape(shifted(tf, source, row, column, convolution), [positions, inChannels]);
        return tf.transpose(copy, [1, 0]);
      }
      const { batchSize, outHeight, outWidth } = convolution;
      const copy = tf.slice4d(turned, [0, 0, row, column], [inChannels, batchSize, outHeight, outWidth]);
      return tf.reshape(copy, [inChannels, positions]);
    });
    const product = tf.matMul(tf.concat(copies, 0), tf.reshape(dy, [positions, outChannels]));
    return tf.reshape(product, [filterHeight, filterWidth, inChannels, outChannels]);
  });
}

/** dx = dy, spread out by the stride, ∗ the filter turned by 180° with its channels swapped. */
export function inputGradient(tf: Tensorflow, dy: Tensor4D, filter: Tensor4D, convolution: Convolution): Tensor4D {
  return tf.tidy(() => {
    const { spread, padding, dilations } = transposedBy(tf, dy, convolution);
    const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]);
    return tf.conv2d(spread, turned, 1, padding, "NHWC", dilations);
  });
}

/** dw[i, j, c, m] = Σ x(shifted by tap i, j)[c] · dy[c, m], channel by channel. */
export function depthwiseFilterGradient(tf: Tensorflow, x: Tensor4D, dy: Tensor4D, convolution: Convolution): Tensor4D {
  return tf.tidy(() => {
    const { filterHeight, filterWidth, inChannels, outChannels } = convolution;
    const multiplier = outChannels / inChannels;
    const positions = dy.size / outChannels;
    const source = padded(tf, x, convolution);
    const gradient = tf.reshape(dy, [positions, inChannels, multiplier]);
    // A product with ones is a sum that WebAssembly does at full speed.
    const ones = tf.ones([1, positions]);
    const sums = taps(convolution).map(([row, column]) => {
      const copy = tf.reshape(shifted(tf, source, row, column, convolution), [positions, inChannels, 1]);
      return tf.matMul(ones, tf.reshape(tf.mul(gradient, copy), [positions, outChannels]));
    });
    return tf.reshape(tf.concat(sums, 0), [filterHeight, filterWidth, inChannels, multiplier]);
  });
}

/** As `inputGradient`, channel by channel; a multiplier above 1 is a sum over its copies. */
export function depthwiseInputGradient(
  tf: Tensorflow,
  dy: Tensor4D,
  filter: Tensor4D,
  convolution: Convolution,
): Tensor4D {
  return tf.tidy(() => {
    const { filterHeight, filterWidth, inChannels, outChannels, batchSize, outHeight, outWidth } = convolution;
    const multiplier = outChannels / inChannels;
    const copies = tf.reshape(dy, [batchSize * outHeight * outWidth, inChannels, multiplier]);
    const turned = tf.reverse(filter, [0, 1]);
    const parts = Array.from({ length: multiplier }, (_, copy) => {
      const part: Tensor4D =
        multiplier === 1
          ? dy
          : tf.reshape(tf.slice(copies, [0, 0, copy], [-1, -1, 1]), [batchSize, outHeight, outWidth, inChannels]);
      const taken = tf.slice(turned, [0, 0, 0, copy], [filterHeight, filterWidth, inChannels, 1]);
      const { spread, padding, dilations } = transposedBy(tf, part, convolution);
      return tf.depthwiseConv2d(spread, taken, 1, padding, "NHWC", dilations);
    });
    return multiplier === 1 ? (parts[0] as Tensor4D) : tf.addN(parts);
  });
}

/** Row and column of each tap in the padded input, row by row. */
export function taps({ filterHeight, filterWidth, dilationHeight, dilationWidth }: Convolution): [number, number][] {
  return Array.from({ length: filterHeight * filterWidth }, (_, tap) => [
    Math.floor(tap / filterWidth) * dilationHeight,
    (tap % filterWidth) * dilationWidth,
  ]);
}

/** The input with what the convolution sees round it: zeros, or `value`. */
export function padded(tf: Tensorflow, x: Tensor4D, convolution: Convolution, value = 0): Tensor4D {
  const { top, bottom, left, right } = convolution.padInfo;
  if (top + bottom + left + right === 0) return x;
  const sides: [Pair, Pair, Pair, Pair] = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  return tf.pad4d(x, sides, value);
}

/**
 * What one tap meets of the padded input as the filter moves. A stride is taken by a reshape and a slice along each axis:
 * TensorFlow's strided slice is twenty times slower on WebAssembly.
 */
export function shifted(
  tf: Tensorflow,
  source: Tensor4D,
  row: number,
  column: number,
  { outHeight, outWidth, strideHeight, strideWidth }: Convolution,
): Tensor4D {
  const [batch, , width, channels] = source.shape;
  if (strideHeight === 1 && strideWidth === 1) {
    return tf.slice4d(source, [0, row, column, 0], [batch, outHeight, outWidth, channels]);
  }
  const rows = everyNth(tf, source, row, outHeight, strideHeight);
  const columns = everyNth(
    tf,
    tf.reshape(rows, [batch * outHeight, width, channels, 1]),
    column,
    outWidth,
    strideWidth,
  );
  return tf.reshape(columns, [batch, outHeight, outWidth, channels]);
}

/** `count` slices along axis 1, `stride` apart, from `begin` on. */
function everyNth(tf: Tensorflow, x: Tensor4D, begin: number, count: number, stride: number): Tensor4D {
  const [batch, size, height, width] = x.shape;
  const inner = height * width;
  const reach = count * stride;
  // The last step may end beyond the input: what is missing there is not looked at.
  const missing = Math.max(0, begin + reach - size);
  const flat: Tensor3D = tf.reshape(x, [batch, size, inner]);
  const whole =
    missing === 0
      ? flat
      : tf.pad3d(flat, [
          [0, 0],
          [0, missing],
          [0, 0],
        ]);
  const steps: Tensor3D = tf.reshape(tf.slice3d(whole, [0, begin, 0], [batch, reach, inner]), [
    batch * count,
    stride,
    inner,
  ]);
  return tf.reshape(tf.slice3d(steps, [0, 0, 0], [batch * count, 1, inner]), [batch, count, height, width]);
}

/**
 * dy and the padding with which a convolution of stride 1 over it gives a gradient of the input's size: zeros are put
 * between its rows and columns where the convolution took strides, and the padding is what the filter reaches beyond it.
 * A negative padding, where the convolution's own padding was wider than its filter, is a cut.
 */
function transposedBy(
  tf: Tensorflow,
  dy: Tensor4D,
  convolution: Convolution,
): { spread: Tensor4D; padding: [Pair, Pair, Pair, Pair]; dilations: Pair } {
  const { inHeight, inWidth, filterHeight, filterWidth, padInfo } = convolution;
  const { dilationHeight, dilationWidth } = convolution;
  const spread = spreadOut(tf, dy, convolution);
  const rows = reach(inHeight, spread.shape[1], (filterHeight - 1) * dilationHeight, padInfo.top);
  const columns = reach(inWidth, spread.shape[2], (filterWidth - 1) * dilationWidth, padInfo.left);
  return {
    spread: cut(tf, spread, rows, columns),
    padding: [
      [0, 0],
      rows.map((side) => Math.max(0, side)) as Pair,
      columns.map((side) => Math.max(0, side)) as Pair,
      [0, 0],
    ],
    dilations: [dilationHeight, dilationWidth],
  };
}

/** Padding before and after, along one axis. `extent` is the distance of the filter's first tap from its last. */
function reach(input: number, output: number, extent: number, padding: number): Pair {
  const before = extent - padding;
  return [before, input + extent - before - output];
}

function cut(tf: Tensorflow, x: Tensor4D, [top, bottom]: Pair, [left, right]: Pair): Tensor4D {
  if (Math.min(top, bottom, left, right) >= 0) return x;
  const [batch, height, width, channels] = x.shape;
  const from: Pair = [Math.max(0, -top), Math.max(0, -left)];
  const size: Pair = [height - from[0] - Math.max(0, -bottom), width - from[1] - Math.max(0, -right)];
  return tf.slice(x, [0, ...from, 0], [batch, ...size, channels]);
}

/** stride − 1 rows and columns of zeros between the rows and columns of dy. */
export function spreadOut(tf: Tensorflow, dy: Tensor4D, { strideHeight, strideWidth }: Convolution): Tensor4D {
  if (strideHeight === 1 && strideWidth === 1) return dy;
  const [batch, height, width, channels] = dy.shape;
  const gaps = tf.pad(tf.reshape(dy, [batch, height, 1, width, 1, channels]), [
    [0, 0],
    [0, 0],
    [0, strideHeight - 1],
    [0, 0],
    [0, strideWidth - 1],
    [0, 0],
  ]);
  const wide: Tensor4D = tf.reshape(gaps, [batch, height * strideHeight, width * strideWidth, channels]);
  return tf.slice4d(
    wide,
    [0, 0, 0, 0],
    [batch, (height - 1) * strideHeight + 1, (width - 1) * strideWidth + 1, channels],
  );
}
