import type { Scalar, Tensor2D } from "@tensorflow/tfjs";
import type { Tensorflow } from "../../tfjs/runtime.js";
import { activate } from "../shared/activation.js";

/** How a model's numbers are probabilities: they are, or behind a sigmoid each, or behind a softmax over all. */
export type Link = "identity" | "sigmoid" | "softmax";

/** Probabilities nearer to 0 or 1 are taken for this near: float32 has no finer steps below 1. */
const NEAREST = 1e-7;

/** One image's probabilities from its raw row, in float64. */
export function probabilitiesOf(row: Float32Array, link: Link): Float64Array {
  const probabilities = Float64Array.from(row);
  activate(probabilities, link === "identity" ? "none" : link);
  return probabilities;
}

/**
 * A scalar whose gradient is that of a class's logit, logit(p) = log p − log(1 − p).
 *   sigmoid   the number itself.
 *   softmax   z_c − log Σ_{j ≠ c} exp z_j: exact however near p is to 0 or 1.
 *   identity  p / (p₀ (1 − p₀)) with p₀ the present p held fixed, at least 10⁻⁷ away from 0 and 1. Where the model's own
 *             last activation has saturated in float32, p no longer moves, and the gradient is zero.
 */
export function logitGradientOf(
  tf: Tensorflow,
  outputs: Tensor2D,
  row: Float32Array,
  link: Link,
  column: number,
): Scalar {
  const own = tf.slice(outputs, [0, column], [-1, 1]);
  if (link === "sigmoid") return tf.sum(own);
  if (link === "identity") {
    const p = Math.min(Math.max(row[column] as number, NEAREST), 1 - NEAREST);
    return tf.sum(tf.mul(own, 1 / (p * (1 - p))));
  }
  const after = row.length - column - 1;
  const others = [
    ...(column > 0 ? [tf.slice(outputs, [0, 0], [-1, column])] : []),
    ...(after > 0 ? [tf.slice(outputs, [0, column + 1], [-1, after])] : []),
  ];
  if (others.length === 0) throw new Error("a softmax over one output is always 1");
  return tf.sum(tf.sub(own, tf.logSumExp(tf.concat(others, 1), 1, true)));
}
