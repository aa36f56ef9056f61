import { StepwedgeError } from "../core/errors.js";
import type { TrainingBackend } from "./network.js";
import { onnxBackend } from "./onnx-backend.js";

export type BackendId = TrainingBackend["id"];

/** The backend of that name; `auto` takes the fastest that is there. */
export async function chooseBackend(wanted: "auto" | BackendId = "auto"): Promise<TrainingBackend> {
  if (wanted === "auto" || wanted === onnxBackend.id) return onnxBackend;
  throw new StepwedgeError(`the training backend ${wanted} is not there`, {
    remedy: `Choose auto or ${onnxBackend.id}.`,
  });
}
