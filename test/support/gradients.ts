import { randomFrom } from "../../src/core/random.js";
import type { Feeds, Operators, Program, TrainingBackend } from "../../src/training/network.js";

/** A value built from `x` with whatever parameters the operators declare. */
export type Build = <V>(ops: Operators<V>, x: V) => V;

export interface Case {
  readonly shape: readonly number[];
  /** Parameters that `build` declares, by name, with their shapes. */
  readonly parameters?: Readonly<Record<string, readonly number[]>>;
  /** The difference quotient's step. */
  readonly step?: number;
  /** Whether x takes positive values only. */
  readonly positive?: boolean;
  readonly build: Build;
}

export function normals(shape: readonly number[], key: string): Float32Array {
  const random = randomFrom("gradients", key);
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal());
}

/** Mean of r·y with fixed pseudo-random r: turns any output into a scalar whose gradient is not symmetric. */
function weightedMean<V>(ops: Operators<V>, y: V): V {
  const shape = ops.shapeOf(y);
  if (shape.length === 0) return y;
  return ops.mean(ops.multiply(y, ops.constant(shape, normals(shape, "weights"))));
}

/** Compares the backend's gradient by x and by every parameter with central differences. */
export async function expectGradients(backend: TrainingBackend, { shape, build, ...given }: Case): Promise<void> {
  const { parameters = {}, step = 1e-2, positive = false } = given;
  const program: Program = (ops) => {
    const x = ops.input("x", shape);
    const value = weightedMean(ops, build(ops, x));
    const gradients = Object.entries(parameters).map(([name, size]) => [
      `by ${name}`,
      ops.gradient(value, ops.parameter(name, size, 1)),
    ]);
    return { value, "by x": ops.gradient(value, x), ...Object.fromEntries(gradients) };
  };
  const x = normals(shape, "x").map((value) => (positive ? Math.abs(value) + 0.1 : value));
  const weights = new Map(Object.entries(parameters).map(([name, size]) => [name, normals(size, name)]));
  const feeds: Feeds = { x: { shape, data: x } };
  const runner = await backend.runner(program, weights);
  const analytic = await runner.run(feeds);

  for (const [name, values] of [["x", x] as const, ...weights]) {
    const valueNow = async () => {
      if (name === "x") return Number((await runner.run(feeds)).value?.[0]);
      const other = await backend.runner(program, weights); // weights are constants of a runner
      const { value } = await other.run(feeds);
      await other.close();
      return Number(value?.[0]);
    };
    const found = analytic[`by ${name}`] ?? new Float32Array();
    expect(found).toHaveLength(values.length);
    const largest = Math.max(...found.map(Math.abs));
    for (let i = 0; i < values.length; i++) {
      const kept = values[i] as number;
      values[i] = kept + step;
      const above = await valueNow();
      values[i] = kept - step;
      const below = await valueNow();
      values[i] = kept;
      const error = Math.abs((found[i] as number) - (above - below) / (2 * step));
      expect({ name, i, agrees: error < 1e-4 + 0.01 * largest }).toEqual({ name, i, agrees: true });
    }
  }
  await runner.close();
}

const maps = [2, 3, 4, 6];
const vectors = [3, 4];
const matrix = (rows: number, columns: number, key: string) => ({ rows, columns, data: normals([rows, columns], key) });
const convolution = (kernel: number, inputs = 3, outputs = 2, name = "c") => ({
  [`${name}.weight`]: [outputs, inputs, kernel, kernel],
  [`${name}.bias`]: [outputs],
});

/** Every differentiable operator, for every backend. */
export const OPERATOR_CASES: Readonly<Record<string, Case>> = {
  "convolution 1 × 1": { shape: maps, parameters: convolution(1), build: (o, x) => o.conv2d(x, "c", 2, 1) },
  "convolution 3 × 3": { shape: maps, parameters: convolution(3), build: (o, x) => o.conv2d(x, "c", 2, 3) },
  "convolution 5 × 5": {
    shape: [1, 1, 5, 6],
    parameters: convolution(5, 1, 1),
    build: (o, x) => o.conv2d(x, "c", 1, 5),
  },
  "convolution of stride 2": {
    shape: maps,
    parameters: convolution(3),
    build: (o, x) => o.conv2d(x, "c", 2, 3, { stride: 2 }),
  },
  "convolution of stride 2, odd sides": {
    shape: [2, 2, 5, 7],
    parameters: convolution(3, 2),
    build: (o, x) => o.conv2d(x, "c", 2, 3, { stride: 2 }),
  },
  "convolution 1 × 1 of stride 2": {
    shape: [1, 2, 5, 4],
    parameters: convolution(1, 2),
    build: (o, x) => o.conv2d(x, "c", 2, 1, { stride: 2 }),
  },
  "convolution 5 × 5 of stride 2": {
    shape: [1, 1, 6, 7],
    parameters: convolution(5, 1),
    build: (o, x) => o.conv2d(x, "c", 2, 5, { stride: 2 }),
  },
  "one convolution used twice": {
    shape: [1, 2, 4, 4],
    parameters: convolution(3, 2),
    build: (o, x) => o.conv2d(o.conv2d(x, "c", 2, 3), "c", 2, 3),
  },
  "a value used twice": {
    shape: [1, 2, 4, 4],
    parameters: convolution(3, 2),
    build: (o, x) => {
      const inner = o.conv2d(x, "c", 2, 3);
      return o.add(inner, o.multiply(inner, inner));
    },
  },
  "max pooling": { shape: maps, step: 1e-3, build: (o, x) => o.maxPool2(x) },
  "average pooling": { shape: maps, build: (o, x) => o.averagePool2(x) },
  upsampling: { shape: maps, build: (o, x) => o.upsample2(x) },
  "sandwich that grows": { shape: maps, build: (o, x) => o.sandwich(x, matrix(7, 4, "l"), matrix(5, 6, "r")) },
  "sandwich that shrinks": { shape: maps, build: (o, x) => o.sandwich(x, matrix(4, 4, "l"), matrix(2, 6, "r")) },
  "concatenation of maps": {
    shape: maps,
    build: (o, x) => o.concatenate(o.channels(x, 1, 3), o.multiply(x, x), o.channels(x, 0, 1)),
  },
  "concatenation of vectors": {
    shape: vectors,
    build: (o, x) => o.concatenate(o.multiply(x, x), o.channels(x, 1, 3)),
  },
  "global average": { shape: maps, build: (o, x) => o.globalAveragePool(x) },
  "global maximum": { shape: maps, step: 1e-3, build: (o, x) => o.globalMaxPool(x) },
  dense: {
    shape: vectors,
    parameters: { "d.weight": [4, 2], "d.bias": [2] },
    build: (o, x) => o.dense(x, "d", 2),
  },
  "a parameter that is repeated over the batch": {
    shape: maps,
    parameters: { latent: [1, 3, 1, 6] },
    build: (o, x) => o.multiply(o.tanh(x), o.parameter("latent", [1, 3, 1, 6], 1)),
  },
  "log softmax": { shape: vectors, build: (o, x) => o.logSoftmax(x) },
  relu: { shape: maps, step: 1e-3, build: (o, x) => o.relu(x) },
  "leaky relu": { shape: maps, step: 1e-3, build: (o, x) => o.leakyRelu(x, 0.1) },
  tanh: { shape: maps, build: (o, x) => o.tanh(x) },
  sigmoid: { shape: vectors, build: (o, x) => o.sigmoid(x) },
  softplus: { shape: maps, build: (o, x) => o.softplus(x) },
  "absolute value": { shape: maps, step: 1e-3, build: (o, x) => o.abs(x) },
  "square root": { shape: maps, positive: true, build: (o, x) => o.sqrt(x, 0.5) },
  logarithm: { shape: maps, positive: true, build: (o, x) => o.log(x, 0.5) },
  affine: { shape: maps, build: (o, x) => o.affine(x, 4, -2) },
  clip: { shape: maps, step: 1e-3, build: (o, x) => o.clip(x, -0.5, 0.7) },
  addition: { shape: maps, build: (o, x) => o.add(x, o.sumPerImage(x)) },
  subtraction: { shape: maps, build: (o, x) => o.subtract(o.tanh(x), x) },
  "subtraction of what is repeated": { shape: vectors, build: (o, x) => o.subtract(o.tanh(x), o.sumPerImage(x)) },
  multiplication: { shape: vectors, build: (o, x) => o.multiply(x, o.sumPerImage(x)) },
  division: { shape: maps, build: (o, x) => o.divide(x, o.affine(o.multiply(x, x), 1, 1)) },
  "division by what is repeated": {
    shape: maps,
    build: (o, x) => o.divide(x, o.sqrt(o.sumPerImage(o.multiply(x, x)), 1e-6)),
  },
  mean: { shape: maps, build: (o, x) => o.mean(o.multiply(x, x)) },
  "sum per image": { shape: maps, build: (o, x) => o.sumPerImage(o.tanh(x)) },
  "sum per vector": { shape: vectors, build: (o, x) => o.sumPerImage(o.tanh(x)) },
  "maximum per image": { shape: maps, step: 1e-3, build: (o, x) => o.maxPerImage(x) },
};
