/**
 * One perturbation for all images, found by queries alone (knowledge: scores). It is made of wavelet details: the
 * low-scale approximation coefficients of the image stay as they are, and the detail coefficients receive the same
 * addition in every image. The search is a descent along random directions, as in SimBA, on tuning patients.
 *
 * References: Guo et al., Simple black-box adversarial attacks, ICML 2019 (the descent); Koga and Takemoto, Simple
 * black-box universal adversarial attacks on deep neural networks for medical image classification, Algorithms 2022
 * (the universal form). Cost: one query per calibration image and step.
 */
import { z } from "zod";
import { type AttackTarget, type Calibration, defineAttack } from "../src/core/attack.js";
import { createBatch, imageSize, type PixelBatch } from "../src/core/pixels.js";
import type { Random } from "../src/core/random.js";
import { addUniversal, quantiseUniversal } from "../src/image/budget.js";
import { type Coefficients2d, Wavelet2d } from "../src/wavelet/dwt2d.js";
import { filterBank, WAVELET_NAMES } from "../src/wavelet/filters.js";
import { addPattern, drawPattern } from "../src/wavelet/pattern.js";

const OBJECTIVES = { "operating-point": meanLogProbability, ranking: softAuc } as const;
type Objective = (scores: Float64Array, labels: Uint8Array) => number;

/** Scores nearer to 0 or 1 than this count as this far: a log of 0 would outweigh every other image. */
const SMALLEST_PROBABILITY = 1e-6;

export default defineAttack({
  meta: {
    id: "wavelet-universal",
    title: "Universal wavelet perturbation",
    summary:
      "Adds one faint texture, the same for every image, that was found by asking the model for scores. It stands for a systematic change of the detector or the image chain that happens to be the worst one for the model.",
    knowledge: "scores",
    universal: true,
    domain: "wavelet",
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    objectives: ["operating-point", "ranking"],
    parameters: z.strictObject({
      wavelet: z.enum(WAVELET_NAMES).default("haar"),
      levels: z.int().min(1).max(6).default(3),
      calibrationImages: z.int().min(2).default(100),
    }),
    references: [
      "Guo et al., Simple black-box adversarial attacks, ICML 2019",
      "Koga and Takemoto, Simple black-box universal adversarial attacks on deep neural networks for medical image classification, Algorithms 15(5), 2022",
    ],
  },

  async fit(calibration, { parameters, strength, objective, geometry, target, random, progress }) {
    const { channels, height, width } = geometry;
    const plan = new Wavelet2d(height, width, parameters.levels, filterBank(parameters.wavelet));
    const coefficients = Array.from({ length: channels }, () => plan.createCoefficients());
    const perturbation = new Float32Array(imageSize(geometry));
    const sample = drawCalibration(calibration, parameters.calibrationImages, random.fork("calibration"));
    const measure = objectiveOf(objective);
    const evaluate = async () => {
      synthesise(plan, coefficients, perturbation);
      return measure(await scoresOf(target, sample, perturbation), sample.labels);
    };

    const cost = sample.images.count;
    const budget = target.queriesLeft;
    const step = strength.kind === "epsilon" ? stepSize(strength, perturbation.length) : 0;
    const before = await evaluate();
    let best = before;
    let steps = 0;
    let accepted = 0;
    while (target.queriesLeft >= 2 * cost) {
      const pattern = drawPattern(coefficients, random);
      steps++;
      for (const move of [step, -2 * step]) {
        addPattern(pattern, move);
        const value = await evaluate();
        if (value < best) {
          best = value;
          accepted++;
          break;
        }
        if (move < 0) addPattern(pattern, step);
      }
      progress(1 - target.queriesLeft / budget, `objective ${before.toFixed(3)} → ${best.toFixed(3)}`);
    }
    synthesise(plan, coefficients, perturbation);
    quantiseUniversal(perturbation, strength, perturbation);
    return {
      arrays: { perturbation: { shape: [channels, height, width], data: perturbation } },
      numbers: {
        "objective-before": before,
        "objective-after": best,
        "calibration-images": cost,
        steps,
        accepted,
      },
    };
  },

  apply(batch, { fitted }) {
    const perturbation = fitted?.arrays.perturbation;
    if (perturbation === undefined) throw new Error("wavelet-universal was applied before it was fitted");
    return addUniversal(batch, perturbation.data, createBatch(batch, batch.count));
  },
});

function objectiveOf(name: string | null): Objective {
  const objective = OBJECTIVES[(name ?? "operating-point") as keyof typeof OBJECTIVES];
  if (objective === undefined) throw new Error(`wavelet-universal has no objective ${name}`);
  return objective;
}

/** Mean log-probability of the true class. It falls as decisions turn wrong on both sides of the threshold. */
function meanLogProbability(scores: Float64Array, labels: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    sum += Math.log(Math.max(labels[i] === 1 ? score : 1 - score, SMALLEST_PROBABILITY));
  }
  return sum / scores.length;
}

/** Mean of sigmoid(logit of a positive − logit of a negative) over all pairs: a smooth AUC. */
function softAuc(scores: Float64Array, labels: Uint8Array): number {
  let sum = 0;
  let pairs = 0;
  for (let p = 0; p < scores.length; p++) {
    if (labels[p] !== 1) continue;
    for (let n = 0; n < scores.length; n++) {
      if (labels[n] !== 0) continue;
      sum += 1 / (1 + Math.exp(logit(scores[n] as number) - logit(scores[p] as number)));
      pairs++;
    }
  }
  return sum / pairs;
}

function logit(probability: number): number {
  const p = Math.min(Math.max(probability, SMALLEST_PROBABILITY), 1 - SMALLEST_PROBABILITY);
  return Math.log(p / (1 - p));
}

/** Scores of the attacked class. */
async function scoresOf(target: AttackTarget, sample: Calibration, perturbation: Float32Array): Promise<Float64Array> {
  const { values, classes, count } = await target.predictUniversal(sample.images, perturbation);
  return Float64Array.from(
    { length: count },
    (_, image) => values[image * classes.length + sample.classIndex] as number,
  );
}

/** At most `count` of the calibration images, drawn at random. */
function drawCalibration(calibration: Calibration, count: number, random: Random): Calibration {
  if (calibration.images.count <= count) return calibration;
  const chosen = random.permutation(calibration.images.count).subarray(0, count);
  const size = imageSize(calibration.images);
  const images: PixelBatch = createBatch(calibration.images, count);
  chosen.forEach((from, to) => {
    images.data.set(calibration.images.data.subarray(from * size, (from + 1) * size), to * size);
  });
  return { ...calibration, images, labels: Uint8Array.from(chosen, (image) => calibration.labels[image] as number) };
}

function synthesise(plan: Wavelet2d, coefficients: readonly Coefficients2d[], perturbation: Float32Array): void {
  const size = plan.rows * plan.columns;
  coefficients.forEach((channel, index) => {
    plan.inverse(channel, perturbation.subarray(index * size, (index + 1) * size));
  });
}

/** Half the budget per pixel, in stored values. */
function stepSize(strength: { norm: "linf" | "l2"; stored: number }, values: number): number {
  return (strength.norm === "linf" ? strength.stored : strength.stored / Math.sqrt(values)) / 2;
}
