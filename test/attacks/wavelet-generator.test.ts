import { join } from "node:path";
import attack from "../../attacks/wavelet-generator.js";
import { GeneratorRunner } from "../../attacks/support/generator-runner.js";
import { generatorOf, halvingsFor, planCampaign } from "../../attacks/support/generator-campaign.js";
import { generatorLoss, type LOSSES } from "../../attacks/support/generator-losses.js";
import { SPACES } from "../../attacks/support/generator.js";
import { Pyramid } from "../../attacks/support/pyramid.js";
import type { Strength } from "../../src/core/attack.js";
import type { Fitted } from "../../src/core/fitted.js";
import { createBatch, type ImageGeometry, imageSize } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { onnxBackend } from "../../src/training/onnx-backend.js";
import { ApproximationShare } from "../../src/wavelet/approximation-share.js";
import { Wavelet2d } from "../../src/wavelet/dwt2d.js";
import { tensorflow } from "../../src/tfjs/runtime.js";
import { filterBank } from "../../src/wavelet/filters.js";
import { applyContext, epsilonStrength, noFile } from "../support/contexts.js";
import { linearModel, ToyTarget, toyImages } from "../support/toy-target.js";
import { writeLayersModel } from "../support/tfjs-models.js";

const geometry: ImageGeometry = { channels: 1, height: 16, width: 24, maxValue: 255 };

/** δ of an untrained generator for the first toy image: what holds for it holds for every weight. */
async function untrained(
  parameters: Record<string, unknown>,
  strength: Strength,
  shape: ImageGeometry = geometry,
): Promise<Float32Array> {
  const settings = attack.meta.parameters.parse(parameters) as never as Parameters<typeof generatorOf>[0];
  const generator = generatorOf(settings, shape, strength, halvingsFor(shape, settings.side));
  const latent = settings.form === "universal" ? generator.drawLatent(randomFrom("latent")) : null;
  const size = [1, shape.channels, shape.height, shape.width];
  const trainer = await onnxBackend.trainer((ops) => {
    const delta =
      latent === null ? generator.perturbation(ops, ops.input("x", size)) : generator.universal(ops, latent);
    return ops.mean(ops.multiply(delta, delta));
  }, randomFrom("untrained"));
  const weights = await trainer.weights();
  await trainer.close();
  const runner = await GeneratorRunner.open(onnxBackend, generator, shape, weights, latent);
  const delta = await runner.perturbation(toyImages(shape, 1, 1).data);
  await runner.close();
  return delta;
}

const norms = {
  linf: (values: Float32Array) => values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
  l2: (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0)),
};

describe("the transform inside a program", () => {
  test.each([
    ["haar", 16, 24, 3],
    ["db2", 13, 21, 2],
    ["sym4", 8, 40, 3],
  ] as const)(
    "%s, %i × %i, %i levels: the coefficients of Wavelet2d, and back again",
    async (name, rows, columns, levels) => {
      const image = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i * i));
      const pyramid = new Pyramid(rows, columns, levels, filterBank(name));
      const x = { shape: [1, 1, rows, columns], data: image };
      const runner = await onnxBackend.runner((ops) => {
        const bands = pyramid.analyse(ops, ops.input("x", x.shape));
        const details = Object.fromEntries(bands.details.map((band, level) => [`level ${level}`, band]));
        return { ...details, low: bands.approximation, back: pyramid.synthesise(ops, bands) };
      }, new Map());
      const found = await runner.run({ x });
      await runner.close();

      const plan = new Wavelet2d(rows, columns, levels, filterBank(name));
      const { approximation, details } = plan.forward(image, plan.createCoefficients());
      const expectClose = (values: Float32Array | undefined, expected: ArrayLike<number>) => {
        expect(values).toHaveLength(expected.length);
        values?.forEach((value, i) => {
          expect(value).toBeCloseTo(expected[i] as number, 4);
        });
      };
      expectClose(found.low, approximation.values);
      details.toReversed().forEach(({ horizontal, vertical, diagonal }, level) => {
        expectClose(found[`level ${level}`], [...horizontal.values, ...vertical.values, ...diagonal.values]);
      });
      expectClose(found.back, image);
    },
  );
});

describe("the perturbation of any generator", () => {
  test.each(["linf", "l2"] as const)("has the norm ε exactly: %s", async (norm) => {
    const strength = epsilonStrength(norm === "linf" ? 4 / 255 : 0.5, geometry, norm);
    for (const space of SPACES) {
      for (const form of ["universal", "image"]) {
        const delta = await untrained({ space, form }, strength);
        expect(norms[norm](delta) / (strength.kind === "epsilon" ? strength.stored : 0)).toBeCloseTo(1, 5);
      }
    }
  });

  test.each(["haar", "db2", "sym4", "coif1"] as const)("leaves the approximation alone: %s", async (wavelet) => {
    for (const form of ["universal", "image"]) {
      const delta = await untrained({ wavelet, form }, epsilonStrength(4 / 255, geometry));
      expect(new ApproximationShare(geometry, wavelet, 3).of(delta)).toBeLessThan(1e-10);
    }
  });

  test("in the other spaces it is what their names say", async () => {
    const share = new ApproximationShare(geometry, "haar", 3);
    const of = async (space: string) => share.of(await untrained({ space }, epsilonStrength(4 / 255, geometry)));
    expect(await of("approximation")).toBeCloseTo(1, 6);
    for (const space of ["all", "pixel"]) {
      const part = await of(space);
      expect(part).toBeGreaterThan(1e-4);
      expect(part).toBeLessThan(1 - 1e-4);
    }
  });

  test("of a large image starts at the first level that the networks see", async () => {
    const large = { ...geometry, height: 32, width: 48 };
    const delta = await untrained({ side: 24 }, epsilonStrength(4 / 255, large), large);
    expect(new ApproximationShare(large, "haar", 4).of(delta)).toBeLessThan(1e-10);
    expect(new ApproximationShare(large, "haar", 1).of(delta)).toBeCloseTo(1, 6);
  });
});

describe("losses", () => {
  const vector = (...values: number[]) => ({ shape: [1, values.length], data: Float32Array.from(values) });

  async function lossOf(name: (typeof LOSSES)[number], clean: number[], attacked: number[], exclusive: boolean) {
    const runner = await onnxBackend.runner((ops) => {
      const constant = (values: number[]) => ops.constant([1, values.length], Float32Array.from(values));
      const view = (values: number[]) => ({
        features: [ops.constant([1, 1, 1, 2], Float32Array.from(values.slice(0, 2)))],
        margins: constant(values),
      });
      const decisions = {
        signs: constant(clean.map(Math.sign)),
        likeliest: constant(clean.map((margin) => Number(margin === Math.max(...clean)))),
        leastLikely: constant(clean.map((margin) => Number(margin === Math.min(...clean)))),
      };
      return {
        loss: ops.add(
          generatorLoss(ops, name, view(clean), view(attacked), decisions, { exclusive, classIndex: 0 }),
          ops.mean(ops.affine(ops.input("x", [1, 1]), 0, 0)),
        ),
      };
    }, new Map());
    const { loss } = await runner.run({ x: vector(0) });
    await runner.close();
    return loss?.[0];
  }

  const softplus = (x: number) => Math.log1p(Math.exp(x));

  test("are those of their papers, on numbers done by hand", async () => {
    // ‖(1, −2) − (4, 2)‖ = 5
    expect(await lossOf("disruption", [1, -2], [4, 2], false)).toBeCloseTo(-Math.log(5), 5);
    expect(await lossOf("bce", [1, -2], [4, 3], false)).toBeCloseTo((softplus(4) + softplus(-3)) / 2, 5);
    expect(await lossOf("least-likely", [1, -2], [4, 3], false)).toBeCloseTo(softplus(4), 5);
    expect(await lossOf("relativistic", [1, -2], [4, 3], false)).toBeCloseTo(-softplus(-3), 5);
    const softmax = (a: number, b: number) => Math.log(Math.exp(a) / (Math.exp(a) + Math.exp(b)));
    expect(await lossOf("least-likely", [1, -2], [4, 3], true)).toBeCloseTo(-softmax(3, 4), 5);
    expect(await lossOf("relativistic", [1, -2], [4, 3], true)).toBeCloseTo(softmax(4 - 1, 3 + 2), 5);
  });
});

/** A model whose logit is a checkerboard's: all that it sees lies in the finest diagonal detail band. */
const checkerboard = Float32Array.from({ length: imageSize(geometry) }, (_, i) =>
  (Math.floor(i / geometry.width) + (i % geometry.width)) % 2 === 0 ? 1 : -1,
);

function search(parameters: Record<string, unknown>, queries = 2000, file: (parameter: string) => string = noFile) {
  const strength = epsilonStrength(4 / 255, geometry);
  const target = new ToyTarget(linearModel(checkerboard), strength, queries);
  const images = toyImages(geometry, 24, 3);
  const small = { features: 6, surrogateFeatures: 12, rounds: 2, steps: 300, surrogateSteps: 600 };
  const rates = { learningRate: 0.01, surrogateRate: 0.006 };
  const fitted = attack.fit?.(
    {
      images,
      labels: Uint8Array.from({ length: images.count }, (_, i) => i % 2),
      patients: Int32Array.from({ length: images.count }, (_, i) => i >> 1),
      classIndex: 0,
      threshold: 0.05, // nearly all are called positive, so that one perturbation can change nearly all
    },
    {
      parameters: attack.meta.parameters.parse({ ...small, ...rates, ...parameters }),
      strength,
      objective: null,
      geometry,
      target,
      random: randomFrom("toy", "search"),
      progress: () => {},
      file,
    },
  ) as Promise<Fitted>;
  return { fitted, target, strength };
}

/** The same as a layers model: a convolution that answers to the checkerboard, its mean, and a sigmoid. */
async function checkerboardModel(classes: number): Promise<string> {
  const { tf } = await tensorflow();
  const model = tf.sequential();
  const inputShape = [geometry.height, geometry.width, 1];
  model.add(tf.layers.conv2d({ inputShape, filters: 1, kernelSize: 2, strides: 2, useBias: false }));
  model.add(tf.layers.globalAveragePooling2d({}));
  model.add(tf.layers.dense({ units: classes, activation: "sigmoid" }));
  model.layers[0]?.setWeights([tf.tensor4d([1, -1, -1, 1], [2, 2, 1, 1])]);
  const gain = imageSize(geometry) / 4;
  model.layers[2]?.setWeights([tf.fill([1, classes], gain), tf.fill([classes], -Math.log(0.05 / 0.95))]);
  return writeLayersModel(tf, model);
}

/** The share of the best that can be done to the checkerboard's logit, ε · Σ|w|, that a perturbation does. */
function shareOfBest(delta: Float32Array): number {
  return -delta.reduce((sum, value, i) => sum + value * (checkerboard[i] as number), 0) / (4 * delta.length);
}

describe("on a model that sees nothing but a checkerboard", () => {
  const TIMEOUT = 120_000; // two seconds on a core of one's own

  test(
    "the universal form finds it",
    async () => {
      const { arrays, numbers } = await search({ form: "universal", loss: "bce" }).fitted;
      expect(shareOfBest(arrays.perturbation?.data ?? new Float32Array())).toBeGreaterThan(0.7);
      expect(numbers["target-flip-share"]).toBeGreaterThan(0.8);
      expect(numbers["low-band-energy-before-clipping"]).toBeLessThan(1e-10);
    },
    TIMEOUT,
  );

  test(
    "in the low band there is nothing to find",
    async () => {
      const little = { steps: 40, surrogateSteps: 40, space: "approximation" };
      const { arrays, numbers } = await search({ form: "universal", loss: "bce", ...little }, 300).fitted;
      expect(Math.abs(shareOfBest(arrays.perturbation?.data ?? new Float32Array()))).toBeLessThan(0.01);
      expect(numbers["target-flip-share"]).toBe(0);
      expect(numbers["low-band-energy-before-clipping"]).toBeGreaterThan(0.999);
    },
    TIMEOUT,
  );

  test("the universal form adds the same to every image; the image form does not", async () => {
    const images = toyImages(geometry, 2, 8);
    images.data.forEach((value, i) => {
      images.data[i] = 64 + Math.round(value / 2); // far from black and white, where clipping would tell them apart
    });
    const size = imageSize(geometry);
    for (const form of ["universal", "image"]) {
      const { fitted, strength } = search({ form, rounds: 1, checks: 1, steps: 5, surrogateSteps: 5 }, 60);
      const context = applyContext(attack, geometry, strength, {
        fitted: await fitted,
        parameters: { form, features: 6 },
      });
      const out = await attack.apply(images, context);
      const added = out.data.map((value, i) => value - (images.data[i] as number));
      let difference = 0;
      for (let i = 0; i < size; i++) difference += Math.abs((added[i] as number) - (added[size + i] as number));
      if (form === "universal") expect(difference).toBeLessThan(1e-2);
      else expect(difference).toBeGreaterThan(1);
    }
  });

  test("it asks what it may, of both kinds, and says so", async () => {
    const { fitted, target } = search({ rounds: 2, steps: 4, surrogateSteps: 4, checks: 3 }, 200);
    const { numbers } = await fitted;
    expect(target.queriesUsed).toBe(200);
    expect((numbers["confirmation-queries"] as number) + (numbers["surrogate-queries"] as number)).toBe(200);
  });

  test("it refuses what it cannot do", async () => {
    await expect(search({}, 20).fitted).rejects.toThrow("26 queries at least, received 20");
  });

  test(
    "with a TensorFlow.js model in the place of a surrogate it distils nothing, and finds it too",
    async () => {
      const folder = await checkerboardModel(1);
      const few = { form: "universal", loss: "bce", rounds: 1, steps: 150, surrogate: "mine" };
      const { arrays, numbers } = await search(few, 2000, () => folder).fitted;
      expect(shareOfBest(arrays.perturbation?.data ?? new Float32Array())).toBeGreaterThan(0.7);
      expect(numbers).toMatchObject({ "surrogate-steps": 0, "surrogate-agreement": 1 });
      expect(numbers["surrogate-queries"]).toBeLessThan(200);
      expect(numbers["early-layer-disruption"]).toBeGreaterThan(-10);
      const { arrays: again } = await search(few, 2000, () => folder).fitted;
      expect(again).toEqual(arrays);
    },
    TIMEOUT,
  );

  test("a surrogate that does not fit is refused in words", async () => {
    const two = await checkerboardModel(2);
    await expect(search({ surrogate: "two" }, 2000, () => two).fitted).rejects.toThrow("answers 2 numbers");
    await expect(search({ surrogate: "none" }, 2000, () => join(two, "none")).fitted).rejects.toThrow(
      "the model does not exist",
    );
  });
});

test("what is confirmed is confirmed on other patients", () => {
  const images = createBatch(geometry, 20);
  const patients = Int32Array.from({ length: 20 }, (_, i) => i % 7);
  const settings = attack.meta.parameters.parse({}) as never as Parameters<typeof planCampaign>[1];
  const calibration = { images, labels: new Uint8Array(20), patients, classIndex: 0, threshold: null };
  const { learning, confirmation } = planCampaign(calibration, settings, 10_000, randomFrom("split"));
  const of = (rows: Uint32Array) => new Set(Array.from(rows, (row) => patients[row]));
  expect(confirmation.length).toBeGreaterThanOrEqual(6);
  expect([...of(confirmation)].filter((patient) => of(learning).has(patient))).toEqual([]);
});
