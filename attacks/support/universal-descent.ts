import type { AttackTarget, Calibration, Strength } from "../../src/core/attack.js";
import { createBatch, imageSize } from "../../src/core/pixels.js";
import { addUniversal, quantiseUniversal } from "../../src/image/budget.js";
import { flipping, greatestStep, intoBall } from "./ascent.js";
import type { Objective } from "./objective.js";
import { gatherImages, gatherLabels } from "./sampling.js";

/** Changes a universal perturbation (stored values) after asking about one minibatch. */
export interface Descent {
  /** @param spent share of the queries that are spent, from 0 to 1 */
  step(target: AttackTarget, minibatch: Uint32Array, perturbation: Float32Array, spent: number): Promise<void>;
}

/** Length of a step at the search's beginning and end, in units of ε. */
const FIRST_STEP = 0.2;
const LAST_STEP = 0.02;
const MOMENTUM = 0.9;
/** Half the distance over which an objective's slope by a logit is taken. */
const PROBE = 1e-3;
/** DeepFool goes this much further than the boundary, as its authors do. */
const OVERSHOOT = 1.02;

/** Descent on the mean objective, with momentum, in steps that shrink. */
export class SgdDescent implements Descent {
  readonly #velocity: Float32Array;

  constructor(
    readonly tuning: Calibration,
    readonly strength: Strength,
    readonly objective: Objective,
  ) {
    this.#velocity = new Float32Array(imageSize(tuning.images));
  }

  async step(target: AttackTarget, minibatch: Uint32Array, perturbation: Float32Array, spent: number): Promise<void> {
    const { tuning, strength } = this;
    const { margins, data } = await gradientsAt(target, tuning, strength, minibatch, perturbation);
    const threshold = tuning.threshold ?? 0.5;
    const logits = margins.map((margin) => margin + Math.log(threshold / (1 - threshold)));
    const weights = this.#slopes(logits, gatherLabels(tuning.labels, minibatch));

    const velocity = this.#velocity;
    const size = velocity.length;
    const gradient = new Float32Array(size);
    for (const [k, weight] of weights.entries()) {
      for (let i = 0; i < size; i++) (gradient[i] as number) += weight * (data[k * size + i] as number);
    }
    // Gradients of different minibatches are added at equal size, as in momentum iterative FGSM (Dong et al., 2018).
    const total = gradient.reduce((sum, value) => sum + Math.abs(value), 0);
    const scale = total > 0 ? 1 / total : 0;
    for (let i = 0; i < size; i++) {
      velocity[i] = MOMENTUM * (velocity[i] as number) + scale * (gradient[i] as number);
    }
    greatestStep(perturbation, velocity, strength, -(FIRST_STEP + spent * (LAST_STEP - FIRST_STEP)));
    intoBall(perturbation, strength);
  }

  /** d objective / d logit of each image. */
  #slopes(logits: Float64Array, labels: Uint8Array): Float64Array {
    const { objective } = this;
    const ofClass = [0, 1].map((label) => logits.filter((_, k) => labels[k] === label));
    return logits.map((logit, k) => {
      const label = labels[k] as number;
      const others = ofClass[1 - label] as Float64Array;
      const at = (z: number) => objective.contribution(z, label, others);
      return (at(logit + PROBE) - at(logit - PROBE)) / (2 * PROBE);
    });
  }
}

/** One step of DeepFool for every image whose decision stands, one image after the other. */
export class DeepFoolDescent implements Descent {
  constructor(
    readonly tuning: Calibration,
    readonly strength: Strength,
    readonly cleanDecisions: Uint8Array,
  ) {}

  async step(target: AttackTarget, minibatch: Uint32Array, perturbation: Float32Array): Promise<void> {
    for (const image of minibatch) {
      const one = Uint32Array.of(image);
      const { margins, data } = await gradientsAt(target, this.tuning, this.strength, one, perturbation);
      const margin = margins[0] as number;
      const clean = this.cleanDecisions[image];
      if (margin >= 0 !== (clean === 1)) continue;
      const norm = this.strength.kind === "epsilon" && this.strength.norm === "l2" ? 2 : 1;
      const dual = data.reduce((sum, value) => sum + Math.abs(value) ** norm, 0);
      if (dual === 0) continue;
      const length = (flipping(clean) * OVERSHOOT * Math.abs(margin)) / dual;
      for (let i = 0; i < perturbation.length; i++) {
        const slope = data[i] as number;
        (perturbation[i] as number) += length * (norm === 2 ? slope : Math.sign(slope));
      }
      intoBall(perturbation, this.strength);
    }
  }
}

/** Margins and gradients of a minibatch under the perturbation, as it would be saved. */
function gradientsAt(
  target: AttackTarget,
  { images }: Calibration,
  strength: Strength,
  minibatch: Uint32Array,
  perturbation: Float32Array,
) {
  const originals = gatherImages(images, minibatch, createBatch(images, minibatch.length));
  const saved = quantiseUniversal(perturbation, strength, new Float32Array(perturbation.length));
  return target.gradients(originals, addUniversal(originals, saved, createBatch(originals, originals.count)));
}
