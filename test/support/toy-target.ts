import type { AttackTarget, Strength } from "../../src/core/attack.js";
import type { Outputs } from "../../src/core/model.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch } from "../../src/core/pixels.js";
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

/** A logistic model whose logit is linear in the pixels, behind the same budget as the run's own target. */
export class ToyTarget implements AttackTarget {
  queriesUsed = 0;
  /** Every universal perturbation that was asked about, as the model saw it. */
  readonly asked: Float32Array[] = [];

  /** @param weights Logit per pixel at full scale, C×H×W. */
  constructor(
    readonly weights: Float32Array,
    readonly strength: Strength,
    readonly budget: number,
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

  logit(images: PixelBatch, image: number): number {
    const size = imageSize(images);
    let sum = 0;
    for (let i = 0; i < size; i++) {
      sum +=
        ((this.weights[i] as number) * ((images.data[image * size + i] as number) - images.maxValue / 2)) /
        images.maxValue;
    }
    return sum;
  }

  #answer(images: PixelBatch): Outputs {
    this.queriesUsed += images.count;
    if (this.queriesUsed > this.budget) throw new Error(`${this.queriesUsed} queries were asked of ${this.budget}`);
    const values = Float64Array.from(
      { length: images.count },
      (_, image) => 1 / (1 + Math.exp(-this.logit(images, image))),
    );
    return { count: images.count, classes: ["toy"], values };
  }
}
