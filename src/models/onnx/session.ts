import { Float16Array } from "@petamoriken/float16";
import * as ort from "onnxruntime-node";
import { StepwedgeError } from "../../core/errors.js";
import type { ImageGeometry } from "../../core/pixels.js";
import { type Datatype, numberBytes, tensorWriter } from "../shared/datatypes.js";
import type { Reduction } from "../shared/dense.js";
import { type Activation, scoresOf } from "../shared/scores.js";
import { resolveSize } from "../shared/size.js";
import { type ImageLayout, type Layout, shapeOf, type ValueOptions } from "../shared/values.js";
import { externalFiles } from "./external-data.js";
import { innerTensors, withOutput } from "./inner-tensor.js";
import { loadingFault } from "./loading-fault.js";

/** Everything a session needs to turn stored values into probabilities. Plain data: it travels to worker threads. */
export interface SessionSpec {
  readonly path: string;
  readonly threads: number;
  /** In the order in which they are tried. */
  readonly providers: readonly string[];
  /** null: the output is an encoder's. */
  readonly classes: readonly string[] | null;
  readonly activation: Activation;
  readonly input: {
    readonly name?: string;
    readonly channels?: number;
    readonly height?: number;
    readonly width?: number;
    readonly layout?: Layout;
  } & ValueOptions;
  /** Values of the model's further inputs, the same for every image. */
  readonly constants: Readonly<Record<string, number | readonly number[]>>;
  readonly output: {
    readonly name?: string;
    readonly select?: Readonly<Record<string, number>>;
    readonly reduce?: Reduction;
  };
}

/** What the file itself says, with the protocol's word where the file leaves it open. */
export interface SessionInput extends ImageLayout {
  readonly name: string;
  readonly type: InputType;
  /** The batch size where the file fixes it, else null. */
  readonly batch: number | null;
  /** The execution provider that was asked to run it, and those before it that could not. */
  readonly provider: string;
  readonly refusedProviders: readonly string[];
}

export interface OnnxSession {
  readonly input: SessionInput;
  /** `values[image * classes + class]`, from stored values NCHW; of `input.batch` images where the file fixes it. */
  run(data: Float32Array, count: number, geometry: ImageGeometry): Promise<Float64Array>;
  release(): Promise<void>;
}

/** What onnxruntime calls the number types that images can be given as. */
const INPUT_TYPES = {
  float16: "FP16",
  float32: "FP32",
  float64: "FP64",
  uint8: "UINT8",
  uint16: "UINT16",
  uint32: "UINT32",
  uint64: "UINT64",
  int8: "INT8",
  int16: "INT16",
  int32: "INT32",
  int64: "INT64",
} as const satisfies Readonly<Record<string, Datatype>>;
type InputType = keyof typeof INPUT_TYPES;

/**
 * Opens an ONNX file with the first execution provider that takes it.
 * @throws StepwedgeError where it cannot be loaded or does not fit the protocol.
 */
export async function openSession(spec: SessionSpec): Promise<OnnxSession> {
  const { provider, refusedProviders, session } = await createSession(spec);
  const input: SessionInput = { ...resolveInput(session, spec), provider, refusedProviders };
  const constants = resolveConstants(session, spec, input.name);
  const output = resolveOutput(session, spec);
  const writer = tensorWriter(INPUT_TYPES[input.type], input, spec.input);

  async function run(data: Float32Array, count: number, geometry: ImageGeometry): Promise<Float64Array> {
    const bytes = writer.bytes({ ...geometry, data, count });
    const feeds: Record<string, ort.Tensor> = { [input.name]: tensorOf(input.type, bytes, shapeOf(input, count)) };
    for (const [name, make] of constants) feeds[name] = make(count);
    const results = await session.run(feeds, [output]);
    return readOutput(results[output] as ort.Tensor, count, spec, output, input.layout);
  }

  return {
    input,
    run,
    release: () => session.release(),
  };
}

/** Each provider by itself: asked for several, onnxruntime refuses all where one is missing. */
async function createSession(spec: SessionSpec) {
  const refusedProviders: string[] = [];
  let fault: unknown = null;
  for (const provider of spec.providers) {
    try {
      const session = await openGraph(spec, provider);
      return { provider, refusedProviders, session };
    } catch (cause) {
      refusedProviders.push(provider);
      fault = cause;
    }
  }
  throw loadingFault(fault, spec.path, spec.providers);
}

/** The file's graph; where the protocol names a tensor inside it as the output, the graph with that output. */
async function openGraph(spec: SessionSpec, provider: string): Promise<ort.InferenceSession> {
  const options = {
    executionProviders: [provider],
    intraOpNumThreads: spec.threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  } as const;
  const { path } = spec;
  const { name } = spec.output;
  const session = await ort.InferenceSession.create(path, options);
  // Graphs whose weights lie in files beside them can be opened from their place alone.
  const inner = name !== undefined && !session.outputNames.includes(name) && externalFiles(path).length === 0;
  if (!inner || !innerTensors(path).includes(name)) return session;
  await session.release();
  return ort.InferenceSession.create(withOutput(path, name), options);
}

function resolveInput(session: ort.InferenceSession, spec: SessionSpec) {
  const all = session.inputMetadata.filter((value) => value.isTensor);
  const tensors = all.filter(({ name }) => spec.constants[name] === undefined);
  const wanted = spec.input.name;
  const tensor = wanted === undefined ? tensors[0] : tensors.find((value) => value.name === wanted);
  const fault = (message: string, remedy: string) =>
    new StepwedgeError(message, { where: `${spec.path}, model.input`, remedy });
  if (tensor === undefined || !tensor.isTensor) {
    throw fault(`has no input tensor "${wanted ?? ""}"`, `Its inputs: ${all.map((value) => value.name).join(", ")}.`);
  }
  if (tensors.length > 1) {
    const others = tensors.filter((value) => value !== tensor).map((value) => value.name);
    throw fault(
      `has ${tensors.length} inputs`,
      `Say with model.input.name which one takes the images, and give the others under model.input.constants: ${(wanted === undefined ? tensors.map((value) => value.name) : others).join(", ")}.`,
    );
  }
  if (!(tensor.type in INPUT_TYPES)) {
    throw fault(
      `takes ${tensor.type}; images can be given as ${Object.keys(INPUT_TYPES).join(", ")}`,
      "Export the model with such an input.",
    );
  }
  const size = resolveSize(tensor.shape, spec.input, `${spec.path}, model.input`);
  return { name: tensor.name, type: tensor.type as InputType, ...size };
}

/** Makers of the further inputs' tensors for any number of images. */
function resolveConstants(session: ort.InferenceSession, { constants, path }: SessionSpec, image: string) {
  return Object.entries(constants).map(([name, given]) => {
    const fault = (message: string, remedy: string) =>
      new StepwedgeError(message, { where: `${path}, model.input.constants.${name}`, remedy });
    const meta = session.inputMetadata.find((value) => value.name === name);
    if (meta === undefined || !meta.isTensor || name === image) {
      const names = session.inputMetadata.map((value) => value.name).filter((other) => other !== image);
      throw fault("is no further input of the model", `They are: ${names.join(", ") || "none"}.`);
    }
    const own = meta.type === "bool" ? "uint8" : meta.type;
    if (!(own in INPUT_TYPES)) throw fault(`takes ${meta.type}`, "Only inputs of numbers can be given.");
    const type = own as InputType;
    const sides = meta.shape.map((side) => (typeof side === "number" && side > 0 ? side : null));
    // Where the first side is open it counts the images; any other open side is 1.
    const perImage = sides[0] === null;
    const size = sides.slice(perImage ? 1 : 0).reduce<number>((product, side) => product * (side ?? 1), 1);
    const values = typeof given === "number" ? new Array<number>(size).fill(given) : given;
    if (values.length !== size) {
      throw fault(`has ${values.length} values; the model takes ${size}`, `Its shape is [${meta.shape.join(", ")}].`);
    }
    return [
      name,
      (count: number) => {
        const times = perImage ? count : 1;
        const repeated = Array.from({ length: times * size }, (_, index) => values[index % size] as number);
        const shape = sides.map((side, axis) => side ?? (axis === 0 ? count : 1));
        return tensorOf(meta.type as InputType, numberBytes(INPUT_TYPES[type], repeated), shape);
      },
    ] as const;
  });
}

/** The runtime's own kind of array over the bytes of each type. */
function tensorOf(type: string, bytes: Buffer, shape: readonly number[]): ort.Tensor {
  const { buffer, byteLength, byteOffset } = bytes;
  const over = <T>(make: new (buffer: ArrayBuffer, from: number, length: number) => T, width: number): T =>
    new make(buffer as ArrayBuffer, byteOffset, byteLength / width);
  switch (type) {
    case "float16":
    case "uint16":
      return new ort.Tensor(type, over(Uint16Array, 2), shape);
    case "float32":
      return new ort.Tensor(type, over(Float32Array, 4), shape);
    case "float64":
      return new ort.Tensor(type, over(Float64Array, 8), shape);
    case "uint64":
      return new ort.Tensor(type, over(BigUint64Array, 8), shape);
    case "int64":
      return new ort.Tensor(type, over(BigInt64Array, 8), shape);
    case "uint32":
      return new ort.Tensor(type, over(Uint32Array, 4), shape);
    case "int32":
      return new ort.Tensor(type, over(Int32Array, 4), shape);
    case "int16":
      return new ort.Tensor(type, over(Int16Array, 2), shape);
    case "int8":
      return new ort.Tensor(type, over(Int8Array, 1), shape);
    default:
      return new ort.Tensor(type as "uint8" | "bool", over(Uint8Array, 1), shape);
  }
}

/** Names of inner tensors that a message lists. */
const LISTED = 6;

function resolveOutput(session: ort.InferenceSession, spec: SessionSpec): string {
  const wanted = spec.output.name;
  if (wanted !== undefined && !session.outputNames.includes(wanted)) {
    const inner = innerTensors(spec.path);
    throw new StepwedgeError(`has no output "${wanted}"`, {
      where: `${spec.path}, model.output.name`,
      remedy: inner.includes(wanted)
        ? `It is a tensor inside the model, whose weights lie in files beside it: export it as an output. Outputs: ${session.outputNames.join(", ")}.`
        : `Its outputs: ${session.outputNames.join(", ")}. Tensors inside it can be named, too; the last of them: ${inner.slice(-LISTED).join(", ")}.`,
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

function readOutput(tensor: ort.Tensor, count: number, spec: SessionSpec, name: string, layout: Layout): Float64Array {
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
  const { activation, classes, output, path } = spec;
  const { reduce = "none", select } = output;
  const classesLast = layout === "NHWC";
  return scoresOf(raw, tensor.dims, { activation, classes, select, reduce, classesLast, where: path, output: name });
}

function outputNumbers(tensor: ort.Tensor): Float32Array | Float64Array | null {
  if (tensor.type === "float32") return tensor.data as Float32Array;
  if (tensor.type === "float64") return tensor.data as Float64Array;
  if (tensor.type !== "float16") return null;
  const bits = tensor.data as unknown as Uint16Array;
  return Float32Array.from(new Float16Array(bits.slice().buffer));
}
