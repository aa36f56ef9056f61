import { Float16Array } from "@petamoriken/float16";
import * as ort from "onnxruntime-node";
import { StepwedgeError } from "../../core/errors.js";
import type { ImageGeometry } from "../../core/pixels.js";
import { type Activation, classScores } from "../shared/scores.js";
import { resolveSize } from "../shared/size.js";
import { arrange, type Layout, type ValueOptions, valueTables } from "../shared/values.js";

/** Everything a session needs to turn stored values into probabilities. Plain data: it travels to worker threads. */
export interface SessionSpec {
  readonly path: string;
  readonly threads: number;
  readonly classes: readonly string[];
  readonly activation: Activation;
  readonly input: {
    readonly name?: string;
    readonly channels?: number;
    readonly height?: number;
    readonly width?: number;
    readonly layout?: Layout;
  } & ValueOptions;
  readonly output: { readonly name?: string; readonly select?: Readonly<Record<string, number>> };
}

/** What the file itself says, with the protocol's word where the file leaves it open. */
export interface SessionInput {
  readonly name: string;
  readonly type: "float32" | "float16";
  readonly layout: Layout;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** The batch size where the file fixes it, else null. */
  readonly batch: number | null;
}

export interface OnnxSession {
  readonly input: SessionInput;
  /** `values[image * classes + class]`, from stored values NCHW. */
  run(data: Float32Array, count: number, geometry: ImageGeometry): Promise<Float64Array>;
  release(): Promise<void>;
}

/**
 * Opens an ONNX file on the CPU.
 * @throws StepwedgeError where it cannot be loaded or does not fit the protocol.
 */
export async function openSession(spec: SessionSpec): Promise<OnnxSession> {
  const session = await createSession(spec);
  const input = resolveInput(session, spec);
  const output = resolveOutput(session, spec);
  const tables = new Map<number, readonly Float32Array[]>();

  async function infer(data: Float32Array, count: number, geometry: ImageGeometry): Promise<Float64Array> {
    let table = tables.get(geometry.maxValue);
    if (table === undefined) {
      table = valueTables(spec.input, input.channels, geometry.maxValue);
      tables.set(geometry.maxValue, table);
    }
    const dims =
      input.layout === "NCHW"
        ? [count, input.channels, input.height, input.width]
        : [count, input.height, input.width, input.channels];
    const values = arrange(data, count, input, table, new Float32Array(data.length));
    const tensor =
      input.type === "float16"
        ? new ort.Tensor("float16", float16Bits(values), dims)
        : new ort.Tensor("float32", values, dims);
    const results = await session.run({ [input.name]: tensor }, [output]);
    return readOutput(results[output] as ort.Tensor, count, spec, output);
  }

  return {
    input,
    async run(data, count, geometry) {
      if (input.batch === null || input.batch === count) return infer(data, count, geometry);
      return inFixedBatches(data, count, input.batch, (part, size) => infer(part, size, geometry));
    },
    release: () => session.release(),
  };
}

async function createSession(spec: SessionSpec): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(spec.path, {
      executionProviders: ["cpu"],
      intraOpNumThreads: spec.threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw new StepwedgeError(
      `cannot be loaded as an ONNX model: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        where: spec.path,
        remedy: "Check that the file is a complete .onnx export whose operators onnxruntime knows.",
        cause,
      },
    );
  }
}

function resolveInput(session: ort.InferenceSession, spec: SessionSpec): SessionInput {
  const tensors = session.inputMetadata.filter((value) => value.isTensor);
  const wanted = spec.input.name;
  const tensor = wanted === undefined ? tensors[0] : tensors.find((value) => value.name === wanted);
  const fault = (message: string, remedy: string) =>
    new StepwedgeError(message, { where: `${spec.path}, model.input`, remedy });
  if (tensor === undefined || !tensor.isTensor) {
    throw fault(
      `has no input tensor "${wanted ?? ""}"`,
      `Its inputs: ${tensors.map((value) => value.name).join(", ")}.`,
    );
  }
  if (wanted === undefined && tensors.length > 1) {
    throw fault(
      `has ${tensors.length} inputs`,
      `Only models with one image input can be audited; found ${tensors.map((value) => value.name).join(", ")}.`,
    );
  }
  if (tensor.type !== "float32" && tensor.type !== "float16") {
    throw fault(`takes ${tensor.type}; float32 and float16 can be given`, "Export the model with a float input.");
  }
  const size = resolveSize(tensor.shape, spec.input, `${spec.path}, model.input`);
  return { name: tensor.name, type: tensor.type, ...size };
}

function resolveOutput(session: ort.InferenceSession, spec: SessionSpec): string {
  const wanted = spec.output.name;
  if (wanted !== undefined && !session.outputNames.includes(wanted)) {
    throw new StepwedgeError(`has no output "${wanted}"`, {
      where: `${spec.path}, model.output.name`,
      remedy: `Its outputs: ${session.outputNames.join(", ")}.`,
    });
  }
  if (wanted === undefined && session.outputNames.length > 1) {
    throw new StepwedgeError(`has ${session.outputNames.length} outputs`, {
      where: `${spec.path}, model.output.name`,
      remedy: `Name the one that holds the scores: ${session.outputNames.join(", ")}.`,
    });
  }
  return wanted ?? session.outputNames[0] ?? "";
}

function float16Bits(values: Float32Array): Uint16Array {
  return new Uint16Array(new Float16Array(values).buffer);
}

function readOutput(tensor: ort.Tensor, count: number, spec: SessionSpec, name: string): Float64Array {
  const raw = outputNumbers(tensor);
  if (raw === null || !Number.isInteger(tensor.size / count) || tensor.dims[0] !== count) {
    throw new StepwedgeError(
      `gave output "${name}" as ${tensor.type} of shape [${tensor.dims.join(", ")}] for ${count} images`,
      {
        where: spec.path,
        remedy: "Choose an output with one row of float scores per image (model.output.name).",
      },
    );
  }
  const { activation, classes, path } = spec;
  return classScores(raw, count, { activation, classes, select: spec.output.select, where: path, output: name });
}

function outputNumbers(tensor: ort.Tensor): Float32Array | Float64Array | null {
  if (tensor.type === "float32") return tensor.data as Float32Array;
  if (tensor.type === "float64") return tensor.data as Float64Array;
  if (tensor.type !== "float16") return null;
  const bits = tensor.data as unknown as Uint16Array;
  return Float32Array.from(new Float16Array(bits.slice().buffer));
}

/** For files with a fixed batch size: the last batch is filled up with zeros, whose answers are thrown away. */
async function inFixedBatches(
  data: Float32Array,
  count: number,
  batch: number,
  infer: (part: Float32Array, size: number) => Promise<Float64Array>,
): Promise<Float64Array> {
  const size = data.length / count;
  const parts: Float64Array[] = [];
  for (let from = 0; from < count; from += batch) {
    const part = new Float32Array(batch * size);
    part.set(data.subarray(from * size, Math.min(from + batch, count) * size));
    parts.push(await infer(part, batch));
  }
  const width = (parts[0]?.length ?? 0) / batch;
  const out = new Float64Array(parts.length * batch * width);
  for (const [index, part] of parts.entries()) out.set(part, index * batch * width);
  return out.slice(0, count * width);
}
