import { randomFrom } from "../../src/core/random.js";
import { chooseBackend } from "../../src/training/backend.js";
import { sigmoidCrossEntropy, softmaxCrossEntropy } from "../../src/training/losses.js";
import type { Feeds, Program } from "../../src/training/network.js";
import { onnxBackend, onnxOperators } from "../../src/training/onnx-backend.js";
import { Tape } from "../../src/training/tape.js";
import * as ort from "onnxruntime-node";
import { expectGradients, normals, OPERATOR_CASES } from "../support/gradients.js";

async function runOnce(program: Program, feeds: Feeds, weights = new Map<string, Float32Array>()) {
  const runner = await onnxBackend.runner(program, weights);
  const result = await runner.run(feeds);
  await runner.close();
  return Object.fromEntries(Object.entries(result).map(([name, values]) => [name, Array.from(values)]));
}

const vector = (...values: number[]) => ({ shape: [1, values.length], data: Float32Array.from(values) });

describe("gradients agree with central differences", () => {
  test.each(Object.entries(OPERATOR_CASES))("%s", (_, operator) => expectGradients(onnxBackend, operator));

  test.each([
    ["sigmoid", sigmoidCrossEntropy, Float32Array.of(1, 0, 0, 1, 1, 0)],
    ["softmax", softmaxCrossEntropy, Float32Array.of(1, 0, 0, 0, 0.5, 0.5)],
  ])("%s cross-entropy", async (_, crossEntropy, targets) => {
    const tape = new Tape();
    const x = tape.input("x", [2, 3]);
    const loss = crossEntropy(tape, x, tape.constant([2, 3], targets));
    tape.graph.output("loss", loss.name, []);
    tape.graph.output("gradient", tape.gradients(loss, [x]).get("x") ?? "", [2, 3]);
    const session = await ort.InferenceSession.create(tape.graph.encode("loss"));
    const values = normals([2, 3], "x");
    const run = () => session.run({ x: new ort.Tensor("float32", values, [2, 3]) });
    const gradient = (await run()).gradient?.data;
    for (let i = 0; i < values.length; i++) {
      const kept = values[i] as number;
      values[i] = kept + 1e-2;
      const above = Number((await run()).loss?.data[0]);
      values[i] = kept - 1e-2;
      const below = Number((await run()).loss?.data[0]);
      values[i] = kept;
      expect(Number(gradient?.[i])).toBeCloseTo((above - below) / 2e-2, 3);
    }
    await session.release();
  });
});

describe("closed forms", () => {
  test("a sum's gradient by the convolution's bias counts the pixels", async () => {
    const shape = [2, 1, 4, 6];
    const { gradient } = await runOnce(
      (ops) => {
        const y = ops.conv2d(ops.input("x", shape), "c", 1, 3);
        return { gradient: ops.gradient(ops.affine(ops.mean(y), 2 * 4 * 6, 0), ops.parameter("c.bias", [1], 0)) };
      },
      { x: { shape, data: normals(shape, "x") } },
      new Map([
        ["c.weight", normals([1, 1, 3, 3], "w")],
        ["c.bias", new Float32Array(1)],
      ]),
    );
    expect(gradient?.[0]).toBeCloseTo(2 * 4 * 6, 4);
  });

  test("the kernel is not turned, and padding is zero", async () => {
    // A single 1 in the middle meets every tap: the output is the kernel turned by 180°, as in cross-correlation.
    const x = { shape: [1, 1, 3, 3], data: Float32Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0) };
    const weights = new Map([
      ["c.weight", Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9)],
      ["c.bias", Float32Array.of(0.5)],
    ]);
    const whole = await runOnce((ops) => ({ y: ops.conv2d(ops.input("x", x.shape), "c", 1, 3) }), { x }, weights);
    expect(whole.y).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1].map((tap) => tap + 0.5));
    const half = await runOnce(
      (ops) => ({ y: ops.conv2d(ops.input("x", x.shape), "c", 1, 3, { stride: 2 }) }),
      { x },
      weights,
    );
    expect(half.y).toEqual([9, 7, 3, 1].map((tap) => tap + 0.5));
  });

  test("values of the element-wise operators", async () => {
    const result = await runOnce(
      (ops) => {
        const x = ops.input("x", [1, 3]);
        return {
          sign: ops.sign(x),
          clip: ops.clip(x, -1, 1),
          leaky: ops.leakyRelu(x, 0.5),
          softplus: ops.softplus(ops.affine(x, 100, 0)),
          root: ops.sqrt(ops.multiply(x, x), 0),
          logarithm: ops.log(ops.multiply(x, x), 1),
        };
      },
      { x: vector(-2, 0, 3) },
    );
    expect(result).toMatchObject({ sign: [-1, 0, 1], clip: [-1, 0, 1], leaky: [-1, 0, 3], root: [2, 0, 3] });
    [0, Math.LN2, 300].forEach((value, i) => {
      expect(result.softplus?.[i]).toBeCloseTo(value, 4);
    });
    [Math.log(5), 0, Math.log(10)].forEach((value, i) => {
      expect(result.logarithm?.[i]).toBeCloseTo(value, 5);
    });
  });

  test("no gradient flows through a stop, a sign, or a gradient", async () => {
    const { stopped, signed, second } = await runOnce(
      (ops) => {
        const x = ops.input("x", [1, 2]);
        const square = ops.mean(ops.multiply(x, ops.stopGradient(x))); // half the square's gradient
        const gradient = ops.gradient(ops.mean(ops.multiply(x, x)), x); // x itself, but a constant
        return {
          stopped: ops.gradient(square, x),
          signed: ops.gradient(ops.mean(ops.multiply(x, ops.sign(x))), x),
          second: ops.gradient(ops.mean(ops.multiply(gradient, x)), x),
        };
      },
      { x: vector(3, -5) },
    );
    expect(stopped).toEqual([1.5, -2.5]);
    expect(signed).toEqual([0.5, -0.5]);
    expect(second).toEqual([1.5, -2.5]);
  });

  test("an odd size cannot be halved, and sizes that do not fit are refused", () => {
    const ops = onnxOperators(new Tape());
    const x = ops.input("x", [1, 1, 3, 4]);
    expect(() => ops.maxPool2(x)).toThrow("even height and width, has shape 1×1×3×4");
    expect(() => ops.add(x, ops.input("y", [1, 1, 3, 2]))).toThrow("1×1×3×2 values cannot be repeated to 1×1×3×4");
    ops.parameter("p", [2], 0);
    expect(() => ops.parameter("p", [3], 0)).toThrow("parameter p is 2 here and 3 there");
  });
});

test("a training trains what is not frozen, from the initial values, in steps of Adam", async () => {
  const frozen = new Map([
    ["unit.weight", Float32Array.of(2)],
    ["unit.bias", Float32Array.of(0)],
  ]);
  const backend = await chooseBackend();
  // (2 w x)² with w from 1: Adam's first step goes down by the learning rate, whatever the gradient's size.
  const trainer = await backend.trainer(
    (ops) => {
      const product = ops.multiply(ops.input("x", [1, 1]), ops.parameter("w", [1, 1], 1));
      const y = ops.frozen(frozen).dense(product, "unit", 1);
      return ops.mean(ops.multiply(y, y));
    },
    randomFrom("unused"),
    new Map([["w", Float32Array.of(1)]]),
  );
  expect(await trainer.step({ x: vector(3) }, 0.125)).toBe(36);
  const weights = await trainer.weights();
  expect([...weights.keys()]).toEqual(["w"]);
  expect(weights.get("w")?.[0]).toBeCloseTo(0.875, 5);
  await trainer.close();
});

test("a backend that is not there is named in the refusal", async () => {
  await expect(chooseBackend("tfjs-node-gpu")).rejects.toThrow("tfjs-node-gpu is not there");
});
