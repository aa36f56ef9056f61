import { createRequire } from "node:module";
import { StepwedgeError } from "../core/errors.js";
import type { TrainingBackend } from "./network.js";
import { onnxBackend } from "./onnx-backend.js";

export type BackendId = TrainingBackend["id"];

/**
 * The backend of that name. `auto` takes the fastest that is there: TensorFlow.js on a GPU where tfjs-node-gpu is
 * installed, else training graphs on onnxruntime, which need a third of the time of TensorFlow.js on WebAssembly.
 * @throws StepwedgeError where the named backend is not there
 */
export async function chooseBackend(wanted: "auto" | BackendId = "auto"): Promise<TrainingBackend> {
  if (wanted === onnxBackend.id || (wanted === "auto" && !isInstalled("@tensorflow/tfjs-node-gpu"))) return onnxBackend;
  // Loaded only now: TensorFlow.js takes a third of a second.
  const { tfjsBackend } = await import("./tfjs-backend.js");
  const found = await tfjsBackend();
  if (found.id === wanted) return found;
  if (wanted === "auto") return found.id === "tfjs-node-gpu" ? found : onnxBackend;
  throw new StepwedgeError(`the training backend ${wanted} is not there`, {
    remedy: `Choose auto, ${onnxBackend.id} or ${found.id}${wanted.startsWith("tfjs-node") ? `, or install @tensorflow/${wanted}` : ""}.`,
  });
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
