/**
 * Burned-in text: side markers and remarks of a radiographer, in white, as they are found in the pixels of archived
 * images and as classifiers learn to rely on ("AP ERECT", "PORTABLE": Zech et al. 2018). No text names a person.
 *
 * Severity 1–5: as many texts, first a side marker, then remarks, at five places along the upper and lower borders in
 * random order. Letters are 1/16 of the shorter side high. The texts of a severity are among those of the next.
 * It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import type { ImageGeometry } from "../src/core/pixels.js";
import type { Random } from "../src/core/random.js";
import { Mask } from "./support/drawing.js";
import { coverText, LETTER_ROWS, textColumns } from "./support/font.js";
import { atSeverity, CORRUPTION, mapImages } from "./support/severity.js";

const TEXTS = [1, 2, 3, 4, 5] as const;
const MARKERS = ["L", "R"] as const;
const REMARKS = ["PORTABLE", "AP ERECT", "SUPINE", "ERECT", "MOBILE", "ICU 3", "06:45", "ROOM 2"] as const;
/** Letter height and distance from the border, as fractions of the shorter side. */
const LETTER_HEIGHT = 1 / 16;
const MARGIN = 1 / 32;
/** Where texts stand: from left (0) to right (1) and from top (0) to bottom (1). */
const PLACES = [
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 1],
  [0.5, 0.87],
] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "burned-in-text",
    title: "Burned-in text",
    summary: "Writes side markers and remarks such as PORTABLE into the image, as radiographers do.",
    domain: "pixel",
    parameters: z.strictObject({}),
    references: [
      "Zech et al., Variable generalization performance of a deep learning model to detect pneumonia in chest radiographs, PLOS Medicine 15(11), 2018",
    ],
  },

  apply(batch, { strength, geometry, randomOf }) {
    const texts = atSeverity(TEXTS, strength);
    const mask = new Mask(batch.height, batch.width);
    return mapImages(batch, (source, target, image) => {
      mask.clear();
      coverTexts(mask, texts, geometry, randomOf(image));
      mask.blend(source, target, 1, () => batch.maxValue);
    });
  },
});

/** The first `count` of five texts that the image's random stream decides upon. */
function coverTexts(mask: Mask, count: number, { height, width }: ImageGeometry, random: Random): void {
  const side = Math.min(height, width);
  const cell = (LETTER_HEIGHT * side) / LETTER_ROWS;
  const margin = MARGIN * side;
  const marker = MARKERS[random.integer(MARKERS.length)] as string;
  const remarks = [...random.permutation(REMARKS.length)].map((index) => REMARKS[index] as string);
  const places = random.permutation(PLACES.length);
  for (const [index, text] of [marker, ...remarks].slice(0, count).entries()) {
    const [across, down] = PLACES[places[index] as number] as readonly [number, number];
    const left = margin + across * (width - 2 * margin - textColumns(text) * cell);
    const top = margin + down * (height - 2 * margin - LETTER_ROWS * cell);
    coverText(mask, text, left, top, cell);
  }
}
