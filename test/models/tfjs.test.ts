import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ModelAdapter } from "../../src/core/adapter.js";
import { StepwedgeError } from "../../src/core/errors.js";
import { sha256 } from "../../src/core/hash.js";
import type { Model } from "../../src/core/model.js";
import { createBatch, type PixelBatch, sliceBatch } from "../../src/core/pixels.js";
import { loadPlugins } from "../../src/core/plugins.js";
import { randomFrom } from "../../src/core/random.js";
import { decodeImage } from "../../src/image/decode.js";
import { resizeImage } from "../../src/image/resize.js";
import { tensorflow } from "../../src/tfjs/runtime.js";
import { sharedData } from "../support/shared-data.js";
import { modelFolder, writeGraphModel, writeLayersModel, writeModel } from "../support/tfjs-models.js";
import { toyImages } from "../support/toy-target.js";

const { tf } = await tensorflow();
const adapters = await loadPlugins("models");
const real = sharedData === null ? test.skip : test;
const models = join(sharedData ?? "", "models");

async function open(path: string, options: object = {}, classes: readonly string[] = ["pneumonia"], id = "tfjs") {
  const adapter = adapters.get(id) as ModelAdapter;
  const parameters = adapter.meta.parameters.parse({ path, ...options });
  return (await adapter.open(parameters, { baseFolder: "/", classes, threads: 1 })) as Model;
}

/** The error that the user sees. */
async function refusal(path: string, options: object = {}, classes?: readonly string[]): Promise<string> {
  const error: unknown = await open(path, options, classes).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StepwedgeError);
  return (error as StepwedgeError).format();
}

const gradientOf = (model: Model) => model.gradient as NonNullable<Model["gradient"]>;
const logit = (p: number) => Math.log(p / (1 - p));
const normals = (size: number, key: string, scale = 1) => {
  const random = randomFrom("tfjs model", key);
  return Float32Array.from({ length: size }, () => scale * random.normal());
};

describe("models with known gradients", () => {
  const geometry = { channels: 3, height: 4, width: 5, maxValue: 255 } as const;
  const input = { range: [-1, 1], mean: [0.1, 0.2, 0.3], std: [0.5, 1, 2] };
  const images = toyImages(geometry, 3, 7);
  const columns = 3;
  const weights = normals(60 * columns, "weights", 0.3);
  const bias = normals(columns, "bias");

  /** weights' column in the order of stored values, per stored value. */
  function column(k: number): Float64Array {
    return Float64Array.from({ length: 60 }, (_, i) => {
      const channel = Math.floor(i / 20);
      const pixel = i % 20;
      const w = weights[(pixel * 3 + channel) * columns + k] as number;
      return (w * 2) / 255 / (input.std[channel] as number);
    });
  }

  /** The linear numbers before the activation, for one image. */
  function numbers(image: number): number[] {
    return Array.from({ length: columns }, (_, k) => {
      const slopes = column(k);
      let z = bias[k] as number;
      for (let i = 0; i < 60; i++) {
        const channel = Math.floor(i / 20);
        const constant = (-1 - (input.mean[channel] as number)) / (input.std[channel] as number);
        const w = weights[((i % 20) * 3 + channel) * columns + k] as number;
        z += (slopes[i] as number) * (images.data[image * 60 + i] as number) + w * constant;
      }
      return z;
    });
  }

  function dense(activation: "sigmoid" | "softmax" | "linear"): Promise<string> {
    const model = tf.sequential({
      layers: [
        tf.layers.flatten({ inputShape: [4, 5, 3] }),
        tf.layers.dense({ units: columns, activation, useBias: true }),
      ],
    });
    model.setWeights([tf.tensor(weights, [60, columns]), tf.tensor(bias)]);
    return writeLayersModel(tf, model);
  }

  const classes = ["a", "b", "c"];
  const sigmoids = (z: number[]) => z.map((value) => 1 / (1 + Math.exp(-value)));
  const softmax = (z: number[]) => {
    const sum = z.reduce((total, value) => total + Math.exp(value), 0);
    return z.map((value) => Math.exp(value) / sum);
  };
  const graph = (last: "Sigmoid" | "Identity") => writeGraphModel([4, 5, 3], weights, bias, last);

  test.each<[string, () => Promise<string> | string, object, (z: number[]) => number[]]>([
    ["a sigmoid in the last layer", () => dense("sigmoid"), {}, sigmoids],
    ["a softmax in the last layer", () => dense("softmax"), {}, softmax],
    ["a sigmoid of the protocol's", () => dense("linear"), { activation: "sigmoid" }, sigmoids],
    ["a softmax of the protocol's", () => dense("linear"), { activation: "softmax" }, softmax],
    ["a graph that ends in a sigmoid", () => graph("Sigmoid"), {}, sigmoids],
    ["a graph behind the protocol's softmax", () => graph("Identity"), { activation: "softmax" }, softmax],
  ])("%s: probabilities and gradients are those of the formula", async (_, write, options, link) => {
    const model = await open(await write(), { ...options, input }, classes);
    expect(model.meta.input).toEqual({ channels: 3, height: 4, width: 5, resize: "bilinear" });
    const { values } = await model.predict(images);
    for (const image of [0, 1, 2]) {
      const z = numbers(image);
      link(z).forEach((p, k) => {
        expect(values[image * 3 + k]).toBeCloseTo(p, 5);
      });
    }
    for (const k of [0, 1, 2]) {
      const { data, outputs } = await gradientOf(model)(images, k);
      for (const [index, value] of outputs.values.entries()) expect(value).toBeCloseTo(values[index] as number, 6);
      for (const image of [0, 1, 2]) {
        // sigmoid: dz_k; softmax: dz_k − Σ_{j≠k} q_j dz_j, q the softmax of the others.
        const z = numbers(image);
        const q =
          link === softmax ? softmax(z.map((value, j) => (j === k ? Number.NEGATIVE_INFINITY : value))) : [0, 0, 0];
        const wanted = column(k).map(
          (w, i) => w - [0, 1, 2].reduce((sum, j) => sum + (q[j] as number) * (column(j)[i] as number), 0),
        );
        const scale = wanted.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
        wanted.forEach((value, i) => {
          expect(Math.abs((data[image * 60 + i] as number) - value) / scale).toBeLessThan(1e-4);
        });
      }
    }
    await model.close();
  });

  test("a chosen column is the class's, and its gradient too", async () => {
    const folder = await dense("softmax");
    const all = await open(folder, { input }, classes);
    const one = await open(folder, { input, output: { select: { c: 2 } } }, ["c"]);
    const whole = (await all.predict(images)).values;
    expect([...(await one.predict(images)).values]).toEqual([whole[2], whole[5], whole[8]]);
    expect((await gradientOf(one)(images, 0)).data).toEqual((await gradientOf(all)(images, 2)).data);
  });

  test("a saturated sigmoid still has a gradient where it can be taken off", async () => {
    const model = tf.sequential({
      layers: [tf.layers.flatten({ inputShape: [2, 2, 1] }), tf.layers.dense({ units: 1, activation: "sigmoid" })],
    });
    model.setWeights([tf.ones([4, 1]), tf.tensor1d([30])]);
    const opened = await open(await writeLayersModel(tf, model));
    const white = { ...createBatch({ channels: 1, height: 2, width: 2, maxValue: 255 }, 1) };
    white.data.fill(255);
    const { outputs, data } = await gradientOf(opened)(white, 0);
    // 1 − sigmoid(34) = 1.7e-15, which float32 cannot say.
    expect(1 - (outputs.values[0] as number)).toBeGreaterThan(1e-15);
    for (const value of data) expect(value).toBeCloseTo(1 / 255, 7);
  });

  test("batch normalisation without a scale can be differentiated", async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [6, 6, 1], filters: 2, kernelSize: 3 }),
        tf.layers.batchNormalization({ scale: false }),
        tf.layers.globalAveragePooling2d({}),
        tf.layers.dense({ units: 1 }),
        tf.layers.activation({ activation: "sigmoid" }),
      ],
    });
    const batch = toyImages({ channels: 1, height: 6, width: 6, maxValue: 255 }, 1, 3);
    const opened = await open(await writeLayersModel(tf, model));
    const { data } = await gradientOf(opened)(batch, 0);
    for (const i of [0, 14, 35]) {
      const at = async (step: number) => {
        const moved = { ...batch, data: batch.data.map((value, k) => (k === i ? value + step : value)) };
        return logit((await opened.predict(moved)).values[0] as number);
      };
      const slope = ((await at(20)) - (await at(-20))) / 40;
      expect(Math.abs((data[i] as number) - slope)).toBeLessThan(2e-6);
    }
  });

  test("an operator that cannot be differentiated leaves predictions, and the record says so", async () => {
    const model = tf.sequential({
      layers: [tf.layers.flatten({ inputShape: [4, 5, 3] }), tf.layers.dense({ units: 3 })],
    });
    model.setWeights([tf.tensor(weights, [60, columns]), tf.tensor(bias)]);
    const original = tf.getGradient("Transpose");
    tf.unregisterGradient("Transpose");
    try {
      const permuted = tf.sequential({
        layers: [
          tf.layers.permute({ dims: [3, 1, 2], inputShape: [4, 5, 3] }),
          tf.layers.flatten(),
          tf.layers.dense({ units: 1, activation: "sigmoid" }),
        ],
      });
      const opened = await open(await writeLayersModel(tf, permuted));
      expect(opened.gradient).toBeUndefined();
      expect(opened.meta.runtime).toMatch(/predictions only \(.*Transpose/);
      expect((await opened.predict(images)).count).toBe(3);
    } finally {
      tf.registerGradient(original);
    }
  });

  test("an answer does not depend on the company, to the last bit", async () => {
    const model = await open(await dense("sigmoid"), { input }, classes);
    const together = await model.predict(images);
    const gradients = await gradientOf(model)(images, 1);
    for (const image of [0, 1, 2]) {
      const alone = sliceBatch(images, image, image + 1);
      expect((await model.predict(alone)).values).toEqual(together.values.slice(image * 3, image * 3 + 3));
      expect((await gradientOf(model)(alone, 1)).data).toEqual(gradients.data.slice(image * 60, image * 60 + 60));
    }
  });

  test("the files are named and hashed, and two calls at once are two answers", async () => {
    const folder = await dense("sigmoid");
    const model = await open(join(folder, "model.json"), { input }, classes);
    const names = ["model.json", "group1-shard1of2.bin", "group1-shard2of2.bin"];
    expect(model.meta.files).toEqual(
      Object.fromEntries(names.map((name) => [name, sha256(readFileSync(join(folder, name)))])),
    );
    const [first, second] = await Promise.all([model.predict(images), model.predict(images)]);
    expect(first).toEqual(second);
    const before = tf.memory().numTensors;
    await gradientOf(model)(images, 0);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("what is refused, and why", () => {
  const simple = async (units = 1) => {
    const model = tf.sequential({
      layers: [tf.layers.flatten({ inputShape: [4, 4, 1] }), tf.layers.dense({ units, activation: "sigmoid" })],
    });
    return writeLayersModel(tf, model);
  };

  test("a path that is not there, a folder without a model, a file that is none", async () => {
    expect(await refusal("/no/such/model")).toMatch(/the model does not exist/);
    expect(await refusal(modelFolder())).toMatch(/has no model.json/);
    const folder = modelFolder();
    writeFileSync(join(folder, "model.json"), '{"name": "package"}');
    expect(await refusal(folder)).toMatch(/is not a TensorFlow.js model/);
    writeFileSync(join(folder, "model.json"), "\x08onnx");
    expect(await refusal(folder)).toMatch(/is not a TensorFlow.js model/);
  });

  test("a missing or shortened weight file", async () => {
    const folder = await simple();
    const shard = join(folder, "group1-shard2of2.bin");
    writeFileSync(shard, readFileSync(shard).subarray(4));
    expect(await refusal(folder)).toMatch(/announces 68 bytes of weights; its files hold 64/);
    rmSync(shard);
    expect(await refusal(folder)).toMatch(/names the weight file group1-shard2of2.bin, which is not there/);
  });

  test("custom layers are named", async () => {
    const folder = await simple();
    const path = join(folder, "model.json");
    writeFileSync(path, readFileSync(path, "utf8").replace('"class_name":"Flatten"', '"class_name":"PatchEncoder"'));
    expect(await refusal(folder)).toMatch(/layers that TensorFlow.js does not know: PatchEncoder\n.*SavedModel/s);
  });

  test("an export of Keras 3 is explained", async () => {
    const layers = [{ class_name: "InputLayer", config: { batch_shape: [null, 4, 4, 1], name: "x" } }];
    const config = { name: "m", layers };
    const folder = writeModel(
      "layers-model",
      { keras_version: "3.8.0", model_config: { class_name: "Sequential", config } },
      [],
    );
    expect(await refusal(folder)).toMatch(/exported from Keras 3.8.0.*batch_shape.*tf_saved_model/s);
  });

  test.each<[object, readonly string[], RegExp]>([
    [{ activation: "sigmoid" }, ["a"], /ends in a sigmoid; model.activation would be a second/],
    [{}, ["a", "b"], /gives 1 scores per image; the protocol names 2 classes/],
    [{ output: { select: { a: 4 } } }, ["a"], /has no column 4: it gives 1 scores/],
    [{ output: { select: { b: 0 } } }, ["a"], /has no column for class "a"/],
    [{ output: { name: "other" } }, ["a"], /has no output "other"/],
    [{ input: { width: 8 } }, ["a"], /takes width 4; the protocol says 8/],
  ])("%j for classes %j", async (options, classes, message) => {
    expect(await refusal(await simple(), options, classes)).toMatch(message);
  });

  test("two inputs, images of other channels or another size", async () => {
    const a = tf.input({ shape: [4, 4, 1] });
    const b = tf.input({ shape: [4, 4, 1] });
    const sum = tf.layers.flatten().apply(tf.layers.add().apply([a, b])) as ReturnType<typeof tf.input>;
    expect(await refusal(await writeLayersModel(tf, tf.model({ inputs: [a, b], outputs: sum })))).toMatch(
      /has 2 inputs/,
    );
    const four = tf.sequential({
      layers: [tf.layers.flatten({ inputShape: [4, 4, 4] }), tf.layers.dense({ units: 1 })],
    });
    // A stack of four slices is an image of four channels; a gray image is none.
    const stack = await open(await writeLayersModel(tf, four));
    expect(stack.meta.input.channels).toBe(4);
    const gray = createBatch({ channels: 1, height: 4, width: 4, maxValue: 255 }, 1);
    await expect(stack.predict(gray)).rejects.toThrow(/takes 4 × 4 × 4; received images of 1 × 4 × 4/);
    const model = await open(await simple());
    const other = createBatch({ channels: 1, height: 5, width: 4, maxValue: 255 }, 1);
    await expect(model.predict(other)).rejects.toThrow(/takes 1 × 4 × 4; received images of 1 × 5 × 4/);
  });

  test("volumes and outputs for every pixel, by hand", async () => {
    // One 1×1×1 convolution: class a is the value itself, class b is 0.5.
    const weights = [tf.tensor([1, 0], [1, 1, 1, 1, 2]), tf.tensor1d([0, 0.5])];
    const layer = tf.layers.conv3d({ filters: 2, kernelSize: 1, inputShape: [2, 2, 3, 1], weights });
    const folder = await writeLayersModel(tf, tf.sequential({ layers: [layer] }));
    const batch = createBatch({ channels: 2, height: 2, width: 3, maxValue: 255 }, 1);
    batch.data.set([0, 51, 102, 153, 204, 255, 0, 0, 0, 0, 0, 51]);
    const scores = async (reduce: string) =>
      [...(await (await open(folder, { output: { reduce } }, ["a", "b"])).predict(batch)).values].map(
        (value) => Math.round(value * 1e6) / 1e6,
      );
    expect(await scores("share")).toEqual([0.25, 0.75]);
    expect(await scores("mean")).toEqual([0.266667, 0.5]);
    expect(await scores("max")).toEqual([1, 0.5]);
  });

  test("an open size must be given", async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.globalAveragePooling2d({ inputShape: [null, null, 3] as never }),
        tf.layers.dense({ units: 1 }),
      ],
    });
    const folder = await writeLayersModel(tf, model);
    expect(await refusal(folder, { activation: "sigmoid" })).toMatch(/leaves height open/);
    const opened = await open(folder, { activation: "sigmoid", input: { width: 8, height: 6 } });
    expect(opened.meta.input).toMatchObject({ channels: 3, height: 6, width: 8 });
  });
});

describe("real models", () => {
  async function radiographs(count: number): Promise<PixelBatch> {
    const folder = join(sharedData ?? "", "cxr-nih-160");
    const rows = readFileSync(join(folder, "manifest.csv"), "utf8")
      .split("\n")
      .slice(1, count + 1);
    const batch = createBatch({ channels: 1, height: 150, width: 150, maxValue: 255 }, count);
    for (const [index, row] of rows.entries()) {
      const path = join(folder, row.match(/images\/[^,]+/)?.[0] ?? "");
      const image = resizeImage(await decodeImage(readFileSync(path), path), 150, 150, "bilinear");
      batch.data.set(image.data, index * 150 * 150);
    }
    return batch;
  }

  real("tfjs-pneumonia answers as its ONNX twin does", async () => {
    const images = await radiographs(12);
    const ours = await open(join(models, "tfjs-pneumonia"));
    const twin = await open(join(models, "pneumonia-nhwc.onnx"), {}, ["pneumonia"], "onnx");
    const [a, b] = [await ours.predict(images), await twin.predict(images)];
    expect(new Set(a.values).size).toBe(12);
    for (const [index, value] of a.values.entries()) {
      expect(Math.abs(value - (b.values[index] as number))).toBeLessThan(1e-5);
    }
    await twin.close();
  });

  real("tfjs-pneumonia's gradient says how the logit moves", async () => {
    const eight = await radiographs(3);
    // The same images at sixteen bits: steps can be small against the bends of the network.
    const images = { ...eight, maxValue: 65535, data: eight.data.map((value) => value * 257) };
    const model = await open(join(models, "tfjs-pneumonia"));
    const { data } = await gradientOf(model)(images, 0);
    const size = 150 * 150;
    const step = 8;
    for (let image = 0; image < images.count; image++) {
      const slopes = data.subarray(image * size, (image + 1) * size);
      const pixels = images.data.subarray(image * size, (image + 1) * size);
      const at = async (direction: 1 | -1) => {
        const moved = pixels.map((value, i) => {
          const inside = value >= step && value <= 65535 - step;
          return inside ? value + direction * step * Math.sign(slopes[i] as number) : value;
        });
        return logit((await model.predict({ ...images, count: 1, data: moved })).values[0] as number);
      };
      const change = ((await at(1)) - (await at(-1))) / (2 * step);
      const wanted = slopes.reduce((sum, slope, i) => {
        const value = pixels[i] as number;
        return value >= step && value <= 65535 - step ? sum + Math.abs(slope) : sum;
      }, 0);
      expect(Math.abs(change / wanted - 1)).toBeLessThan(0.03);
    }
  });

  real("tfjs-braintumor loads, and its two classes sum to one", async () => {
    const model = await open(join(models, "tfjs-braintumor"), {}, ["no", "yes"]);
    const images = toyImages({ channels: 3, height: 64, width: 64, maxValue: 255 }, 2, 1);
    const { values } = await model.predict(images);
    expect((values[0] as number) + (values[1] as number)).toBeCloseTo(1, 12);
    // logit p₁ = −logit p₀.
    const [a, b] = [await gradientOf(model)(images, 0), await gradientOf(model)(images, 1)];
    const largest = a.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeGreaterThan(0);
    for (const [i, value] of a.data.entries())
      expect(Math.abs(value + (b.data[i] as number))).toBeLessThan(1e-4 * largest);
  });

  real("tfjs-bloodcells is refused with an explanation", async () => {
    expect(await refusal(join(models, "tfjs-bloodcells"))).toMatch(/Keras 3.*re-?export|exported from Keras 3/s);
  });

  real("a segmenter of volumes is refused where nobody said how it gives scores, before it is run", async () => {
    expect(await refusal(join(models, "tfjs-brainchop", "model5_gw_ae"))).toMatch(
      /a value for every pixel: its output has the shape \[N, 256, 256, 256, 3\]/,
    );
  });

  real("a copy with one byte changed has another hash", async () => {
    const from = join(models, "tfjs-braintumor");
    const folder = modelFolder();
    for (const name of ["model.json", "group1-shard1of1.bin"]) copyFileSync(join(from, name), join(folder, name));
    const shard = readFileSync(join(folder, "group1-shard1of1.bin"));
    shard[1000] = (shard[1000] as number) ^ 1;
    rmSync(join(folder, "group1-shard1of1.bin"));
    writeFileSync(join(folder, "group1-shard1of1.bin"), shard);
    const [a, b] = [await open(from, {}, ["n", "y"]), await open(folder, {}, ["n", "y"])];
    expect(a.meta.files["model.json"]).toBe(b.meta.files["model.json"]);
    expect(a.meta.files["group1-shard1of1.bin"]).not.toBe(b.meta.files["group1-shard1of1.bin"]);
  });
});
