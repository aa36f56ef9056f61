import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PbfWriter } from "pbf";
import { AS_STORED } from "../../src/core/data.js";
import { sha256 } from "../../src/core/hash.js";
import type { Model } from "../../src/core/model.js";
import { createBatch, type PixelBatch } from "../../src/core/pixels.js";
import { decodeImage } from "../../src/image/decode.js";
import { loadingFault } from "../../src/models/onnx/loading-fault.js";
import onnx from "../../src/models/onnx.js";
import { encodeModel, ElementType, type OnnxGraph, type OnnxNode } from "../../src/training/onnx-writer.js";
import { sharedData } from "../support/shared-data.js";

const folder = mkdtempSync(join(tmpdir(), "stepwedge-onnx-"));
let files = 0;

function save(bytes: Uint8Array): string {
  const name = `model-${files++}.onnx`;
  writeFileSync(join(folder, name), bytes);
  return name;
}

const node = (op: string, inputs: string[], outputs: string[], attributes = {}): OnnxNode => ({
  op,
  inputs,
  outputs,
  attributes,
});

function graph(more: Partial<OnnxGraph>): OnnxGraph {
  return { name: "test", description: "", nodes: [], initializers: [], inputs: [], outputs: [], ...more };
}

/** The mean of each channel, whatever number type the images come in. */
function channelMeans(type: keyof typeof ElementType): string {
  return save(
    encodeModel(
      graph({
        nodes: [
          node("Cast", ["x"], ["f"], { to: ElementType.float32 }),
          node("GlobalAveragePool", ["f"], ["m"]),
          node("Flatten", ["m"], ["y"], { axis: 1 }),
        ],
        inputs: [{ name: "x", type, shape: ["N", 3, 2, 2] }],
        outputs: [{ name: "y", type: "float32", shape: ["N", 3] }],
      }),
    ),
  );
}

function open(path: string, more: Record<string, unknown> = {}, classes = ["a", "b", "c"]): Promise<Model> {
  const parameters = onnx.meta.parameters.parse({ path, sessions: 1, ...more });
  return onnx.open(parameters, { baseFolder: folder, classes, threads: 1 }) as Promise<Model>;
}

const STORED = [10, 20, 30, 40, 0, 0, 255, 1, 7, 7, 7, 7, 1, 2, 3, 4, 5, 6, 7, 8, 250, 251, 252, 255];
const MEANS = [25, 64, 7, 2.5, 6.5, 252];

function images(): PixelBatch {
  const batch = createBatch({ channels: 3, height: 2, width: 2, maxValue: 255 }, 2);
  batch.data.set(STORED);
  return batch;
}

async function answers(model: Model, batch: PixelBatch): Promise<number[]> {
  const { values } = await model.predict(batch);
  await model.close();
  return [...values];
}

describe("number types", () => {
  const types = Object.keys(ElementType) as (keyof typeof ElementType)[];
  const wide = types.filter((type) => type !== "int8");
  test.each(wide)("%s takes stored values as they are with range [0, 255]", async (type) => {
    const model = await open(channelMeans(type), { input: { range: [0, 255] } });
    const means = await answers(model, images());
    for (const [index, mean] of means.entries()) expect(mean).toBeCloseTo(MEANS[index] as number, 4);
  });

  test("a type that cannot hold the values is refused, not wrapped round", async () => {
    const deep = await open(channelMeans("int8"), { input: { range: [0, 255] } });
    await expect(deep.predict(images())).rejects.toThrow("INT8 cannot hold 128");
    const fractions = await open(channelMeans("uint8"));
    await expect(fractions.predict(images())).rejects.toThrow("UINT8 cannot hold 0.0039");
    await deep.close();
    await fractions.close();
  });
});

test("a file with a fixed batch gets full ones, and answers for the images alone", async () => {
  const path = save(
    encodeModel(
      graph({
        nodes: [node("GlobalAveragePool", ["x"], ["m"]), node("Flatten", ["m"], ["y"], { axis: 1 })],
        inputs: [{ name: "x", type: "float32", shape: [3, 1, 2, 2] }],
        outputs: [{ name: "y", type: "float32", shape: [3, 1] }],
      }),
    ),
  );
  const batch = createBatch({ channels: 1, height: 2, width: 2, maxValue: 255 }, 7);
  for (let image = 0; image < 7; image++) batch.data.fill(image, 4 * image, 4 * image + 4);
  const model = await open(path, { input: { range: [0, 255] } }, ["a"]);
  expect(await answers(model, batch)).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

describe("further inputs", () => {
  const path = save(
    encodeModel(
      graph({
        nodes: [
          node("GlobalAveragePool", ["x"], ["m"]),
          node("Flatten", ["m"], ["f"], { axis: 1 }),
          node("Mul", ["f", "age"], ["g"]),
          node("Add", ["g", "bias"], ["y"]),
        ],
        inputs: [
          { name: "age", type: "float32", shape: ["N", 1] },
          { name: "bias", type: "float32", shape: [3] },
          { name: "x", type: "float32", shape: ["N", 3, 2, 2] },
        ],
        outputs: [{ name: "y", type: "float32", shape: ["N", 3] }],
      }),
    ),
  );

  test("are held constant: one value for all elements, or all of them", async () => {
    const model = await open(path, { input: { range: [0, 255], constants: { age: 2, bias: [0, 1, 10] } } });
    expect(await answers(model, images())).toEqual([50, 129, 24, 5, 14, 514]);
  });

  test("must be given, and fit", async () => {
    await expect(open(path)).rejects.toMatchObject({
      message: expect.stringContaining("has 3 inputs"),
      remedy: expect.stringContaining("model.input.constants"),
    });
    await expect(open(path, { input: { constants: { age: 2, bias: [1, 2] } } })).rejects.toThrow("the model takes 3");
    await expect(open(path, { input: { constants: { age: 2, bias: 0, sex: 1 } } })).rejects.toThrow(
      "is no further input",
    );
  });
});

describe("a value for every pixel", () => {
  const dense = (inputs: (number | string)[], outputs: (number | string)[] = inputs) =>
    save(
      encodeModel(
        graph({
          nodes: [node("Identity", ["x"], ["y"])],
          inputs: [{ name: "x", type: "float32", shape: inputs }],
          outputs: [{ name: "y", type: "float32", shape: outputs }],
        }),
      ),
    );
  const range = { range: [0, 255] };

  test("becomes the share of pixels, the mean or the greatest, by class; channels first or last", async () => {
    // First image, pixel by pixel: (10,0,7) (20,0,7) (30,255,7) (40,1,7): greatest are a, a, b, a.
    // Second: (1,5,250) and so on: c everywhere.
    for (const [shape, layout] of [
      [["N", 3, 2, 2], "NCHW"],
      [["N", 2, 2, 3], "NHWC"],
    ] as const) {
      const path = dense([...shape]);
      const ask = async (reduce: string) =>
        answers(await open(path, { input: { ...range, layout }, output: { reduce } }), images());
      expect(await ask("share")).toEqual([0.75, 0.25, 0, 0, 0, 1]);
      expect(await ask("mean")).toEqual(MEANS);
      expect(await ask("max")).toEqual([40, 255, 7, 4, 8, 255]);
    }
  });

  test("is refused where nothing says how to reduce it, and reducing where there is nothing to", async () => {
    const model = await open(dense(["N", 3, 2, 2]));
    await expect(model.predict(images())).rejects.toThrow("gives 12 scores per image");
    await model.close();
    const flat = await open(channelMeans("float32"), { output: { reduce: "mean" } });
    await expect(flat.predict(images())).rejects.toThrow("no value for every pixel");
    await flat.close();
  });

  test("volumes go in as N×1×D×H×W and as N×D×H×W×1, slices for channels", async () => {
    for (const shape of [
      ["N", 1, 3, 2, 2],
      ["N", 3, 2, 2, 1],
    ]) {
      const model = await open(dense(shape), { input: range, output: { reduce: "mean" } }, ["a"]);
      expect(model.meta.input).toMatchObject({ channels: 3, height: 2, width: 2 });
      const [first, second] = await answers(model, images());
      expect(first).toBeCloseTo((25 + 64 + 7) / 3, 10);
      expect(second).toBeCloseTo((2.5 + 6.5 + 252) / 3, 10);
    }
  });

  test("of one channel alone, share counts what is above one half after the activation", async () => {
    const model = await open(
      dense(["N", 1, 3, 2, 2]),
      { activation: "sigmoid", input: { range: [-5, 250] }, output: { reduce: "share" } },
      ["a"],
    );
    // Above 5: nine of twelve of the first image, seven of the second (5 itself is one half exactly).
    expect(await answers(model, images())).toEqual([9 / 12, 7 / 12]);
  });
});

describe("weights in files beside the model", () => {
  /** y = the channel means times a weight of three that lies elsewhere. */
  function withExternal(location: string): string {
    const pbf = new PbfWriter();
    const text = (field: number, value: string, into: PbfWriter) => into.writeStringField(field, value);
    const plain = Buffer.from(
      encodeModel(
        graph({
          nodes: [
            node("GlobalAveragePool", ["x"], ["m"]),
            node("Flatten", ["m"], ["f"], { axis: 1 }),
            node("Mul", ["f", "w"], ["y"]),
          ],
          inputs: [{ name: "x", type: "float32", shape: ["N", 3, 2, 2] }],
          outputs: [{ name: "y", type: "float32", shape: ["N", 3] }],
        }),
      ),
    );
    pbf.writeMessage(
      7, // a second part of the graph: protobuf merges messages that come in parts
      (_: null, g: PbfWriter) =>
        g.writeMessage(
          5,
          (__: null, tensor: PbfWriter) => {
            tensor.writePackedVarint(1, [3]);
            tensor.writeVarintField(2, ElementType.float32);
            text(8, "w", tensor);
            for (const [key, value] of [
              ["location", location],
              ["offset", "0"],
              ["length", "12"],
            ] as const) {
              tensor.writeMessage(
                13,
                (___: null, entry: PbfWriter) => {
                  text(1, key, entry);
                  text(2, value, entry);
                },
                null,
              );
            }
            tensor.writeVarintField(14, 1);
          },
          null,
        ),
      null,
    );
    return save(Buffer.concat([plain, pbf.finish()]));
  }

  test("are loaded, and hashed as part of the model", async () => {
    const weights = Buffer.from(Float32Array.of(1, 10, 100).buffer);
    writeFileSync(join(folder, "weights.bin"), weights);
    const model = await open(withExternal("weights.bin"), { input: { range: [0, 255] } });
    expect(model.meta.files).toMatchObject({ "weights.bin": sha256(weights) });
    expect(await answers(model, images())).toEqual([25, 640, 700, 2.5, 65, 25_200]);
  });

  test("are missed by name, and may not lie elsewhere", async () => {
    await expect(open(withExternal("gone.bin"))).rejects.toThrow("keeps weights in gone.bin, which is not there");
    await expect(open(withExternal("../weights.bin"))).rejects.toThrow("outside its folder");
  });
});

describe("what cannot be loaded is explained", () => {
  const plain = () =>
    encodeModel(
      graph({
        nodes: [node("NoSuchOperator", ["x"], ["y"])],
        inputs: [{ name: "x", type: "float32", shape: ["N", 3, 2, 2] }],
        outputs: [{ name: "y", type: "float32", shape: ["N", 3] }],
      }),
    );

  test("a custom operator", async () => {
    await expect(open(save(plain()))).rejects.toMatchObject({
      remedy: expect.stringContaining("NoSuchOperator is a custom one"),
    });
  });

  test("a custom operator of a domain of its own", () => {
    // Onnxruntime's words, which a file with such an operator brings about.
    const words = "Load model failed: Fatal error: com.acme:SoftNms(-1) is not a registered function/op";
    expect(loadingFault(new Error(words), "m.onnx", ["cpu"]).remedy).toContain("com.acme:SoftNms is a custom one");
  });

  test("an operator set of the future", async () => {
    const bytes = Buffer.from(plain());
    // The model's last field is the operator set's version.
    expect(bytes.at(-1)).toBe(18);
    bytes[bytes.length - 1] = 99;
    await expect(open(save(bytes))).rejects.toMatchObject({ remedy: expect.stringContaining("operator set 99") });
  });

  test("a file that is cut short", async () => {
    const bytes = Buffer.from(plain());
    await expect(open(save(bytes.subarray(0, bytes.length - 20)))).rejects.toMatchObject({
      remedy: expect.stringContaining("cut short"),
    });
  });

  test("a provider that is not there: the next one runs, and the record says so; alone, it is refused", async () => {
    const model = await open(channelMeans("float32"), { providers: ["coreml", "cpu"], input: { range: [0, 255] } });
    expect(model.meta.runtime).toContain("cpu (coreml could not load it)");
    expect((await answers(model, images()))[0]).toBe(25);
    await expect(open(channelMeans("float32"), { providers: ["coreml"] })).rejects.toMatchObject({
      message: expect.stringContaining("on coreml"),
      remedy: expect.stringContaining("model.providers"),
    });
  });
});

(sharedData === null ? test.skip : test)(
  "a whole brain through the 3-D MeshNet: the voxels that its authors' own run gave each tissue",
  async () => {
    const models = join(sharedData ?? "", "models/onnx-meshnet-brain");
    const expected = JSON.parse(readFileSync(join(models, "expected.json"), "utf8")) as { voxels: number[] };
    const bytes = readFileSync(join(sharedData ?? "", "nifti/files/t1_crop.nii.gz"));
    const options = { ...AS_STORED, frames: { take: "all" }, axis: "stored" } as const;
    const image = await decodeImage(bytes, "t1_crop", options);
    const classes = ["background", "grey", "white"];
    const model = await open(join(models, "model.onnx"), { output: { reduce: "share" } }, classes);
    const batch = createBatch({ ...model.meta.input, maxValue: 255 }, 1);
    batch.data.set(image.data);
    const shares = await answers(model, batch);
    const voxels = shares.map((share) => share * 256 ** 3);
    // Near-ties of single voxels may fall either way on another processor.
    for (const [index, count] of voxels.entries()) {
      expect(Math.abs(count - (expected.voxels[index] as number))).toBeLessThan(20);
    }
  },
  300_000,
);
