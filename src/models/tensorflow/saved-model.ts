import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Tensor } from "@tensorflow/tfjs";
import { StepwedgeError } from "../../core/errors.js";
import { sha256File } from "../../core/hash.js";
import type { PixelBatch } from "../../core/pixels.js";
import type { TensorflowRuntime } from "../../tfjs/runtime.js";
import type { Reduction } from "../shared/dense.js";
import type { Connection } from "../shared/connection.js";
import { type GeometryParameters, modelInput } from "../shared/geometry.js";
import { askInParts } from "../shared/parts.js";
import { type Activation, refuseNonFinite, scoresOf } from "../shared/scores.js";
import { resolveSize } from "../shared/size.js";
import { floatWriter, type Layout, shapeOf, type ValueOptions } from "../shared/values.js";

export interface SavedModelOptions {
  readonly path: string;
  readonly tags: readonly string[];
  readonly signature: string;
  readonly activation: Activation;
  readonly output: {
    readonly name?: string | undefined;
    readonly select?: Readonly<Record<string, number>> | undefined;
    readonly reduce: Reduction;
  };
  readonly input: ValueOptions &
    GeometryParameters & {
      readonly name?: string | undefined;
      readonly layout?: Layout | undefined;
      readonly channels?: number | undefined;
      readonly height?: number | undefined;
      readonly width?: number | undefined;
    };
}

/** What we use of tfjs-node's `tf.node` (https://js.tensorflow.org/api_node/latest/#node.loadSavedModel). */
export interface SavedModelApi {
  getMetaGraphsFromSavedModel(path: string): Promise<readonly MetaGraph[]>;
  loadSavedModel(path: string, tags: string[], signature: string): Promise<LoadedModel>;
}

interface MetaGraph {
  readonly tags: readonly string[];
  readonly signatureDefs: Readonly<Record<string, { readonly inputs: TensorInfos; readonly outputs: TensorInfos }>>;
}

type TensorInfos = Readonly<
  Record<
    string,
    { readonly dtype: string; readonly shape: readonly (number | { readonly array?: readonly number[] })[] }
  >
>;

interface LoadedModel {
  predict(inputs: Record<string, Tensor>): Record<string, Tensor>;
  dispose(): void;
}

/** Images to a pass at most. How a batch is cut depends on its size alone. */
const LARGEST = 16;

/** @throws StepwedgeError where the model cannot be loaded or does not fit the protocol */
export async function openSavedModel(
  { description, tf }: TensorflowRuntime,
  folder: string,
  options: SavedModelOptions,
  classes: readonly string[] | null,
): Promise<Connection> {
  const { path: where, signature } = options;
  const { node } = tf as unknown as { readonly node: SavedModelApi };
  const graphs = await attempt(where, () => node.getMetaGraphsFromSavedModel(folder));
  const graph = graphs.find(({ tags }) => options.tags.every((tag) => tags.includes(tag)));
  if (graph === undefined) {
    throw new StepwedgeError(`has no graph with the tags ${options.tags.join(", ")}`, {
      where: `${where}, model.tags`,
      remedy: `Its graphs: ${graphs.map(({ tags }) => tags.join("+")).join("; ") || "none"}.`,
    });
  }
  const definition = graph.signatureDefs[signature];
  if (definition === undefined) {
    throw new StepwedgeError(`has no signature "${signature}"`, {
      where: `${where}, model.signature`,
      remedy: `Its signatures: ${Object.keys(graph.signatureDefs).join(", ")}.`,
    });
  }
  const inputName = oneOf(definition.inputs, options.input.name, "input", where);
  const outputName = oneOf(definition.outputs, options.output.name, "output", where);
  const info = definition.inputs[inputName] as TensorInfos[string];
  if (!/float/i.test(info.dtype)) {
    throw new StepwedgeError(`takes ${info.dtype}; only floating-point images can be given`, {
      where: `${where}, model.input`,
      remedy: "Export it with an input of float32.",
    });
  }
  const size = resolveSize(info.shape.map(sideOf), options.input, `${where}, model.input`);
  const model = await attempt(where, () => node.loadSavedModel(folder, [...options.tags], signature));
  const write = floatWriter(size, options.input);
  const { reduce, select } = options.output;
  const scoring = {
    activation: options.activation,
    classes,
    select,
    reduce,
    classesLast: size.layout === "NHWC",
    where,
    output: outputName,
  };

  const ask = async (part: PixelBatch): Promise<Float64Array> => {
    const { raw, shape } = tf.tidy(() => {
      const tensor = model.predict({ [inputName]: tf.tensor(write(part), shapeOf(size, part.count)) })[
        outputName
      ] as Tensor;
      return { raw: tensor.dataSync() as Float32Array, shape: tensor.shape };
    });
    if (shape[0] !== part.count) {
      throw new StepwedgeError(`gave output "${outputName}" of shape [${shape.join(", ")}] for ${part.count} images`, {
        where,
        remedy: "Choose an output with one row of scores per image (model.output.name).",
      });
    }
    if (classes !== null) refuseNonFinite(raw, part.count, where);
    return scoresOf(raw, shape, scoring);
  };
  const { batch, channels, height, width } = size;
  const parts = { channels, height, width, fixed: batch, largest: LARGEST };
  return {
    meta: {
      adapter: "tensorflow",
      input: modelInput(options.input, size),
      files: await hashes(folder),
      runtime: `${description}, SavedModel`,
    },
    concurrency: 1,
    rows: (images) => askInParts(images, parts, ask),
    close: async () => model.dispose(),
  };
}

/** A side as tfjs-node gives it: a number, or a protobuf message of one; −1 where it is open. */
function sideOf(side: number | { readonly array?: readonly number[] }): number | null {
  const value = typeof side === "number" ? side : (side.array?.[0] ?? -1);
  return value > 0 ? value : null;
}

function oneOf(infos: TensorInfos, wanted: string | undefined, kind: "input" | "output", where: string): string {
  const names = Object.keys(infos);
  const name = wanted ?? (names.length === 1 ? names[0] : undefined);
  if (name !== undefined && names.includes(name)) return name;
  throw new StepwedgeError(wanted === undefined ? `has ${names.length} ${kind}s` : `has no ${kind} "${wanted}"`, {
    where: `${where}, model.${kind}.name`,
    remedy: `Its ${kind}s: ${names.join(", ")}.`,
  });
}

async function hashes(folder: string): Promise<Readonly<Record<string, string>>> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const place = join(entry.parentPath ?? entry.path, entry.name);
    files[
      place
        .slice(folder.length + 1)
        .split("\\")
        .join("/")
    ] = await sha256File(place);
  }
  return Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function attempt<T>(where: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new StepwedgeError(
      `cannot be loaded as a SavedModel: ${cause instanceof Error ? cause.message : String(cause)}`,
      { where, remedy: "Check that the folder is a whole export: saved_model.pb and variables/.", cause },
    );
  }
}
