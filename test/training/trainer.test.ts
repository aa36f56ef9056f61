import * as ort from "onnxruntime-node";
import { randomFrom } from "../../src/core/random.js";
import { correctedRate } from "../../src/training/adam.js";
import { type ClassifierShape, classifierLoss, exportClassifier } from "../../src/training/classifier.js";
import { sigmoidCrossEntropy } from "../../src/training/losses.js";
import { dense } from "../../src/training/operators.js";
import { Trainer } from "../../src/training/trainer.js";

const SHAPE: ClassifierShape = { side: 8, widths: [2, 4, 4] };
const BATCH = 16;
const PIXELS = SHAPE.side ** 2;

/** Noise, with a bright spot in every positive image. */
function spots(key: number) {
  const random = randomFrom("spots", key);
  const targets = Float32Array.from({ length: BATCH }, (_, image) => image % 2);
  const images = Float32Array.from({ length: BATCH * PIXELS }, () => 0.2 * random.uniform());
  targets.forEach((label, image) => {
    if (label === 1) images[image * PIXELS + random.integer(PIXELS)] = 1;
  });
  return {
    images: { shape: [BATCH, 1, SHAPE.side, SHAPE.side], data: images },
    targets: { shape: [BATCH, 1], data: targets },
  };
}

async function trainOnSpots(steps: number) {
  const trainer = await Trainer.create(classifierLoss(SHAPE, BATCH), randomFrom("toy"));
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push(await trainer.step(spots(step), 1e-2));
  const weights = trainer.weights();
  await trainer.close();
  return { losses, weights };
}

test("the loss falls, and the exported model has learnt what was trained", async () => {
  const { losses, weights } = await trainOnSpots(150);
  expect(losses[0]).toBeGreaterThan(0.5);
  expect(Math.max(...losses.slice(-10))).toBeLessThan(0.1);

  const session = await ort.InferenceSession.create(exportClassifier(SHAPE, weights, ""));
  const { images, targets } = spots(-1);
  const result = await session.run({ images: new ort.Tensor("float32", images.data, images.shape) });
  expect(result.logit?.dims).toEqual([BATCH, 1]);
  targets.data.forEach((label, image) => {
    const logit = Number(result.logit?.data[image]);
    expect(logit > 0).toBe(label === 1);
    expect(Number(result.prob?.data[image])).toBeCloseTo(1 / (1 + Math.exp(-logit)), 5);
  });
  const alone = await session.run({
    images: new ort.Tensor("float32", images.data.slice(0, PIXELS), [1, 1, SHAPE.side, SHAPE.side]),
  });
  expect(Number(alone.logit?.data[0])).toBeCloseTo(Number(result.logit?.data[0]), 5);
  await session.release();
});

test("the same seed gives the same weights and the same file", async () => {
  const [once, again] = [await trainOnSpots(5), await trainOnSpots(5)];
  expect(again.losses).toEqual(once.losses);
  expect(exportClassifier(SHAPE, again.weights, "")).toEqual(exportClassifier(SHAPE, once.weights, ""));
});

test("two steps of Adam are those of the paper's algorithm 1", async () => {
  // One weight and one bias, both from 0 gradients' point of view known in closed form: x = 1, target 1, w0 from seed.
  const trainer = await Trainer.create((tape) => {
    const x = tape.input("x", [1, 1]);
    const target = tape.input("target", [1, 1]);
    return sigmoidCrossEntropy(tape, dense(tape, x, "unit", 1), target);
  }, randomFrom("adam"));
  let weight = trainer.weights().get("unit.weight")?.[0] ?? Number.NaN;
  let bias = 0;
  let [m, v] = [0, 0];
  for (const step of [1, 2]) {
    const gradient = 1 / (1 + Math.exp(-(weight + bias))) - 1; // the same for weight and bias, as x = 1
    m = 0.9 * m + 0.1 * gradient;
    v = 0.999 * v + 0.001 * gradient ** 2;
    const change = (0.05 * (m / (1 - 0.9 ** step))) / (Math.sqrt(v / (1 - 0.999 ** step)) + 1e-8);
    weight -= change;
    bias -= change;
    const one = { shape: [1, 1], data: Float32Array.of(1) };
    await trainer.step({ x: one, target: one }, 0.05);
    expect(trainer.weights().get("unit.weight")?.[0]).toBeCloseTo(weight, 5);
    expect(trainer.weights().get("unit.bias")?.[0]).toBeCloseTo(bias, 5);
  }
  await trainer.close();
});

test("the first corrected rate is √(1 − β₂)/(1 − β₁) of the learning rate, and the correction fades", () => {
  expect(correctedRate(1, 1)).toBeCloseTo(Math.sqrt(0.001) / 0.1, 12);
  expect(correctedRate(1, 100_000)).toBeCloseTo(1, 12);
});
