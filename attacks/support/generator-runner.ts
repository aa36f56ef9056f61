import { createBatch, type ImageGeometry, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import type { NetworkRunner, TrainingBackend, Weights } from "../../src/training/network.js";
import type { Generator } from "./generator.js";

/** A trained generator at work: one image at a time, so that no image's result depends on its neighbours. */
export class GeneratorRunner {
  readonly #runner: NetworkRunner;
  readonly #geometry: ImageGeometry;
  readonly #image: Float32Array;
  /** The universal form's perturbation. */
  readonly #fixed: Float32Array | null;

  private constructor(runner: NetworkRunner, geometry: ImageGeometry, fixed: Float32Array | null) {
    this.#runner = runner;
    this.#geometry = geometry;
    this.#image = new Float32Array(imageSize(geometry));
    this.#fixed = fixed;
  }

  static async open(
    backend: TrainingBackend,
    generator: Generator,
    geometry: ImageGeometry,
    weights: Weights,
    latent: Float32Array | null,
  ): Promise<GeneratorRunner> {
    const shape = shapeOf(geometry);
    const runner = await backend.runner(
      (ops) => ({
        delta:
          latent === null ? generator.perturbation(ops, ops.input("image", shape)) : generator.universal(ops, latent),
      }),
      weights,
    );
    const fixed = latent === null ? null : stored((await runner.run({})).delta as Float32Array, geometry);
    return new GeneratorRunner(runner, geometry, fixed);
  }

  /** δ for one image (C×H×W), both in stored values. */
  async perturbation(image: Float32Array): Promise<Float32Array> {
    if (this.#fixed !== null) return this.#fixed;
    const { maxValue } = this.#geometry;
    for (let i = 0; i < image.length; i++) this.#image[i] = (image[i] as number) / maxValue;
    const { delta } = await this.#runner.run({ image: { shape: shapeOf(this.#geometry), data: this.#image } });
    return stored(delta as Float32Array, this.#geometry);
  }

  /** x + δ for every image. */
  async add(images: PixelBatch): Promise<PixelBatch> {
    const out = createBatch(images, images.count);
    const size = imageSize(images);
    for (let start = 0; start < out.data.length; start += size) {
      const delta = await this.perturbation(images.data.subarray(start, start + size));
      for (let i = 0; i < size; i++) out.data[start + i] = (images.data[start + i] as number) + (delta[i] as number);
    }
    return out;
  }

  close(): Promise<void> {
    return this.#runner.close();
  }
}

function stored(delta: Float32Array, { maxValue }: ImageGeometry): Float32Array {
  return delta.map((value) => value * maxValue);
}

function shapeOf({ channels, height, width }: ImageGeometry): readonly number[] {
  return [1, channels, height, width];
}
