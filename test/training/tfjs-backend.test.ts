import { existsSync } from "node:fs";
import { randomFrom } from "../../src/core/random.js";
import { tensorflow } from "../../src/tfjs/runtime.js";
import { tfjsBackend } from "../../src/training/tfjs-backend.js";
import type { Feeds, LossProgram, Matrix, Operators, TrainingBackend } from "../../src/training/network.js";

const backend = await tfjsBackend();

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

function normals(shape: readonly number[], key: string): Float32Array {
  const random = randomFrom("backend", key);
  return Float32Array.from({ length: sizeOf(shape) }, () => random.normal());
}

function matrix(rows: number, columns: number, key: string): Matrix {
  return { rows, columns, data: normals([rows, columns], key) };
}

/** An operator with one argument, as a program sees it. */
type Operator = <V>(ops: Operators<V>, x: V) => V;

/** Runs an operator on x: its result, and d Σ r·result / dx with fixed random r. */
async function derivative(operator: Operator, shape: readonly number[], weights = WEIGHTS) {
  const program = <V>(ops: Operators<V>): Record<string, V> => {
    const x = ops.input("x", shape);
    const y = operator(ops, x);
    const size = ops.shapeOf(y);
    const products = ops.multiply(y, ops.constant(size, normals(size, "r")));
    return { y, gradient: ops.gradient(ops.affine(ops.mean(products), sizeOf(size), 0), x) };
  };
  const runner = await backend.runner(program, weights);
  const run = async (data: Float32Array) => {
    const { y, gradient } = await runner.run({ x: { shape, data } });
    return { y: y as Float32Array, gradient: gradient as Float32Array };
  };
  return { run, close: () => runner.close() };
}

const WEIGHTS = new Map(
  (
    [
      ["c1", [2, 3, 1, 1]],
      ["c3", [2, 3, 3, 3]],
      ["c5", [2, 3, 5, 5]],
    ] as const
  ).flatMap(([name, shape]): [string, Float32Array][] => [
    [`${name}.weight`, normals(shape, name)],
    [`${name}.bias`, normals([2], `${name} bias`)],
  ]),
)
  .set("d.weight", normals([4, 5], "d"))
  .set("d.bias", normals([5], "d bias"));

const image = [2, 3, 4, 6] as const;
const vector = [3, 4] as const;
const left = matrix(5, 4, "left");
const right = matrix(7, 6, "right");
const perChannel = normals([2, 3, 1, 1], "per channel");
const whole = normals(image, "whole").map((value) => value + Math.sign(value) * 0.5);

/** Bounds half-way between two of the values that operators are tested with. */
const LOW = -23.13 / 48;
const HIGH = 38.87 / 48;

/** Every operator, on which shape, and what it computes: element by element, or the whole result. */
const OPERATORS: readonly [string, Operator, readonly number[], ((x: Float32Array) => readonly number[]) | null][] = [
  ["conv2d 1", (ops, x) => ops.conv2d(x, "c1", 2, 1), image, (x) => convolved(x, "c1", 1, 1)],
  ["conv2d 3", (ops, x) => ops.conv2d(x, "c3", 2, 3), image, (x) => convolved(x, "c3", 3, 1)],
  ["conv2d 5", (ops, x) => ops.conv2d(x, "c5", 2, 5), image, (x) => convolved(x, "c5", 5, 1)],
  ["conv2d 3/2", (ops, x) => ops.conv2d(x, "c3", 2, 3, { stride: 2 }), image, (x) => convolved(x, "c3", 3, 2)],
  ["conv2d 1/2", (ops, x) => ops.conv2d(x, "c1", 2, 1, { stride: 2 }), image, (x) => convolved(x, "c1", 1, 2)],
  ["conv2d 5/2", (ops, x) => ops.conv2d(x, "c5", 2, 5, { stride: 2 }), image, (x) => convolved(x, "c5", 5, 2)],
  ["maxPool2", (ops, x) => ops.maxPool2(x), image, (x) => pooled(x, (a) => Math.max(...a))],
  ["averagePool2", (ops, x) => ops.averagePool2(x), image, (x) => pooled(x, (a) => sum(a) / 4)],
  [
    "upsample2",
    (ops, x) => ops.upsample2(x),
    image,
    (x) => fill([2, 3, 8, 12], (n, c, i, j) => at(x, n, c, i >> 1, j >> 1)),
  ],
  ["sandwich", (ops, x) => ops.sandwich(x, left, right), image, sandwiched],
  [
    "concatenate",
    (ops, x) => ops.concatenate(x, ops.tanh(x)),
    image,
    (x) => fill([2, 6, 4, 6], (n, c, i, j) => (c < 3 ? at(x, n, c, i, j) : Math.tanh(at(x, n, c - 3, i, j)))),
  ],
  ["concatenate vectors", (ops, x) => ops.concatenate(ops.tanh(x), x), vector, null],
  [
    "channels",
    (ops, x) => ops.channels(x, 1, 3),
    image,
    (x) => fill([2, 2, 4, 6], (n, c, i, j) => at(x, n, c + 1, i, j)),
  ],
  ["channels of vectors", (ops, x) => ops.channels(x, 1, 2), vector, (x) => [x[1], x[5], x[9]] as number[]],
  ["globalAveragePool", (ops, x) => ops.globalAveragePool(x), image, (x) => planes(x).map((plane) => sum(plane) / 24)],
  ["globalMaxPool", (ops, x) => ops.globalMaxPool(x), image, (x) => planes(x).map((plane) => Math.max(...plane))],
  [
    "dense",
    (ops, x) => ops.dense(x, "d", 5),
    vector,
    (x) =>
      Array.from({ length: 15 }, (_, k) => {
        const terms = Array.from(
          { length: 4 },
          (_, f) => (x[Math.floor(k / 5) * 4 + f] as number) * weight("d.weight", f * 5 + (k % 5)),
        );
        return sum(terms) + weight("d.bias", k % 5);
      }),
  ],
  ["relu", (ops, x) => ops.relu(x), image, (x) => [...x].map((v) => Math.max(0, v))],
  ["leakyRelu", (ops, x) => ops.leakyRelu(x, 0.1), image, (x) => [...x].map((v) => (v > 0 ? v : 0.1 * v))],
  ["tanh", (ops, x) => ops.tanh(x), image, (x) => [...x].map(Math.tanh)],
  ["sigmoid", (ops, x) => ops.sigmoid(x), image, (x) => [...x].map((v) => 1 / (1 + Math.exp(-v)))],
  [
    "logSoftmax",
    (ops, x) => ops.logSoftmax(x),
    vector,
    (x) => [...x].map((v, i) => v - Math.log(sum([...x.subarray(i - (i % 4), i - (i % 4) + 4)].map(Math.exp)))),
  ],
  ["softplus", (ops, x) => ops.softplus(x), image, (x) => [...x].map((v) => Math.log1p(Math.exp(v)))],
  ["abs", (ops, x) => ops.abs(x), image, (x) => [...x].map(Math.abs)],
  ["sqrt", (ops, x) => ops.sqrt(ops.multiply(x, x), 0.25), image, (x) => [...x].map((v) => Math.sqrt(v * v + 0.25))],
  ["log", (ops, x) => ops.log(ops.multiply(x, x), 0.5), image, (x) => [...x].map((v) => Math.log(v * v + 0.5))],
  ["affine", (ops, x) => ops.affine(x, 4, -2), image, (x) => [...x].map((v) => 4 * v - 2)],
  ["add", (ops, x) => ops.add(ops.tanh(x), x), image, (x) => [...x].map((v) => Math.tanh(v) + v)],
  ["subtract", (ops, x) => ops.subtract(ops.tanh(x), x), image, (x) => [...x].map((v) => Math.tanh(v) - v)],
  [
    "multiply per channel",
    (ops, x) => ops.multiply(x, ops.constant([2, 3, 1, 1], perChannel)),
    image,
    (x) => [...x].map((v, i) => v * (perChannel[Math.floor(i / 24)] as number)),
  ],
  [
    "divide",
    (ops, x) => ops.divide(x, ops.constant(image, whole)),
    image,
    (x) => [...x].map((v, i) => v / (whole[i] as number)),
  ],
  [
    "divide by",
    (ops, x) => ops.divide(ops.constant(image, whole), ops.affine(ops.sigmoid(x), 1, 1)),
    image,
    (x) => [...x].map((v, i) => (whole[i] as number) / (1 / (1 + Math.exp(-v)) + 1)),
  ],
  ["divide by its sum", (ops, x) => ops.divide(x, ops.affine(ops.sumPerImage(ops.multiply(x, x)), 1, 1)), image, null],
  [
    "sumPerImage",
    (ops, x) => ops.sumPerImage(x),
    image,
    (x) => [sum([...x.subarray(0, 72)]), sum([...x.subarray(72)])],
  ],
  [
    "sumPerImage of vectors",
    (ops, x) => ops.sumPerImage(x),
    vector,
    (x) => [0, 4, 8].map((k) => sum([...x.subarray(k, k + 4)])),
  ],
  [
    "maxPerImage",
    (ops, x) => ops.maxPerImage(x),
    image,
    (x) => [Math.max(...x.subarray(0, 72)), Math.max(...x.subarray(72))],
  ],
  ["clip", (ops, x) => ops.clip(x, LOW, HIGH), image, (x) => [...x].map((v) => Math.min(HIGH, Math.max(LOW, v)))],
  ["mean", (ops, x) => ops.mean(ops.multiply(x, x)), image, (x) => [sum([...x].map((v) => v * v)) / 144]],
  ["a value used twice", (ops, x) => ops.multiply(ops.conv2d(x, "c3", 2, 3), ops.conv2d(x, "c1", 2, 1)), image, null],
];

describe("every operator's value and gradient", () => {
  test.each(OPERATORS)("%s", async (_, operator, shape, expected) => {
    // Values apart from one another and from the kinks of relu, abs and clip: differences are taken on one side of them.
    const order = randomFrom("backend", "order").permutation(sizeOf(shape));
    const data = Float32Array.from(order, (rank) => ((rank - order.length / 2 + 0.37) * 3) / order.length);
    const { run, close } = await derivative(operator, shape);
    const { y, gradient } = await run(data);
    if (expected !== null) expectClose(y, expected(data), 2e-5);
    const r = normals([y.length], "r");
    const total = (values: Float32Array) => values.reduce((total, value, i) => total + value * (r[i] as number), 0);
    const step = 1 / 256;
    const places = Array.from(data.keys()).filter((i) => data.length < 20 || i % 5 === 0);
    const differences: number[] = [];
    for (const i of places) {
      const above = total((await run(data.map((value, k) => (k === i ? value + step : value)))).y);
      const below = total((await run(data.map((value, k) => (k === i ? value - step : value)))).y);
      differences.push((above - below) / (2 * step));
    }
    expectClose(
      Float32Array.from(places, (i) => gradient[i] as number),
      differences,
      3e-3,
    );
    await close();
  });

  test("sign has no gradient, and a stopped value neither", async () => {
    const { run, close } = await derivative((ops, x) => ops.add(ops.sign(x), ops.stopGradient(x)), [1, 4]);
    const { y, gradient } = await run(Float32Array.of(-2, -0.5, 0, 3));
    expect([...y]).toEqual([-3, -1.5, 0, 4]);
    expect([...gradient]).toEqual([0, 0, 0, 0]);
    await close();
  });

  test("the slope of abs and relu at 0 is 0", async () => {
    const { run, close } = await derivative((ops, x) => ops.add(ops.abs(x), ops.relu(x)), [1, 4]);
    expectClose((await run(new Float32Array(4))).gradient, [0, 0, 0, 0], 1e-9);
    await close();
  });

  test("softplus does not overflow", async () => {
    const { run, close } = await derivative((ops, x) => ops.softplus(x), [1, 3]);
    expectClose((await run(Float32Array.of(-200, 90, 500))).y, [0, 90, 500], 1e-6);
    await close();
  });

  test("a gradient of a gradient's step sees the gradient as a constant", async () => {
    // y = x − d(x²)/dx with the gradient held: dy/dx = 1, not −1.
    const { run, close } = await derivative(
      (ops, x) => {
        const squares = ops.affine(ops.mean(ops.multiply(x, x)), 3, 0);
        return ops.subtract(x, ops.gradient(squares, x));
      },
      [1, 3],
    );
    const x = Float32Array.of(1, -2, 0.5);
    const { y, gradient } = await run(x);
    expectClose(y, [-1, 2, -0.5], 1e-6);
    expectClose(gradient, [...normals([1, 3], "r")], 1e-6);
    await close();
  });
});

describe("training", () => {
  const target = normals([8, 2], "target");
  const feeds: Feeds = {
    x: { shape: [8, 3, 4, 4], data: normals([8, 3, 4, 4], "feed") },
    t: { shape: [8, 2], data: target },
  };
  const network: LossProgram = (ops) => {
    const features = ops.relu(ops.conv2d(ops.input("x", [8, 3, 4, 4]), "conv", 5, 3, { stride: 2 }));
    const error = ops.subtract(ops.dense(ops.globalAveragePool(features), "head", 2), ops.input("t", [8, 2]));
    return ops.mean(ops.multiply(error, error));
  };

  test("Adam's steps are those of its paper, on a loss with a known gradient", async () => {
    // Σ (p − c)²: gradient 2 (p − c).
    const c = [3, -1];
    const trainer = await backend.trainer(
      (ops) => {
        const d = ops.subtract(ops.parameter("p", [1, 2], 0), ops.input("c", [1, 2]));
        return ops.affine(ops.mean(ops.multiply(d, d)), 2, 0);
      },
      randomFrom(1),
      new Map([["p", Float32Array.of(1, 2)]]),
    );
    const p = [1, 2];
    const m = [0, 0];
    const v = [0, 0];
    for (let step = 1; step <= 5; step++) {
      const loss = await trainer.step({ c: { shape: [1, 2], data: Float32Array.from(c) } }, 0.1);
      expect(loss).toBeCloseTo(sum(p.map((value, i) => (value - (c[i] as number)) ** 2)), 4);
      for (const i of [0, 1]) {
        const g = 2 * ((p[i] as number) - (c[i] as number));
        m[i] = 0.9 * (m[i] as number) + 0.1 * g;
        v[i] = 0.999 * (v[i] as number) + 0.001 * g * g;
        const mean = (m[i] as number) / (1 - 0.9 ** step);
        const deviation = Math.sqrt((v[i] as number) / (1 - 0.999 ** step));
        p[i] = (p[i] as number) - (0.1 * mean) / (deviation + 1e-7);
      }
      expectClose((await trainer.weights()).get("p") ?? new Float32Array(), p, 1e-5);
    }
    await trainer.close();
  });

  test("the first step moves every weight against the difference quotient of its own", async () => {
    const first = await backend.trainer(network, randomFrom("start"));
    const start = await first.weights();
    await first.step(feeds, 1e-3);
    const after = await first.weights();
    await first.close();
    expect([...start.keys()].sort()).toEqual(["conv.bias", "conv.weight", "head.bias", "head.weight"]);
    let compared = 0;
    for (const [name, values] of start) {
      for (let i = 0; i < values.length; i += name === "conv.weight" ? 7 : 1) {
        const lossAt = async (step: number) => {
          const moved = new Map(start).set(
            name,
            values.map((value, k) => (k === i ? value + step : value)),
          );
          const trainer = await backend.trainer(network, randomFrom("start"), moved);
          const loss = await trainer.step(feeds, 0);
          await trainer.close();
          return loss;
        };
        const slope = ((await lossAt(0.01)) - (await lossAt(-0.01))) / 0.02;
        if (Math.abs(slope) < 1e-3) continue;
        compared++;
        expect({ name, i, sign: Math.sign((after.get(name)?.[i] as number) - (values[i] as number)) }).toEqual({
          name,
          i,
          sign: -Math.sign(slope),
        });
      }
    }
    expect(compared).toBeGreaterThan(20);
  });

  test("it learns, repeats bit by bit, and another seed starts elsewhere", async () => {
    const train = async (seed: number) => {
      const trainer = await backend.trainer(network, randomFrom(seed));
      const losses: number[] = [];
      for (let step = 0; step < 60; step++) losses.push(await trainer.step(feeds, 0.02));
      await trainer.close();
      return losses;
    };
    const losses = await train(1);
    expect(losses.at(-1) as number).toBeLessThan(0.6 * (losses[0] as number));
    expect(await train(1)).toEqual(losses);
    expect((await train(2))[0]).not.toBe(losses[0]);
  });

  test("initial weights have the deviation that they should", async () => {
    const trainer = await backend.trainer(
      (ops) => ops.mean(ops.conv2d(ops.input("x", [1, 16, 4, 4]), "c", 64, 3, { gain: 2 })),
      randomFrom("deviation"),
    );
    const weights = (await trainer.weights()).get("c.weight") ?? new Float32Array();
    const deviation = Math.sqrt(sum([...weights].map((value) => value * value)) / weights.length);
    expect(deviation / (2 * Math.sqrt(2 / (16 * 9)))).toBeCloseTo(1, 1);
    await trainer.close();
  });

  test("frozen parameters are not trained, and a name that comes twice is one parameter", async () => {
    const shape = [2, 3, 4, 4];
    const frozen = new Map([...WEIGHTS].filter(([name]) => name.startsWith("c3")));
    const trainer = await backend.trainer((ops) => {
      const x = ops.conv2d(ops.input("x", shape), "own", 3, 1);
      const once = ops.frozen(frozen).conv2d(x, "c3", 2, 3);
      return ops.mean(ops.abs(ops.concatenate(once, ops.conv2d(x, "own", 3, 1))));
    }, randomFrom(3));
    await trainer.step({ x: { shape, data: normals(shape, "frozen") } }, 0.1);
    expect([...(await trainer.weights()).keys()]).toEqual(["own.weight", "own.bias"]);
    await trainer.close();
  });

  test.each<[string, LossProgram]>([
    ["does not depend on d.weight", (ops) => ops.mean(ops.stopGradient(ops.dense(ops.input("x", [1, 2]), "d", 1)))],
    ["even height and width, has shape 1×1×3×4", (ops) => ops.mean(ops.maxPool2(ops.parameter("p", [1, 1, 3, 4], 1)))],
    ["2×2 does not repeat to 1×2", (ops) => ops.mean(ops.add(ops.parameter("p", [1, 2], 1), ops.input("x", [2, 2])))],
    ["the scalar does not use", (ops) => ops.gradient(ops.mean(ops.parameter("p", [1, 2], 1)), ops.input("x", [1, 2]))],
  ])("refused: %s", async (message, program) => {
    await expect(backend.trainer(program, randomFrom(1))).rejects.toThrow(message);
  });

  test("nothing stays in memory", async () => {
    const { tf } = await tensorflow();
    const before = tf.memory().numTensors;
    const trainer = await backend.trainer(network, randomFrom(1));
    await trainer.step(feeds, 0.01);
    const during = tf.memory().numTensors;
    await trainer.step(feeds, 0.01);
    expect(tf.memory().numTensors).toBe(during);
    await trainer.close();
    expect(tf.memory().numTensors).toBe(before);
  });

  /** A generator's step with everything in it: wavelet-like matrices, a frozen critic, an example made within the step. */
  const elaborate: LossProgram = (ops) => {
    const x = ops.input("x", [8, 3, 4, 4]);
    const down = ops.leakyRelu(ops.conv2d(x, "down", 4, 3, { stride: 2, gain: 0.7 }), 0.2);
    const up = ops.tanh(ops.conv2d(ops.concatenate(ops.upsample2(down), ops.abs(x)), "up", 3, 3));
    const moved = ops.clip(ops.add(x, ops.sandwich(up, matrix(4, 4, "rows"), matrix(4, 4, "columns"))), -3, 3);
    const critic = ops.frozen(
      new Map([
        ["critic.weight", normals([2, 3, 3, 3], "critic")],
        ["critic.bias", normals([2], "critic bias")],
      ]),
    );
    const scores = (images: typeof x) =>
      ops.logSoftmax(ops.globalAveragePool(ops.maxPool2(critic.conv2d(images, "critic", 2, 3))));
    const example = ops.add(moved, ops.affine(ops.sign(ops.gradient(ops.mean(scores(moved)), moved)), 0.1, 0));
    const distance = ops.sumPerImage(ops.multiply(up, up));
    const spread = ops.divide(up, ops.sqrt(distance, 1e-3));
    const loss = ops.multiply(scores(example), ops.input("t", [8, 2]));
    const rest = ops.add(ops.mean(ops.log(ops.multiply(spread, spread), 0.1)), ops.mean(ops.maxPerImage(up)));
    return ops.add(ops.mean(loss), ops.add(rest, ops.mean(ops.softplus(ops.averagePool2(up)))));
  };

  const other = new URL("../../src/training/onnx-backend.ts", import.meta.url);
  const both = existsSync(other) ? test.each : test.skip.each;
  both([
    ["a regression", network],
    ["a generator's step", elaborate],
  ] as [string, LossProgram][])("the ONNX backend takes the same steps: %s", async (_, program) => {
    const path = "../../src/training/onnx-backend.js";
    const { onnxBackend } = (await import(path)) as { onnxBackend: TrainingBackend };
    const trainers = [await backend.trainer(program, randomFrom(4)), await onnxBackend.trainer(program, randomFrom(4))];
    for (let step = 0; step < 5; step++) {
      const [ours, theirs] = await Promise.all(trainers.map((trainer) => trainer.step(feeds, 0.01)));
      expect(Number.isFinite(ours)).toBe(true);
      expect(Math.abs((ours as number) - (theirs as number))).toBeLessThan(1e-5);
    }
    await Promise.all(trainers.map((trainer) => trainer.close()));
  });
});

// Plain formulas, over arrays N×C×H×W of the shape `image`.

function at(x: Float32Array, n: number, c: number, i: number, j: number): number {
  return i < 0 || j < 0 || i >= 4 || j >= 6 ? 0 : (x[((n * 3 + c) * 4 + i) * 6 + j] as number);
}

function weight(name: string, index: number): number {
  return WEIGHTS.get(name)?.[index] as number;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function fill(
  shape: readonly [number, number, number, number],
  f: (n: number, c: number, i: number, j: number) => number,
) {
  const [, channels, height, width] = shape;
  return Array.from({ length: sizeOf(shape) }, (_, k) => {
    const j = k % width;
    const i = Math.floor(k / width) % height;
    const c = Math.floor(k / width / height) % channels;
    return f(Math.floor(k / width / height / channels), c, i, j);
  });
}

function convolved(x: Float32Array, name: string, kernel: number, stride: number): number[] {
  const pad = (kernel - 1) / 2;
  return fill([2, 2, Math.ceil(4 / stride), Math.ceil(6 / stride)], (n, o, i, j) => {
    let total = weight(`${name}.bias`, o);
    for (let c = 0; c < 3; c++)
      for (let a = 0; a < kernel; a++)
        for (let b = 0; b < kernel; b++)
          total +=
            at(x, n, c, i * stride + a - pad, j * stride + b - pad) *
            weight(`${name}.weight`, ((o * 3 + c) * kernel + a) * kernel + b);
    return total;
  });
}

function pooled(x: Float32Array, of: (values: number[]) => number): number[] {
  return fill([2, 3, 2, 3], (n, c, i, j) =>
    of([0, 1].flatMap((a) => [0, 1].map((b) => at(x, n, c, 2 * i + a, 2 * j + b)))),
  );
}

function sandwiched(x: Float32Array): number[] {
  return fill([2, 3, 5, 7], (n, c, i, j) => {
    let total = 0;
    for (let a = 0; a < 4; a++)
      for (let b = 0; b < 6; b++)
        total += (left.data[i * 4 + a] as number) * at(x, n, c, a, b) * (right.data[j * 6 + b] as number);
    return total;
  });
}

function planes(x: Float32Array): number[][] {
  return Array.from({ length: 6 }, (_, plane) => [...x.subarray(plane * 24, plane * 24 + 24)]);
}

function expectClose(found: Float32Array, expected: readonly number[], tolerance: number): void {
  expect(found).toHaveLength(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  const worst =
    found.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (expected[i] as number))), 0) / scale;
  expect(worst).toBeLessThan(tolerance);
}
