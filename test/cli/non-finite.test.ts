import { writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { encodeModel } from "../../src/training/onnx-writer.js";
import { stepwedge } from "../support/cli.js";
import { smallStudy } from "../support/small-study.js";

const SIDE = 16;

/** sigmoid(log(mean − 0.05)): a number for every image but a black one, of which the logarithm is NaN. */
function logarithm(): Uint8Array {
  return encodeModel({
    name: "logarithm",
    description: "not defined for black images",
    nodes: [
      { op: "ReduceMean", inputs: ["image", "axes"], outputs: ["mean"], attributes: { keepdims: 0 } },
      { op: "Sub", inputs: ["mean", "least"], outputs: ["rest"], attributes: {} },
      { op: "Log", inputs: ["rest"], outputs: ["logit"], attributes: {} },
      { op: "Sigmoid", inputs: ["logit"], outputs: ["prob"], attributes: {} },
    ],
    initializers: [
      { name: "axes", shape: [2], data: BigInt64Array.of(2n, 3n) },
      { name: "least", shape: [1], data: Float32Array.of(0.05) },
    ],
    inputs: [{ name: "image", type: "float32", shape: ["batch", 1, SIDE, SIDE] }],
    outputs: [{ name: "prob", type: "float32", shape: ["batch", 1] }],
  });
}

test("a score that is NaN ends the run with the sample's name, however late it comes", async () => {
  const study = await smallStudy();
  writeFileSync(join(study.folder, "linear.onnx"), logarithm());
  await sharp(Buffer.alloc(SIDE * SIDE), { raw: { width: SIDE, height: SIDE, channels: 1 } })
    .png()
    .toFile(join(study.images, "s45.png"));
  study.writeProtocol((yaml) => yaml.replace(/attacks:\n(?: .*\n)+/, ""));
  const { code, stderr } = await stepwedge("run", study.protocol, "--out", join(study.folder, "out"));
  expect(code).toBe(2);
  expect(stderr).toMatch(/sample "s45": the model gave NaN in an output/);
});
