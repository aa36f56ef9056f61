import * as ort from "onnxruntime-node";
import { randomFrom } from "../../src/core/random.js";
import { sigmoidCrossEntropy, softmaxCrossEntropy } from "../../src/training/losses.js";
import {
  affine,
  averagePool2,
  conv2d,
  dense,
  globalAveragePool,
  globalMaxPool,
  maxPool2,
  relu,
} from "../../src/training/operators.js";
import { sizeOf, Tape, type Variable } from "../../src/training/tape.js";

/** Builds a scalar from `x` (which is differentiated too) with whatever parameters the operators declare. */
type Build = (tape: Tape, x: Variable) => Variable;

/** Σ r·y with fixed pseudo-random r: turns any output into a scalar whose gradient is not symmetric. */
function weightedSum(tape: Tape, y: Variable): Variable {
  const weights = normals(y.shape, "weights");
  const r = tape.graph.initializer(`weights of ${y.name}`, y.shape, weights);
  const axes = y.shape.map((_, axis) => axis);
  const total = tape.graph.sum(tape.graph.node("Mul", [y.name, r]), ...axes);
  return tape.record(total, [], [y], (gradient, accumulate) => accumulate(y, tape.graph.node("Mul", [gradient, r])));
}

function normals(shape: readonly number[], key: string): Float32Array {
  const random = randomFrom("gradients", key);
  return Float32Array.from({ length: sizeOf(shape) }, () => random.normal());
}

/** Compares the graph's gradient of every variable with central differences. */
async function expectGradients(shape: readonly number[], build: Build, step = 1e-2): Promise<void> {
  const tape = new Tape();
  const x = tape.input("x", shape, true);
  const loss = build(tape, x);
  const gradients = tape.gradients(loss);
  const variables = [x, ...tape.parameters];
  tape.graph.output("loss", loss.name, []);
  for (const { name, shape: size } of variables) {
    const gradient = gradients.get(name);
    if (gradient === undefined) throw new Error(`no gradient of ${name}`);
    tape.graph.output(`gradient of ${name}`, gradient, size);
  }
  const session = await ort.InferenceSession.create(tape.graph.encode("gradients"), { intraOpNumThreads: 1 });
  const values = new Map(variables.map(({ name, shape: size }) => [name, normals(size, name)]));
  const run = () =>
    session.run(
      Object.fromEntries(
        variables.map(({ name, shape: size }) => [
          name,
          new ort.Tensor("float32", values.get(name) ?? new Float32Array(), size),
        ]),
      ),
    );
  const lossNow = async () => Number((await run()).loss?.data[0]);

  const analytic = await run();
  for (const { name } of variables) {
    const data = values.get(name) ?? new Float32Array();
    const found = analytic[`gradient of ${name}`]?.data as Float32Array;
    expect(found).toHaveLength(data.length);
    for (let i = 0; i < data.length; i++) {
      const kept = data[i] ?? 0;
      data[i] = kept + step;
      const above = await lossNow();
      data[i] = kept - step;
      const below = await lossNow();
      data[i] = kept;
      const error = Math.abs((found[i] ?? Number.NaN) - (above - below) / (2 * step));
      expect({ name, i, agrees: error < 5e-3 }).toEqual({ name, i, agrees: true });
    }
  }
  await session.release();
}

const image = [2, 3, 4, 6];

describe("gradients agree with central differences", () => {
  test.each([1, 3, 5])("convolution, kernel of %i", (kernel) =>
    expectGradients(image, (tape, x) => weightedSum(tape, conv2d(tape, x, "c", 2, kernel))),
  );
  test("two convolutions and a value that is used twice", () =>
    expectGradients([1, 2, 4, 4], (tape, x) => {
      const inner = conv2d(tape, x, "a", 2, 3);
      const first = weightedSum(tape, inner);
      const second = weightedSum(tape, conv2d(tape, inner, "b", 1, 3));
      const sum = tape.graph.node("Add", [first.name, second.name]);
      return tape.record(sum, [], [first, second], (gradient, accumulate) => {
        accumulate(first, gradient);
        accumulate(second, gradient);
      });
    }));
  test("relu", () => expectGradients(image, (tape, x) => weightedSum(tape, relu(tape, x)), 1e-3));
  test("affine", () => expectGradients(image, (tape, x) => weightedSum(tape, affine(tape, x, 4, -2))));
  test("max pooling", () => expectGradients(image, (tape, x) => weightedSum(tape, maxPool2(tape, x)), 1e-3));
  test("average pooling", () => expectGradients(image, (tape, x) => weightedSum(tape, averagePool2(tape, x))));
  test("global average", () => expectGradients(image, (tape, x) => weightedSum(tape, globalAveragePool(tape, x))));
  test("global maximum", () => expectGradients(image, (tape, x) => weightedSum(tape, globalMaxPool(tape, x)), 1e-3));
  test("dense", () => expectGradients([3, 4], (tape, x) => weightedSum(tape, dense(tape, x, "d", 2))));
  test.each([
    ["sigmoid", sigmoidCrossEntropy, Float32Array.of(1, 0, 0, 1, 1, 0)],
    ["softmax", softmaxCrossEntropy, Float32Array.of(1, 0, 0, 0, 0.5, 0.5)],
  ])("%s cross-entropy", (_, crossEntropy, targets) =>
    expectGradients([2, 3], (tape, x) => {
      const name = tape.graph.initializer("targets", [2, 3], targets);
      return crossEntropy(tape, x, { name, shape: [2, 3], needsGradient: false });
    }),
  );
});

describe("closed forms", () => {
  test("a sum's gradient by the convolution's bias counts the pixels", async () => {
    const tape = new Tape();
    const x = tape.input("x", [2, 1, 4, 6]);
    const y = conv2d(tape, x, "c", 1, 3);
    const total = tape.graph.sum(y.name, 0, 1, 2, 3);
    const loss = tape.record(total, [], [y], (gradient, accumulate) =>
      accumulate(y, tape.graph.node("Expand", [gradient, tape.graph.integers(...y.shape)])),
    );
    tape.graph.output("gradient", tape.gradients(loss).get("c.bias") ?? "", [1]);
    const session = await ort.InferenceSession.create(tape.graph.encode("bias"));
    const result = await session.run({
      x: new ort.Tensor("float32", normals(x.shape, "x"), x.shape),
      "c.weight": new ort.Tensor("float32", normals([1, 1, 3, 3], "w"), [1, 1, 3, 3]),
      "c.bias": new ort.Tensor("float32", new Float32Array(1), [1]),
    });
    expect(result.gradient?.data[0]).toBe(2 * 4 * 6);
    await session.release();
  });

  test("an odd size cannot be halved", () => {
    const tape = new Tape();
    expect(() => maxPool2(tape, tape.input("x", [1, 1, 3, 4]))).toThrow("even height and width, has shape 1×1×3×4");
  });
});
