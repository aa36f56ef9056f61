import { readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { received, StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";

/** One array of a model's weights, as model.json announces it. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly quantization?: { readonly dtype: string };
}

/** A TensorFlow.js model on disk: model.json, and its weights from the shards beside it. */
export interface ModelFiles {
  readonly format: "layers-model" | "graph-model";
  readonly topology: Readonly<Record<string, unknown>>;
  /** model.json as it is. */
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly specs: readonly WeightSpec[];
  readonly weights: ArrayBuffer;
  /** SHA-256 of every file, by name. */
  readonly hashes: Readonly<Record<string, string>>;
}

const BYTES: Readonly<Record<string, number>> = { float32: 4, int32: 4, float16: 2, uint16: 2, uint8: 1, bool: 1 };

/**
 * Reads a model's folder, or its model.json by any name.
 * @param where how the user wrote the path, for messages
 */
export function readModelFiles(path: string, where: string): ModelFiles {
  const folder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const file = folder ? join(path, "model.json") : path;
  const hashes: Record<string, string> = {};
  const text = readOrNull(file);
  if (text === null) {
    throw new StepwedgeError(folder ? "has no model.json" : "the model does not exist", {
      where,
      remedy: "Give the folder that holds model.json and its .bin files; paths are relative to the protocol file.",
    });
  }
  hashes[basename(file)] = sha256(text);
  const manifest = parse(text, file);
  const topology = manifest.modelTopology;
  const groups = manifest.weightsManifest;
  if (!isRecord(topology) || !Array.isArray(groups)) throw notTensorflow(file);
  const format = manifest.format ?? (topology.node === undefined ? "layers-model" : "graph-model");
  if (format !== "layers-model" && format !== "graph-model") {
    throw new StepwedgeError(`has format ${received(format)}; layers-model and graph-model can be loaded`, {
      where: file,
      remedy: REMEDY,
    });
  }
  const specs: WeightSpec[] = [];
  const shards: Buffer[] = [];
  for (const group of groups as readonly { paths?: readonly string[]; weights?: readonly WeightSpec[] }[]) {
    specs.push(...(group.weights ?? []));
    for (const name of group.paths ?? []) {
      const bytes = readOrNull(join(dirname(file), name));
      if (bytes === null) {
        throw new StepwedgeError(`names the weight file ${name}, which is not there`, {
          where: file,
          remedy: "Copy every .bin file of the export into the folder of model.json.",
        });
      }
      hashes[name] = sha256(bytes);
      shards.push(bytes);
    }
  }
  const weights = Buffer.concat(shards);
  const expected = sizeInBytes(specs);
  if (expected !== null && expected !== weights.length) {
    throw new StepwedgeError(`announces ${expected} bytes of weights; its files hold ${weights.length}`, {
      where: file,
      remedy: "A weight file is cut off, or belongs to another export. Copy the whole export again.",
    });
  }
  const { buffer, byteOffset, length } = weights;
  return {
    format,
    topology,
    manifest,
    specs,
    weights: (buffer as ArrayBuffer).slice(byteOffset, byteOffset + length),
    hashes,
  };
}

const REMEDY =
  "A TensorFlow.js model is what tensorflowjs_converter or model.save() writes: model.json and .bin files.";

function notTensorflow(file: string): StepwedgeError {
  return new StepwedgeError("is not a TensorFlow.js model: it has no modelTopology or no weightsManifest", {
    where: file,
    remedy: REMEDY,
  });
}

function parse(text: Buffer, file: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text.toString("utf8"));
    if (isRecord(value)) return value;
  } catch {}
  throw notTensorflow(file);
}

/** Null where a spec's size cannot be told, such as strings. */
function sizeInBytes(specs: readonly WeightSpec[]): number | null {
  let total = 0;
  for (const { shape, dtype, quantization } of specs) {
    const bytes = BYTES[quantization?.dtype ?? dtype];
    if (bytes === undefined) return null;
    total += bytes * shape.reduce((product, size) => product * size, 1);
  }
  return total;
}

function readOrNull(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
