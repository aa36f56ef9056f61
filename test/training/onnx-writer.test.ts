import * as ort from "onnxruntime-node";
import { encodeModel } from "../../src/training/onnx-writer.js";

const graph = {
  name: "sum of rows",
  description: "ünïcode is kept",
  nodes: [
    { op: "Transpose", inputs: ["x"], outputs: ["t"], attributes: { perm: [1, 0] } },
    { op: "ReduceSum", inputs: ["t", "axes"], outputs: ["s"], attributes: { keepdims: 0 } },
    { op: "Add", inputs: ["s", "shift"], outputs: ["y"], attributes: {} },
  ],
  initializers: [
    { name: "axes", shape: [1], data: BigInt64Array.of(-2n) },
    { name: "shift", shape: [], data: Float32Array.of(-0.5) },
  ],
  inputs: [{ name: "x", type: "float32", shape: ["N", 3] }],
  outputs: [{ name: "y", type: "float32", shape: ["N"] }],
} as const;

test("onnxruntime reads what is written: attributes, constants, negative integers, free sizes", async () => {
  const session = await ort.InferenceSession.create(encodeModel(graph));
  expect(session.inputMetadata[0]).toMatchObject({ name: "x", type: "float32", shape: ["N", 3] });
  for (const rows of [1, 4]) {
    const data = Float32Array.from({ length: 3 * rows }, (_, i) => i);
    const { y } = await session.run({ x: new ort.Tensor("float32", data, [rows, 3]) });
    expect(Array.from(y?.data as Float32Array)).toEqual(Array.from({ length: rows }, (_, row) => 9 * row + 3 - 0.5));
  }
  await session.release();
});

test("equal graphs give equal bytes", () => {
  expect(encodeModel(graph)).toEqual(encodeModel(structuredClone(graph)));
});
