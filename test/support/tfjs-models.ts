import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LayersModel } from "@tensorflow/tfjs";
import type { Tensorflow } from "../../src/tfjs/runtime.js";

/** An empty folder of its own for a model. */
export function modelFolder(): string {
  return mkdtempSync(join(tmpdir(), "stepwedge-tfjs-"));
}

interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** Writes a model as tensorflowjs_converter would: model.json and two shards, cut in the middle of an array. */
export function writeModel(
  format: "layers-model" | "graph-model",
  topology: unknown,
  weights: readonly Weight[],
  more: Readonly<Record<string, unknown>> = {},
): string {
  const folder = modelFolder();
  const bytes = Buffer.concat(weights.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)));
  const cut = Math.floor(bytes.length / 2) + 1;
  const paths = ["group1-shard1of2.bin", "group1-shard2of2.bin"];
  writeFileSync(join(folder, paths[0] as string), bytes.subarray(0, cut));
  writeFileSync(join(folder, paths[1] as string), bytes.subarray(cut));
  const specs = weights.map(({ name, shape, data }) => ({
    name,
    shape,
    dtype: data instanceof Int32Array ? "int32" : "float32",
  }));
  const manifest = { format, ...more, modelTopology: topology, weightsManifest: [{ paths, weights: specs }] };
  writeFileSync(join(folder, "model.json"), JSON.stringify(manifest));
  return folder;
}

/** Writes a LayersModel with its present weights. */
export async function writeLayersModel(tf: Tensorflow, model: LayersModel): Promise<string> {
  let folder = "";
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs = [], weightData }) => {
      const all = new Float32Array(weightData as ArrayBuffer);
      let from = 0;
      const weights = weightSpecs.map(({ name, shape }) => {
        const size = shape.reduce((product, side) => product * side, 1);
        from += size;
        return { name, shape, data: all.subarray(from - size, from) };
      });
      folder = writeModel("layers-model", modelTopology, weights);
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    }),
  );
  return folder;
}

/** A GraphModel: images N×h×w×c, flattened, times `weights`, plus `bias`, through the operator `last`. */
export function writeGraphModel(
  [height, width, channels]: readonly [number, number, number],
  weights: Float32Array,
  bias: Float32Array,
  last: "Sigmoid" | "Identity" | "Ceil",
): string {
  const type = { type: "DT_FLOAT" };
  const dim = [-1, height, width, channels].map((size) => ({ size: String(size) }));
  const constant = (name: string) => ({ name, op: "Const", attr: { dtype: type } });
  const size = height * width * channels;
  const node = [
    { name: "images", op: "Placeholder", attr: { dtype: type, shape: { shape: { dim } } } },
    constant("weights"),
    constant("bias"),
    {
      name: "flat",
      op: "Reshape",
      input: ["images", "shape"],
      attr: { T: type, Tshape: { type: "DT_INT32" } },
    },
    { name: "product", op: "MatMul", input: ["flat", "weights"], attr: { T: type } },
    { name: "sum", op: "BiasAdd", input: ["product", "bias"], attr: { T: type } },
    { name: "score", op: last, input: ["sum"], attr: { T: type } },
  ];
  const shape = { name: "shape", op: "Const", attr: { dtype: { type: "DT_INT32" } } };
  const topology = { node: [shape, ...node], versions: { producer: 1 } };
  const folder = writeModel("graph-model", topology, [
    { name: "weights", shape: [size, bias.length], data: weights },
    { name: "bias", shape: [bias.length], data: bias },
    { name: "shape", shape: [2], data: Int32Array.of(-1, size) },
  ]);
  return folder;
}
