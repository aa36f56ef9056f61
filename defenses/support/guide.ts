import type { Calibration } from "../../src/core/attack.js";
import type { DefenseTarget } from "../../src/core/defense.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";
import { quantiseImages } from "../../src/image/budget.js";
import { distillationLoss, type Surrogate, type SurrogateAnswers, smallNetwork } from "../../src/training/surrogate.js";
import type { Feeds, Operators, TrainingBackend } from "../../src/training/network.js";

/** Width of the guide's first layer. */
const WIDTH = 8;
/** Pairs of a clean and a perturbed image in a step. */
const PAIRS = 4;
const PEAK_RATE = 4e-3;
/** Margins beyond ±8 say no more: a float32 probability is all but 0 or 1 there. */
const LARGEST_MARGIN = 8;
/** Images that the model is asked about together. */
const CHUNK = 32;
/** Questions and answers are kept as 16-bit images: no more of them than fit into this. */
const POOL_BYTES = 192 * 2 ** 20;

/** Writes a perturbation of one image (C×H×W, fractions of the window). */
export type Perturb = (random: Random, out: Float32Array) => void;

/** What the model said of images of the learner's own making. */
export interface Pool {
  readonly images: Uint16Array;
  /** N × classes; 0 is the decision's border. */
  readonly margins: Float32Array;
  readonly count: number;
}

/** Asks the model about tuning images: each as it is, and then perturbed. */
export async function askPool(
  calibration: Calibration,
  target: DefenseTarget,
  perturb: Perturb,
  most: number,
  random: Random,
): Promise<Pool> {
  const { images } = calibration;
  const size = imageSize(images);
  const count = 2 * Math.floor(Math.min(most, target.queriesLeft, POOL_BYTES / (2 * size)) / 2);
  const kept = new Uint16Array(count * size);
  let margins = new Float32Array(0);
  const delta = new Float32Array(size);
  let source = 0;
  for (let first = 0; first < count; first += CHUNK) {
    const chunk = createBatch(images, Math.min(CHUNK, count - first));
    for (let k = 0; k < chunk.count; k++) {
      if (k % 2 === 0) {
        source = random.integer(images.count) * size;
        delta.fill(0);
      } else perturb(random, delta);
      for (let i = 0; i < size; i++) {
        chunk.data[k * size + i] = (images.data[source + i] as number) + (delta[i] as number) * images.maxValue;
      }
    }
    quantiseImages(chunk, chunk);
    kept.set(chunk.data, first * size);
    const answers = await marginsOf(chunk, calibration, target);
    if (first === 0) margins = new Float32Array((answers.length / chunk.count) * count);
    margins.set(answers, (answers.length / chunk.count) * first);
  }
  return { images: kept, margins, count };
}

/** Logits of every class above the logit of its threshold: the attacked class's own, 0.5 for the others. */
async function marginsOf(
  images: PixelBatch,
  { classIndex, threshold }: Calibration,
  target: DefenseTarget,
): Promise<Float32Array> {
  const { classes, values } = await target.predictImages(images);
  const border = logit(threshold ?? 0.5);
  return Float32Array.from(values, (probability, i) => {
    const margin = logit(probability) - (i % classes.length === classIndex ? border : 0);
    return Math.max(-LARGEST_MARGIN, Math.min(margin, LARGEST_MARGIN));
  });
}

function logit(probability: number): number {
  const p = Math.min(Math.max(probability, 1e-9), 1 - 1e-9);
  return Math.log(p / (1 - p));
}

/** What a guide is: made for images of one geometry and perturbations of about one size. */
export interface GuideShape {
  readonly classes: number;
  /** The size of a perturbation that the guide must see (L∞, fraction of the window). */
  readonly epsilon: number;
}

/** Distils a small network from the model's answers: the guide of trainings that need gradients where the model has none. */
export async function distil(
  pool: Pool,
  geometry: ImageGeometry,
  epsilon: number,
  steps: number,
  backend: TrainingBackend,
  random: Random,
  progress: (fraction: number) => void,
): Promise<Surrogate> {
  const { channels, height, width } = geometry;
  const guide: GuideShape = { classes: pool.margins.length / pool.count, epsilon };
  const trainer = await backend.trainer((ops) => {
    const side = (name: string) => {
      const images = ops.input(name, [PAIRS, channels, height, width]);
      return [answer(ops, images, guide).margins, ops.input(`${name} margins`, [PAIRS, guide.classes])] as const;
    };
    return distillationLoss(ops, side("clean"), side("perturbed"));
  }, random.fork("guide"));
  const feed = pairs(pool, geometry, guide.classes, random.fork("guide batches"));
  try {
    for (let step = 0; step < steps; step++) {
      await trainer.step(feed(), cosine(step, steps, PEAK_RATE));
      progress((step + 1) / steps);
    }
    const weights = await trainer.weights();
    return { weights, answer: (ops, images) => answer(ops.frozen(weights), images, guide) };
  } finally {
    await trainer.close();
  }
}

function answer<V>(ops: Operators<V>, images: V, { classes, epsilon }: GuideShape): SurrogateAnswers<V> {
  return smallNetwork(ops, images, { width: WIDTH, outputs: classes, amplification: 0.5 / epsilon });
}

/** Batches of pairs: an image as it is, and the same image perturbed. */
function pairs(pool: Pool, geometry: ImageGeometry, classes: number, random: Random): () => Feeds {
  const { channels, height, width, maxValue } = geometry;
  const size = imageSize(geometry);
  const images = [new Float32Array(PAIRS * size), new Float32Array(PAIRS * size)] as const;
  const margins = [new Float32Array(PAIRS * classes), new Float32Array(PAIRS * classes)] as const;
  const shapes = { images: [PAIRS, channels, height, width], margins: [PAIRS, classes] };
  return () => {
    for (let k = 0; k < PAIRS; k++) {
      const pair = 2 * random.integer(pool.count / 2);
      for (const side of [0, 1] as const) {
        const from = (pair + side) * size;
        for (let i = 0; i < size; i++) images[side][k * size + i] = (pool.images[from + i] as number) / maxValue;
        const row = (pair + side) * classes;
        margins[side].set(pool.margins.subarray(row, row + classes), k * classes);
      }
    }
    return {
      clean: { shape: shapes.images, data: images[0] },
      perturbed: { shape: shapes.images, data: images[1] },
      "clean margins": { shape: shapes.margins, data: margins[0] },
      "perturbed margins": { shape: shapes.margins, data: margins[1] },
    };
  };
}

/** Half a cosine from `peak` down to a twentieth of it. */
export function cosine(step: number, steps: number, peak: number): number {
  return peak * (0.05 + 0.475 * (1 + Math.cos((Math.PI * step) / steps)));
}
