/**
 * Trains the classifier of `stepwedge demo` and writes it to assets/demo: `npm run build && node
 * dist/scripts/train-demo-model.js`. Takes four minutes on one core. With the same onnxruntime and the same kind of
 * processor it writes the same bytes again; elsewhere sums may be rounded otherwise, and the weights drift apart.
 *
 * It learns from phantoms of the null population, of other names than the demonstration's: nodules of one visibility in
 * all patients, scanners A and B only. So the faint nodules of the planted version are a weakness of the data, and
 * scanner C's coarse noise, which the model never met, is a weakness of the model.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { sha256 } from "../src/core/hash.js";
import { randomFrom } from "../src/core/random.js";
import { PACKAGE_ROOT } from "../src/core/version.js";
import { drawPopulation } from "../src/data/phantom/population.js";
import { placements } from "../src/stats/placements.js";
import { type ClassifierShape, classifierLoss, exportClassifier } from "../src/training/classifier.js";
import { Trainer } from "../src/training/trainer.js";

const SEED = 1;
const SHAPE: ClassifierShape = { side: 64, widths: [8, 16, 32] };
const PIXELS = SHAPE.side ** 2;
const BATCH = 32;
const PEAK_RATE = 3e-3;
const WARM_UP = 50;

/** Nodules start obvious and fade to their usual contrast; from the usual contrast alone, training does not take off. */
const STAGES = [
  { contrast: 4, patients: 1500, steps: 250 },
  { contrast: 2, patients: 2000, steps: 250 },
  { contrast: 1.4, patients: 3000, steps: 300 },
  { contrast: 1, patients: 6000, steps: 1200 },
] as const;
const STEPS = STAGES.reduce((total, { steps }) => total + steps, 0);
const HELD_OUT_PATIENTS = 2000;

/** Rendered phantoms with their labels. */
interface Examples {
  readonly images: readonly Uint8Array[];
  readonly labels: readonly (0 | 1)[];
}

function examples(name: string, patients: number, contrast: number): Examples {
  const population = drawPopulation({ seed: SEED, name, patients, prevalence: 0.5, contrast, planted: false });
  return {
    images: population.map((image) => image.render(SHAPE.side)),
    labels: population.map((image) => image.nodule),
  };
}

/** Copies images as values in [0, 1] and labels into arrays of one batch. */
function gather({ images, labels }: Examples, indices: Uint32Array) {
  const pixels = new Float32Array(indices.length * PIXELS);
  const targets = new Float32Array(indices.length);
  indices.forEach((index, place) => {
    const image = images[index] ?? new Uint8Array(PIXELS);
    for (let pixel = 0; pixel < PIXELS; pixel++) pixels[place * PIXELS + pixel] = (image[pixel] ?? 0) / 255;
    targets[place] = labels[index] ?? 0;
  });
  return {
    images: { shape: [indices.length, 1, SHAPE.side, SHAPE.side], data: pixels },
    targets: { shape: [indices.length, 1], data: targets },
  };
}

/** Batches of `count` examples in a fresh random order each time round; a remainder waits for no one. */
function* batches(count: number, name: string): Generator<Uint32Array, never> {
  for (let round = 0; ; round++) {
    const order = randomFrom("demo model", SEED, name, round).permutation(count);
    for (let start = 0; start + BATCH <= count; start += BATCH) yield order.subarray(start, start + BATCH);
  }
}

/** Linear warm-up, then half a cosine down to zero. */
function rateAt(step: number): number {
  return PEAK_RATE * Math.min(1, (step + 1) / WARM_UP) * 0.5 * (1 + Math.cos((Math.PI * step) / STEPS));
}

async function train(): Promise<Map<string, Float32Array>> {
  const trainer = await Trainer.create(classifierLoss(SHAPE, BATCH), randomFrom("demo model", SEED, "weights"));
  let step = 0;
  for (const { contrast, patients, steps } of STAGES) {
    const name = `training at contrast ${contrast}`;
    const set = examples(name, patients, contrast);
    const order = batches(set.images.length, name);
    let loss = 0;
    for (let end = step + steps; step < end; step++) {
      loss += await trainer.step(gather(set, order.next().value), rateAt(step));
    }
    process.stderr.write(`${step} of ${STEPS} steps, contrast ${contrast}, mean loss ${(loss / steps).toFixed(3)}\n`);
  }
  const weights = trainer.weights();
  await trainer.close();
  return weights;
}

/** AUC of the exported model on phantoms of a population that neither training nor the demonstration uses. */
async function heldOut(model: Uint8Array) {
  const set = examples("held-out", HELD_OUT_PATIENTS, 1);
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1 });
  const scores = new Float64Array(set.images.length);
  for (let start = 0; start < scores.length; start += BATCH) {
    const indices = Uint32Array.from({ length: Math.min(BATCH, scores.length - start) }, (_, i) => start + i);
    const { shape, data } = gather(set, indices).images;
    const { logit } = await session.run({ images: new ort.Tensor("float32", data, shape) });
    scores.set(logit?.data as Float32Array, start);
  }
  await session.release();
  const { auc, positives, negatives } = placements(scores, Uint8Array.from(set.labels));
  return { auc, positives, negatives };
}

const model = exportClassifier(SHAPE, await train(), "Nodule classifier of stepwedge demo. Phantoms only; no device.");
const facts = {
  title: "Nodule classifier of stepwedge demo",
  intendedUse: "Demonstration and self-test on synthetic phantoms. Not a device; fit for no image of a person.",
  sha256: sha256(model),
  bytes: model.length,
  input: "images: N×1×64×64 float32, pixel value / 255",
  outputs: "logit and prob: N×1 float32",
  seed: SEED,
  steps: STEPS,
  batch: BATCH,
  stages: STAGES,
  trainedOn: "null population of the phantom generator (scanners A and B, one nodule contrast)",
  heldOut: await heldOut(model),
  runtime: `onnxruntime ${ort.env.versions.common}`,
  reproduce: "npm run build && node dist/scripts/train-demo-model.js",
};
const folder = join(PACKAGE_ROOT, "assets", "demo");
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "nodule-classifier.onnx"), model);
writeFileSync(join(folder, "nodule-classifier.json"), `${JSON.stringify(facts, null, 2)}\n`);
process.stderr.write(`held-out AUC ${facts.heldOut.auc.toFixed(4)}, ${facts.bytes} bytes, sha256 ${facts.sha256}\n`);
