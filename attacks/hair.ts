/**
 * Hairs over a dermoscopic image: dark curved strokes, each a quadratic Bézier curve from one side of the image towards
 * another with its own bend, thickness and length.
 *
 * Severity 1–5: 3, 7, 12, 18, 26 hairs, of 0.6 to 1.3 % of the shorter side in thickness at severity 5 and down to 70 %
 * of that at severity 1. All severities share the hairs' courses. The hair is dark brown in colour and dark in gray.
 * It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import type { Random } from "../src/core/random.js";
import { Mask } from "./support/drawing.js";
import { atSeverity, CORRUPTION, mapImages, type Severities } from "./support/severity.js";

/** How many hairs, and how thick in comparison with severity 5. */
const HAIRS: Severities<{ readonly count: number; readonly thickness: number }> = [
  { count: 3, thickness: 0.7 },
  { count: 7, thickness: 0.75 },
  { count: 12, thickness: 0.8 },
  { count: 18, thickness: 0.9 },
  { count: 26, thickness: 1 },
];
/** Thickness as a fraction of the shorter side. */
const THINNEST = 0.006;
const THICKEST = 0.013;
const OPACITY = 0.9;
/** Red, green and blue of dark brown hair, as fractions of the window; gray images have the second. */
const BROWN = [0.17, 0.11, 0.08] as const;
const GRAY = 0.11;
/** Pixels between two discs that a stroke is made of. */
const STEP = 0.5;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "hair",
    title: "Hair",
    summary: "Draws dark curved hairs over the image, as on unshaven skin under a dermoscope.",
    domain: "acquisition",
    parameters: z.strictObject({}),
    references: [
      "Lee et al., DullRazor: a software approach to hair removal from images, Computers in Biology and Medicine 27(6), 1997",
      "Abbas, Celebi and Fondón García, Hair removal methods: a comparative study for dermoscopy images, Biomedical Signal Processing and Control 6(4), 2011",
    ],
  },

  apply(batch, { strength, randomOf }) {
    const { count, thickness } = atSeverity(HAIRS, strength);
    const mask = new Mask(batch.height, batch.width);
    const colour = (channel: number) => (batch.channels === 3 ? (BROWN[channel] ?? GRAY) : GRAY) * batch.maxValue;
    return mapImages(batch, (source, target, image) => {
      const random = randomOf(image);
      mask.clear();
      for (let hair = 0; hair < count; hair++) coverHair(mask, thickness, random);
      mask.blend(source, target, OPACITY, colour);
    });
  },
});

/** One hair: from a point near the border in a direction that crosses the image, bent to one side. */
function coverHair(mask: Mask, thickness: number, random: Random): void {
  const { height, width } = mask;
  const side = Math.min(height, width);
  const radius = (thickness * side * (THINNEST + (THICKEST - THINNEST) * random.uniform())) / 2;
  const angle = 2 * Math.PI * random.uniform();
  const length = Math.max(height, width) * (0.4 + 0.7 * random.uniform());
  const bend = length * 0.25 * random.normal();
  const middleX = width * random.uniform();
  const middleY = height * random.uniform();
  const dx = (Math.cos(angle) * length) / 2;
  const dy = (Math.sin(angle) * length) / 2;
  const bendX = (-Math.sin(angle) * bend) / 2;
  const bendY = (Math.cos(angle) * bend) / 2;
  const steps = Math.ceil((length + Math.abs(bend)) / STEP);
  for (let step = 0; step <= steps; step++) {
    // The curve from m − d to m + d with its control point at m + 2b: m + (2t − 1)·d + 4t(1 − t)·b. It tapers at its tip.
    const t = step / steps;
    const bow = 4 * t * (1 - t);
    const x = middleX + (2 * t - 1) * dx + bow * bendX;
    const y = middleY + (2 * t - 1) * dy + bow * bendY;
    mask.coverDisc(x, y, radius * Math.min(1, 0.4 + 4 * (1 - t)));
  }
}
