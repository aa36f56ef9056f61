import type { Operators, Weights } from "./network.js";

/** What is seen of a surrogate: the maps of its first layers, and a margin per class. */
export interface SurrogateAnswers<V> {
  readonly features: readonly V[];
  readonly margins: V;
}

/** A differentiable stand-in for the target. Images are N×C×H×W in [0, 1]; a margin of 0 is the decision's border. */
export interface Surrogate {
  readonly weights: Weights;
  answer<V>(ops: Operators<V>, images: V): SurrogateAnswers<V>;
}

export interface SurrogateShape {
  /** Feature maps of the first layer. */
  readonly width: number;
  readonly outputs: number;
  /** What a pixel's difference from its surroundings is multiplied by. */
  readonly amplification: number;
}

/** Side of the window whose mean stands for a pixel's surroundings. */
const SURROUNDINGS = 5;

/**
 * A small convolutional network for images of any size. It sees the image and, amplified, each pixel's difference from
 * its surroundings: a perturbation as large as ε is so faint beside anatomy that a network of this size, fed with the
 * image alone, would not come to see it in a few hundred steps. What it finds is averaged over the image and also
 * searched for its largest value, for findings that are everywhere and findings in one place.
 */
export function smallNetwork<V>(
  ops: Operators<V>,
  images: V,
  { width, outputs, amplification }: SurrogateShape,
): SurrogateAnswers<V> {
  const layer = (x: V, name: string, maps: number, kernel: number, stride: 1 | 2) =>
    ops.relu(ops.conv2d(x, `surrogate.${name}`, maps, kernel, { stride }));
  const seen = ops.concatenate(ops.affine(images, 4, -2), localContrast(ops, images, amplification));
  const first = layer(seen, "stem", width, 5, 2);
  const second = layer(first, "stage1", 2 * width, 3, 2);
  const third = layer(second, "stage2", 2 * width, 3, 1);
  const fourth = layer(third, "stage3", 4 * width, 3, 2);
  const last = layer(fourth, "stage4", 4 * width, 3, 1);
  const pooled = ops.concatenate(ops.globalAveragePool(last), ops.globalMaxPool(last));
  return { features: [first, second, third], margins: ops.dense(pooled, "surrogate.head", outputs) };
}

/** Each pixel less the mean of its surroundings, channel by channel, as a convolution with fixed weights. */
function localContrast<V>(ops: Operators<V>, images: V, gain: number): V {
  const channels = ops.shapeOf(images)[1] as number;
  const taps = SURROUNDINGS ** 2;
  const weight = new Float32Array(channels * channels * taps);
  for (let channel = 0; channel < channels; channel++) {
    const start = (channel * channels + channel) * taps;
    weight.fill(-gain / taps, start, start + taps);
    weight[start + (taps - 1) / 2] = gain * (1 - 1 / taps);
  }
  const fixed = new Map([
    ["contrast.weight", weight],
    ["contrast.bias", new Float32Array(channels)],
  ]);
  return ops.frozen(fixed).conv2d(images, "contrast", channels, SURROUNDINGS);
}

/** Weight of an error in what a perturbation changes, against the errors before and after it. */
const CHANGE_WEIGHT = 2;

/**
 * How far margins of clean images and of their perturbed selves are from the target's, and how far off the change is
 * that the perturbation makes: it is the change that an attack will build on.
 */
export function distillationLoss<V>(ops: Operators<V>, clean: readonly [V, V], perturbed: readonly [V, V]): V {
  const errors = [clean, perturbed].map(([margins, targets]) => ops.subtract(margins, targets)) as [V, V];
  const level = ops.add(pseudoHuber(ops, errors[0], 1), pseudoHuber(ops, errors[1], 1));
  const change = pseudoHuber(ops, ops.subtract(errors[1], errors[0]), 0.3);
  return ops.add(ops.affine(level, 0.5, 0), ops.affine(change, CHANGE_WEIGHT, 0));
}

/** Mean of √(e² + w²) − w: quadratic for errors below the width w, linear beyond. */
function pseudoHuber<V>(ops: Operators<V>, errors: V, width: number): V {
  return ops.affine(ops.mean(ops.sqrt(ops.multiply(errors, errors), width * width)), 1, -width);
}
