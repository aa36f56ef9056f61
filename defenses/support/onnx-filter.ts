import * as ort from "onnxruntime-node";
import { StepwedgeError } from "../../src/core/errors.js";
import { type ImageGeometry, imageSize } from "../../src/core/pixels.js";

/** The order of an image's axes in the model's tensors. */
export type Layout = "NCHW" | "NHWC";

/** An ONNX model that turns an image into an image of the same size. */
export interface OnnxFilter {
  readonly path: string;
  readonly session: ort.InferenceSession;
  readonly input: string;
  readonly output: string;
  /** The input's shape as the file has it: numbers where fixed, names or −1 where open. */
  readonly shape: readonly (number | string)[];
}

const opened = new Map<string, Promise<OnnxFilter>>();

/**
 * Opens a file once per process. One thread, so that sums are made in one order.
 * @throws StepwedgeError where it is no model of one float32 image batch in and one out
 */
export function openFilter(path: string): Promise<OnnxFilter> {
  let filter = opened.get(path);
  if (filter === undefined) {
    filter = load(path);
    opened.set(path, filter);
    // A file that could not be opened may be there at the next attempt.
    filter.catch(() => opened.delete(path));
  }
  return filter;
}

/**
 * Runs one image (C×H×W, in the model's own range) through the model; the answer is C×H×W again.
 * @throws StepwedgeError where the image does not fit the model, or what comes back is no such image
 */
export async function runFilter(
  filter: OnnxFilter,
  image: Float32Array,
  geometry: ImageGeometry,
  layout: Layout,
): Promise<Float32Array> {
  const { channels, height, width } = geometry;
  const dims = layout === "NCHW" ? [1, channels, height, width] : [1, height, width, channels];
  checkShape(filter, dims, geometry, layout);
  const values = layout === "NCHW" ? image : channelsLast(image, geometry);
  const results = await run(filter, new ort.Tensor("float32", values, dims));
  const answer = results[filter.output];
  if (answer?.type !== "float32" || answer.dims.length !== 4 || answer.dims.some((size, axis) => size !== dims[axis])) {
    const shape = answer === undefined ? "nothing" : `${answer.type} of shape [${answer.dims.join(", ")}]`;
    throw fault(
      filter.path,
      `gave ${shape} for float32 of shape [${dims.join(", ")}]`,
      "A denoiser must return an image of the size, and in the layout, of the one that it was given.",
    );
  }
  const data = answer.data as Float32Array;
  if (!data.every(Number.isFinite)) {
    throw fault(
      filter.path,
      "gave values that are no numbers",
      "Check the parameter range: what the model was trained on.",
    );
  }
  return layout === "NCHW" ? data : channelsFirst(data, geometry);
}

async function load(path: string): Promise<OnnxFilter> {
  const session = await createSession(path);
  const { inputMetadata, outputMetadata } = session;
  const [input, output] = [inputMetadata[0], outputMetadata[0]];
  if (inputMetadata.length !== 1 || input === undefined) {
    const names = inputMetadata.map((value) => value.name).join(", ");
    throw fault(
      path,
      `has ${inputMetadata.length} inputs (${names})`,
      "Export the denoiser with the image as its only input.",
    );
  }
  if (outputMetadata.length !== 1 || output === undefined) {
    const names = outputMetadata.map((value) => value.name).join(", ");
    throw fault(
      path,
      `has ${outputMetadata.length} outputs (${names})`,
      "Export the denoiser with one output, an image.",
    );
  }
  for (const value of [input, output]) {
    if (!value.isTensor || value.type !== "float32") {
      const type = value.isTensor ? value.type : "no tensor";
      throw fault(
        path,
        `has "${value.name}" as ${type}, not float32`,
        "Export the denoiser with float32 input and output.",
      );
    }
  }
  if (!input.isTensor || input.shape.length !== 4) {
    const shape = input.isTensor ? input.shape.join(", ") : "";
    throw fault(path, `takes a tensor of shape [${shape}]`, "A batch of images has 4 dimensions: export it for such.");
  }
  return { path, session, input: input.name, output: output.name, shape: input.shape };
}

async function createSession(path: string): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(path, {
      executionProviders: ["cpu"],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw fault(
      path,
      `cannot be loaded as an ONNX model: ${reason(cause)}`,
      "Check that the file is there and is a complete .onnx export whose operators onnxruntime knows.",
      cause,
    );
  }
}

/** Refuses an image that the file's own fixed sizes do not allow, in words; open sizes take any. */
function checkShape(
  { path, shape }: OnnxFilter,
  dims: readonly number[],
  geometry: ImageGeometry,
  layout: Layout,
): void {
  if (!shape.some((size, axis) => typeof size === "number" && size > 0 && size !== dims[axis])) return;
  const { channels, height, width } = geometry;
  throw fault(
    path,
    `takes [${shape.join(", ")}]; images of ${channels} × ${height} × ${width} (C × H × W) come as [${dims.join(", ")}] in ${layout}`,
    "Check the parameter layout, or export the denoiser with a batch of 1 and open sizes, or for this size.",
  );
}

async function run(filter: OnnxFilter, tensor: ort.Tensor): Promise<ort.InferenceSession.ReturnType> {
  try {
    // What goes wrong is told by the error; onnxruntime need not print it as well.
    return await filter.session.run({ [filter.input]: tensor }, { logSeverityLevel: 4 });
  } catch (cause) {
    throw fault(
      filter.path,
      `fails on an image of shape [${tensor.dims.join(", ")}]: ${reason(cause)}`,
      "Models that halve the image need sides divisible by a power of two; check the size, the channels and the layout.",
      cause,
    );
  }
}

function fault(path: string, message: string, remedy: string, cause?: unknown): StepwedgeError {
  return new StepwedgeError(message, { where: path, remedy, cause });
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function channelsLast(image: Float32Array, geometry: ImageGeometry): Float32Array {
  const { channels } = geometry;
  const plane = imageSize(geometry) / channels;
  const out = new Float32Array(image.length);
  for (let i = 0; i < image.length; i++) out[(i % plane) * channels + Math.floor(i / plane)] = image[i] as number;
  return out;
}

function channelsFirst(image: Float32Array, geometry: ImageGeometry): Float32Array {
  const { channels } = geometry;
  const plane = imageSize(geometry) / channels;
  const out = new Float32Array(image.length);
  for (let i = 0; i < image.length; i++) out[i] = image[(i % plane) * channels + Math.floor(i / plane)] as number;
  return out;
}
