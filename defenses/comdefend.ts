/**
 * ComDefend: one network compresses the image to a code of four bits a pixel and channel (twelve for colour), another
 * draws the image anew from it. What an attack adds does not fit into the code. Both learn from clean images alone and
 * know nothing of any attack or of the classifier.
 *
 * Reference: X. Jia, X. Wei, X. Cao, H. Foroosh, "ComDefend: an efficient image compression model to defend adversarial
 * examples", CVPR 2019, arXiv:1811.12673. In training, Gaussian noise of standard deviation 20 is subtracted from the code
 * before its sigmoid, which drives it to 0 and 1; when applied there is no noise, and the code is cut at 0.5.
 *
 * Smaller than the paper's: networks of four layers of `width` maps in place of nine of up to 256, which two cores can
 * train; leaky ReLU in place of ELU; no sigmoid on the image (the base clips it). The noise shrinks to nothing over the
 * second half of the training: what is drawn from noisy bits only is pale when it is drawn from the clean ones.
 *
 * Threat model: attackers who do not know of it. The cut has no gradient, but scores go through it: read it together with
 * its adaptive condition. Cost: no queries; one forward pass of both networks per image.
 */
import { z } from "zod";
import { defineDefense } from "../src/core/defense.js";
import type { PixelBatch } from "../src/core/pixels.js";
import type { Random } from "../src/core/random.js";
import { chooseBackend } from "../src/training/backend.js";
import type { Operators, TrainingBackend } from "../src/training/network.js";
import {
  type CompressionShape,
  compress,
  NOISE,
  passThroughCode,
  reconstruct,
  softCode,
} from "./support/compression.js";
import { cropSides, drawCrops } from "./support/crops.js";
import { runFilterNetwork } from "./support/filter-network.js";
import { cosine } from "./support/guide.js";
import { fillNormal } from "./support/patterns.js";

const BATCH = 8;
const PEAK_RATE = 4e-3;
/** The networks see 17 × 17 pixels round one: larger windows only make the steps slower. */
const LARGEST_WINDOW = 32;
/** Share of the steps with all of the noise. It then shrinks to nothing, which is how the code is applied. */
const FULL_NOISE = 0.5;
/** Weight of the code's size, λ of the paper. */
const CODE_WEIGHT = 1e-4;

const parameters = z.strictObject({
  bits: z.int().min(1).max(16).default(4).describe("Bits of the code per pixel and channel."),
  width: z.int().min(2).max(64).default(16).describe("Feature maps of the layers of both networks."),
  steps: z.int().min(1).default(5000).describe("Training steps."),
});
type Parameters = z.infer<typeof parameters>;

export default defineDefense({
  meta: {
    id: "comdefend",
    title: "Compression network (ComDefend)",
    summary:
      "Two small networks, trained on clean tuning images, squeeze the image through four bits a pixel and channel and draw it anew from them.",
    random: false,
    defaultQueries: 0,
    parameters,
    references: [
      "Jia, Wei, Cao and Foroosh, ComDefend: an efficient image compression model to defend adversarial examples, CVPR 2019, arXiv:1811.12673",
    ],
  },

  async fit({ images }, { parameters, progress, random }) {
    const backend = await chooseBackend();
    const { losses, weights } = await train(images, parameters, backend, random, (part) =>
      progress(part, "training the compression"),
    );
    const last = losses.slice(-20);
    return {
      arrays: Object.fromEntries([...weights].map(([name, data]) => [name, { shape: [data.length], data }])),
      numbers: {
        parameters: [...weights.values()].reduce((sum, values) => sum + values.length, 0),
        "loss-before": losses[0] ?? Number.NaN,
        "loss-after": last.reduce((sum, loss) => sum + loss, 0) / last.length,
      },
    };
  },

  apply(batch, { fitted, parameters }) {
    if (fitted === null) throw new Error("comdefend was applied before it was trained");
    return runFilterNetwork((ops, images) => passThroughCode(ops, images, parameters), fitted, batch);
  },
});

async function train(
  images: PixelBatch,
  { bits, steps, width }: Parameters,
  backend: TrainingBackend,
  random: Random,
  progress: (part: number) => void,
) {
  const window = cropSides(images, LARGEST_WINDOW);
  const shape = [BATCH, images.channels, ...window];
  const codeShape = [BATCH, bits * images.channels, ...window];
  const trainer = await backend.trainer(
    (ops) => lossOf(ops, shape, codeShape, { bits, width }),
    random.fork("weights"),
  );
  const all = Uint32Array.from({ length: images.count }, (_, image) => image);
  const crops = new Float32Array(product(shape));
  const noise = new Float32Array(product(codeShape));
  const batches = random.fork("batches");
  const losses: number[] = [];
  try {
    for (let step = 0; step < steps; step++) {
      drawCrops(images, all, window, batches, crops);
      fillNormal(noise, batches, NOISE * Math.min(1, (1 - step / steps) / (1 - FULL_NOISE)));
      const feeds = { images: { shape, data: crops }, noise: { shape: codeShape, data: noise } };
      losses.push(await trainer.step(feeds, cosine(step, steps, PEAK_RATE)));
      progress((step + 1) / steps);
    }
    return { losses, weights: await trainer.weights() };
  } finally {
    await trainer.close();
  }
}

/** Mean squared error of the image drawn from the noisy code, and λ times the code's mean square: few bits are 1. */
function lossOf<V>(
  ops: Operators<V>,
  shape: readonly number[],
  codeShape: readonly number[],
  networks: CompressionShape,
): V {
  const images = ops.input("images", shape);
  const code = softCode(ops, compress(ops, images, networks), ops.input("noise", codeShape));
  const error = ops.subtract(reconstruct(ops, code, shape[1] ?? 1, networks), images);
  const ones = ops.mean(ops.multiply(code, code));
  return ops.add(ops.mean(ops.multiply(error, error)), ops.affine(ones, CODE_WEIGHT, 0));
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}
