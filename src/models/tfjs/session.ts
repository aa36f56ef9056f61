import { setImmediate } from "node:timers/promises";
import type { Tensor, Tensor2D } from "@tensorflow/tfjs";
import { StepwedgeError } from "../../core/errors.js";
import type { ClassGradients } from "../../core/model.js";
import { imageSize, type PixelBatch } from "../../core/pixels.js";
import { loadTensorflowModel, type TensorflowModel } from "../../tfjs/layers-model.js";
import { type Tensorflow, tensorflow } from "../../tfjs/runtime.js";
import type { Reduction } from "../shared/dense.js";
import { otherWidth, type Rows, refuseOtherSize } from "../shared/parts.js";
import { scoresOf } from "../shared/scores.js";
import { resolveSize } from "../shared/size.js";
import { floatWriter, type ImageLayout, shapeOf } from "../shared/values.js";
import { type InputOptions, scaleOf, toStored } from "./input.js";
import { type Link, logitGradientOf, probabilitiesOf } from "./link.js";

/**
 * Images per forward pass: one. On WebAssembly a larger pass gains next to nothing, and so an image's answer cannot depend
 * on its neighbours, to the last bit.
 */
const CHUNK = 1;

export interface SessionOptions {
  readonly path: string;
  /** How the user wrote the path. */
  readonly where: string;
  /** null: the output is an encoder's. */
  readonly classes: readonly string[] | null;
  /** The output's column of each class; undefined: as they come. */
  readonly select: Readonly<Record<string, number>> | undefined;
  readonly activation: "none" | "sigmoid" | "softmax";
  readonly output: string | undefined;
  readonly reduce: Reduction;
  readonly input: InputOptions;
}

export interface TensorflowSession {
  readonly size: ImageLayout;
  readonly hashes: Readonly<Record<string, string>>;
  readonly runtime: string;
  /** The classes' probabilities, or vectors. */
  rows(batch: PixelBatch): Promise<Rows>;
  /** Null where TensorFlow.js cannot differentiate the model. */
  readonly gradient: ((batch: PixelBatch, classIndex: number) => Promise<ClassGradients>) | null;
  close(): Promise<void>;
}

/** @throws StepwedgeError where the model cannot be loaded or does not fit the protocol */
export async function openTensorflowSession(options: SessionOptions): Promise<TensorflowSession> {
  const { tf, description } = await tensorflow();
  const model = await loadTensorflowModel(tf, options.path, options.where, options.output);
  const size = resolveSize(
    [null, ...model.inputShape],
    { ...options.input, layout: "NHWC" },
    `${options.where}, model.input`,
  );
  if (options.reduce === "none" && options.classes !== null) refuseDense(model, options);
  const link = linkOf(model, options);
  const { activation, reduce, where } = options;
  const scored = options.classes !== null && reduce === "none";
  const classes = options.classes ?? [];
  // What is made of a value for every pixel is no longer the model's own, and has no gradient here.
  const columns = scored ? columnsOf(tf, model, size, { ...options, classes }) : [];
  const reduction = {
    activation,
    classes: options.classes,
    select: options.select,
    classesLast: true,
    where,
    output: options.output ?? (model.outputNames[0] as string),
  };
  const write = floatWriter(size, options.input);
  const inputOf = (part: PixelBatch): Tensor => tf.tensor(write(part), shapeOf(size, part.count));

  /** Writes the classes' probabilities of one image from the model's raw row. */
  const answer = (row: Float32Array, out: Float64Array): void => {
    const probabilities = probabilitiesOf(row, link);
    for (const [index, column] of columns.entries()) out[index] = probabilities[column] as number;
  };

  /** One image's row: its classes' probabilities, or its vector. */
  const rowOf = (part: PixelBatch): Float64Array => {
    const { raw, shape } = tf.tidy(() => {
      const tensor = model.apply(inputOf(part));
      return { raw: tensor.dataSync() as Float32Array, shape: tensor.shape };
    });
    if (!scored) {
      // An encoder's vector is what the file gives, its own last activation included.
      const own = options.classes === null && model.head !== null ? probabilitiesOf(raw, model.head) : raw;
      return scoresOf(own, shape, { ...reduction, reduce });
    }
    const out = new Float64Array(classes.length);
    answer(raw, out);
    return out;
  };

  const rows = async (batch: PixelBatch): Promise<Rows> => {
    let [width, values] = [0, new Float64Array(0)];
    for await (const [image, part] of partsOf(batch, size)) {
      const row = rowOf(part);
      if (image === 0) [width, values] = [row.length, new Float64Array(batch.count * row.length)];
      if (row.length !== width) throw otherWidth(width, row.length);
      values.set(row, image * width);
    }
    return { width, values };
  };

  const gradient = async (batch: PixelBatch, classIndex: number): Promise<ClassGradients> => {
    const values = new Float64Array(batch.count * classes.length);
    const data = new Float32Array(batch.data.length);
    const column = columns[classIndex] as number;
    for await (const [image, part] of partsOf(batch, size)) {
      const scale = scaleOf(options.input, size.channels, part.maxValue);
      const { row, slope } = differentiate(tf, model, inputOf(part), link, column);
      answer(row, values.subarray(image * classes.length, (image + 1) * classes.length));
      toStored(slope, size, scale, data.subarray(image * imageSize(batch), (image + 1) * imageSize(batch)));
    }
    return { outputs: { count: batch.count, classes, values }, data };
  };

  const obstacle =
    options.classes === null
      ? "it is an encoder"
      : reduce !== "none"
        ? "scores are made of a value for every pixel"
        : size.volume === true
          ? "volumes are not differentiated"
          : obstacleToGradients(tf, model, size, link, columns[0] as number);
  return {
    size,
    hashes: model.hashes,
    runtime:
      obstacle === null || options.classes === null ? description : `${description}, predictions only (${obstacle})`,
    rows,
    gradient: obstacle === null ? gradient : null,
    close: async () => model.dispose(),
  };
}

/** The model's raw row for one image, and the gradient of a class's logit by the model's input. */
function differentiate(
  tf: Tensorflow,
  model: TensorflowModel,
  input: Tensor,
  link: Link,
  column: number,
): { row: Float32Array; slope: Float32Array } {
  let row = new Float32Array();
  const slope = tf.tidy(() => {
    const logit = (x: Tensor) => {
      const outputs = tf.reshape(model.apply(x), [CHUNK, -1]) as Tensor2D;
      row = outputs.dataSync().slice() as Float32Array<ArrayBuffer>;
      return logitGradientOf(tf, outputs, row, link, column);
    };
    return tf.grad(logit)(input).dataSync() as Float32Array;
  });
  input.dispose();
  return { row, slope };
}

/** Why TensorFlow.js cannot differentiate the model, or null: it is tried on a black image. */
function obstacleToGradients(
  tf: Tensorflow,
  model: TensorflowModel,
  size: ImageLayout,
  link: Link,
  column: number,
): string | null {
  try {
    differentiate(tf, model, tf.zeros(shapeOf(size, CHUNK)), link, column);
    return null;
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n")[0] as string) : String(error);
  }
}

/** One image after the other, each as a batch, with a pause before it: the thread belongs to others, too. */
async function* partsOf(batch: PixelBatch, size: ImageLayout): AsyncGenerator<[image: number, part: PixelBatch]> {
  refuseOtherSize(batch, size);
  const length = imageSize(batch);
  for (let image = 0; image < batch.count; image += CHUNK) {
    await setImmediate();
    yield [image, { ...batch, count: CHUNK, data: batch.data.subarray(image * length, (image + CHUNK) * length) }];
  }
}

/** Where the file tells it, before a pass over a whole volume does. */
function refuseDense({ outputShape }: TensorflowModel, { where }: SessionOptions): void {
  const sides = outputShape?.slice(1, -1) ?? [];
  if (!sides.some((side) => side === null || side > 1)) return;
  throw new StepwedgeError(
    `gives a value for every pixel: its output has the shape [${["N", ...(outputShape?.slice(1) ?? [])].join(", ")}]`,
    {
      where: `${where}, model.output`,
      remedy: "Say how they become one score per class, with model.output.reduce: share, mean or max.",
    },
  );
}

/** How the raw numbers become probabilities: by the activation that was taken off, by the protocol's, or not at all. */
function linkOf({ head }: TensorflowModel, { activation, where }: SessionOptions): Link {
  if (head === null) return activation === "none" ? "identity" : activation;
  if (activation === "none") return head;
  throw new StepwedgeError(`ends in a ${head}; model.activation would be a second activation`, {
    where,
    remedy: "Set model.activation to none.",
  });
}

/** The output's column of each class, checked on a black image. */
function columnsOf(
  tf: Tensorflow,
  model: TensorflowModel,
  size: ImageLayout,
  { classes, select, where }: Omit<SessionOptions, "classes"> & { readonly classes: readonly string[] },
): readonly number[] {
  const shape = tf.tidy(() => model.apply(tf.zeros(shapeOf(size, CHUNK))).shape);
  const scores = shape.reduce((product, size) => product * size, 1) / CHUNK;
  if (shape[0] !== CHUNK) {
    throw new StepwedgeError(`gave an output of shape [${shape.join(", ")}] for ${CHUNK} image`, {
      where,
      remedy: "Choose an output with one row of scores per image (model.output.name).",
    });
  }
  if (select === undefined && scores !== classes.length) {
    throw new StepwedgeError(
      `gives ${scores} scores per image; the protocol names ${classes.length} classes (${classes.join(", ")})`,
      { where, remedy: "Say which column is which class: model.output.select: { class: column }." },
    );
  }
  const chosen = classes.map((name, index) => select?.[name] ?? index);
  const outside = chosen.find((column) => column >= scores);
  if (outside === undefined) return chosen;
  throw new StepwedgeError(`has no column ${outside}: it gives ${scores} scores per image`, {
    where: `${where}, model.output.select`,
    remedy: `Columns count from 0 to ${scores - 1}.`,
  });
}
