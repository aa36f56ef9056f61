/**
 * Gaussian noise, independent in every pixel and image: a corruption (by severity) and a control (by ε).
 *
 * By severity 1–5 its standard deviation is 0.04, 0.06, 0.08, 0.09, 0.10 of the display window: the levels of
 * CIFAR-10-C, the mildest published scale, since medical images are read at low noise.
 * By ε it has the attack's norm: in L2 it is scaled to the ball's surface; in L∞ its standard deviation is ε/2, which
 * leaves 95 % of the draws inside the ball, and the base clips the rest. Much of an L∞ budget then goes unused; the
 * control that uses all of it is random-sign. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack, type Strength } from "../src/core/attack.js";
import { createBatch, imageSize } from "../src/core/pixels.js";
import type { Random } from "../src/core/random.js";

/** Standard deviation by severity 1–5, as fractions of the display window. */
const SEVERITY = [0.04, 0.06, 0.08, 0.09, 0.1] as const;

export default defineAttack({
  meta: {
    id: "gaussian-noise",
    title: "Gaussian noise",
    summary:
      "Adds independent normal noise to every pixel, either at the same size as an attack, as a control, or at five published severities, as a corruption that detectors really have.",
    knowledge: "none",
    universal: false,
    domain: "pixel",
    strengths: ["epsilon", "severity"],
    norms: ["linf", "l2"],
    parameters: z.strictObject({}),
    references: [
      "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019",
    ],
  },

  apply(batch, { strength, geometry, randomOf }) {
    const size = imageSize(geometry);
    const out = createBatch(batch, batch.count);
    const noise = new Float32Array(size);
    for (let image = 0; image < batch.count; image++) {
      const norm = drawNoise(noise, randomOf(image));
      const scale = noiseScale(strength, norm, geometry.maxValue);
      for (let i = 0; i < size; i++) {
        const at = image * size + i;
        out.data[at] = (batch.data[at] as number) + scale * (noise[i] as number);
      }
    }
    return out;
  },
});

/** Fills `noise` with standard normal draws and returns their L2 norm. */
function drawNoise(noise: Float32Array, random: Random): number {
  let squares = 0;
  for (let i = 0; i < noise.length; i++) {
    const value = random.normal();
    noise[i] = value;
    squares += value * value;
  }
  return Math.sqrt(squares);
}

/** What standard normal noise of this L2 norm is multiplied by, in stored values. */
function noiseScale(strength: Strength, norm: number, maxValue: number): number {
  if (strength.kind === "severity") return (SEVERITY[strength.level - 1] ?? Number.NaN) * maxValue;
  return strength.norm === "linf" ? strength.stored / 2 : strength.stored / norm;
}
