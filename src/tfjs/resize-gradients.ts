import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs";
import type { Tensorflow } from "./runtime.js";

/** Resizes N×H×W×C to the given height and width, in any of TensorFlow's ways. */
export type Resize = (images: Tensor4D, size: [height: number, width: number]) => Tensor4D;

/**
 * The gradient behind a resize. A resize is y = L·x·Rᵀ in every channel, so that dx = Lᵀ·dy·R. The matrices are found by
 * asking the resize itself for what it makes of the unit vectors, which settles corners and centres of pixels.
 */
export function resizeGradient(tf: Tensorflow, dy: Tensor4D, x: Tensor4D, resize: Resize): Tensor {
  return tf.tidy(() => {
    const [batch, height, width, channels] = x.shape;
    const [, newHeight, newWidth] = dy.shape;
    const left = matrixOf(tf, resize, height, newHeight);
    const right = matrixOf(tf, resize, width, newWidth);
    const rows = apply(tf, left, tf.reshape(dy, [batch, newHeight, newWidth * channels]));
    const columns = apply(tf, right, tf.reshape(rows, [batch * height, newWidth, channels]));
    return tf.reshape(columns, x.shape);
  });
}

/** new × old: what one axis's resize makes of every unit vector, each in a channel of its own. */
function matrixOf(tf: Tensorflow, resize: Resize, size: number, newSize: number): Tensor2D {
  const units = tf.reshape(tf.eye(size), [1, size, 1, size]) as Tensor4D;
  return tf.reshape(resize(units, [newSize, 1]), [newSize, size]);
}

/** matrixᵀ · block for every block of the batch. */
function apply(tf: Tensorflow, matrix: Tensor2D, blocks: Tensor3D): Tensor {
  return tf.matMul(tf.expandDims(matrix, 0), blocks, true);
}
