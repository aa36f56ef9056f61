import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelAdapter } from "../../src/core/adapter.js";
import type { Encoder } from "../../src/core/model.js";
import { sliceBatch } from "../../src/core/pixels.js";
import { loadPlugins } from "../../src/core/plugins.js";
import { scoresOf } from "../../src/models/shared/scores.js";
import { tensorflow } from "../../src/tfjs/runtime.js";
import { encoderModel } from "../support/encoder-study.js";
import { openInferenceServer } from "../support/open-inference-server.js";
import { writeLayersModel } from "../support/tfjs-models.js";
import { toyImages } from "../support/toy-target.js";

const adapters = await loadPlugins("models");
const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

async function openEncoder(id: string, options: object): Promise<Encoder> {
  const adapter = adapters.get(id) as ModelAdapter;
  const parameters = adapter.meta.parameters.parse(options);
  const encoder = await adapter.openEncoder?.(parameters, { baseFolder: "/", classes: ["any"], threads: 1 });
  if (encoder === undefined) throw new Error(`${id} opens no encoder`);
  opened.push(encoder.close);
  return encoder;
}

test("every adapter that asks a model can take its output as an embedding", () => {
  const able = [...adapters].filter(([, { openEncoder }]) => openEncoder !== undefined).map(([id]) => id);
  expect(able).toEqual(["command", "onnx", "open-inference", "tensorflow", "tfjs"]);
});

describe("onnx", () => {
  const images = toyImages({ channels: 1, height: 16, width: 16, maxValue: 255 }, 37, 3);
  const path = join(mkdtempSync(join(tmpdir(), "stepwedge-encoder-")), "encoder.onnx");
  writeFileSync(path, encoderModel("score"));

  /** The mean of each 4 × 4 square. */
  const squares = Float32Array.from({ length: 37 * 16 }, (_, at) => {
    const [image, square] = [at >> 4, at & 15];
    let sum = 0;
    for (let pixel = 0; pixel < 16; pixel++) {
      const row = 4 * (square >> 2) + (pixel >> 2);
      sum += images.data[image * 256 + row * 16 + 4 * (square & 3) + (pixel & 3)] as number;
    }
    return sum / 16 / 255;
  });

  test("a tensor inside the graph is an output where the protocol names it, alone and in company", async () => {
    const encoder = await openEncoder("onnx", { path, output: { name: "vector" }, sessions: 1 });
    const { count, values, width } = await encoder.embed(images);
    expect([count, width]).toEqual([37, 16]);
    squares.forEach((mean, at) => {
      expect(values[at]).toBeCloseTo(mean, 5);
    });
    const one = await encoder.embed(sliceBatch(images, 20, 21));
    expect([...one.values]).toEqual([...values.subarray(20 * 16, 21 * 16)]);
    expect(encoder.meta).not.toHaveProperty("classes");
  });

  test.each([
    ["mean", (own: Float32Array) => own.reduce((sum, value) => sum + value, 0) / 16],
    ["max", (own: Float32Array) => Math.max(...own)],
  ] as const)("a map of vectors becomes one by its %s", async (reduce, of) => {
    const encoder = await openEncoder("onnx", { path, output: { name: "map", reduce }, sessions: 1 });
    const { values, width } = await encoder.embed(images);
    expect(width).toBe(1);
    values.forEach((value, image) => {
      expect(value).toBeCloseTo(of(squares.subarray(16 * image, 16 * image + 16)), 5);
    });
  });

  test("as a classifier, too, a tensor inside may be named", async () => {
    const adapter = adapters.get("onnx") as ModelAdapter;
    const parameters = adapter.meta.parameters.parse({
      path,
      output: { name: "vector", select: { a: 5 } },
      sessions: 1,
    });
    const model = await adapter.open(parameters, { baseFolder: "/", classes: ["a"], threads: 1 });
    const outputs = await model?.predict(images);
    expect(outputs?.values[3]).toBeCloseTo(squares[3 * 16 + 5] as number, 5);
    await model?.close();
  });
});

describe("vectors of an output's shape", () => {
  const options = { classes: null, select: undefined, activation: "none", where: "m", output: "o" } as const;
  const raw = Float32Array.of(1, 2, 3, 4, 5, 6);

  test.each([
    [[2, 3], {}, [1, 2, 3, 4, 5, 6]],
    [[2, 3, 1, 1], {}, [1, 2, 3, 4, 5, 6]],
    [[1, 2, 3], { reduce: "mean" }, [2.5, 3.5, 4.5]],
    [[1, 2, 3], { reduce: "max" }, [4, 5, 6]],
    [[1, 2, 3, 1], { reduce: "mean" }, [2, 5]],
    [[1, 3, 1, 2], { reduce: "mean", classesLast: true }, [3, 4]],
    // One vector with nothing to reduce over stays as it is.
    [[2, 3], { reduce: "mean" }, [1, 2, 3, 4, 5, 6]],
  ] as const)("%j with %j", (shape, more, expected) => {
    expect([...scoresOf(raw, shape, { ...options, ...more })]).toEqual(expected);
  });

  test("several vectors need to be told how they become one; a share is none", () => {
    expect(() => scoresOf(raw, [1, 2, 3], options)).toThrow("several vectors per image");
    expect(() => scoresOf(raw, [1, 2, 3], { ...options, reduce: "share" })).toThrow("no vector");
  });
});

test("tfjs: a layer inside the model, and the output with its own activation", async () => {
  const { tf } = await tensorflow();
  const model = tf.sequential({
    layers: [
      tf.layers.flatten({ inputShape: [4, 5, 1], name: "flat" }),
      tf.layers.dense({ units: 3, activation: "relu", name: "inner" }),
      tf.layers.dense({ units: 2, activation: "sigmoid", name: "last" }),
    ],
  });
  const path = await writeLayersModel(tf, model);
  const images = toyImages({ channels: 1, height: 4, width: 5, maxValue: 255 }, 6, 3);
  const input = tf.tensor(
    images.data.map((value) => value / 255),
    [6, 4, 5, 1],
  );
  const cut = tf.model({ inputs: model.inputs, outputs: model.getLayer("inner").output });
  for (const [name, truth, width] of [
    ["inner", cut.predict(input), 3],
    [undefined, model.predict(input), 2],
  ] as const) {
    const encoder = await openEncoder("tfjs", { path, output: name === undefined ? {} : { name } });
    const embedded = await encoder.embed(images);
    expect(embedded.width).toBe(width);
    (truth as ReturnType<typeof tf.tensor>).dataSync().forEach((value, at) => {
      expect(embedded.values[at]).toBeCloseTo(value, 5);
    });
  }
});

test("open-inference: the columns of the server's output, in parts", async () => {
  const server = await openInferenceServer({
    inputs: [{ name: "image", datatype: "FP32", shape: [-1, 1, 4, 5] }],
    outputs: [{ name: "embedding", datatype: "FP32", shape: [-1, 3] }],
    run: ({ shape, values }) =>
      Array.from({ length: shape[0] as number }, (_, image) => [...values.subarray(image * 20, image * 20 + 3)]),
  });
  opened.push(server.close);
  const images = toyImages({ channels: 1, height: 4, width: 5, maxValue: 255 }, 7, 3);
  const encoder = await openEncoder("open-inference", { url: server.url, name: "toy", batch: 3 });
  const { values, width } = await encoder.embed(images);
  expect(width).toBe(3);
  values.forEach((value, at) => {
    expect(value).toBe(Math.fround((images.data[Math.floor(at / 3) * 20 + (at % 3)] as number) / 255));
  });
});
