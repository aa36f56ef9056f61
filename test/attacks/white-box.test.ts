import type { Attack, Strength } from "../../src/core/attack.js";
import type { Model } from "../../src/core/model.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch, sliceBatch } from "../../src/core/pixels.js";
import { loadPlugins } from "../../src/core/plugins.js";
import { randomFrom } from "../../src/core/random.js";
import { assertWithin, projectCandidates } from "../../src/image/budget.js";
import { applyContext } from "../support/contexts.js";
import { leastDistance, linearClassifier, toyOracle } from "../support/toy-oracle.js";

const attacks = await loadPlugins("attacks");
const plugin = (id: string): Attack => attacks.get(id) as Attack;

const GEOMETRIES: readonly ImageGeometry[] = [
  { channels: 1, height: 12, width: 16, maxValue: 255 },
  { channels: 3, height: 9, width: 7, maxValue: 4095 },
  { channels: 1, height: 8, width: 20, maxValue: 65535 },
];

/** Mid-grey images, so that the display window's ends are far away. */
function greyImages(geometry: ImageGeometry, count: number): PixelBatch {
  const batch = createBatch(geometry, count);
  const random = randomFrom("white-box", "images");
  for (let i = 0; i < batch.data.length; i++) {
    batch.data[i] = Math.round((0.4 + 0.2 * random.uniform()) * geometry.maxValue);
  }
  return batch;
}

/** Weights that are never so small that rounding decides about their pixel. */
function weightsOf(geometry: ImageGeometry): Float32Array {
  const random = randomFrom("white-box", "weights");
  return Float32Array.from({ length: imageSize(geometry) }, () => random.sign() * (0.02 + 0.1 * random.uniform()));
}

function strengthOf(stored: number, norm: "linf" | "l2", { maxValue }: ImageGeometry): Strength {
  return { kind: "epsilon", norm, epsilon: stored / maxValue, stored };
}

const marginOf = async (model: Model, images: PixelBatch): Promise<Float64Array> =>
  (await model.predict(images)).values.map((p) => Math.log(p / (1 - p)));

async function run(
  attack: Attack,
  model: Model,
  originals: PixelBatch,
  strength: Strength,
  { parameters = {}, budget = 500 }: { parameters?: Record<string, unknown>; budget?: number } = {},
) {
  const oracle = await toyOracle(model, attack, originals, strength, { budget });
  const context = applyContext(attack, originals, strength, { oracle, parameters });
  const wishes = await attack.apply(originals, context);
  const perturbed = projectCandidates(originals, wishes, strength, createBatch(originals, originals.count));
  assertWithin(originals, perturbed, strength);
  const clean = await marginOf(model, originals);
  const margins = await marginOf(model, perturbed);
  const flipped = Array.from(clean, (margin, image) => margin >= 0 !== (margins[image] as number) >= 0);
  return { oracle, perturbed, clean, margins, flipped };
}

describe.each([
  ["fgsm", {}],
  ["pgd", {}],
  ["pgd", { steps: 4, randomStart: false }],
  ["pgd", { steps: 7, relativeStep: 6, restarts: 3 }],
] as const)("%s %j on a linear model", (id, parameters) => {
  describe.each(GEOMETRIES)("$channels × $height × $width up to $maxValue", (geometry) => {
    const originals = greyImages(geometry, 4);
    const weights = weightsOf(geometry);

    test("in L∞ it flips a decision where ε reaches |margin| / ‖w‖₁, and nowhere else", async () => {
      const model = linearClassifier(weights);
      const margins = await marginOf(model, originals);
      for (let image = 0; image < originals.count; image++) {
        const least = leastDistance(margins[image] as number, weights, geometry, "linf");
        const one = sliceBatch(originals, image, image + 1);
        // Whole grey levels: the smallest ε that does it, and the one before it.
        for (const levels of [Math.floor(least), Math.floor(least) + 1]) {
          const { flipped } = await run(plugin(id), model, one, strengthOf(levels, "linf", geometry), { parameters });
          expect(flipped).toEqual([levels > least]);
        }
      }
    });

    test("in L2 it flips where ε reaches |margin| / ‖w‖₂, but for rounding", async () => {
      const model = linearClassifier(weights);
      const margins = await marginOf(model, originals);
      for (let image = 0; image < originals.count; image++) {
        const least = leastDistance(margins[image] as number, weights, geometry, "l2");
        const one = sliceBatch(originals, image, image + 1);
        // Rounding of every value to a grey level costs up to half of one, across the whole image.
        const rounding = 0.5 * Math.sqrt(imageSize(geometry));
        const below = await run(plugin(id), model, one, strengthOf(least * 0.98, "l2", geometry), { parameters });
        expect(below.flipped).toEqual([false]);
        const above = strengthOf(least * 1.05 + rounding, "l2", geometry);
        expect((await run(plugin(id), model, one, above, { parameters })).flipped).toEqual([true]);
      }
    });
  });
});

const geometry = GEOMETRIES[0] as ImageGeometry;
const originals = greyImages(geometry, 4);
const out = (strength: number): Strength => strengthOf(strength, "linf", geometry);

test("fgsm moves every pixel against the decision by the whole budget, for one query or two", async () => {
  const weights = weightsOf(geometry);
  const model = linearClassifier(weights);
  const { oracle, perturbed, clean, margins } = await run(plugin("fgsm"), model, originals, out(3), { budget: 1 });
  const usual = await run(plugin("fgsm"), model, originals, out(3), { budget: 2 });
  expect(usual.perturbed.data).toEqual(perturbed.data);
  for (let image = 0; image < 4; image++) {
    expect([oracle.queriesUsed(image), usual.oracle.queriesUsed(image)]).toEqual([1, 2]);
    // With two queries the base knows of the flip, and how far away it is.
    const noted = usual.flipped[image] === true ? [{ queries: 2, distance: 3 / 255 }] : [];
    expect(usual.oracle.flips(image)).toEqual(noted);
    const direction = (clean[image] as number) >= 0 ? -1 : 1;
    for (let i = 0; i < weights.length; i++) {
      const at = image * weights.length + i;
      expect((perturbed.data[at] as number) - (originals.data[at] as number)).toBe(
        3 * direction * Math.sign(weights[i] as number),
      );
    }
    const moved = weights.reduce((sum, weight) => sum + Math.abs(weight), 0) * (3 / 255);
    expect((margins[image] as number) - (clean[image] as number)).toBeCloseTo(direction * moved, 4);
  }
});

describe("pgd", () => {
  /** A model of one bend: the logit falls off on both sides of a ridge, so that one large step overshoots. */
  function ridge(weights: Float32Array): Model {
    const linear = linearClassifier(weights);
    const bend = (z: number) => 1 - 4 * (z - 0.5) ** 2;
    const outputsOf = async (batch: PixelBatch) => {
      const outputs = await linear.predict(batch);
      const values = outputs.values.map((p) => 1 / (1 + Math.exp(-bend(Math.log(p / (1 - p))))));
      return { ...outputs, values };
    };
    return {
      ...linear,
      predict: outputsOf,
      async gradient(batch) {
        const inner = await (linear.gradient as NonNullable<Model["gradient"]>)(batch, 0);
        const size = weights.length;
        const data = inner.data.map((slope, i) => {
          const p = inner.outputs.values[Math.floor(i / size)] as number;
          return -8 * (Math.log(p / (1 - p)) - 0.5) * slope;
        });
        return { outputs: await outputsOf(batch), data };
      },
    };
  }

  test("bends with the model where fgsm's one step overshoots", async () => {
    const weights = weightsOf(geometry);
    const model = ridge(weights);
    const total = weights.reduce((sum, weight) => sum + Math.abs(weight), 0) / 255;
    // An image at z = −0.3 is negative; positive lie 0 < z < 1; ε moves z by 1.6, beyond the far side.
    const one = sliceBatch(originals, 0, 1);
    const z = (await marginOf(linearClassifier(weights), one))[0] as number;
    const shift = (-0.3 - z) / total;
    const start = {
      ...one,
      data: one.data.map((value, i) => Math.round(value + shift * Math.sign(weights[i] as number))),
    };
    const strength = out(Math.round(1.6 / total));
    expect((await run(plugin("fgsm"), model, start, strength)).flipped).toEqual([false]);
    expect((await run(plugin("pgd"), model, start, strength)).flipped).toEqual([true]);
  });

  test("stops asking about an image once it has flipped, and never beyond its budget", async () => {
    const weights = weightsOf(geometry);
    const model = linearClassifier(weights);
    const clean = await marginOf(model, originals);
    const least = Array.from(clean, (margin) => leastDistance(margin, weights, geometry, "linf"));
    // Enough for the nearest image only.
    const sorted = [...least].sort((a, b) => a - b);
    const strength = out(Math.ceil(sorted[0] as number));
    const { oracle, flipped } = await run(plugin("pgd"), model, originals, strength, { budget: 9 });
    for (let image = 0; image < 4; image++) {
      const reachable = (least[image] as number) < Math.ceil(sorted[0] as number);
      if (!reachable) expect([flipped[image], oracle.queriesUsed(image)]).toEqual([false, 9]);
      else expect(oracle.queriesUsed(image)).toBeLessThanOrEqual(9);
    }
    const easy = await run(plugin("pgd"), model, originals, out(60), { parameters: { randomStart: false } });
    expect(easy.flipped).toEqual([true, true, true, true]);
    for (let image = 0; image < 4; image++) expect(easy.oracle.queriesUsed(image)).toBeLessThan(21);
  });

  test("asks steps + 1 questions per start where nothing flips", async () => {
    const model = linearClassifier(
      weightsOf(geometry).map((weight) => weight / 1000),
      3,
    );
    const parameters = { steps: 5, restarts: 2 };
    const { oracle, flipped } = await run(plugin("pgd"), model, originals, out(2), { parameters });
    expect(flipped).toEqual([false, false, false, false]);
    for (let image = 0; image < 4; image++) expect(oracle.queriesUsed(image)).toBe(12);
  });

  test("steps of less than a grey level add up", async () => {
    const weights = weightsOf(geometry);
    const model = linearClassifier(weights, 50);
    const { perturbed } = await run(plugin("pgd"), model, originals, out(2), {
      parameters: { steps: 40, relativeStep: 2.5, randomStart: false },
    });
    const moves = perturbed.data.map((value, i) => Math.abs(value - (originals.data[i] as number)));
    expect([...new Set(moves)]).toEqual([2]);
  });

  test("below one grey level there is nothing to do, and it asks nothing", async () => {
    const { oracle, perturbed } = await run(plugin("pgd"), linearClassifier(weightsOf(geometry)), originals, out(0.9));
    expect(perturbed.data).toEqual(originals.data);
    expect(oracle.queriesUsed(0)).toBe(0);
  });
});
