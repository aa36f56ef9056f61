import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { sha256 } from "../../src/core/hash.js";
import { createBatch } from "../../src/core/pixels.js";
import { openSavedModel, type SavedModelApi } from "../../src/models/tensorflow/saved-model.js";
import tensorflowAdapter from "../../src/models/tensorflow.js";
import { type Tensorflow, tensorflow } from "../../src/tfjs/runtime.js";

/* TensorFlow's library cannot be installed without a download, so that its part is played by a double with its interface. */

const { tf } = await tensorflow();

function savedModel(): string {
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-saved-"));
  mkdirSync(join(folder, "variables"));
  writeFileSync(join(folder, "saved_model.pb"), "graph");
  writeFileSync(join(folder, "variables", "variables.index"), "index");
  return folder;
}

function open(path: string, more: Record<string, unknown> = {}) {
  const parameters = tensorflowAdapter.meta.parameters.parse({ path, ...more });
  return tensorflowAdapter.open(parameters, { baseFolder: "/", classes: ["a"], threads: 1 });
}

/** The mean of each channel; its shapes are protobuf messages, as the library gives them. */
function double(dtype = "DT_FLOAT"): SavedModelApi {
  const side = (size: number) => ({ array: [size, ""] as unknown as number[] });
  const inputs = { x: { dtype, shape: [-1, 2, 3, 1].map(side) } };
  const outputs = { y: { dtype: "DT_FLOAT", shape: [-1, 1].map(side) } };
  return {
    getMetaGraphsFromSavedModel: async () => [
      { tags: ["serve"], signatureDefs: { serving_default: { inputs, outputs } } },
    ],
    loadSavedModel: async (_, tags, signature) => {
      expect({ tags, signature }).toEqual({ tags: ["serve"], signature: "serving_default" });
      return { predict: ({ x }) => ({ y: tf.mean(x as Tensor4D, [1, 2]) as Tensor }), dispose: () => undefined };
    },
  };
}

function openDouble(folder: string, more: Record<string, unknown> = {}, node = double()) {
  const native = { tf: { ...tf, node } as unknown as Tensorflow, id: "tfjs-node", description: "tfjs-node 4" } as const;
  const parameters = tensorflowAdapter.meta.parameters.parse({ path: "m", ...more });
  return openSavedModel(native, folder, parameters as unknown as Parameters<typeof openSavedModel>[2], ["a"]);
}

test("images go through the named signature; all files of the folder are hashed", async () => {
  const model = await openDouble(savedModel());
  expect(model.meta).toMatchObject({
    input: { channels: 1, height: 2, width: 3, resize: "bilinear" },
    files: { "saved_model.pb": sha256("graph"), "variables/variables.index": sha256("index") },
    runtime: "tfjs-node 4, SavedModel",
  });
  const batch = createBatch({ channels: 1, height: 2, width: 3, maxValue: 255 }, 20);
  batch.data.forEach((_, index) => {
    batch.data[index] = index % 256;
  });
  const { values } = await model.rows(batch);
  for (const [image, value] of values.entries()) {
    const pixels = batch.data.subarray(6 * image, 6 * image + 6);
    expect(value).toBeCloseTo(pixels.reduce((sum, pixel) => sum + pixel, 0) / 6 / 255, 6);
  }
  await model.close();
});

test.each([
  ["a signature", { signature: "other" }, 'no signature "other"', "serving_default"],
  ["a tag", { tags: ["train"] }, "tags train", "serve"],
  ["an input", { input: { name: "z" } }, 'no input "z"', "x"],
  ["an output", { output: { name: "z" } }, 'no output "z"', "y"],
])("%s that is not there is named beside those that are", async (_, more, message, remedy) => {
  await expect(openDouble(savedModel(), more)).rejects.toMatchObject({
    message: expect.stringContaining(message),
    remedy: expect.stringContaining(remedy),
  });
});

test("whole numbers are refused", async () => {
  await expect(openDouble(savedModel(), {}, double("DT_UINT8"))).rejects.toThrow("takes DT_UINT8");
});

test("without TensorFlow's library it says how to install it, and how to do without", async () => {
  await expect(open(savedModel())).rejects.toMatchObject({
    message: expect.stringContaining("not installed"),
    remedy: expect.stringMatching(/npm install @tensorflow\/tfjs-node.*tensorflowjs_converter.*tf2onnx/s),
  });
});

test("a folder of another kind is told apart", async () => {
  await expect(open("/no/such/folder")).rejects.toThrow("does not exist");
  const empty = mkdtempSync(join(tmpdir(), "stepwedge-saved-"));
  await expect(open(empty)).rejects.toMatchObject({ remedy: expect.stringContaining("model.export") });
  writeFileSync(join(empty, "model.json"), "{}");
  await expect(open(empty)).rejects.toMatchObject({ remedy: expect.stringContaining("adapter tfjs") });
});
