import { Float16Array } from "@petamoriken/float16";
import * as ort from "onnxruntime-node";
import { StepwedgeError } from "../../core/errors.js";
import type { ImageGeometry } from "../../core/pixels.js";

/** Everything a session needs to turn stored values into probabilities. Plain data: it travels to worker threads. */
export interface SessionSpec {
  readonly path: string;
  readonly threads: number;
  readonly classes: readonly string[];
  readonly activation: "none" | "sigmoid" | "softmax";
  readonly input: {
    readonly name?: string;
    readonly channels?: number;
    readonly height?: number;
    readonly width?: number;
    readonly layout?: "NCHW" | "NHWC";
    /** What the smallest and the largest stored value become, before mean and std. */
    readonly range: readonly [number, number];
    /** One value, or one for each channel, in units of `range`. */
    readonly mean: readonly number[];
    readonly std: readonly number[];
  };
  readonly output: { readonly name?: string; readonly select?: Readonly<Record<string, number>> };
}

/** What the file itself says, with the protocol's word where the file leaves it open. */
export interface SessionInput {
  readonly name: string;
  readonly type: "float32" | "float16";
  readonly layout: "NCHW" | "NHWC";
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
    const values = arrange(data, count, input, table);
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
  if (tensor.shape.length !== 4) {
    throw fault(
      `takes a tensor of shape [${tensor.shape.join(", ")}]; an image batch has 4 dimensions`,
      "Export it for batches of images.",
    );
  }
  const layout =
    spec.input.layout ?? (looksLikeChannels(tensor.shape[3]) && !looksLikeChannels(tensor.shape[1]) ? "NHWC" : "NCHW");
  const order =
    layout === "NCHW" ? (["channels", "height", "width"] as const) : (["height", "width", "channels"] as const);
  const size = { channels: 0, height: 0, width: 0 };
  for (const [index, axis] of order.entries()) {
    const own = tensor.shape[index + 1];
    const asked = spec.input[axis];
    if (typeof own === "number" && own > 0) {
      if (asked !== undefined && asked !== own) {
        throw fault(
          `takes ${axis} ${own}; the protocol says ${asked}`,
          `Set model.input.${axis} to ${own}, or leave it out; the shape is [${tensor.shape.join(", ")}].`,
        );
      }
      size[axis] = own;
    } else if (asked !== undefined) {
      size[axis] = asked;
    } else {
      throw fault(`leaves ${axis} open (shape [${tensor.shape.join(", ")}])`, `Set model.input.${axis}.`);
    }
  }
  if (size.channels !== 1 && size.channels !== 3) {
    throw fault(`takes ${size.channels} channels; images have 1 or 3`, "Check model.input.layout.");
  }
  const first = tensor.shape[0];
  const batch = typeof first === "number" && first > 0 ? first : null;
  return { name: tensor.name, type: tensor.type, layout, batch, ...size };
}

function looksLikeChannels(dimension: number | string | undefined): boolean {
  return dimension === 1 || dimension === 3;
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

/** One look-up table per channel: what each stored value is to the model. Exact, and faster than arithmetic. */
function valueTables(input: SessionSpec["input"], channels: number, maxValue: number): readonly Float32Array[] {
  const [low, high] = input.range;
  return Array.from({ length: channels }, (_, channel) => {
    const mean = input.mean[channel] ?? input.mean[0] ?? 0;
    const std = input.std[channel] ?? input.std[0] ?? 1;
    return Float32Array.from(
      { length: maxValue + 1 },
      (_, value) => ((value / maxValue) * (high - low) + low - mean) / std,
    );
  });
}

/** Stored values NCHW to model values in the model's layout. */
function arrange(
  data: Float32Array,
  count: number,
  input: SessionInput,
  tables: readonly Float32Array[],
): Float32Array {
  const { channels, layout } = input;
  const plane = input.height * input.width;
  const out = new Float32Array(count * channels * plane);
  for (let image = 0; image < count; image++) {
    for (let channel = 0; channel < channels; channel++) {
      const table = tables[channel] as Float32Array;
      const from = (image * channels + channel) * plane;
      if (layout === "NCHW") {
        for (let pixel = 0; pixel < plane; pixel++) out[from + pixel] = table[data[from + pixel] as number] as number;
      } else {
        const to = image * channels * plane + channel;
        for (let pixel = 0; pixel < plane; pixel++)
          out[to + pixel * channels] = table[data[from + pixel] as number] as number;
      }
    }
  }
  return out;
}

function float16Bits(values: Float32Array): Uint16Array {
  return new Uint16Array(new Float16Array(values).buffer);
}

function readOutput(tensor: ort.Tensor, count: number, spec: SessionSpec, name: string): Float64Array {
  const width = tensor.size / count;
  const raw = outputNumbers(tensor);
  if (raw === null || !Number.isInteger(width) || tensor.dims[0] !== count) {
    throw new StepwedgeError(
      `gave output "${name}" as ${tensor.type} of shape [${tensor.dims.join(", ")}] for ${count} images`,
      {
        where: spec.path,
        remedy: "Choose an output with one row of float scores per image (model.output.name).",
      },
    );
  }
  const columns = spec.classes.map((className, index) => spec.output.select?.[className] ?? index);
  const select = spec.output.select !== undefined;
  if (!select && width !== spec.classes.length) {
    throw new StepwedgeError(
      `gives ${width} scores per image; the protocol names ${spec.classes.length} classes (${spec.classes.join(", ")})`,
      {
        where: `${spec.path}, output "${name}"`,
        remedy: "Say which column is which class: model.output.select: { class: column }.",
      },
    );
  }
  const outside = columns.find((column) => column >= width);
  if (outside !== undefined) {
    throw new StepwedgeError(`has no column ${outside}: it gives ${width} scores per image`, {
      where: `${spec.path}, model.output.select`,
      remedy: `Columns count from 0 to ${width - 1}.`,
    });
  }
  const values = new Float64Array(count * columns.length);
  for (let image = 0; image < count; image++) {
    const row = raw.subarray(image * width, (image + 1) * width);
    const probabilities = activate(row, spec.activation);
    for (const [index, column] of columns.entries())
      values[image * columns.length + index] = probabilities[column] as number;
  }
  return values;
}

function outputNumbers(tensor: ort.Tensor): Float32Array | Float64Array | null {
  if (tensor.type === "float32") return tensor.data as Float32Array;
  if (tensor.type === "float64") return tensor.data as Float64Array;
  if (tensor.type !== "float16") return null;
  const bits = tensor.data as unknown as Uint16Array;
  return Float32Array.from(new Float16Array(bits.slice().buffer));
}

function activate(
  row: Float32Array | Float64Array,
  activation: SessionSpec["activation"],
): Float32Array | Float64Array {
  if (activation === "none") return row;
  if (activation === "sigmoid") return Float64Array.from(row, (value) => 1 / (1 + Math.exp(-value)));
  const largest = Math.max(...row);
  const exponentials = Float64Array.from(row, (value) => Math.exp(value - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
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
