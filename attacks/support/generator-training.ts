import type { Random } from "../../src/core/random.js";
import type { LossProgram, NetworkTrainer, TrainingBackend, Weights } from "../../src/training/network.js";
import type { Pool } from "./distillation.js";
import type { Generator } from "./generator.js";
import { generatorLoss, type LossName, type LossSituation } from "./generator-losses.js";
import { distillationLoss, type Surrogate, type SurrogateShape, smallNetwork } from "../../src/training/surrogate.js";

/** Half a cosine from `peak` down to a tenth of it. */
export function rateAt(step: number, steps: number, peak: number): number {
  return peak * (0.1 + 0.45 * (1 + Math.cos((Math.PI * step) / steps)));
}

/** The surrogate's training; it goes on as the pool grows. */
export class Distillation implements Teacher {
  readonly #trainer: NetworkTrainer;
  readonly #pool: Pool;
  readonly #batch: number;
  readonly #shape: SurrogateShape;
  readonly #random: Random;

  private constructor(trainer: NetworkTrainer, pool: Pool, batch: number, shape: SurrogateShape, random: Random) {
    this.#trainer = trainer;
    this.#pool = pool;
    this.#batch = batch;
    this.#shape = shape;
    this.#random = random;
  }

  static async start(
    backend: TrainingBackend,
    pool: Pool,
    batch: number,
    shape: SurrogateShape,
    random: Random,
  ): Promise<Distillation> {
    const { channels } = pool.geometry;
    const program: LossProgram = (ops) => {
      const side = (name: string) => {
        const images = ops.input(`${name}Images`, [batch, channels, pool.height, pool.width]);
        const { margins } = smallNetwork(ops, images, shape);
        return [margins, ops.input(`${name}Margins`, [batch, pool.classes])] as const;
      };
      return distillationLoss(ops, side("clean"), side("perturbed"));
    };
    const trainer = await backend.trainer(program, random.fork("weights"));
    return new Distillation(trainer, pool, batch, shape, random.fork("batches"));
  }

  async run(steps: number, peak: number, after: (loss: number) => void): Promise<void> {
    const [clean, perturbed] = [trainingBatch(this.#pool, this.#batch), trainingBatch(this.#pool, this.#batch)];
    const { origins, perturbed: entries } = this.#pool;
    const feeds = {
      cleanImages: clean.images,
      cleanMargins: clean.margins,
      perturbedImages: perturbed.images,
      perturbedMargins: perturbed.margins,
    };
    for (let step = 0; step < steps; step++) {
      const drawn = Array.from({ length: this.#batch }, () => this.#random.integer(entries.length));
      const from = (list: readonly number[]) => drawn.map((pair) => list[pair] as number);
      this.#pool.gather(from(origins), clean.images.data, clean.margins.data);
      this.#pool.gather(from(entries), perturbed.images.data, perturbed.margins.data);
      after(await this.#trainer.step(feeds, rateAt(step, steps, peak)));
    }
  }

  async surrogate(): Promise<Surrogate> {
    const weights = await this.#trainer.weights();
    return { weights, answer: (ops, images) => smallNetwork(ops.frozen(weights), images, this.#shape) };
  }

  close(): Promise<void> {
    return this.#trainer.close();
  }
}

/** What stands in for the target while the generator is trained. */
export interface Teacher {
  /** Learns from the pool, where there is something to learn. */
  run(steps: number, peak: number, after: (loss: number) => void): Promise<void>;
  surrogate(): Promise<Surrogate>;
  close(): Promise<void>;
}

/** A surrogate that was given: it learns nothing. */
export function givenTeacher(surrogate: Surrogate, close: () => void): Teacher {
  return { run: async () => {}, surrogate: async () => surrogate, close: async () => close() };
}

export interface GeneratorTask {
  readonly generator: Generator;
  /** For the universal form; null for the image-dependent one. */
  readonly latent: Float32Array | null;
  readonly surrogate: Surrogate;
  readonly loss: LossName;
  readonly situation: LossSituation;
  readonly batch: number;
}

/** What a training starts from, and how it goes on: a learning rate for each step, in parts that end in a snapshot. */
export interface GeneratorSchedule {
  readonly initial: Weights;
  readonly parts: readonly (readonly number[])[];
  afterStep(loss: number): void;
  afterPart(weights: Weights): Promise<void>;
}

/** Trains the generator against a surrogate that stays as it is, on the pool's clean images. */
export async function trainGenerator(
  backend: TrainingBackend,
  { generator, latent, surrogate, loss, situation, batch }: GeneratorTask,
  pool: Pool,
  { initial, parts, afterStep, afterPart }: GeneratorSchedule,
  random: Random,
): Promise<void> {
  const shape = [batch, pool.geometry.channels, pool.height, pool.width];
  const program: LossProgram = (ops) => {
    const images = ops.input("images", shape);
    const [signs, likeliest, leastLikely] = ["signs", "likeliest", "leastLikely"].map((name) =>
      ops.input(name, [batch, pool.classes]),
    ) as [typeof images, typeof images, typeof images];
    const delta = latent === null ? generator.perturbation(ops, images) : generator.universal(ops, latent);
    const attacked = ops.clip(ops.add(images, delta), 0, 1);
    const answers = [surrogate.answer(ops, images), surrogate.answer(ops, attacked)] as const;
    return generatorLoss(ops, loss, ...answers, { signs, likeliest, leastLikely }, situation);
  };
  const trainer = await backend.trainer(program, random.fork("weights"), initial);
  const stream = random.fork("batches");
  const { images, margins } = trainingBatch(pool, batch);
  try {
    for (const rates of parts) {
      for (const rate of rates) {
        const drawn = Uint32Array.from(
          { length: batch },
          () => pool.clean[stream.integer(pool.clean.length)] as number,
        );
        pool.gather(drawn, images.data, margins.data);
        afterStep(await trainer.step({ images, ...decisions(margins) }, rate));
      }
      await afterPart(await trainer.weights());
    }
  } finally {
    await trainer.close();
  }
}

function trainingBatch(pool: Pool, batch: number) {
  const shape = [batch, pool.geometry.channels, pool.height, pool.width];
  const size = shape.reduce((product, length) => product * length, 1);
  return {
    images: { shape, data: new Float32Array(size) },
    margins: { shape: [batch, pool.classes], data: new Float32Array(batch * pool.classes) },
  };
}

/** Signs of the margins, and ones at each image's largest and smallest. */
function decisions({ shape, data }: { readonly shape: readonly number[]; readonly data: Float32Array }) {
  const classes = shape[1] as number;
  const likeliest = new Float32Array(data.length);
  const leastLikely = new Float32Array(data.length);
  for (let start = 0; start < data.length; start += classes) {
    const row = data.subarray(start, start + classes);
    likeliest[start + row.indexOf(Math.max(...row))] = 1;
    leastLikely[start + row.indexOf(Math.min(...row))] = 1;
  }
  return {
    signs: { shape, data: data.map((margin) => (margin < 0 ? -1 : 1)) },
    likeliest: { shape, data: likeliest },
    leastLikely: { shape, data: leastLikely },
  };
}
