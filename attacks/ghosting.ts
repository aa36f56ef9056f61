/**
 * Ghosts of magnetic resonance: every n-th line of k-space was measured while something else was the case (the patient
 * breathed, an echo had the other sign) and carries a phase error φ. Copies of the image appear along the phase-encoding
 * direction, n of them, N/n apart; with n = 2 it is the Nyquist ghost of echo-planar imaging, at N/2.
 *
 * With c the image made of every n-th line alone, the result is x + (e^(iφ) − 1)·c, of which the magnitude is shown:
 *   |y|² = x² + u·c(c − x),  u = 2(1 − cos φ).
 * It moves away from x in every pixel as φ grows to 180°. The lines are those of frequencies 0, ±n, ±2n, …
 *
 * Severity 1–5: φ = 15°, 25°, 35°, 45°, 60°. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { Fft } from "../src/image/fft.js";
import { atSeverity, CORRUPTION, mapPlanes } from "./support/severity.js";

/** Phase error of the wrong lines, in degrees. */
const PHASE = [15, 25, 35, 45, 60] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "ghosting",
    title: "k-space ghosting",
    summary: "Adds faint displaced copies of the image, as motion between the lines of an MR acquisition does.",
    domain: "acquisition",
    parameters: z.strictObject({
      every: z.int().min(2).max(16).default(4).describe("Every how many lines of k-space one is wrong: the ghosts."),
      axis: z
        .enum(["vertical", "horizontal"])
        .default("vertical")
        .describe("The phase-encoding direction, along which the ghosts lie."),
    }),
    references: [
      "Zaitsev, Maclaren and Herbst, Motion artifacts in MRI: a complex problem with many partial solutions, J. Magnetic Resonance Imaging 42(4), 2015",
      "Pérez-García, Sparks and Ourselin, TorchIO, Computer Methods and Programs in Biomedicine 208, 2021 (random ghosting)",
    ],
  },

  apply(batch, { strength, parameters }) {
    const contrast = 2 * (1 - Math.cos((atSeverity(PHASE, strength) * Math.PI) / 180));
    const { height, width } = batch;
    const vertical = parameters.axis === "vertical";
    const comb = new Comb(vertical ? height : width, parameters.every);
    const along = vertical ? width : 1;
    const across = vertical ? 1 : width;
    const lines = vertical ? width : height;
    return mapPlanes(batch, (source, target) => {
      for (let line = 0; line < lines; line += 2) {
        const second = Math.min(line + 1, lines - 1);
        comb.filterPair(source, line * across, second * across, along);
        for (let k = 0, one = line * across, two = second * across; k < comb.length; k++, one += along, two += along) {
          target[one] = magnitude(source[one] as number, comb.first[k] as number, contrast);
          target[two] = magnitude(source[two] as number, comb.second[k] as number, contrast);
        }
      }
    });
  },
});

function magnitude(x: number, c: number, contrast: number): number {
  return Math.sqrt(Math.max(0, x * x + contrast * c * (c - x)));
}

/** The part of a line of pixels that every n-th frequency makes up. Two real lines share one complex transform. */
class Comb {
  readonly first: Float64Array;
  readonly second: Float64Array;
  readonly #fft: Fft;
  readonly #every: number;

  constructor(
    readonly length: number,
    every: number,
  ) {
    this.#fft = new Fft(length);
    this.#every = every;
    this.first = new Float64Array(length);
    this.second = new Float64Array(length);
  }

  filterPair(source: Float32Array, one: number, two: number, stride: number): void {
    const { length, first, second } = this;
    for (let k = 0, a = one, b = two; k < length; k++, a += stride, b += stride) {
      first[k] = source[a] as number;
      second[k] = source[b] as number;
    }
    this.#fft.forward(first, second);
    for (let k = 0; k < length; k++) {
      if (Math.min(k, length - k) % this.#every === 0) continue;
      first[k] = 0;
      second[k] = 0;
    }
    this.#fft.inverse(first, second);
  }
}
