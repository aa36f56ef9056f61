/**
 * Pixelation: the image is cut into square blocks, each of which shows its mean, as after a reduction by area averages
 * and an enlargement by the nearest pixel. Where a side is no multiple of the block's, the number of blocks is rounded and
 * their sides differ by up to a pixel.
 *
 * Severity 1–5: blocks along a side as 70, 50, 40, 30, 25 % of its pixels (ImageNet-C: 60 to 25 %), which are blocks of 1.4 to 4
 * pixels; where the shorter side has more than 224 pixels, blocks grow with it. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { atSeverity, CORRUPTION, mapPlanes } from "./support/severity.js";

/** Blocks along a side, as a fraction of its pixels, in an image of up to 224 pixels. */
const BLOCKS = [0.7, 0.5, 0.4, 0.3, 0.25] as const;
const PUBLISHED_SIDE = 224;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "pixelate",
    title: "Pixelation",
    summary: "Replaces square blocks of pixels by their mean, as a coarser detector or a thumbnail does.",
    domain: "pixel",
    parameters: z.strictObject({}),
    references: [
      "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019 (pixelate)",
    ],
  },

  apply(batch, { strength }) {
    const { height, width } = batch;
    const scale = Math.max(1, Math.min(height, width) / PUBLISHED_SIDE);
    const blocks = atSeverity(BLOCKS, strength) / scale;
    const rows = blockEdges(height, blocks);
    const columns = blockEdges(width, blocks);
    return mapPlanes(batch, (source, target) => {
      for (let row = 0; row + 1 < rows.length; row++) {
        const [top, bottom] = [rows[row] as number, rows[row + 1] as number];
        for (let column = 0; column + 1 < columns.length; column++) {
          average(source, target, width, top, bottom, columns[column] as number, columns[column + 1] as number);
        }
      }
    });
  },
});

/** Where blocks begin along a side, and where the last one ends. */
function blockEdges(length: number, blocks: number): Int32Array {
  const count = Math.max(1, Math.round(length * blocks));
  return Int32Array.from({ length: count + 1 }, (_, index) => Math.round((index * length) / count));
}

/** Writes the mean of a block of the source into all its pixels. */
function average(
  source: Float32Array,
  target: Float32Array,
  width: number,
  top: number,
  bottom: number,
  left: number,
  right: number,
): void {
  let sum = 0;
  for (let row = top; row < bottom; row++) {
    for (let at = row * width + left; at < row * width + right; at++) sum += source[at] as number;
  }
  const mean = sum / ((bottom - top) * (right - left));
  for (let row = top; row < bottom; row++) target.fill(mean, row * width + left, row * width + right);
}
