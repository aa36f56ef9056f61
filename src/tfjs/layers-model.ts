import type { GraphModel, layers, LayersModel, Sequential, SymbolicTensor, Tensor } from "@tensorflow/tfjs";
import { StepwedgeError } from "../core/errors.js";
import { type ModelFiles, readModelFiles } from "./model-files.js";
import type { Tensorflow } from "./runtime.js";

/** What turns a model's last numbers into its outputs, as far as the file says it. */
export type Head = "sigmoid" | "softmax" | null;

/** A loaded model: a function of one batch of images, N×H×W×C. */
export interface TensorflowModel {
  readonly format: ModelFiles["format"];
  /** Height, width and channels; null where the file leaves them open. */
  readonly inputShape: readonly (number | null)[];
  /** The output's shape, the batch's side first, where the file says it; null sides are open. */
  readonly outputShape: readonly (number | null)[] | null;
  readonly outputNames: readonly string[];
  readonly hashes: Readonly<Record<string, string>>;
  /**
   * The activation at the end of the named output, if it could be taken off: `apply` then returns what comes before it.
   * Probabilities near 0 and 1 have no digits left in float32, the numbers before them do.
   */
  readonly head: Head;
  /** The named output for a batch, in inference mode. Differentiable. Call it within `tf.tidy`. */
  apply(batch: Tensor): Tensor;
  /**
   * As `apply`, with the maps of the first convolutions beside the output; null for graph models, which have no layers.
   */
  readonly stages: ((batch: Tensor) => { readonly early: readonly Tensor[]; readonly output: Tensor }) | null;
  dispose(): void;
}

/** How many of the first convolutions count as early layers. */
const EARLY_LAYERS = 3;

/**
 * Loads a LayersModel (Keras) or a GraphModel (SavedModel) from its folder.
 * @param output which output; may be left out where there is one
 * @throws StepwedgeError where it is none, is incomplete, or needs what TensorFlow.js does not have
 */
export async function loadTensorflowModel(
  tf: Tensorflow,
  path: string,
  where: string,
  output?: string,
): Promise<TensorflowModel> {
  const files = readModelFiles(path, where);
  return files.format === "layers-model" ? loadLayers(tf, files, where, output) : loadGraph(tf, files, where, output);
}

async function loadLayers(
  tf: Tensorflow,
  files: ModelFiles,
  where: string,
  wanted: string | undefined,
): Promise<TensorflowModel> {
  refuseKeras3(files, where);
  refuseUnknownLayers(tf, files, where);
  const model = await attempt(where, () => tf.loadLayersModel(tf.io.fromMemory(artifactsOf(files))));
  // A Sequential does not know its outputs until it is built.
  if (model.getClassName() === "Sequential") (model as Sequential).build();
  const inner = innerLayer(model, wanted);
  if (inner !== null) return innerModel(tf, model, inner, files, where);
  const outputNames = model.outputNames;
  const index = outputIndex(outputNames, wanted, where);
  completeScales(tf, model.layers);
  const head = takeOffHead(tf, model, index);
  return {
    format: files.format,
    inputShape: soleInput(model.inputs, where).shape.slice(1),
    outputShape: model.outputs[index]?.shape ?? null,
    outputNames,
    hashes: files.hashes,
    head,
    apply: (batch) => ([model.apply(batch, { training: false })].flat() as Tensor[])[index] as Tensor,
    stages: stagesOf(tf, model, index),
    dispose: () => {
      model.dispose();
    },
  };
}

/** The layer inside the model that the protocol names as its output; null where it names an output, or nothing. */
function innerLayer(model: LayersModel, wanted: string | undefined): SymbolicTensor | null {
  if (wanted === undefined || model.outputNames.includes(wanted)) return null;
  const output = model.layers.find(({ name }) => name === wanted)?.output;
  return output === undefined || Array.isArray(output) ? null : output;
}

/** The model up to a layer inside it, activation and all. It shares the model's weights. */
function innerModel(
  tf: Tensorflow,
  model: LayersModel,
  output: SymbolicTensor,
  files: ModelFiles,
  where: string,
): TensorflowModel {
  completeScales(tf, model.layers);
  const cut = tf.model({ inputs: model.inputs, outputs: output });
  return {
    format: files.format,
    inputShape: soleInput(model.inputs, where).shape.slice(1),
    outputShape: output.shape,
    outputNames: cut.outputNames,
    hashes: files.hashes,
    head: null,
    apply: (batch) => cut.apply(batch, { training: false }) as Tensor,
    stages: stagesOf(tf, cut, 0),
    dispose: () => {
      model.dispose();
    },
  };
}

async function loadGraph(
  tf: Tensorflow,
  files: ModelFiles,
  where: string,
  wanted: string | undefined,
): Promise<TensorflowModel> {
  const model: GraphModel = await attempt(where, () => tf.loadGraphModel(tf.io.fromMemory(artifactsOf(files))));
  const outputNames = model.outputs.map(({ name }) => name);
  const output = outputNames[outputIndex(outputNames, wanted, where)] as string;
  const input = soleInput(model.inputs, where);
  return {
    format: files.format,
    outputShape: null,
    inputShape: (input.shape ?? []).slice(1).map((size) => (size > 0 ? size : null)),
    outputNames,
    hashes: files.hashes,
    head: null,
    apply: (batch) => model.execute({ [input.name]: batch }, output) as Tensor,
    stages: null,
    dispose: () => model.dispose(),
  };
}

/** The model with its first convolutions as further outputs. It shares the model's weights. */
function stagesOf(tf: Tensorflow, model: LayersModel, index: number): TensorflowModel["stages"] {
  const output = model.outputs[index];
  if (output === undefined) return null;
  const early = model.layers
    .filter((layer) => /Conv2D$/.test(layer.getClassName()) && !Array.isArray(layer.output))
    .slice(0, EARLY_LAYERS)
    .map((layer) => layer.output as SymbolicTensor);
  const staged = tf.model({ inputs: model.inputs, outputs: [...early, output] });
  return (batch) => {
    const tensors = [staged.apply(batch, { training: false })].flat() as Tensor[];
    return { early: tensors.slice(0, -1), output: tensors.at(-1) as Tensor };
  };
}

function artifactsOf({ manifest, topology, specs, weights }: ModelFiles) {
  const { format, generatedBy, convertedBy, signature, userDefinedMetadata, modelInitializer } = manifest;
  const texts = { format, generatedBy, convertedBy, signature, userDefinedMetadata, modelInitializer };
  const given = Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== undefined));
  return { ...given, modelTopology: topology, weightSpecs: [...specs] as never, weightData: weights };
}

async function attempt<T>(where: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new StepwedgeError(
      `cannot be loaded by TensorFlow.js: ${cause instanceof Error ? cause.message : String(cause)}`,
      { where, remedy: "Export it again with a current tensorflowjs_converter, or convert it to ONNX.", cause },
    );
  }
}

function soleInput<T extends { readonly name: string }>(inputs: readonly T[], where: string): T {
  const [input, ...others] = inputs;
  if (input !== undefined && others.length === 0) return input;
  throw new StepwedgeError(`has ${inputs.length} inputs`, {
    where,
    remedy: `Only models with one image input can be audited; found ${inputs.map(({ name }) => name).join(", ")}.`,
  });
}

function outputIndex(names: readonly string[], wanted: string | undefined, where: string): number {
  if (wanted === undefined && names.length === 1) return 0;
  const index = wanted === undefined ? -1 : names.indexOf(wanted);
  if (index >= 0) return index;
  throw new StepwedgeError(wanted === undefined ? `has ${names.length} outputs` : `has no output "${wanted}"`, {
    where: `${where}, model.output.name`,
    remedy: `Its outputs: ${names.join(", ")}.`,
  });
}

interface LayerConfig {
  readonly class_name?: string;
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Every layer of a Keras configuration: in `layers`, and in the `layer` of a wrapper, at any depth. */
function layerConfigs(value: unknown): LayerConfig[] {
  if (value === null || typeof value !== "object") return [];
  const { layers, layer } = value as { layers?: unknown; layer?: unknown };
  const own = [...(Array.isArray(layers) ? layers : []), layer].filter(
    (item) => item !== null && typeof item === "object",
  );
  return [...(own as LayerConfig[]), ...Object.values(value).flatMap(layerConfigs)];
}

function refuseKeras3({ topology }: ModelFiles, where: string): void {
  const version = String(topology.keras_version ?? "");
  const newer = layerConfigs(topology).some(({ config }) => config?.batch_shape !== undefined);
  if (!newer && !version.startsWith("3")) return;
  throw new StepwedgeError(
    `was exported from Keras ${version || "3"}, whose layers TensorFlow.js cannot read (batch_shape in place of batch_input_shape)`,
    {
      where,
      remedy:
        'Export it as a graph: in Python model.export("saved"), then tensorflowjs_converter --input_format=tf_saved_model saved web_model. Or load it with tf_keras (TF_USE_LEGACY_KERAS=1) and convert that, or convert it to ONNX with tf2onnx.',
    },
  );
}

function refuseUnknownLayers(tf: Tensorflow, { topology }: ModelFiles, where: string): void {
  const known = tf.serialization.SerializationMap.getMap().classNameMap;
  const names = layerConfigs(topology).map(({ class_name }) => class_name);
  const unknown = [...new Set(names)].filter((name) => name !== undefined && known[name] === undefined);
  if (unknown.length === 0) return;
  throw new StepwedgeError(`has layers that TensorFlow.js does not know: ${unknown.join(", ")}`, {
    where,
    remedy:
      "Custom and preprocessing layers do not travel. Export the model as a SavedModel and convert it to a graph model (tensorflowjs_converter --input_format=tf_saved_model), or to ONNX.",
  });
}

type Layer = layers.Layer;

/** What we touch of tfjs-layers' own classes. */
interface Internals {
  layers?: Layer[];
  layer?: Layer;
  scale?: boolean;
  gamma?: { read(): Tensor } | null;
  beta?: { shape: readonly number[] } | null;
  movingMean?: { shape: number[] };
  activation?: { getClassName?(): string };
  softmax?: (x: Tensor) => Tensor;
  axis?: number;
}

/** Batch normalisation without a scale cannot be differentiated by TensorFlow.js: it saves an array that is not there. */
function completeScales(tf: Tensorflow, all: readonly Layer[]): void {
  for (const layer of all) {
    const own = layer as unknown as Internals;
    if (own.layers !== undefined) completeScales(tf, own.layers);
    if (own.layer !== undefined) completeScales(tf, [own.layer]);
    if (layer.getClassName() === "BatchNormalization" && own.scale === false && own.movingMean !== undefined) {
      const shape = own.movingMean.shape;
      own.scale = true;
      own.gamma = { read: () => tf.ones(shape) };
    }
  }
}

/**
 * Takes a sigmoid or a softmax off the layer that makes an output, where nothing else uses the layer's result: its
 * activation, or the whole work of a Softmax layer.
 */
function takeOffHead(tf: Tensorflow, model: LayersModel, output: number): Head {
  const layer = lastLayer(model.outputLayers[output]);
  if (layer === undefined || model.outputs[output]?.shape.length !== 2) return null;
  if (layer.outboundNodes.length > 0 || model.outputLayers.filter((other) => other === layer).length > 1) return null;
  const own = layer as unknown as Internals;
  if (layer.getClassName() === "Softmax" && (own.axis === 1 || own.axis === -1)) {
    own.softmax = (x) => x;
    return "softmax";
  }
  const name = own.activation?.getClassName?.();
  if (name !== "sigmoid" && name !== "softmax") return null;
  const linear = tf.layers.activation({ activation: "linear" }) as unknown as Internals;
  if (linear.activation !== undefined) own.activation = linear.activation;
  return name;
}

/** The layer itself, or the last one of a Sequential model that stands in its place. */
function lastLayer(layer: Layer | undefined): Layer | undefined {
  const inner = (layer as Internals | undefined)?.layers;
  if (layer === undefined || inner === undefined) return layer;
  return layer.getClassName() === "Sequential" ? lastLayer(inner.at(-1)) : undefined;
}
