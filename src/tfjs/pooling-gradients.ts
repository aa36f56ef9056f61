import type { Tensor4D } from "@tensorflow/tfjs";
import { type Convolution, depthwiseInputGradient, padded, shifted, spreadOut, taps } from "./convolution-gradients.js";
import type { Tensorflow } from "./runtime.js";

/* Gradients of pooling over N×H×W×C, composed of other operators. Windows of any size, stride and padding. */

/** Below every value that an image or a feature map has. */
const LOWEST = -3e38;

/** What dy becomes behind a maximum: it goes to the place of the largest value; where several are, in equal shares. */
export function maxPoolGradient(tf: Tensorflow, dy: Tensor4D, x: Tensor4D, y: Tensor4D, window: Convolution): Tensor4D {
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = window;
  const padding = padInfo.top + padInfo.bottom + padInfo.left + padInfo.right;
  const tiled = filterHeight === strideHeight && filterWidth === strideWidth && padding === 0;
  return tf.tidy(() => (tiled ? sideBySide : overlapping)(tf, dy, x, y, window));
}

/** Where windows lie side by side, each place has one window, and a nearest resize brings its values to the place. */
function sideBySide(tf: Tensorflow, dy: Tensor4D, x: Tensor4D, y: Tensor4D, window: Convolution): Tensor4D {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, filterHeight, filterWidth } = window;
  const height = outHeight * filterHeight;
  const width = outWidth * filterWidth;
  const whole = height === inHeight && width === inWidth;
  const source = whole ? x : tf.slice4d(x, [0, 0, 0, 0], [batchSize, height, width, inChannels]);
  const toPlaces = (values: Tensor4D) => tf.image.resizeNearestNeighbor(values, [height, width]);
  // 1 where a value is its window's largest, else 0.
  const largest = tf.add(tf.sign(tf.sub(source, toPlaces(y))), 1) as Tensor4D;
  const size: [number, number] = [filterHeight, filterWidth];
  const count = tf.mul(tf.avgPool(largest, size, size, "valid"), filterHeight * filterWidth);
  const gradient = tf.mul(largest, toPlaces(tf.div(dy, count))) as Tensor4D;
  if (whole) return gradient;
  return tf.pad4d(gradient, [
    [0, 0],
    [0, inHeight - height],
    [0, inWidth - width],
    [0, 0],
  ]);
}

/** The sum of what every tap gives back to the places that it met. */
function overlapping(tf: Tensorflow, dy: Tensor4D, x: Tensor4D, y: Tensor4D, window: Convolution): Tensor4D {
  const { batchSize, inHeight, inWidth, inChannels, padInfo } = window;
  const height = inHeight + padInfo.top + padInfo.bottom;
  const width = inWidth + padInfo.left + padInfo.right;
  const source = padded(tf, x, window, LOWEST);
  const largest = taps(window).map(([row, column]) =>
    tf.cast(tf.equal(shifted(tf, source, row, column, window), y), "float32"),
  );
  const share = tf.div(dy, tf.addN(largest));
  const places = taps(window).map(([row, column], tap) => {
    const spread = spreadOut(tf, tf.mul(largest[tap] as Tensor4D, share), window);
    return tf.pad4d(spread, [
      [0, 0],
      [row, height - row - spread.shape[1]],
      [column, width - column - spread.shape[2]],
      [0, 0],
    ]);
  });
  return tf.slice4d(tf.addN(places), [0, padInfo.top, padInfo.left, 0], [batchSize, inHeight, inWidth, inChannels]);
}

/** Every value of a window gets its share of dy. Places beyond the edge are no part of the mean. */
export function averagePoolGradient(tf: Tensorflow, dy: Tensor4D, window: Convolution): Tensor4D {
  return tf.tidy(() => {
    const { filterHeight, filterWidth, inChannels, outHeight, outWidth } = window;
    const rows = inside(outHeight, window.strideHeight, filterHeight, window.padInfo.top, window.inHeight);
    const columns = inside(outWidth, window.strideWidth, filterWidth, window.padInfo.left, window.inWidth);
    const counts = rows.flatMap((row) => columns.map((column) => row * column));
    const share = tf.div(dy, tf.tensor4d(counts, [1, outHeight, outWidth, 1])) as Tensor4D;
    return depthwiseInputGradient(tf, share, tf.ones([filterHeight, filterWidth, inChannels, 1]), window);
  });
}

/** How many of each window's places lie in the image, along one axis. */
function inside(outputs: number, stride: number, filter: number, padding: number, inputs: number): number[] {
  return Array.from({ length: outputs }, (_, output) => {
    const from = output * stride - padding;
    return Math.min(from + filter, inputs) - Math.max(from, 0);
  });
}
