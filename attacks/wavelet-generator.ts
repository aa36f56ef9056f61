/**
 * The time-scale attack of Santamaria-Pang et al. (2021). A generator network G adds to the detail coefficients of a
 * wavelet transform, x′ = W⁻¹(a, d + G), and the addition is scaled, not clamped, to ε, so that the approximation a is as
 * it was before clipping to the display window. In the universal form G sees a fixed latent array and gives one
 * perturbation for all images; in the image form it sees the image's coefficients, and an image costs one forward pass.
 *
 * G is trained on a surrogate, a small network that is distilled from the target's answers on tuning patients: first
 * about random textures and noise as large as ε, then, round by round, about what G makes of them. Snapshots of G are
 * compared by asking the target about other tuning patients, and the best one is kept.
 *
 * Threat model: scores on tuning patients during the fit, nothing at the time of use. Cost: `queries` in the fit, most of
 * them for the surrogate; none per image.
 */
import { z } from "zod";
import { defineAttack, type FitContext } from "../src/core/attack.js";
import { StepwedgeError } from "../src/core/errors.js";
import type { Fitted } from "../src/core/fitted.js";
import { createBatch, imageSize, type PixelBatch } from "../src/core/pixels.js";
import { addUniversal, projectCandidates } from "../src/image/budget.js";
import { type BackendId, chooseBackend } from "../src/training/backend.js";
import type { TrainingBackend } from "../src/training/network.js";
import { importSurrogate } from "../src/training/tfjs-surrogate.js";
import { ApproximationShare } from "../src/wavelet/approximation-share.js";
import { marginsOf } from "./support/distillation.js";
import { SPACES } from "./support/generator.js";
import {
  Campaign,
  fewestQueries,
  type GeneratorSettings,
  generatorOf,
  halvingsFor,
} from "./support/generator-campaign.js";
import { LOSSES } from "./support/generator-losses.js";
import { GeneratorRunner } from "./support/generator-runner.js";
import { givenTeacher, type Teacher } from "./support/generator-training.js";
import { agreement } from "./support/generator-transfer.js";

const parameters = z.strictObject({
  form: z.enum(["universal", "image"]).default("image").describe("One perturbation for all images, or one for each."),
  space: z.enum(SPACES).default("details").describe("Bands that are added to; the others are for comparison."),
  loss: z.enum(LOSSES).default("disruption").describe("What the generator is trained to do to the surrogate."),
  wavelet: z.enum(["haar", "db2", "sym4", "coif1"]).default("haar").describe("Wavelet of the bands."),
  levels: z.int().min(1).max(3).default(3).describe("Detail levels; the approximation below them stays."),
  side: z.int().min(16).default(256).describe("Both networks see images halved until no side is longer."),
  rounds: z.int().min(1).max(10).default(4).describe("Distillation and training in turn, this often."),
  steps: z.int().min(1).default(600).describe("Training steps of the generator, at most, over all rounds."),
  surrogateSteps: z.int().min(1).default(1200).describe("Training steps of the surrogate, at most, over all rounds."),
  batch: z
    .int()
    .min(1)
    .default(8)
    .describe("Images per step; the surrogate sees each of them with and without a perturbation."),
  features: z.int().min(1).default(16).describe("Feature maps of the generator's layers."),
  surrogateFeatures: z.int().min(1).default(16).describe("Feature maps of the surrogate's first layer."),
  learningRate: z.number().positive().default(3e-3).describe("Peak learning rate of the generator."),
  surrogateRate: z.number().positive().default(3e-3).describe("Peak learning rate of the surrogate."),
  checks: z.int().min(1).default(2).describe("Snapshots per round that the target is asked about."),
  surrogate: z
    .string()
    .min(1)
    .optional()
    .describe("Folder of a TensorFlow.js layers model to take in place of a distilled one."),
  backend: z
    .enum(["auto", "onnx", "tfjs-wasm", "tfjs-node", "tfjs-node-gpu", "tfjs-cpu"])
    .default("auto")
    .describe("What runs the networks."),
});

/** One network per fit, opened when the first image comes. */
const runners = new WeakMap<Fitted, Promise<GeneratorRunner>>();

export default defineAttack({
  meta: {
    id: "wavelet-generator",
    title: "Wavelet generator",
    summary:
      "A small network that has learnt, from the model's own answers, which fine detail to add to an image. The coarse content of the image stays as it is.",
    knowledge: "surrogate",
    universal: false,
    domain: "wavelet",
    defaultQueries: 10_000,
    files: ["surrogate"],
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    parameters,
    references: [
      "Santamaria-Pang et al., Adversarial attacks with time-scale representations, arXiv:2107.12473, 2021",
      "Naseer et al., Cross-domain transferability of adversarial perturbations, NeurIPS 2019 (relativistic loss)",
      "Poursaeed et al., Generative adversarial perturbations, CVPR 2018 (least likely class)",
      "Papernot et al., Practical black-box attacks against machine learning, AsiaCCS 2017 (surrogate from answers)",
    ],
  },

  async fit(calibration, context) {
    const { parameters, geometry, strength, target } = context;
    const least = fewestQueries(parameters);
    if (target.queriesLeft < least || new Set(calibration.patients).size < 2)
      throw tooLittle(least, target.queriesLeft);

    const { backend, teacher } = await teachers(context);
    const campaign = await Campaign.start(calibration, context, backend, teacher);
    for (let round = 0; round < parameters.rounds; round++) {
      await campaign.distil(round);
      await campaign.train(round);
    }

    const { best, held, heldOutputs, pool, latent, steps, classIndex } = campaign;
    const runner = await campaign.open(best.weights);
    const attacked = await runner.add(held);
    const view = await campaign.view(attacked);
    const answers = marginsOf(heldOutputs, calibration);
    const perturbation = latent === null ? null : await runner.perturbation(held.data.subarray(0, imageSize(held)));
    await runner.close();
    await campaign.close();
    const share = new ApproximationShare(geometry, parameters.wavelet, parameters.levels + campaign.halvings);
    const projected = projectCandidates(held, attacked, strength, createBatch(held, held.count));
    const { channels, height, width } = geometry;
    return {
      arrays: {
        ...Object.fromEntries(Array.from(best.weights, ([name, data]) => [name, { shape: [data.length], data }])),
        ...(perturbation !== null && { perturbation: { shape: [channels, height, width], data: perturbation } }),
      },
      numbers: {
        "target-flip-share": best.flips,
        "surrogate-flip-share": 1 - agreement(view.clean, view.attacked, pool.classes, classIndex),
        "surrogate-agreement": agreement(view.clean, answers, pool.classes, classIndex),
        "early-layer-disruption": view.disruption,
        "low-band-energy-before-clipping": meanShare(share, held, attacked),
        "low-band-energy": meanShare(share, held, projected),
        "confirmation-images": held.count,
        "confirmation-queries": held.count * (1 + parameters.rounds * parameters.checks),
        "surrogate-queries": pool.count,
        "surrogate-steps": teacher === null ? steps.surrogate : 0,
        "generator-steps": steps.generator,
      },
    };
  },

  async apply(batch, { fitted, parameters, geometry, strength }) {
    if (fitted === null) throw new Error("wavelet-generator was applied before it was fitted");
    const { perturbation } = fitted.arrays;
    if (perturbation !== undefined) return addUniversal(batch, perturbation.data, createBatch(batch, batch.count));
    let runner = runners.get(fitted);
    if (runner === undefined) {
      const generator = generatorOf(parameters, geometry, strength, halvingsFor(geometry, parameters.side));
      const weights = new Map(Object.entries(fitted.arrays).map(([name, { data }]) => [name, data]));
      const backend = await chooseBackend(parameters.backend);
      runner = GeneratorRunner.open(backend, generator, geometry, weights, null);
      runners.set(fitted, runner);
    }
    return (await runner).add(batch);
  },
});

/** The approximation band's share of the perturbations' energy, in the mean over the images. */
function meanShare(share: ApproximationShare, images: PixelBatch, attacked: PixelBatch): number {
  const size = imageSize(images);
  let sum = 0;
  for (let start = 0; start < images.data.length; start += size) {
    const original = images.data.subarray(start, start + size);
    sum += share.of(original.map((value, i) => (attacked.data[start + i] as number) - value));
  }
  return sum / images.count;
}

/** What trains the networks, and the given surrogate, if any: a model of TensorFlow.js is run by TensorFlow.js alone. */
async function teachers(
  context: FitContext<
    GeneratorSettings & { readonly backend: "auto" | BackendId; readonly surrogate?: string | undefined }
  >,
): Promise<{ readonly backend: TrainingBackend; readonly teacher: Teacher | null }> {
  const { geometry, parameters, target } = context;
  if (parameters.surrogate === undefined) return { backend: await chooseBackend(parameters.backend), teacher: null };
  const where = `attacks, wavelet-generator, surrogate ${parameters.surrogate}`;
  const imported = await importSurrogate(context.file("surrogate"), geometry, target.classes.length, where);
  return { backend: imported.backend, teacher: givenTeacher(imported.surrogate, imported.close) };
}

function tooLittle(least: number, queries: number): StepwedgeError {
  return new StepwedgeError(
    `wavelet-generator needs tuning images of two patients and ${least} queries at least, received ${queries} queries`,
    { remedy: "Widen the tuning split, raise queries, or lower rounds or checks." },
  );
}
