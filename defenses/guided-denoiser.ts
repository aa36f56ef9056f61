/**
 * The high-level representation guided denoiser (HGD): a small U-Net that predicts what an attack has added and takes it
 * away, trained so that the classifier's outputs on the denoised image come back to those on the clean one. It does not
 * try to make the image look clean, but to make the classifier say what it said.
 *
 * Reference: F. Liao, M. Liang, Y. Dong, T. Pang, X. Hu, J. Zhu, "Defense against adversarial attacks using high-level
 * representation guided denoiser", CVPR 2018, arXiv:1712.02976 (the logits guided form, LGD).
 *
 * Where the model is asked by queries alone there is no gradient to guide the training. A small network that is distilled
 * from the model's answers on tuning images guides it instead, and the adversarial examples to learn from are made on it,
 * by the fast gradient sign method within each step; others are random signs and random wavelet textures.
 *
 * Threat model: attackers who do not know of it. A denoiser is a network that can be attacked together with the
 * classifier: read it together with its adaptive condition. Cost: `queries` of the model, once; then one forward pass of
 * a small network per image.
 */
import { z } from "zod";
import type { Calibration } from "../src/core/attack.js";
import { defineDefense } from "../src/core/defense.js";
import { imageSize, type PixelBatch } from "../src/core/pixels.js";
import type { Random } from "../src/core/random.js";
import { chooseBackend } from "../src/training/backend.js";
import type { Feeds, Operators, TrainingBackend } from "../src/training/network.js";
import type { Surrogate } from "../src/training/surrogate.js";
import { cropSides, drawCrops } from "./support/crops.js";
import { runFilterNetwork } from "./support/filter-network.js";
import { askPool, cosine, distil } from "./support/guide.js";
import { noiseAndTextures } from "./support/patterns.js";

const BATCH = 4;
const PEAK_RATE = 2e-3;
/** Windows larger than this say no more to a small network, and make every step slower. */
const LARGEST_WINDOW = 160;
/** How much a mean absolute error of one window per pixel weighs against one of one logit. */
const PIXEL_WEIGHT = 40;

const parameters = z.strictObject({
  epsilon: z
    .number()
    .gt(0)
    .max(0.25)
    .default(8 / 255)
    .describe("Largest perturbation that it learns to take away (L∞, fraction of the window)."),
  width: z
    .int()
    .min(2)
    .max(64)
    .default(8)
    .describe("Feature maps of the first level; the second and third have 2 and 3 times as many."),
  steps: z.int().min(1).default(800).describe("Training steps of the denoiser."),
  guideSteps: z.int().min(1).default(1500).describe("Training steps of the guide that is distilled from the model."),
});
type Parameters = z.infer<typeof parameters>;

export default defineDefense({
  meta: {
    id: "guided-denoiser",
    title: "Guided denoiser (HGD)",
    summary:
      "A small network learns, on tuning patients, to take away what an attack adds, judged by what the classifier then says.",
    random: false,
    defaultQueries: 3000,
    parameters,
    references: [
      "Liao, Liang, Dong, Pang, Hu and Zhu, Defense against adversarial attacks using high-level representation guided denoiser, CVPR 2018, arXiv:1712.02976",
      "Ronneberger, Fischer and Brox, U-Net: convolutional networks for biomedical image segmentation, MICCAI 2015",
    ],
  },

  async fit(calibration, { geometry, parameters, progress, random, target }) {
    const backend = await chooseBackend();
    const perturb = noiseAndTextures(geometry, parameters.epsilon);
    progress(0, "asking the model");
    const pool = await askPool(calibration, target, perturb, target.queriesLeft, random.fork("pool"));
    const guide = await distil(pool, geometry, parameters.epsilon / 2, parameters.guideSteps, backend, random, (part) =>
      progress(0.4 * part, "distilling a guide from the model"),
    );
    const { losses, weights } = await trainDenoiser(calibration, guide, parameters, backend, random, (part) =>
      progress(0.4 + 0.6 * part, "training the denoiser"),
    );
    return {
      arrays: Object.fromEntries([...weights].map(([name, data]) => [name, { shape: [data.length], data }])),
      numbers: {
        queries: pool.count,
        parameters: [...weights.values()].reduce((sum, values) => sum + values.length, 0),
        "loss-before": mean(losses.slice(0, 20)),
        "loss-after": mean(losses.slice(-20)),
      },
    };
  },

  apply(batch, { fitted, parameters }) {
    if (fitted === null) throw new Error("guided-denoiser was applied before it was trained");
    return runFilterNetwork((ops, images) => denoise(ops, images, parameters.width), fitted, batch);
  },
});

/** The image and its predicted correction: a U-Net of three levels whose last layer starts near zero. */
function denoise<V>(ops: Operators<V>, images: V, width: number): V {
  const layer = (x: V, name: string, maps: number) => ops.relu(ops.conv2d(x, `denoiser.${name}`, maps, 3));
  const first = layer(layer(ops.affine(images, 4, -2), "down1a", width), "down1b", width);
  const second = layer(layer(ops.averagePool2(first), "down2a", 2 * width), "down2b", 2 * width);
  const third = layer(layer(ops.averagePool2(second), "down3a", 3 * width), "down3b", 3 * width);
  const upper = layer(ops.concatenate(ops.upsample2(third), second), "up2", 2 * width);
  const top = layer(ops.concatenate(ops.upsample2(upper), first), "up1", width);
  const channels = ops.shapeOf(images)[1] ?? 1;
  return ops.add(images, ops.conv2d(top, "denoiser.out", channels, 3, { gain: 0.05 }));
}

async function trainDenoiser(
  { images }: Calibration,
  guide: Surrogate,
  { epsilon, steps, width }: Parameters,
  backend: TrainingBackend,
  random: Random,
  progress: (part: number) => void,
) {
  const window = cropSides(images, LARGEST_WINDOW);
  const shape = [BATCH, images.channels, ...window];
  const trainer = await backend.trainer((ops) => guidedLoss(ops, shape, guide, width), random.fork("denoiser"));
  const losses: number[] = [];
  try {
    const feed = feeder(images, window, shape, epsilon, random.fork("denoiser batches"));
    for (let step = 0; step < steps; step++) {
      losses.push(await trainer.step(feed(), cosine(step, steps, PEAK_RATE)));
      progress((step + 1) / steps);
    }
    return { losses, weights: await trainer.weights() };
  } finally {
    await trainer.close();
  }
}

/**
 * The mean L1 distance between the guide's outputs on the denoised and on the clean image, and a little of the pixels' own
 * (without it, a denoiser learns to please a guide that is not quite the model).
 */
function guidedLoss<V>(ops: Operators<V>, shape: readonly number[], guide: Surrogate, width: number): V {
  const images = ops.input("images", shape);
  const noise = ops.input("noise", shape);
  const reach = ops.input("reach", [shape[0] ?? 1, 1, 1, 1]);
  const clean = ops.stopGradient(guide.answer(ops, images).margins);
  const start = ops.clip(ops.add(images, noise), 0, 1);
  // The fast gradient sign method against the guide's own decision (Goodfellow et al. 2015); reach 0 leaves the noise.
  const agreement = ops.mean(ops.multiply(guide.answer(ops, start).margins, ops.sign(clean)));
  const direction = ops.sign(ops.gradient(agreement, start));
  const attacked = ops.stopGradient(ops.clip(ops.subtract(start, ops.multiply(direction, reach)), 0, 1));
  const denoised = denoise(ops, attacked, width);
  const outputs = ops.mean(ops.abs(ops.subtract(guide.answer(ops, denoised).margins, clean)));
  const pixels = ops.mean(ops.abs(ops.subtract(denoised, images)));
  return ops.add(outputs, ops.affine(pixels, PIXEL_WEIGHT, 0));
}

/** Batches: half noise or texture alone, a quarter attacked from there, a quarter attacked from the clean image. */
function feeder(
  images: PixelBatch,
  window: readonly [number, number],
  shape: readonly number[],
  epsilon: number,
  random: Random,
): () => Feeds {
  const all = Uint32Array.from({ length: images.count }, (_, image) => image);
  const crops = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const noise = new Float32Array(crops.length);
  const reach = new Float32Array(shape[0] ?? 1);
  const [height, width] = window;
  const size = imageSize({ ...images, height, width });
  const perturb = noiseAndTextures({ ...images, height, width }, epsilon);
  return () => {
    drawCrops(images, all, window, random, crops);
    for (let k = 0; k < reach.length; k++) {
      const kind = random.integer(4);
      const own = noise.subarray(k * size, (k + 1) * size);
      if (kind === 3) own.fill(0);
      else perturb(random, own);
      reach[k] = kind < 2 ? 0 : epsilon * random.uniform();
    }
    return {
      images: { shape, data: crops },
      noise: { shape, data: noise },
      reach: { shape: [reach.length, 1, 1, 1], data: reach },
    };
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
