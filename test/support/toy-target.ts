import type { AttackTarget, MarginGradients, Strength } from "../../src/core/attack.js";
import type { Outputs } from "../../src/core/model.js";
import { createBatch, type ImageGeometry, type PixelBatch } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { addUniversal, assertWithin, projectCandidates, quantiseUniversal } from "../../src/image/budget.js";

/** Images of smooth structure and noise, at whole grey levels. */
export function toyImages(geometry: ImageGeometry, count: number, seed: number): PixelBatch {
  const batch = createBatch(geometry, count);
  const random = randomFrom(seed, "toy-images");
  const { width, maxValue } = geometry;
  for (let i = 0; i < batch.data.length; i++) {
    const slope = 0.25 + (0.5 * (i % width)) / width;
    batch.data[i] = Math.round(Math.max(0, Math.min(1, slope + 0.1 * random.normal())) * maxValue);
  }
  return batch;
}

/** A model as far as an attack's test needs one. */
export type Predict = (images: PixelBatch) => Promise<Outputs>;

/** A logistic model whose logit is linear in the pixels. `weights` (C×H×W) are logits per pixel at full scale. */
export function linearModel(weights: Float32Array, bias = 0): Predict {
  return async (images) => {
    const values = Float64Array.from({ length: images.count }, (_, image) => {
      let logit = bias;
      for (let i = 0; i < weights.length; i++) {
        const value = images.data[image * weights.length + i] as number;
        logit += ((weights[i] as number) * (value - images.maxValue / 2)) / images.maxValue;
      }
      return 1 / (1 + Math.exp(-logit));
    });
    return { count: images.count, classes: ["toy"], values };
  };
}

/** A model behind the same budget as the run's own target. */
export class ToyTarget implements AttackTarget {
  readonly classes = ["toy"];
  queriesUsed = 0;
  /** Every universal perturbation that was asked about, as the model saw it. */
  readonly asked: Float32Array[] = [];

  constructor(
    readonly predict: Predict,
    readonly strength: Strength,
    readonly budget: number,
    /** For white-box attacks: the weights of the linear model behind `predict`. */
    readonly weights: Float32Array | null = null,
  ) {}

  get queriesLeft(): number {
    return this.budget - this.queriesUsed;
  }

  async predictUniversal(images: PixelBatch, perturbation: Float32Array): Promise<Outputs> {
    const quantised = quantiseUniversal(perturbation, this.strength, new Float32Array(perturbation.length));
    this.asked.push(quantised);
    return this.#answer(addUniversal(images, quantised, createBatch(images, images.count)));
  }

  async predictCandidates(originals: PixelBatch, candidates: PixelBatch): Promise<Outputs> {
    const out = projectCandidates(originals, candidates, this.strength, createBatch(originals, originals.count));
    assertWithin(originals, out, this.strength);
    return this.#answer(out);
  }

  async predictImages(images: PixelBatch): Promise<Outputs> {
    return this.#answer(clipped(images));
  }

  async gradients(originals: PixelBatch, candidates: PixelBatch): Promise<MarginGradients> {
    const { weights } = this;
    if (weights === null) throw new Error("this toy has no gradient");
    const out = projectCandidates(originals, candidates, this.strength, createBatch(originals, originals.count));
    const { values } = await this.#answer(out);
    const margins = values.map((value) => Math.log(value / (1 - value)));
    const data = out.data.map((_, i) => (weights[i % weights.length] as number) / originals.maxValue);
    return { margins, data };
  }

  #answer(images: PixelBatch): Promise<Outputs> {
    this.queriesUsed += images.count;
    if (this.queriesUsed > this.budget) throw new Error(`${this.queriesUsed} queries were asked of ${this.budget}`);
    return this.predict(images);
  }
}

/** Whole grey levels within the window. */
function clipped(images: PixelBatch): PixelBatch {
  const data = images.data.map((value) => Math.max(0, Math.min(images.maxValue, Math.round(value))));
  return { ...images, data };
}
