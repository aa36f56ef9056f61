import { statSync } from "node:fs";
import { basename, dirname, extname } from "node:path";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { StepwedgeError } from "../../core/errors.js";
import { loadTensorflowModel } from "../../tfjs/layers-model.js";
import { tensorflow } from "../../tfjs/runtime.js";

/** What a model shows of itself, as far as a protocol needs it. */
export interface ModelFacts {
  readonly adapter: "onnx" | "tfjs";
  readonly input: {
    readonly name: string;
    readonly shape: readonly (number | string)[];
    /** null where the adapter needs no word on it. */
    readonly layout: "NCHW" | "NHWC" | null;
    /** null where the file leaves it open. */
    readonly channels: number | null;
    readonly height: number | null;
    readonly width: number | null;
  };
  /** The output that most likely holds the scores. */
  readonly output: OutputFacts;
  readonly outputs: readonly OutputFacts[];
  /** The activation that the model ends in, where its file says so. */
  readonly head: "sigmoid" | "softmax" | null;
  /** True where the chosen output stayed in [0, 1] on trial images, false where it did not, null where nothing was tried. */
  readonly bounded: boolean | null;
}

export interface OutputFacts {
  readonly name: string;
  readonly shape: readonly (number | string)[];
  /** Scores per image; null where the file leaves it open. */
  readonly columns: number | null;
}

/** Sizes that trial images get where the file leaves theirs open. */
const TRIAL = { channels: 3, side: 224 } as const;

const SCORE_NAMES: readonly RegExp[] = [/^prob(abilit(y|ies))?s?$/i, /prob|softmax|sigmoid/i, /score|pred/i, /logit/i];

/**
 * Looks at a model: names and shapes, and whether its scores are probabilities already. A folder, or a file called
 * model.json, is taken for TensorFlow.js, all else for ONNX.
 * @throws StepwedgeError where it is no model of images.
 */
export async function inspectModel(file: string): Promise<ModelFacts> {
  const isTensorflow =
    statSync(file, { throwIfNoEntry: false })?.isDirectory() === true || basename(file) === "model.json";
  return isTensorflow ? inspectTensorflowModel(file) : inspectOnnx(file);
}

/** Where the model's last activation is known, its scores need not be tried. */
async function inspectTensorflowModel(file: string): Promise<ModelFacts> {
  const { tf } = await tensorflow();
  const folder = basename(file) === "model.json" ? dirname(file) : file;
  const model = await loadTensorflowModel(tf, folder, file);
  try {
    const [height = null, width = null, channels = null] = model.inputShape;
    if (model.inputShape.length !== 3) {
      const shape = ["N", ...model.inputShape.map((side) => side ?? "?")].join(", ");
      throw refused(
        file,
        `takes a tensor of shape [${shape}]`,
        "init drafts protocols for models of images; see docs/protocol.md for volumes.",
      );
    }
    const shapeOf = (sides: readonly (number | null)[]) => ["N", ...sides.map((side) => side ?? "?")];
    const outputs = model.outputNames.map((name) =>
      outputFacts(name, { isTensor: true, shape: shapeOf(model.outputShape?.slice(1) ?? []) }),
    );
    const output = scoresOutput(outputs);
    if (output === null) throw refused(file, "has no outputs", "Give a model that returns scores.");
    const input = { name: "input", shape: shapeOf(model.inputShape), layout: null, channels, height, width };
    const bounded = model.head !== null ? true : null;
    return { adapter: "tfjs", input, output, outputs, bounded, head: model.head };
  } finally {
    model.dispose();
  }
}

async function inspectOnnx(file: string): Promise<ModelFacts> {
  const session = await openModel(file);
  try {
    const input = imageInput(session, file);
    const outputs = session.outputMetadata.map(({ name, ...value }) => outputFacts(name, value));
    const output = scoresOutput(outputs);
    if (output === null) throw refused(file, "has no outputs", "Give a model that returns scores.");
    return {
      adapter: "onnx",
      head: null,
      input,
      output,
      outputs,
      bounded: await staysInUnitInterval(session, input, output.name),
    };
  } finally {
    await session.release();
  }
}

async function openModel(file: string): Promise<InferenceSession> {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
    throw refused(file, "the model file does not exist", "Correct --model.");
  }
  if (extname(file).toLowerCase() !== ".onnx") {
    throw refused(
      file,
      "is no .onnx file",
      "init looks into ONNX files and TensorFlow.js folders: leave --model out and fill in the template.",
    );
  }
  const ort = await import("onnxruntime-node");
  try {
    return await ort.InferenceSession.create(file, { executionProviders: ["cpu"], logSeverityLevel: 3 });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw refused(file, `cannot be loaded as an ONNX model: ${reason}`, "Check that the file is a complete export.");
  }
}

function refused(file: string, message: string, remedy: string): StepwedgeError {
  return new StepwedgeError(message, { where: file, remedy });
}

function imageInput(session: InferenceSession, file: string): ModelFacts["input"] {
  const tensors = session.inputMetadata.filter((value) => value.isTensor);
  const images = tensors.find((value) => value.isTensor && value.shape.length === 4);
  if (images === undefined || !images.isTensor) {
    const found = tensors.map((value) => `${value.name} [${value.isTensor ? value.shape.join(", ") : ""}]`).join("; ");
    throw refused(
      file,
      `has no input of images, which have 4 dimensions; found ${found || "no tensors"}`,
      "Export the model for batches of images: [N, C, H, W] or [N, H, W, C].",
    );
  }
  return { name: images.name, ...readShape(images.shape) };
}

/** Layout and sizes out of a 4-D shape: 1 or 3 at the end, and not behind the batch, means NHWC. */
export function readShape(shape: readonly (number | string)[]): Omit<ModelFacts["input"], "name"> {
  const channelLike = (at: number) => shape[at] === 1 || shape[at] === 3;
  const layout = channelLike(3) && !channelLike(1) ? "NHWC" : "NCHW";
  const [channels, height, width] = (layout === "NCHW" ? [1, 2, 3] : [3, 1, 2]).map((at) => fixed(shape[at]));
  return { shape, layout, channels: channels ?? null, height: height ?? null, width: width ?? null };
}

function fixed(dimension: number | string | undefined): number | null {
  return typeof dimension === "number" && dimension > 0 ? dimension : null;
}

function outputFacts(name: string, value: { readonly isTensor: boolean; readonly shape?: unknown }): OutputFacts {
  const shape = value.isTensor ? (value.shape as readonly (number | string)[]) : [];
  return { name, shape, columns: shape.length === 1 ? 1 : shape.length === 2 ? fixed(shape[1]) : null };
}

/** The output whose name promises probabilities; else scores, else logits, else the first. */
export function scoresOutput(outputs: readonly OutputFacts[]): OutputFacts | null {
  for (const pattern of SCORE_NAMES) {
    const found = outputs.find((output) => pattern.test(output.name));
    if (found !== undefined) return found;
  }
  return outputs[0] ?? null;
}

/** Asks the model three flat images. Scores outside [0, 1] prove that they are no probabilities; inside, most likely. */
async function staysInUnitInterval(
  session: InferenceSession,
  input: ModelFacts["input"],
  output: string,
): Promise<boolean | null> {
  const { Tensor } = await import("onnxruntime-node");
  const [channels, height, width] = [
    input.channels ?? TRIAL.channels,
    input.height ?? TRIAL.side,
    input.width ?? TRIAL.side,
  ];
  const shape = input.layout === "NCHW" ? [1, channels, height, width] : [1, height, width, channels];
  try {
    for (const grey of [0, 0.5, 1]) {
      const image = new Tensor("float32", new Float32Array(channels * height * width).fill(grey), shape);
      const answers = (await session.run({ [input.name]: image }, [output])) as Record<string, Tensor>;
      const scores = Array.from(answers[output]?.data as Float32Array);
      if (scores.some((score) => !(score >= 0 && score <= 1))) return false;
    }
    return true;
  } catch {
    // Another number type, a fixed batch: nothing is known then, and the preflight of the run will tell.
    return null;
  }
}
