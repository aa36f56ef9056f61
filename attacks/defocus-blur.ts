/**
 * Defocus: every point becomes a uniform disk, the image that a lens out of focus makes of it (dermoscopes, endoscopes,
 * microscopes, fundus cameras).
 *
 * Severity 1–5: a radius of 3, 4, 6, 8, 10 pixels of an image of 224 pixels, ImageNet-C's, in proportion to the shorter
 * side and never less than at 128 pixels. Borders are reflected. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { DiskBlur } from "./support/disk-blur.js";
import { atSeverity, CORRUPTION, mapPlanes, pixelsPerPublished } from "./support/severity.js";

/** Radius of the disk in pixels of a 224-pixel image. */
const RADIUS = [3, 4, 6, 8, 10] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "defocus-blur",
    title: "Defocus blur",
    summary: "Spreads every point over a disk, as a lens that is out of focus does.",
    domain: "acquisition",
    parameters: z.strictObject({}),
    references: [
      "Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019 (defocus blur)",
    ],
  },

  apply(batch, { strength, geometry }) {
    const blur = new DiskBlur(geometry, atSeverity(RADIUS, strength) * pixelsPerPublished(geometry));
    return mapPlanes(batch, (source, target) => blur.apply(source, target));
  },
});
