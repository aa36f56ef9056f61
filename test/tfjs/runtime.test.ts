import type { Tensor4D } from "@tensorflow/tfjs";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { loadTensorflow } from "../../src/tfjs/runtime.js";

const missing = async (name: string): Promise<never> => {
  throw new Error(`Cannot find package '${name}'`);
};
const real = (name: string): Promise<unknown> => import(name);

/** TensorFlow.js with a backend of the native package's name, which answers as the plain one does. */
async function native(asked: string[]): Promise<unknown> {
  const { default: tf } = (await import("@tensorflow/tfjs")) as unknown as {
    default: typeof import("@tensorflow/tfjs");
  };
  asked.push("native");
  if (tf.findBackend("tensorflow") === null) {
    tf.registerBackend("tensorflow", () => tf.findBackend("cpu"));
    tf.copyRegisteredKernels("cpu", "tensorflow");
  }
  return tf;
}

test.each(["tfjs-node-gpu", "tfjs-node"] as const)("%s is taken where it is installed", async (id) => {
  const asked: string[] = [];
  const runtime = await loadTensorflow((name) => (name === `@tensorflow/${id}` ? native(asked) : missing(name)));
  expect(runtime.id).toBe(id);
  expect(runtime.description).toBe(`@tensorflow/tfjs 4.22.0, ${id}`);
  expect(runtime.tf.getBackend()).toBe("tensorflow");
  expect(asked).toEqual(["native"]);
});

test("without either, WebAssembly runs, and a convolution comes out right", async () => {
  const runtime = await loadTensorflow((name) => (name.includes("tfjs-node") ? missing(name) : real(name)));
  expect(runtime.id).toBe("tfjs-wasm");
  const { tf } = runtime;
  expect(tf.getBackend()).toBe("wasm");
  const sum = tf.conv2d(tf.ones([1, 3, 3, 2]) as Tensor4D, tf.ones([3, 3, 2, 1]) as Tensor4D, 1, "same");
  expect([...sum.dataSync()]).toEqual([8, 12, 8, 12, 18, 12, 8, 12, 8]);
});

test("where WebAssembly does not start, plain JavaScript runs", async () => {
  const runtime = await loadTensorflow((name) => (name === "@tensorflow/tfjs" ? real(name) : missing(name)));
  expect(runtime.id).toBe("tfjs-cpu");
  expect(runtime.tf.getBackend()).toBe("cpu");
});

const built = new URL("../../dist/src/tfjs/runtime.js", import.meta.url);
(existsSync(built) ? test : test.skip)("the built code computes, and prints nothing of its own", () => {
  const script = `
    import { tensorflow } from ${JSON.stringify(built.href)};
    const { tf, id } = await tensorflow();
    await tf.setBackend("cpu");
    const sum = tf.sum(tf.tensor1d([1, 2, 3])).dataSync()[0];
    console.log(id, sum);`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect({ stdout, stderr }).toEqual({ stdout: "tfjs-wasm 6\n", stderr: "" });
});
