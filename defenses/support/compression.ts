import type { Operators } from "../../src/training/network.js";

/*
 * The two networks of ComDefend (Jia et al. 2019), smaller: four layers each in place of nine, of `width` maps, with a
 * leaky ReLU where theirs have an ELU.
 */

/** Standard deviation of the noise on the code before its sigmoid, in training (φ of their equation 3). */
export const NOISE = 20;
const SLOPE = 0.1;

/** Sizes of the networks. */
export interface CompressionShape {
  /** Bits of the code per pixel and channel. */
  readonly bits: number;
  readonly width: number;
}

/**
 * ComCNN: the code before its sigmoid. The last layer is given in units of the noise: what it starts with is neither lost
 * in the noise nor far above it, so that a short training finds a code.
 */
export function compress<V>(ops: Operators<V>, images: V, { bits, width }: CompressionShape): V {
  let maps = ops.affine(images, 4, -2);
  for (const layer of [1, 2, 3]) maps = ops.leakyRelu(ops.conv2d(maps, `compress.${layer}`, width, 3), SLOPE);
  return ops.affine(ops.conv2d(maps, "compress.code", bits * channelsOf(ops, images), 3), NOISE, 0);
}

/** The code as it is learnt: between 0 and 1, and driven to them by the noise. */
export function softCode<V>(ops: Operators<V>, code: V, noise: V): V {
  return ops.sigmoid(ops.subtract(code, noise));
}

/** The code as it is applied: 1 where its sigmoid is above 0.5, which is where it is positive itself; 0 elsewhere. */
export function binaryCode<V>(ops: Operators<V>, code: V): V {
  return ops.relu(ops.sign(code));
}

/** RecCNN: the image of a code in [0, 1]. */
export function reconstruct<V>(ops: Operators<V>, code: V, channels: number, { width }: CompressionShape): V {
  let maps = ops.affine(code, 2, -1);
  for (const layer of [1, 2, 3]) maps = ops.leakyRelu(ops.conv2d(maps, `reconstruct.${layer}`, width, 3), SLOPE);
  return ops.affine(ops.conv2d(maps, "reconstruct.image", channels, 3), 0.5, 0.5);
}

/** The image as it comes out: through a code of zeros and ones. */
export function passThroughCode<V>(ops: Operators<V>, images: V, shape: CompressionShape): V {
  return reconstruct(ops, binaryCode(ops, compress(ops, images, shape)), channelsOf(ops, images), shape);
}

export function channelsOf<V>(ops: Operators<V>, images: V): number {
  return ops.shapeOf(images)[1] ?? 1;
}
