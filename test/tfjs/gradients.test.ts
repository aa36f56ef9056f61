import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { randomFrom } from "../../src/core/random.js";
import { tensorflow } from "../../src/tfjs/runtime.js";

const { tf, id } = await tensorflow();

type Pair = [number, number];
type Padding = "same" | "valid" | [Pair, Pair, Pair, Pair];
interface Case {
  readonly size: readonly [height: number, width: number];
  readonly kernel: readonly [height: number, width: number];
  readonly stride: Pair;
  readonly padding: Padding;
  readonly dilation?: Pair;
}

const uneven: Padding = [
  [0, 0],
  [1, 2],
  [0, 3],
  [0, 0],
];
const CASES: readonly Case[] = [
  { size: [8, 8], kernel: [3, 3], stride: [1, 1], padding: "same" },
  { size: [7, 10], kernel: [3, 5], stride: [1, 1], padding: "valid" },
  { size: [8, 9], kernel: [3, 3], stride: [2, 2], padding: "same" },
  { size: [9, 8], kernel: [3, 3], stride: [2, 2], padding: "valid" },
  // A stride that leaves rows over, and one longer than the kernel.
  { size: [10, 11], kernel: [3, 3], stride: [3, 2], padding: "valid" },
  { size: [11, 9], kernel: [2, 1], stride: [3, 3], padding: "valid" },
  { size: [6, 5], kernel: [1, 1], stride: [1, 1], padding: "valid" },
  { size: [6, 6], kernel: [4, 2], stride: [1, 1], padding: "same" },
  { size: [7, 6], kernel: [3, 3], stride: [2, 1], padding: uneven },
  // Padding wider than the kernel reaches: outputs that see nothing but zeros.
  { size: [4, 5], kernel: [1, 2], stride: [1, 1], padding: uneven },
];

function normals(shape: readonly number[], key: string): Float32Array {
  const random = randomFrom("tfjs", key);
  return Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => random.normal());
}

function tensor(shape: readonly number[], key: string): Tensor {
  return tf.tensor(normals(shape, key), shape as number[]);
}

/** Values of a function's result, and the gradients of Σ r·result by its arguments, with fixed random r. */
async function derivatives(
  backend: string,
  shapes: readonly (readonly number[])[],
  f: (...inputs: Tensor[]) => Tensor,
): Promise<Float32Array[]> {
  await tf.setBackend(backend);
  const inputs = shapes.map((shape, index) => tensor(shape, `argument ${index}`));
  const result = f(...inputs);
  const found = tf.grads(f)(inputs, tensor(result.shape, "r"));
  return [result, ...found].map((value) => value.dataSync() as Float32Array);
}

/** The largest difference as a share of the largest value. */
function distance(found: Float32Array, expected: Float32Array): number {
  expect(found).toHaveLength(expected.length);
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-6);
  return found.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (expected[i] as number))), 0) / scale;
}

async function expectAsOnCpu(
  shapes: readonly (readonly number[])[],
  f: (...inputs: Tensor[]) => Tensor,
  expected = f,
): Promise<void> {
  const found = await derivatives("wasm", shapes, f);
  const wanted = await derivatives("cpu", shapes, expected);
  for (const [index, values] of wanted.entries()) {
    expect(values.some((value) => Math.abs(value) > 1e-3)).toBe(true);
    expect(distance(found[index] as Float32Array, values)).toBeLessThan(2e-6);
  }
}

afterAll(() => tf.setBackend("wasm"));

test("WebAssembly is what runs here", () => expect(id).toBe("tfjs-wasm"));

describe("on WebAssembly, the gradients of", () => {
  test.each(CASES)("a convolution are the plain backend's: $size $kernel $stride $padding", (given) =>
    expectAsOnCpu(
      [
        [2, ...given.size, 3],
        [...given.kernel, 3, 4],
      ],
      (x, w) => tf.conv2d(x as Tensor4D, w as Tensor4D, given.stride, given.padding),
    ),
  );

  test.each([1, 2, 3].flatMap((multiplier) => CASES.map((given) => ({ ...given, multiplier }))))(
    "a depthwise convolution are the plain backend's: $size $kernel $stride $padding × $multiplier",
    (given) =>
      expectAsOnCpu(
        [
          [2, ...given.size, 3],
          [...given.kernel, 3, given.multiplier],
        ],
        (x, w) => tf.depthwiseConv2d(x as Tensor4D, w as Tensor4D, given.stride, given.padding),
      ),
  );

  // A dilated kernel is a wider one with zeros between its taps, and that one the plain backend can differentiate.
  test.each([
    { size: [9, 11], kernel: [3, 3], dilation: [2, 2], padding: "same" },
    { size: [9, 11], kernel: [3, 3], dilation: [3, 2], padding: "valid" },
    { size: [8, 8], kernel: [2, 3], dilation: [1, 3], padding: uneven },
  ] as const)("a dilated convolution are the inflated one's: $size $kernel $dilation $padding", async (given) => {
    const padding = given.padding as Padding;
    const dilation = [...given.dilation] as Pair;
    const shapes = [
      [2, ...given.size, 3],
      [...given.kernel, 3, 4],
    ];
    await expectAsOnCpu(
      shapes,
      (x, w) => tf.conv2d(x as Tensor4D, w as Tensor4D, 1, padding, "NHWC", dilation),
      (x, w) => tf.conv2d(x as Tensor4D, inflated(w, dilation), 1, padding),
    );
    await expectAsOnCpu(
      [shapes[0] as number[], [...given.kernel, 3, 2]],
      (x, w) => tf.depthwiseConv2d(x as Tensor4D, w as Tensor4D, 1, padding, "NHWC", dilation),
      (x, w) => tf.depthwiseConv2d(x as Tensor4D, inflated(w, dilation), 1, padding),
    );
  });

  const image = [2, 6, 8, 3];
  const perChannel = [[3], [3], [3]];
  test.each<[string, (x: Tensor) => Tensor]>([
    [
      "padding and slices",
      (x) =>
        tf.slice(
          tf.mirrorPad(
            x,
            [
              [0, 0],
              [1, 1],
              [1, 1],
              [0, 0],
            ],
            "reflect",
          ),
          1,
          1,
        ),
    ],
    ["elu", (x) => tf.elu(x)],
    ["selu", (x) => tf.selu(x)],
    ["relu6", (x) => tf.relu6(tf.mul(x, 5))],
    ["leaky relu", (x) => tf.leakyRelu(x, 0.3)],
    ["sigmoid", (x) => tf.sigmoid(x)],
    ["tanh", (x) => tf.tanh(x)],
    ["softplus", (x) => tf.softplus(x)],
    ["softmax", (x) => tf.softmax(x)],
    ["log softmax", (x) => tf.logSoftmax(x)],
    ["a swish", (x) => tf.mul(x, tf.sigmoid(x))],
    ["erf", (x) => tf.erf(x)],
    ["a mean over places", (x) => tf.mean(x, [1, 2])],
    ["a maximum over places", (x) => tf.max(x, [1, 2])],
    ["a concatenation", (x) => tf.concat([x, tf.square(x)], 3)],
    [
      "a transposition and a product",
      (x) => tf.matMul(tf.reshape(tf.transpose(x, [3, 0, 1, 2]), [3, 96]), x.reshape([96, 3])),
    ],
    ["local response normalisation", (x) => tf.localResponseNormalization(x as Tensor4D, 1)],
  ])("%s are the plain backend's", (_, f) => expectAsOnCpu([image], f));

  test("a transposed convolution are the plain backend's", () =>
    expectAsOnCpu(
      [
        [2, 4, 5, 3],
        [3, 3, 2, 3],
      ],
      (x, w) => tf.conv2dTranspose(x as Tensor4D, w as Tensor4D, [2, 8, 10, 2], 2, "same"),
    ));

  test("a separable convolution are the plain backend's", () =>
    expectAsOnCpu([image, [3, 3, 3, 2], [1, 1, 6, 4]], (x, depth, point) =>
      tf.separableConv2d(x as Tensor4D, depth as Tensor4D, point as Tensor4D, 1, "same"),
    ));

  test("a parametric relu are the plain backend's", () =>
    expectAsOnCpu([image, [3]], (x, slope) => tf.prelu(x, slope)));

  // Ours, on both backends, against the formula in words that differentiate by themselves.
  test("batch normalisation are those of its formula", () =>
    expectAsOnCpu(
      [image, ...perChannel, [3]],
      (x, mean, deviation, offset, scale) =>
        tf.batchNorm(x, mean as never, tf.square(deviation) as never, offset as never, scale as never, 1e-3),
      (x, mean, deviation, offset, scale) =>
        tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(tf.square(deviation), 1e-3))), scale), offset),
    ));

  // Values a step apart in random order: no window has a tie, and central differences of piecewise linear maps are exact.
  test.each<[string, (x: Tensor4D) => Tensor]>([
    ["max pooling", (x) => tf.maxPool(x, 2, 2, "valid")],
    ["max pooling of negative values", (x) => tf.maxPool(tf.sub(x, 300) as Tensor4D, 2, 2, "valid")],
    ["max pooling that leaves rows over", (x) => tf.maxPool(x, [4, 3], [4, 3], "valid")],
    ["overlapping max pooling", (x) => tf.maxPool(x, 3, 2, "same")],
    ["dense max pooling", (x) => tf.maxPool(x, [3, 2], 1, "same")],
    ["average pooling", (x) => tf.avgPool(x, 2, 2, "valid")],
    ["overlapping average pooling", (x) => tf.avgPool(x, 3, 2, "same")],
    ["average pooling that leaves columns over", (x) => tf.avgPool(x, [2, 3], [2, 3], "valid")],
    ["a bilinear resize to more", (x) => tf.image.resizeBilinear(x, [9, 11])],
    ["a bilinear resize to less", (x) => tf.image.resizeBilinear(x, [4, 5])],
    ["a bilinear resize of corners", (x) => tf.image.resizeBilinear(x, [9, 5], true)],
    ["a bilinear resize of centres", (x) => tf.image.resizeBilinear(x, [12, 16], false, true)],
    ["a nearest resize", (x) => tf.image.resizeNearestNeighbor(x, [12, 16])],
    ["a nearest resize of centres", (x) => tf.image.resizeNearestNeighbor(x, [5, 16], false, true)],
    ["a nearest resize to less", (x) => tf.image.resizeNearestNeighbor(x, [4, 5])],
  ])("%s are central differences", async (_, f) => {
    await tf.setBackend("wasm");
    const order = randomFrom("tfjs", "order").permutation(2 * 6 * 8 * 3);
    const values = Float32Array.from(order, (rank) => rank - 144);
    const shape: [number, number, number, number] = [2, 6, 8, 3];
    const output = f(tf.tensor4d(values, shape));
    const r = tensor(output.shape, "r");
    const found = tf
      .grad((x: Tensor) => f(x as Tensor4D))(tf.tensor4d(values, shape), r)
      .dataSync();
    const weights = r.dataSync();
    const at = (index: number, step: number): Float32Array =>
      tf.tidy(() =>
        f(
          tf.tensor4d(
            values.map((value, i) => (i === index ? value + step : value)),
            shape,
          ),
        ).dataSync(),
      ) as Float32Array;
    for (let i = 0; i < values.length; i++) {
      const above = at(i, 0.25);
      const below = at(i, -0.25);
      let slope = 0;
      for (let k = 0; k < above.length; k++) {
        slope += 2 * (weights[k] as number) * ((above[k] as number) - (below[k] as number));
      }
      expect(Math.abs((found[i] as number) - slope)).toBeLessThan(1e-3);
    }
  });

  test("equal values share what max pooling gives back", async () => {
    await tf.setBackend("wasm");
    const x = tf.tensor4d([1, 1, 0, 1, 5, 2, 3, 4], [1, 4, 2, 1]);
    const found = tf.grad((v: Tensor) => tf.maxPool(v as Tensor4D, 2, 2, "valid"))(
      x,
      tf.tensor4d([6, 7], [1, 2, 1, 1]),
    );
    expect([...found.dataSync()]).toEqual([2, 2, 0, 2, 7, 0, 0, 0]);
  });
});

/** A kernel with dilation − 1 zeros between its taps. */
function inflated(w: Tensor, [rows, columns]: Pair): Tensor4D {
  const [height, width, inputs, outputs] = w.shape as [number, number, number, number];
  const gaps = tf.pad(tf.reshape(w, [height, 1, width, 1, inputs, outputs]), [
    [0, 0],
    [0, rows - 1],
    [0, 0],
    [0, columns - 1],
    [0, 0],
    [0, 0],
  ]);
  const wide = tf.reshape(gaps, [height * rows, width * columns, inputs, outputs]);
  return tf.slice(wide, 0, [(height - 1) * rows + 1, (width - 1) * columns + 1, inputs, outputs] as never) as Tensor4D;
}

test("nothing is kept that a gradient made on its way", async () => {
  await tf.setBackend("wasm");
  const x = tensor([1, 8, 8, 2], "x") as Tensor4D;
  const w = tensor([3, 3, 2, 2], "w") as Tensor4D;
  const before = tf.memory().numTensors;
  const gradients = tf.grads((a: Tensor, b: Tensor) => tf.conv2d(a as Tensor4D, b as Tensor4D, 2, "same"))([x, w]);
  expect(tf.memory().numTensors).toBe(before + 2);
  tf.dispose(gradients);
  tf.dispose([x, w]);
});

test("nobody else's handlers of uncaught exceptions are added or taken away", () => {
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    expect(
      process
        .listeners(event as "exit")
        .map(String)
        .join(""),
    ).not.toContain("ExitStatus");
  }
});
