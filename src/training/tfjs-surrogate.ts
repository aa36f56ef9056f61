import type { Tensor } from "@tensorflow/tfjs";
import { StepwedgeError } from "../core/errors.js";
import type { ImageGeometry } from "../core/pixels.js";
import { kernelWeights } from "../image/kernels.js";
import { loadTensorflowModel, type TensorflowModel } from "../tfjs/layers-model.js";
import { type Tensorflow, tensorflow } from "../tfjs/runtime.js";
import type { ImportedNetwork, Matrix, Operators, TrainingBackend } from "./network.js";
import type { Surrogate } from "./surrogate.js";
import { tfjsBackend } from "./tfjs-backend.js";

/** A model of the user's own in the place of a distilled surrogate, and the backend that alone can run it. */
export interface ImportedSurrogate {
  readonly backend: TrainingBackend;
  readonly surrogate: Surrogate;
  close(): void;
}

const NAME = "surrogate";
/** Keeps log(1 − p) finite. */
const SMALLEST = 1e-7;

/**
 * Loads a TensorFlow.js layers model as a surrogate. It is given images in [0, 1], resized bilinearly (antialiased) to its
 * own size, gray ones three times where it takes colour. What it answers becomes a margin per class: a sigmoid or softmax
 * at its end is taken off; outputs without one are taken for logits.
 * @param classes how many classes the target has: the model must answer as many numbers
 * @throws StepwedgeError where it cannot be loaded, is a graph model, or does not fit the images or the classes
 */
export async function importSurrogate(
  path: string,
  geometry: Pick<ImageGeometry, "channels" | "height" | "width">,
  classes: number,
  where: string,
): Promise<ImportedSurrogate> {
  const { tf } = await tensorflow();
  const model = await loadTensorflowModel(tf, path, where);
  const [height, width, channels] = sizesOf(model, geometry, where);
  const network = networkOf(tf, model, [height, width, channels], where);
  if (network.outputs !== classes) {
    throw new StepwedgeError(`answers ${network.outputs} numbers; the audited model has ${classes} classes`, {
      where,
      remedy: "Give a surrogate with one output per class, in the classes' order.",
    });
  }
  const rows = bilinear(geometry.height, height);
  const columns = bilinear(geometry.width, width);
  const answer = <V>(ops: Operators<V>, images: V) => {
    if (ops.imported === undefined) throw new Error("this backend runs no imported models");
    const resized = ops.sandwich(images, rows, columns);
    const seen = channels === geometry.channels ? resized : ops.concatenate(resized, resized, resized);
    return ops.imported(NAME, seen);
  };
  return {
    backend: await tfjsBackend(new Map([[NAME, network]])),
    surrogate: { weights: new Map(), answer },
    close: () => model.dispose(),
  };
}

/** Height, width and channels that the model takes; what it leaves open is as the images have it. */
function sizesOf(
  { inputShape }: TensorflowModel,
  geometry: Pick<ImageGeometry, "channels" | "height" | "width">,
  where: string,
): [number, number, number] {
  const [height, width, channels] = inputShape;
  const sizes: [number, number, number] = [
    height ?? geometry.height,
    width ?? geometry.width,
    channels ?? geometry.channels,
  ];
  if (inputShape.length === 3 && (sizes[2] === geometry.channels || (sizes[2] === 3 && geometry.channels === 1)))
    return sizes;
  throw new StepwedgeError(
    `takes inputs of ${inputShape.map((size) => size ?? "any").join(" × ")}; the images have ${geometry.channels} channels`,
    { where, remedy: "Give a surrogate of images (height × width × channels) with as many channels." },
  );
}

function networkOf(
  tf: Tensorflow,
  model: TensorflowModel,
  [height, width, channels]: readonly [number, number, number],
  where: string,
): ImportedNetwork {
  const { stages } = model;
  if (stages === null) {
    throw new StepwedgeError("is a graph model, whose layers cannot be looked into", {
      where,
      remedy: "Give a layers model (tensorflowjs_converter --output_format=tfjs_layers_model).",
    });
  }
  const shapes = tf.tidy(() => {
    const { early, output } = stages(tf.zeros([1, height, width, channels]));
    return { early: early.map(({ shape }) => shape), outputs: output.shape[1] ?? 1 };
  });
  return {
    outputs: shapes.outputs,
    featureShapes: shapes.early.map(([, rows, columns, maps]) => [maps ?? 0, rows ?? 0, columns ?? 0]),
    answer(batch) {
      const { early, output } = stages(batch as Tensor);
      return { features: early, margins: marginsOf(tf, output, model.head) };
    },
  };
}

/** log p − log(1 − p) of every class. */
function marginsOf(tf: Tensorflow, output: Tensor, head: TensorflowModel["head"]): Tensor {
  if (head !== "softmax") return output;
  return tf.sub(tf.logSoftmax(output as never), tf.log(tf.add(tf.sub(1, tf.softmax(output as never)), SMALLEST)));
}

/** A line of `from` pixels resized to `to`, as a matrix. */
function bilinear(from: number, to: number): Matrix {
  const { first, size, values, stride } = kernelWeights("bilinear", from, to);
  const data = new Float32Array(to * from);
  for (let out = 0; out < to; out++) {
    for (let k = 0; k < (size[out] as number); k++) {
      data[out * from + (first[out] as number) + k] = values[out * stride + k] as number;
    }
  }
  return { rows: to, columns: from, data };
}
