import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import defense from "../../defenses/onnx-denoiser.js";
import { StepwedgeError } from "../../src/core/errors.js";
import type { PixelBatch } from "../../src/core/pixels.js";
import { GraphBuilder } from "../../src/training/graph.js";
import { encodeModel } from "../../src/training/onnx-writer.js";
import { defenseContext } from "../support/contexts.js";
import { grayImage, largestDifference, referenceBatch } from "../support/filters.js";
import { averagingModel } from "../support/plugin-files.js";

const folder = mkdtempSync(join(tmpdir(), "stepwedge-denoiser-"));
const OPEN = ["batch", "channels", "height", "width"] as const;
let files = 0;

/** Writes a model and returns its path. */
function modelFile(bytes: Uint8Array): string {
  const path = join(folder, `${++files}.onnx`);
  writeFileSync(path, bytes);
  return path;
}

/** A model whose body is the caller's. */
function model(
  body: (graph: GraphBuilder, image: string) => string,
  shape: readonly (number | string)[] = OPEN,
): string {
  const graph = new GraphBuilder();
  graph.output("denoised", body(graph, graph.input("image", shape)), shape);
  return modelFile(graph.encode("denoiser"));
}

async function denoise(
  path: string,
  batch: PixelBatch,
  parameters: Record<string, unknown> = {},
): Promise<Float32Array> {
  const context = defenseContext(defense, { parameters: { path: "a.onnx", ...parameters }, file: () => path });
  return (await defense.apply(batch, context)).data;
}

async function complaint(path: string, batch = referenceBatch("colour"), parameters = {}): Promise<string> {
  const error = await denoise(path, batch, parameters).catch((cause: unknown) => cause);
  if (!(error instanceof StepwedgeError)) throw new Error(`no StepwedgeError but ${String(error)}`);
  expect(error.remedy).toMatch(/\w/);
  return error.format();
}

test("an averaging network averages, border pixels included", async () => {
  const image = grayImage([
    [0, 90, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 180],
  ]);
  const out = await denoise(modelFile(averagingModel()), image);
  // onnx: padding is not counted. Four, six or nine pixels a mean.
  const expected = [22.5, 15, 15, 0, 15, 10, 30, 30, 0, 0, 30, 45];
  expect(largestDifference(out, expected)).toBeLessThan(1e-4);
});

test.each([
  [[0, 1], 100 / 255],
  [[-1, 1], -1 + 200 / 255],
  [[0, 255], 100],
] as const)("range %p: the model sees what it was trained on", async (range, seen) => {
  // Answers with the square of what it sees.
  const path = model((graph, image) => graph.node("Mul", [image, image]));
  const out = await denoise(path, grayImage([[100]]), { range });
  const [low, high] = range;
  expect(out[0]).toBeCloseTo(((seen * seen - low) / (high - low)) * 255, 2);
});

test("a residual answer is subtracted, whatever the range", async () => {
  const path = model((graph, image) =>
    graph.node("Mul", [graph.node("Add", [image, graph.scalar(1)]), graph.scalar(0.25)]),
  );
  const image = referenceBatch("gray");
  // Seen as 2x − 1; noise (2x − 1 + 1) / 4 = x / 2 in units of half the window.
  const out = await denoise(path, image, { range: [-1, 1], residual: true });
  expect(
    largestDifference(
      out,
      image.data.map((value) => 0.75 * value),
    ),
  ).toBeLessThan(1e-3);
});

test("NHWC: channels last, there and back", async () => {
  const image = referenceBatch("colour");
  // Means along the last axis: the same grey in all channels where, and only where, the last axis is that of channels.
  const path = model(
    (graph, value) => {
      const mean = graph.node("ReduceMean", [value, graph.integers(3)], { keepdims: 1 });
      return graph.node("Concat", [mean, mean, mean], { axis: 3 });
    },
    ["batch", "height", "width", 3],
  );
  const out = await denoise(path, image, { layout: "NHWC" });
  const plane = image.height * image.width;
  const [r, g, b] = [0, 1, 2].map((channel) => image.data.subarray(channel * plane, (channel + 1) * plane));
  const mean = Float32Array.from({ length: plane }, (_, i) => ((r?.[i] ?? 0) + (g?.[i] ?? 0) + (b?.[i] ?? 0)) / 3);
  for (let channel = 0; channel < 3; channel++) {
    expect(largestDifference(out.subarray(channel * plane, (channel + 1) * plane), mean)).toBeLessThan(1e-3);
  }

  const turn = model((graph, value) => graph.node("Identity", [value]));
  expect(largestDifference(await denoise(turn, image, { layout: "NHWC" }), image.data)).toBeLessThan(1e-3);
});

test("without a file it says what is missing", async () => {
  const apply = async () => defense.apply(referenceBatch("gray"), defenseContext(defense));
  await expect(apply()).rejects.toThrow(StepwedgeError);
  await expect(apply()).rejects.toThrow("no denoiser is given");
});

test("a file that is not there is found once it is", async () => {
  const path = join(folder, "later.onnx");
  expect(await complaint(path)).toContain(`${path}: cannot be loaded as an ONNX model`);
  writeFileSync(path, averagingModel());
  expect(await denoise(path, referenceBatch("gray"))).toHaveLength(480);
});

test("a file that is no model", async () => {
  expect(await complaint(modelFile(new TextEncoder().encode("not a model")))).toContain("cannot be loaded");
});

test("several inputs, and several outputs", async () => {
  const two = new GraphBuilder();
  two.output("sum", two.node("Add", [two.input("image", OPEN), two.input("level", OPEN)]), OPEN);
  expect(await complaint(modelFile(two.encode("two")))).toContain("has 2 inputs (image, level)");

  const twice = new GraphBuilder();
  const image = twice.input("image", OPEN);
  twice.output("a", image, OPEN);
  twice.output("b", image, OPEN);
  expect(await complaint(modelFile(twice.encode("twice")))).toContain("has 2 outputs (a, b)");
});

test("an answer of another type, by what the file says", async () => {
  const bytes = encodeModel({
    name: "shape",
    description: "",
    nodes: [{ op: "Shape", inputs: ["image"], outputs: ["count"], attributes: {} }],
    initializers: [],
    inputs: [{ name: "image", type: "float32", shape: OPEN }],
    outputs: [{ name: "count", type: "int64", shape: [4] }],
  });
  expect(await complaint(modelFile(bytes))).toContain('has "count" as int64, not float32');
});

test("fixed sizes that the images do not have, with the layout in mind", async () => {
  const path = modelFile(averagingModel([1, 3, 128, 128]));
  const words = await complaint(path);
  expect(words).toContain("takes [1, 3, 128, 128]; images of 3 × 24 × 20 (C × H × W) come as [1, 3, 24, 20] in NCHW");
  const fixed = modelFile(averagingModel([1, 3, 24, 20]));
  expect(await denoise(fixed, referenceBatch("colour"))).toHaveLength(3 * 480);
  expect(await complaint(fixed, referenceBatch("colour"), { layout: "NHWC" })).toContain("in NHWC");
});

test("no image at all: a tensor of two axes", async () => {
  expect(await complaint(model((_, value) => value, ["batch", "features"]))).toContain("takes a tensor of shape");
});

test("open sizes that only fail inside: the model's own words and the size", async () => {
  const path = model((graph, value) => {
    const weights = graph.initializer("w", [1, 1, 3, 3], new Float32Array(9));
    return graph.node("Conv", [value, weights], { pads: [1, 1, 1, 1] });
  });
  const words = await complaint(path);
  expect(words).toContain("fails on an image of shape [1, 3, 24, 20]");
});

test("an answer of another size", async () => {
  const path = model((graph, value) => graph.node("AveragePool", [value], { kernel_shape: [2, 2], strides: [2, 2] }));
  expect(await complaint(path)).toContain("gave float32 of shape [1, 3, 12, 10] for float32 of shape [1, 3, 24, 20]");
});

test("an answer that is no number", async () => {
  const path = model((graph, value) => graph.node("Log", [graph.node("Neg", [value])]));
  expect(await complaint(path)).toContain("no numbers");
});
