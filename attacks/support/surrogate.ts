import type { Operators, Weights } from "../../src/training/network.js";

/** What an attack sees of a surrogate: the maps of its first layers, and a margin per class. */
export interface SurrogateAnswers<V> {
  readonly features: readonly V[];
  readonly margins: V;
}

/** A differentiable stand-in for the target. Images are N×C×H×W in [0, 1]; a margin of 0 is the decision's border. */
export interface Surrogate {
  readonly weights: Weights;
  answer<V>(ops: Operators<V>, images: V): SurrogateAnswers<V>;
}

/**
 * A small convolutional network for images of any size. What it sees is averaged over the image and also searched for its
 * largest value, for findings that are everywhere and findings in one place.
 */
export function smallNetwork<V>(ops: Operators<V>, images: V, width: number, outputs: number): SurrogateAnswers<V> {
  const layer = (x: V, name: string, maps: number, kernel: number, stride: 1 | 2) =>
    ops.relu(ops.conv2d(x, `surrogate.${name}`, maps, kernel, { stride }));
  const first = layer(ops.affine(images, 4, -2), "stem", width, 5, 2);
  const second = layer(first, "stage1", 2 * width, 3, 2);
  const third = layer(second, "stage2", 2 * width, 3, 1);
  const fourth = layer(third, "stage3", 4 * width, 3, 2);
  const last = layer(fourth, "stage4", 4 * width, 3, 1);
  const pooled = ops.concatenate(ops.globalAveragePool(last), ops.globalMaxPool(last));
  return { features: [first, second, third], margins: ops.dense(pooled, "surrogate.head", outputs) };
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
