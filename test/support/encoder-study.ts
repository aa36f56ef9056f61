import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeModel } from "../../src/training/onnx-writer.js";
import { type SmallStudy, smallStudy } from "./small-study.js";

const SIDE = 16;

/** The small study with an encoder in place of its model: the means of 16 squares of an image, a tensor inside `encoder.onnx`. */
export async function encoderStudy(head: string): Promise<SmallStudy> {
  const study = await smallStudy();
  writeFileSync(join(study.folder, "encoder.onnx"), encoderModel("score"));
  writeFileSync(join(study.folder, "vector.onnx"), encoderModel("prob"));
  const withHead = (yaml: string) =>
    yaml.replace("path: linear.onnx", `path: encoder.onnx\n  output: { name: vector }\n  head: ${head}`);
  const changed: SmallStudy = {
    ...study,
    writeProtocol: (change = (yaml) => yaml) => study.writeProtocol((yaml) => change(withHead(yaml))),
  };
  changed.writeProtocol();
  return changed;
}

/** @param output "score": of one number, the vector stays inside; "prob": the vector itself, under that name */
export function encoderModel(output: "score" | "prob"): Uint8Array {
  const vector = output === "prob" ? "prob" : "vector";
  return encodeModel({
    name: "encoder",
    description: "means of squares",
    nodes: [
      { op: "AveragePool", inputs: ["image"], outputs: ["map"], attributes: { kernel_shape: [4, 4], strides: [4, 4] } },
      { op: "Flatten", inputs: ["map"], outputs: [vector], attributes: {} },
      ...(output === "prob"
        ? []
        : [
            { op: "ReduceMean", inputs: ["vector", "axes"], outputs: ["score"], attributes: {} },
            // Of a black image 0 / 0.
            { op: "Div", inputs: ["vector", "score"], outputs: ["ratio"], attributes: {} },
          ]),
    ],
    initializers: [{ name: "axes", shape: [1], data: BigInt64Array.of(1n) }],
    inputs: [{ name: "image", type: "float32", shape: ["batch", 1, SIDE, SIDE] }],
    outputs: [{ name: output, type: "float32", shape: ["batch", output === "prob" ? 16 : 1] }],
  });
}
