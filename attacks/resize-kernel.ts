/**
 * A resize that is not the training pipeline's: the image is reduced with one kernel and enlarged again with another.
 * By default the reduction is bilinear without antialiasing, as OpenCV's and many frameworks' is (at a third of the size
 * it reads single pixels), against the antialiased one of Pillow. Whether a resize aliases depends on the library and is
 * easily overlooked (Parmar et al. 2022).
 *
 * Severity 1–5: reduction to 85, 65, 48, 36, 27 % of both sides. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import {
  composeWeights,
  type Kernel,
  kernelWeights,
  resampleColumns,
  resampleRows,
  type Weights,
} from "../src/image/kernels.js";
import { atSeverity, CORRUPTION, mapPlanes } from "./support/severity.js";

/** Size of the reduced image, as a fraction of both sides. */
const SIZE = [0.85, 0.65, 0.48, 0.36, 0.27] as const;
const KERNELS = ["nearest", "box", "bilinear", "bicubic", "lanczos"] as const satisfies readonly Kernel[];

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "resize-kernel",
    title: "Resize with another kernel",
    summary: "Reduces the image and enlarges it again with other kernels than the model was trained with.",
    domain: "pixel",
    parameters: z.strictObject({
      reduce: z.enum(KERNELS).default("bilinear").describe("Kernel of the reduction."),
      antialias: z.boolean().default(false).describe("Whether the reducing kernel widens with the scale, as Pillow's."),
      enlarge: z.enum(KERNELS).default("bilinear").describe("Kernel of the enlargement."),
    }),
    references: [
      "Parmar, Zhang and Zhu, On aliased resizing and surprising subtleties in GAN evaluation, CVPR 2022",
      "Keys, Cubic convolution interpolation for digital image processing, IEEE Trans. ASSP 29(6), 1981",
    ],
  },

  apply(batch, { strength, parameters: { reduce, antialias, enlarge } }) {
    const { height, width } = batch;
    const fraction = atSeverity(SIZE, strength);
    const thereAndBack = (length: number): Weights => {
      const reduced = Math.max(1, Math.round(fraction * length));
      return composeWeights(kernelWeights(enlarge, reduced, length), kernelWeights(reduce, length, reduced, antialias));
    };
    const vertical = thereAndBack(height);
    const horizontal = thereAndBack(width);
    const half = new Float32Array(height * width);
    return mapPlanes(batch, (source, target) => {
      resampleRows(source, half, width, vertical);
      resampleColumns(half, target, width, horizontal);
    });
  },
});
