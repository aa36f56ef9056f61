import { affine, relu } from "./elementwise.js";
import { sigmoidCrossEntropy } from "./losses.js";
import { conv2d, dense, globalMaxPool, maxPool2 } from "./operators.js";
import { DYNAMIC, Tape, type Variable } from "./tape.js";

/** A small convolutional classifier of single-channel images with one output: is the finding there? */
export interface ClassifierShape {
  /** Height and width of the input; a multiple of 4. */
  readonly side: number;
  /** Channels of the three stages. */
  readonly widths: readonly [number, number, number];
}

/** Values in [0, 1] are brought to about zero mean and unit variance inside the graph. */
const SCALE = 4;
const SHIFT = -2;

/**
 * From images N×1×side×side in [0, 1] to logits N×1. The last feature maps are reduced by their maximum, not their
 * mean: a nodule is small, and one place that looks like one is enough.
 */
export function classify(tape: Tape, images: Variable, { widths: [first, second, third] }: ClassifierShape): Variable {
  let maps = affine(tape, images, SCALE, SHIFT);
  maps = maxPool2(tape, relu(tape, conv2d(tape, maps, "stem", first, 5)));
  maps = relu(tape, conv2d(tape, maps, "stage1a", second, 3));
  maps = maxPool2(tape, relu(tape, conv2d(tape, maps, "stage1b", second, 3)));
  maps = relu(tape, conv2d(tape, maps, "stage2", third, 3));
  return dense(tape, globalMaxPool(tape, maps), "head", 1);
}

/** The network with its loss, for `Trainer.create`; a batch has `images` and `targets` (N×1). */
export function classifierLoss(shape: ClassifierShape, batch: number): (tape: Tape) => Variable {
  return (tape) => {
    const images = tape.input("images", [batch, 1, shape.side, shape.side]);
    const targets = tape.input("targets", [batch, 1]);
    return sigmoidCrossEntropy(tape, classify(tape, images, shape), targets);
  };
}

/** The trained network as an .onnx file: `images` (N×1×side×side in [0, 1]) to `logit` and `prob` (N×1). */
export function exportClassifier(
  shape: ClassifierShape,
  weights: ReadonlyMap<string, Float32Array>,
  description: string,
): Uint8Array {
  const tape = new Tape(weights);
  const images = tape.input("images", [DYNAMIC, 1, shape.side, shape.side]);
  const logit = classify(tape, images, shape);
  tape.graph.output("logit", logit.name, ["N", 1]);
  tape.graph.output("prob", tape.graph.node("Sigmoid", [logit.name]), ["N", 1]);
  return tape.graph.encode("classifier", description);
}
