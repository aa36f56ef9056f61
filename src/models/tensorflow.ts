// TensorFlow SavedModels. Only TensorFlow's own library can run them, and that comes with @tensorflow/tfjs-node or
// -node-gpu, which download it when they are installed: they are no dependencies of ours, and whoever has them can use this.
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { type AdapterContext, defineModelAdapter } from "../core/adapter.js";
import { StepwedgeError } from "../core/errors.js";
import { nativeTensorflow } from "../tfjs/runtime.js";
import { type Connection, opening } from "./shared/connection.js";
import { activation, checkSelection, inputName, layout, output, pixels } from "./shared/parameters.js";
import { openSavedModel } from "./tensorflow/saved-model.js";

const parameters = z.strictObject({
  path: z.string().min(1).describe("The folder of saved_model.pb and variables/, relative to the protocol."),
  tags: z.array(z.string().min(1)).min(1).default(["serve"]).describe("Of the graph to load."),
  signature: z.string().min(1).default("serving_default").describe("Which of its functions is asked."),
  activation,
  output,
  input: z.strictObject({ name: inputName, layout, ...pixels }).prefault({}),
});

export default defineModelAdapter({
  meta: {
    id: "tensorflow",
    title: "TensorFlow SavedModel",
    summary: "A classifier saved by TensorFlow, where @tensorflow/tfjs-node or -node-gpu is installed.",
    parameters,
    needsImages: true,
  },
  ...opening(connect),
});

/** @param classes null: the output is an encoder's */
async function connect(
  options: z.infer<typeof parameters>,
  context: AdapterContext,
  classes: readonly string[] | null,
): Promise<Connection> {
  const folder = resolve(context.baseFolder, options.path);
  checkSavedModel(folder, options.path);
  if (classes !== null) checkSelection(classes, options.output.select);
  const native = await nativeTensorflow();
  if (native === null) {
    throw new StepwedgeError("needs TensorFlow's own library, which is not installed", {
      where: options.path,
      remedy:
        "Install it beside stepwedge: npm install @tensorflow/tfjs-node (or tfjs-node-gpu). Or convert the model: tensorflowjs_converter --input_format=tf_saved_model <folder> web_model for the adapter tfjs, python -m tf2onnx.convert --saved-model <folder> --output model.onnx for the adapter onnx; or ask it where it runs, by the adapters open-inference or command.",
    });
  }
  return openSavedModel(native, folder, options, classes);
}

function checkSavedModel(folder: string, path: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new StepwedgeError("the model's folder does not exist", {
      where: path,
      remedy: "Correct model.path; it is relative to the protocol file.",
    });
  }
  if (existsSync(join(folder, "saved_model.pb"))) return;
  throw new StepwedgeError("has no saved_model.pb", {
    where: path,
    remedy: existsSync(join(folder, "model.json"))
      ? "This is a TensorFlow.js model: use the adapter tfjs."
      : "Name the folder that holds saved_model.pb and variables/. A .keras or .h5 file is none: save it by model.export(folder).",
  });
}
