/**
 * Spikes in k-space: electrical discharges spoil single samples of an MR acquisition, and each lays a plane wave over
 * the image ("herringbone"). Frequency, direction and phase are drawn for each image: 0.05 to 0.35 cycles per pixel.
 *
 * The wave is added as a real one, A·cos(2π(uy/H + vx/W) + φ), that is as a spike with its mirror image, at whole
 * frequencies u and v. Severity 1–5: A = 4, 7, 11, 15, 20 % of the display window for each spike. It knows nothing of the
 * model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import type { Random } from "../src/core/random.js";
import { atSeverity, CORRUPTION, mapImages } from "./support/severity.js";

/** Amplitude of each wave, as a fraction of the display window. */
const AMPLITUDE = [0.04, 0.07, 0.11, 0.15, 0.2] as const;
/** Cycles per pixel. */
const LOWEST = 0.05;
const HIGHEST = 0.35;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "kspace-spike",
    title: "k-space spike",
    summary: "Lays regular stripes over the image, as a single spoilt sample of an MR acquisition does.",
    domain: "acquisition",
    parameters: z.strictObject({
      spikes: z.int().min(1).max(16).default(1).describe("Spoilt samples of k-space: waves that are added."),
    }),
    references: [
      "Heiland, From A as in aliasing to Z as in zipper: artifacts in MRI, Clinical Neuroradiology 18(1), 2008",
      "Pérez-García, Sparks and Ourselin, TorchIO, Computer Methods and Programs in Biomedicine 208, 2021 (random spike)",
    ],
  },

  apply(batch, { strength, parameters, randomOf }) {
    const amplitude = atSeverity(AMPLITUDE, strength) * batch.maxValue;
    const { height, width } = batch;
    const waves = new Float32Array(height * width);
    return mapImages(batch, (source, target, image) => {
      const random = randomOf(image);
      waves.fill(0);
      for (let spike = 0; spike < parameters.spikes; spike++) addWave(waves, height, width, random);
      for (let i = 0, place = 0; i < source.length; i++, place++) {
        if (place === waves.length) place = 0;
        target[i] = (source[i] as number) + amplitude * (waves[place] as number);
      }
    });
  },
});

/** Adds a plane wave of amplitude 1. cos(a + b) = cos a cos b − sin a sin b: two factors per row and per column. */
function addWave(waves: Float32Array, height: number, width: number, random: Random): void {
  const radius = LOWEST + (HIGHEST - LOWEST) * random.uniform();
  const angle = Math.PI * random.uniform();
  const phase = 2 * Math.PI * random.uniform();
  let u = Math.round(radius * Math.sin(angle) * height);
  let v = Math.round(radius * Math.cos(angle) * width);
  // Very small images may round both frequencies to 0, which would be no wave.
  if (u === 0 && v === 0) [u, v] = height > width ? [1, 0] : [0, 1];
  const columns = Float64Array.from({ length: width }, (_, x) => (2 * Math.PI * v * x) / width);
  const cosines = columns.map(Math.cos);
  const sines = columns.map(Math.sin);
  for (let y = 0, at = 0; y < height; y++) {
    const row = (2 * Math.PI * u * y) / height + phase;
    const cosine = Math.cos(row);
    const sine = Math.sin(row);
    for (let x = 0; x < width; x++, at++) {
      waves[at] = (waves[at] as number) + cosine * (cosines[x] as number) - sine * (sines[x] as number);
    }
  }
}
